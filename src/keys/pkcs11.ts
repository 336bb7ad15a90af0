// Hardware tokens through pkcs11-tool of OpenSC, which self-hosted runners with a token have. A
// digest goes in through a pipe, a signature comes out; the PIN is in one variable of the program's
// environment, never among its arguments, which every process of the machine can read.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { Failure } from '../failure.ts';
import { absent } from './ask.ts';
import { bad } from './key-text.ts';
import { idsOfLabel, listedKey, readTokenUri, type TokenUri } from './pkcs11-uri.ts';
import type { KeyProvider, KeyTools, RanProgram } from './provider.ts';
import { remoteSigner } from './remote.ts';

const service = 'The PKCS #11 token';

/**
 * A PKCS #11 token, as `pkcs11:token=T;object=LABEL?module-path=/PATH` (RFC 7512), with
 * COSIGN_PKCS11_MODULE_PATH and COSIGN_PKCS11_PIN.
 */
export const pkcs11Token: KeyProvider = {
  async loadSigner(reference, tools, input) {
    const token = await openToken(reference, tools, input);
    const publicKey = await readPublicKey(token, tools, input);
    const signDigest = (digest: Buffer) => signWith(token, publicKey, digest, tools, input);
    // One at a time: a smart card has one reader, and a wrong PIN must not be counted eight times.
    return remoteSigner({ service, publicKey, hash: 'sha256', signDigest, atOnce: 1 }, input);
  },
  async loadPublicKeys(reference, tools, input) {
    const token = await openToken(reference, tools, input);
    return [await readPublicKey(token, tools, input)];
  },
};

type OpenToken = TokenUri & { readonly id: string };

/**
 * The token and the key's id, which a label is looked up for: public keys, certificates, and with
 * the PIN private keys.
 */
async function openToken(reference: string, tools: KeyTools, input: string): Promise<OpenToken> {
  const token = readTokenUri(reference, tools.env, input);
  if (token.pin !== undefined) tools.mask(token.pin);
  const { id, label = '' } = token;
  if (id !== undefined) return { ...token, id };
  for (const [type, login] of [
    ['pubkey', false],
    ['cert', false],
    ['privkey', true],
  ] as const) {
    if (login && token.pin === undefined) continue;
    const ran = await runTool(token, ['--list-objects', '--type', type], tools, undefined, login);
    if (ran.exitCode !== 0) throw explain(ran, token, input);
    const [found, ...others] = idsOfLabel(ran.stdout.toString('utf8'), label);
    if (others.length > 0) {
      throw new Failure(
        'kms-key',
        `${service} has several keys with the label that \`${input}\` names.`,
        'Name one of them by its `id=`; `pkcs11-tool --list-objects` shows them.',
      );
    }
    if (found !== undefined) return { ...token, id: found };
  }
  throw explain({ exitCode: 1, stdout: Buffer.alloc(0), stderr: 'object not found' }, token, input);
}

/**
 * DigestInfo of a SHA-256 digest (RFC 8017, 9.2): the mechanism RSA-PKCS pads what it is given and
 * adds no name of the hash.
 */
const sha256Info = Buffer.from('3031300d060960864801650304020105000420', 'hex');

async function signWith(
  token: OpenToken,
  publicKey: KeyObject,
  digest: Buffer,
  tools: KeyTools,
  input: string,
): Promise<Buffer> {
  const ec = publicKey.asymmetricKeyType === 'ec';
  const how = ec
    ? ['--mechanism', 'ECDSA', '--signature-format', 'openssl']
    : ['--mechanism', 'RSA-PKCS'];
  const ran = await runTool(
    token,
    ['--sign', ...how, '--id', token.id],
    tools,
    ec ? digest : Buffer.concat([sha256Info, digest]),
  );
  if (ran.exitCode !== 0 || ran.stdout.length === 0) throw explain(ran, token, input);
  return ran.stdout;
}

/**
 * The public key object; else the key in the certificate beside the private key, which is all that
 * a PIV card shows.
 */
async function readPublicKey(token: OpenToken, tools: KeyTools, input: string): Promise<KeyObject> {
  const read = (type: string, login: boolean) =>
    runTool(token, ['--read-object', '--type', type, '--id', token.id], tools, undefined, login);
  let ran = await read('pubkey', false);
  if (ran.exitCode === 0)
    return parse(() => createPublicKey({ key: ran.stdout, format: 'der', type: 'spki' }));
  if (/cannot create EVP_PKEY/i.test(ran.stderr)) {
    // OpenSC before 0.24 cannot show a P-384 key in this form; it lists the point.
    const listed = await runTool(
      token,
      ['--list-objects', '--type', 'pubkey'],
      tools,
      undefined,
      false,
    );
    const found = listedKey(listed.stdout.toString('utf8'), token.id);
    if (found !== undefined)
      return parse(() => createPublicKey({ key: found, format: 'der', type: 'spki' }));
  }
  if (!notFound(ran)) throw explain(ran, token, input);
  const certificate = await read('cert', false);
  if (certificate.exitCode === 0)
    return parse(() => new X509Certificate(certificate.stdout).publicKey);
  // Some tokens show nothing at all before the PIN.
  if (token.pin !== undefined) ran = await read('pubkey', true);
  if (ran.exitCode === 0)
    return parse(() => createPublicKey({ key: ran.stdout, format: 'der', type: 'spki' }));
  throw explain(ran, token, input);
}

