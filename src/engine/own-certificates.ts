// Certificates of an authority of one's own: loaded only where an input names them.
import type { X509Certificate } from '@sigstore/core';
import { Failure } from '../failure.ts';
import { readCertificate, type SigningCertificate } from '../signature/certificate.ts';
import { spki } from '../signature/key.ts';
import {
  certificatesIn,
  isSelfSigned,
  ownAuthorities,
  readAuthority,
} from '../signature/own-authorities.ts';
import type { OwnAuthorities } from '../signature/policy.ts';
import type { ImageSigner } from '../signature/signer.ts';
import { toPem } from '../text/base64.ts';
import { shown, shownMessage } from '../text/untrusted.ts';
import type { OwnCertificate, OwnTrust } from './request.ts';
import type { World } from './world.ts';

type CertificateWorld = Pick<World, 'files' | 'env' | 'mask'>;

const maxBytes = 1 << 20;
/** certificates between a leaf and its root, and the root */
const longestChain = 8;

/**
 * The authorities that inputs `ca-roots` and `ca-intermediates` name.
 * @throws {Failure} `bad-certificate`
 */
export async function openAuthorities(
  { roots, intermediates }: OwnTrust,
  world: CertificateWorld,
): Promise<OwnAuthorities> {
  const [anchors, steps] = await Promise.all([
    certificatesOf('ca-roots', roots, world),
    intermediates === undefined ? [] : certificatesOf('ca-intermediates', intermediates, world),
  ]);
  anchors.forEach((der) => {
    const root = authorityOf('ca-roots', der);
    if (!isSelfSigned(root))
      throw bad(
        'A certificate in `ca-roots` is no root: another authority has signed it.',
        'Keep the roots, which have signed themselves, in `ca-roots`, and put what stands between them and the certificate of the signer into `ca-intermediates`.',
      );
  });
  for (const der of steps) authorityOf('ca-intermediates', der);
  return ownAuthorities(anchors, steps);
}

/**
 * A signer whose signatures carry a certificate of its key. What nobody could verify afterwards is
 * refused here, before anything is signed: a certificate of another key, for another use, of another
 * time, or without a path to its root.
 * @throws {Failure} `bad-certificate`
 */
export async function certified(
  signer: ImageSigner,
  { certificate: text, chain: above }: OwnCertificate,
  world: CertificateWorld & Pick<World, 'clock'>,
): Promise<ImageSigner> {
  const [leaves, chain] = await Promise.all([
    certificatesOf('certificate', text, world),
    certificatesOf('certificate-chain', above, world),
  ]);
  const certificate = leafOf(leaves);
  await checkKey(certificate, signer);
  const authorities = chainOf(certificate, chain);
  checkDates(
    [certificate.x509, ...chain.map((der) => authorityOf('certificate-chain', der))],
    world,
  );
  return {
    sign: async (data) => ({
      signature: (await signer.sign(data)).signature,
      key: { $case: 'x509Certificate', certificate: certificate.pem },
    }),
    identity: async () => ({ identity: certificate.identity }),
    publicKey: async () => undefined,
    chain: async () => chain.map((der) => toPem('CERTIFICATE', der)),
    own: { certificate: certificate.pem, authorities },
    warnings: signer.warnings,
  };
}

function leafOf(leaves: readonly [Buffer, ...Buffer[]]): SigningCertificate {
  const [leaf, ...more] = leaves;
  // cosign takes the first one, others the last: what signs must not be a guess.
  if (more.length > 0)
    throw bad(
      `Input certificate holds ${leaves.length} certificates, and a signature carries one.`,
      'Keep the one of your key in `certificate`, and put the others into `certificate-chain`.',
    );
  let certificate: SigningCertificate;
  try {
    certificate = readCertificate(leaf, 'own');
  } catch (cause) {
    throw bad(
      `The certificate in input certificate cannot sign images: ${shownMessage(cause)}`,
      'Have your authority issue one for code signing: extended key usage `codeSigning`, key usage `digitalSignature`, `CA:FALSE`, and who signs as subject alternative name, for example `email:release@acme.example`.',
      cause,
    );
  }
  if (certificate.issuer !== undefined)
    throw bad(
      'The certificate in input certificate is one of a Fulcio, which lasts for minutes.',
      'Sign keyless, without `key` and `certificate`, and name the Fulcio in `fulcio-url` where it is another than the public one.',
    );
  return certificate;
}

async function checkKey({ key }: SigningCertificate, signer: ImageSigner): Promise<void> {
  const own = await signer.publicKey();
  if (own !== undefined && spki(own).equals(spki(key))) return;
  throw bad(
    'The certificate in input certificate is of another key than `key`.',
    'Give the certificate that was issued for this key; `openssl x509 -in cert.pem -pubkey -noout` prints the key that a certificate is for.',
  );
}

