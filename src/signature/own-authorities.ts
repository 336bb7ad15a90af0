// Loaded only where a run names authorities of its own: to sign with their certificate, or to verify.
import { createPublicKey } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import type { TrustMaterial } from '@sigstore/verify';
import { pemBlocks, toPem } from '../text/base64.ts';
import { parseStrictly } from './certificate.ts';
import { isNamed, pathsFrom, problemOf, purposes } from './chain.ts';
import { sameBytes } from './content.ts';
import { isSupportedKey } from './key.ts';
import type { OwnAuthorities, SentChain } from './policy.ts';
import { Refusal, shownError } from './refusal.ts';

/** Certificates in one input, and beside one signature. */
const mostCertificates = 100;
const mostSent = 8;
const maxBytes = 32 << 10;

/**
 * Reads certificates from PEM.
 * @returns each as DER, in their order
 * @throws {Error} half a sentence about the text: it holds something else than certificates, none, or
 * too many
 */
export function certificatesIn(text: string): readonly [Buffer, ...Buffer[]] {
  // Whoever looks for a certificate may have taken the wrong file. What it holds is not quoted.
  if (/PRIVATE KEY-----/.test(text)) throw new Error('holds a private key');
  const blocks = pemBlocks(oneForm(text));
  if (blocks === undefined) throw new Error('is damaged: a block of its PEM is not whole');
  const other = blocks.find(({ label }) => label !== 'CERTIFICATE');
  if (other !== undefined) throw new Error('holds a PEM that is no certificate');
  const [first, ...more] = blocks.map(({ bytes }) => bytes);
  if (first === undefined) throw new Error('holds no certificate in PEM (`BEGIN CERTIFICATE`)');
  if (blocks.length > mostCertificates)
    throw new Error(`holds more than ${mostCertificates} certificates`);
  return [first, ...more];
}

/** A variable may hold a PEM on one line, with `\n` written out. */
function oneForm(text: string): string {
  return /[\r\n]/.test(text.trim()) ? text : text.replaceAll('\\r', '').replaceAll('\\n', '\n');
}

/**
 * The certificate of an authority.
 * @throws {Error} half a sentence: why it cannot be one
 */
export function readAuthority(der: Buffer): X509Certificate {
  if (der.length > maxBytes) throw new Error('is larger than any certificate');
  let certificate: X509Certificate;
  try {
    certificate = parseStrictly(Buffer.from(der));
  } catch (error) {
    throw new Error(`cannot be read (${shownError(error)})`, { cause: error });
  }
  const key = createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' });
  // Also a key that would cost its reader seconds, and one that anybody can factor.
  if (!isSupportedKey(key)) throw new Error('has a key of a kind or size that is not trusted here');
  if (!certificate.isCA) throw new Error('is none of an authority: it may not issue others');
  return certificate;
}

/** True for a certificate that its own key has signed. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return isNamed(certificate, certificate) && certificate.verify();
}

/**
 * Authorities that vouch for signers in the place of the trusted root's.
 * @param roots DER; where every path ends
 * @param intermediates DER; may stand between a certificate and a root
 * @param at as `OwnAuthorities`
 * @throws {Error} half a sentence about the certificate that cannot be one of them
 */
export function ownAuthorities(
  roots: readonly Buffer[],
  intermediates: readonly Buffer[],
  at?: Date,
): OwnAuthorities {
  const anchors = roots.map(readAuthority);
  if (!anchors.every(isSelfSigned)) throw new Error('is no root: another authority has signed it');
  const steps = intermediates.map(readAuthority);
  return {
    pem: { roots: pemOf(roots), intermediates: pemOf(intermediates) },
    ...(at === undefined ? {} : { at }),
    issuersOf: ({ x509, issuer }, sent, material) => {
      const known = [...anchors, ...steps, ...sentSteps(sent, at !== undefined)];
      const paths = goodPaths(x509, known, anchors, at);
      const logged = isOfFulcio(paths, issuer, material);
      // Without a time that is proven there is no log of certificates either.
      if (logged && at !== undefined)
        throw refused(
          'Its certificate is of a Fulcio, and of no authority as this policy means it.',
        );
      return {
        authorities: paths.map((path) => ({ certChain: path.slice(1), validFor: always })),
        logged,
      };
    },
  };
}