function parse(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    throw new Failure(
      'kms-error',
      `${service} shows a public key that cannot be read.`,
      'Look at it with `pkcs11-tool --read-object --type pubkey`.',
    );
  }
}

const pinVariable = 'SIGN_IMAGE_PKCS11_PIN';

async function runTool(
  token: TokenUri,
  args: readonly string[],
  tools: KeyTools,
  stdin?: Uint8Array,
  login = args[0] === '--sign',
): Promise<RanProgram> {
  const where =
    token.slot === undefined ? ['--token-label', token.token ?? ''] : ['--slot', token.slot];
  const withPin = login && token.pin !== undefined;
  const all = [
    '--module',
    token.module,
    ...where,
    ...(withPin ? ['--login', '--pin', `env:${pinVariable}`] : []),
    ...args,
  ];
  const env = withPin ? { [pinVariable]: token.pin ?? '' } : {};
  try {
    return await tools.run('pkcs11-tool', all, { env, ...(stdin === undefined ? {} : { stdin }) });
  } catch (caught) {
    absent(caught);
    throw new Failure(
      'kms-credentials',
      'There is no program pkcs11-tool on this runner, which speaks with the token.',
      'Install OpenSC on the self-hosted runner: `sudo apt-get install opensc`.',
    );
  }
}

function notFound({ stderr }: RanProgram): boolean {
  return /object not found/i.test(stderr);
}

/** pkcs11-tool's words; none of its output is repeated. */
function explain({ stderr, exitCode }: RanProgram, token: TokenUri, input: string): Failure {
  const said = /CKR_[A-Z_]{3,40}/.exec(stderr)?.[0] ?? '';
  if (/PIN_INCORRECT|PIN_INVALID|PIN_LEN/.test(said)) {
    return new Failure(
      'kms-credentials',
      `${service} refuses the PIN (${said}).`,
      'Check the secret behind COSIGN_PKCS11_PIN before the next try: after a few wrong ones a token locks itself.',
    );
  }
  if (/PIN_LOCKED/.test(said))
    return new Failure(
      'kms-denied',
      `${service} is locked after too many wrong PINs.`,
      'Unlock it with its PUK, at the machine.',
    );
  if (
    /USER_NOT_LOGGED_IN/.test(said) ||
    /util_getpass/.test(stderr) ||
    (token.pin === undefined && /not found/i.test(stderr) && !/slot/i.test(stderr))
  ) {
    return new Failure(
      token.pin === undefined ? 'kms-credentials' : 'kms-key',
      `${service} shows no key that \`${input}\` names${token.pin === undefined ? ' without a PIN' : ''}.`,
      'Check `object` and `id` in the reference, and give the PIN on the step: `env: { COSIGN_PKCS11_PIN: ${{ secrets.PKCS11_PIN }} }`.',
    );
  }
  if (/failed to load pkcs11 module|sc_dlopen/i.test(stderr)) {
    return bad(
      `the PKCS #11 module that \`${input}\` names cannot be loaded`,
      'Give the absolute path of the module of the token on this runner, such as `?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so`.',
    );
  }
  if (/no slot|slot with|invalid slot|CKR_SLOT_ID_INVALID|CKR_TOKEN_NOT_PRESENT/i.test(stderr)) {
    return new Failure(
      'kms-key',
      `There is no token on this runner that \`${input}\` could mean.`,
      'Look at what is plugged in with `pkcs11-tool --list-token-slots`, and name it with `token=` or `slot-id=`.',
    );
  }
  if (/not found/i.test(stderr)) {
    return new Failure(
      'kms-key',
      `${service} has no key that \`${input}\` names.`,
      'Look at its keys with `pkcs11-tool --login --list-objects`, and name one with `object=` or `id=`.',
    );
  }
  if (/MECHANISM_INVALID|KEY_FUNCTION_NOT_PERMITTED|KEY_TYPE_INCONSISTENT/.test(said)) {
    return new Failure(
      'unsupported-key',
      `${service} does not sign with the key that \`${input}\` names (${said}).`,
      'Use an EC key on P-256, or RSA of 2048 to 4096 bits, with the usage sign.',
    );
  }
  return new Failure(
    'kms-error',
    `${service} did not sign or show the key (${said || `exit code ${exitCode}`}).`,
    'Try the same on the runner with `pkcs11-tool --login --test`.',
  );
}