/**
 * The chain, from who issued the certificate to the root: each has signed the one before it, and
 * the last itself.
 */
function chainOf(
  { x509 }: SigningCertificate,
  chain: readonly [Buffer, ...Buffer[]],
): OwnAuthorities {
  const order =
    'Give in `certificate-chain` first the authority that issued the certificate, then who issued that one, and the root last.';
  if (chain.length > longestChain)
    throw bad(`Input certificate-chain holds more than ${longestChain} certificates.`, order);
  const path = [x509, ...chain.map((der) => authorityOf('certificate-chain', der))];
  path.slice(1).forEach((authority, index) => {
    if (!isSignedBy(path[index] as X509Certificate, authority))
      throw bad(
        `Input certificate-chain is in another order, or of another certificate: its certificate ${index + 1} has not signed ${index === 0 ? 'the one in `certificate`' : 'the one before it'}.`,
        order,
      );
  });
  const root = path.at(-1) as X509Certificate;
  if (!isSelfSigned(root))
    throw bad(
      'Input certificate-chain does not end with a root: another authority has signed its last certificate.',
      `${order} The read-back verifies up to the root.`,
    );
  try {
    const authorities = ownAuthorities(chain.slice(-1), chain.slice(0, -1));
    authorities.issuersOf({ x509, issuer: undefined }, undefined, undefined);
    return authorities;
  } catch (cause) {
    throw bad(
      `Nobody would accept the certificate in input certificate. ${shownMessage(cause)}`,
      'Have the certificate issued by an authority that may do so, or give the chain of the one that did.',
      cause,
    );
  }
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.issuer.equals(authority.subject) && certificate.verify(authority);
}

function checkDates(path: readonly X509Certificate[], { clock }: Pick<World, 'clock'>): void {
  const now = clock.date();
  path.forEach((certificate, index) => {
    if (certificate.validForDate(now)) return;
    const which =
      index === 0
        ? 'The certificate in input certificate'
        : `Certificate ${index} of input certificate-chain`;
    const when =
      now < certificate.notBefore
        ? `begins to be valid at ${certificate.notBefore.toISOString()}`
        : `was valid until ${certificate.notAfter.toISOString()}`;
    throw bad(
      `${which} ${when}, and it is ${now.toISOString()}.`,
      'Have it renewed, and give the new one. A signature counts where every certificate up to the root was valid when it was made.',
    );
  });
}

function authorityOf(input: string, der: Buffer): X509Certificate {
  try {
    return readAuthority(der);
  } catch (cause) {
    throw bad(
      `A certificate in \`${input}\` ${shownMessage(cause)}.`,
      `Keep certificates of authorities alone in \`${input}\`: \`CA:TRUE\`, key usage \`keyCertSign\`, version 3, a key of RSA from 2048 bits or EC.`,
      cause,
    );
  }
}

/** @throws {Failure} `bad-certificate` */
async function certificatesOf(
  input: string,
  value: string,
  world: CertificateWorld,
): Promise<readonly [Buffer, ...Buffer[]]> {
  const text = await textOf(input, value.trim(), world);
  world.mask.maskPrivateKey(text);
  try {
    return certificatesIn(text);
  } catch (cause) {
    throw bad(
      `\`${input}\` ${shownMessage(cause)}.`,
      `Give the text of the PEM (\`-----BEGIN CERTIFICATE-----\`), \`env://NAME\`, or a path: \`${input}: ca/${input}.pem\`. \`openssl x509 -inform der -in cert.cer\` makes PEM of DER.`,
      cause,
    );
  }
}

async function textOf(
  input: string,
  text: string,
  { env, files }: CertificateWorld,
): Promise<string> {
  if (text.includes('-----')) return text;
  if (text.startsWith('env://')) {
    const name = text.slice('env://'.length);
    const found = /^[A-Za-z_]\w{0,63}$/.test(name) && Object.hasOwn(env, name) ? env[name] : '';
    if (found?.trim()) return found;
    throw bad(
      `\`${input}\` names the variable ${shown(name, 64)}, which is empty or not set.`,
      `Set it in \`env:\` of the step. A secret is empty in pull requests from forks and when its name is misspelt.`,
    );
  }
  try {
    return Buffer.from(await files.readFile(text, maxBytes + 1)).toString('utf8');
  } catch (cause) {
    throw bad(
      `The file that \`${input}\` names, ${shown(text, 200)}, cannot be read.`,
      `Give a path in the workspace (a file of the repository needs actions/checkout before this step), \`env://NAME\`, or the text of the PEM itself.`,
      cause,
    );
  }
}

function bad(message: string, fix: string, cause?: unknown): Failure {
  return new Failure('bad-certificate', message, fix, cause === undefined ? {} : { cause });
}