const always = { start: new Date(0), end: new Date(8.64e15) };

function pemOf(certificates: readonly Buffer[]): string {
  return certificates.map((der) => toPem('CERTIFICATE', der)).join('');
}

/**
 * What came with the signature, as far as it can be a step of a path. It is anybody's: it proves
 * nothing, and a root among it is none.
 * @param withoutLast as containers reads a chain: its last one is the root
 */
function sentSteps(sent: SentChain | undefined, withoutLast: boolean): readonly X509Certificate[] {
  if (sent === undefined || sent.length === 0) return [];
  const ders = typeof sent === 'string' ? sentPem(sent) : sent;
  if (ders.length > mostSent)
    throw refused(`Its certificate comes with a chain of more than ${mostSent} others.`);
  return (withoutLast ? ders.slice(0, -1) : ders).flatMap((der) => {
    try {
      return [readAuthority(der)];
    } catch {
      return [];
    }
  });
}

function sentPem(text: string): readonly Buffer[] {
  try {
    return certificatesIn(text);
  } catch (error) {
    throw new Refusal('malformed', `The chain of its certificate ${shownError(error)}.`, {
      cause: error,
    });
  }
}

/** The paths that their own certificates allow. @throws {Refusal} where there is none */
function goodPaths(
  certificate: X509Certificate,
  known: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  at: Date | undefined,
): readonly (readonly X509Certificate[])[] {
  const paths = pathsFrom([certificate], known, roots);
  if (paths.length === 0)
    throw refused(
      'Its certificate is not trusted: no path leads from it to one of the roots that were given (an intermediate may be missing).',
    );
  const problems = paths.map(
    (path) =>
      problemOf(path, purposes.codeSigning) ?? lengthProblem(path) ?? (at && dateProblem(path, at)),
  );
  const good = paths.filter((_, index) => problems[index] === undefined);
  if (good.length === 0)
    throw refused(
      `Its certificate is not trusted: an authority between it and the root ${problems[0]}.`,
    );
  return good;
}

/** RFC 5280, 4.2.1.9: how many authorities that are not their own issuer may stand below one. */
function lengthProblem(path: readonly X509Certificate[]): string | undefined {
  for (const [index, authority] of path.entries()) {
    const most = index === 0 ? undefined : authority.extBasicConstraints?.pathLenConstraint;
    const below = path.slice(1, index).filter((one) => !sameBytes(one.subject, one.issuer)).length;
    if (most !== undefined && most < below) return 'may not have so many authorities below it';
  }
  return undefined;
}

function dateProblem(path: readonly X509Certificate[], at: Date): string | undefined {
  const late = path.findIndex((certificate) => !certificate.validForDate(at));
  if (late === -1) return undefined;
  return late === 0 ? 'has issued it for another time than now' : 'is not valid now';
}

/**
 * True for a certificate of a Fulcio, which a log of certificates must have: a Fulcio gives one to
 * everybody, and the log is what shows that it gave one it should not have. To name its root as a
 * root of one's own must not be a way around.
 */
function isOfFulcio(
  paths: readonly (readonly X509Certificate[])[],
  issuer: string | undefined,
  material: TrustMaterial | undefined,
): boolean {
  const issuing = (material?.certificateAuthorities ?? []).flatMap(
    ({ certChain }) => certChain[0]?.publicKey ?? [],
  );
  const byFulcio = paths.some(([, authority]) =>
    issuing.some((key) => authority !== undefined && sameBytes(key, authority.publicKey)),
  );
  if (byFulcio && issuer === undefined)
    throw refused(
      'Its certificate is not trusted: an authority of the trusted root has issued it, and it does not say which issuer vouched for its subject.',
    );
  return issuer !== undefined;
}

function refused(message: string): Refusal {
  return new Refusal('untrusted-certificate', message);
}
