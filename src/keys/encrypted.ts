import { randomBytes } from 'node:crypto';
import { Failure } from '../failure.ts';
import { toPem } from '../text/base64.ts';
import { readJson } from '../text/json.ts';
import {
  cosignLabels,
  type DerivedAhead,
  deriveKey,
  type Envelope,
  envelopeOf,
  isSame,
  type Parameters,
  passwordForms,
} from './derive.ts';
import { isMasked } from './key-text.ts';

/** What cosign 2 and 3 write. */
const written: Parameters = { N: 65_536, r: 8, p: 1 };
/**
 * Opens the inside of an `ENCRYPTED SIGSTORE PRIVATE KEY` (go-securesystemslib `encrypted`: scrypt,
 * then NaCl secretbox).
 * @param json the bytes of the PEM block
 * @param password undefined when none was given: then the empty password is tried, which
 * `COSIGN_PASSWORD=""` makes
 * @param ahead what `deriveAhead` began; used where it is for this key and this password
 * @returns PKCS #8 DER; the caller zeroes it after use
 * @throws {Failure} `bad-password`, or `bad-key` for an envelope that is damaged or asks for too
 * much work.
 */
export async function decryptPrivateKey(
  json: Uint8Array,
  password: string | undefined,
  input = 'key',
  ahead?: DerivedAhead,
): Promise<Buffer> {
  const envelope = readEnvelope(json, input);
  for (const candidate of passwordForms(password)) {
    const opened = await open(envelope, candidate, ahead);
    if (opened !== undefined) return opened;
  }
  throw wrongPassword(password, input);
}

/** The inside, or undefined where the password is another one. */
async function open(
  envelope: Envelope,
  password: string,
  ahead: DerivedAhead | undefined,
): Promise<Buffer | undefined> {
  const isAhead = ahead?.password === password && isSame(ahead.envelope, envelope);
  // Loaded here only: a run without such a key does not pay for it, and this one has time now.
  const opening = import('@noble/ciphers/salsa.js');
  opening.catch(() => {}); // told when the key is there
  const key = isAhead
    ? Buffer.from(await ahead.key)
    : await deriveKey(password, envelope.salt, envelope.params);
  try {
    const { xsalsa20poly1305 } = await opening;
    const opened = xsalsa20poly1305(key, envelope.nonce).decrypt(envelope.ciphertext);
    return Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

/**
 * Writes a PKCS #8 key as cosign does: PEM `ENCRYPTED SIGSTORE PRIVATE KEY`, scrypt with N = 65536,
 * r = 8, p = 1, NaCl secretbox. The caller zeroes `pkcs8`.
 */
export async function encryptPrivateKey(pkcs8: Uint8Array, password: string): Promise<string> {
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const key = await deriveKey(password, salt, written);
  try {
    const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
    const ciphertext = Buffer.from(xsalsa20poly1305(key, nonce).encrypt(pkcs8));
    const envelope = {
      kdf: { name: 'scrypt', params: written, salt: salt.toString('base64') },
      cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
      ciphertext: ciphertext.toString('base64'),
    };
    return toPem(cosignLabels[0], Buffer.from(JSON.stringify(envelope)));
  } finally {
    key.fill(0);
  }
}

/** The password does not fit, or there was none. */
export function wrongPassword(password: string | undefined, input: string): Failure {
  const yaml = '`key-password: ${{ secrets.COSIGN_PASSWORD }}`';
  if (password === undefined || password === '') {
    return new Failure(
      'bad-password',
      `The key in \`${input}\` is encrypted, and neither \`key-password\` nor COSIGN_PASSWORD gives its password.`,
      `Store the password with \`gh secret set COSIGN_PASSWORD\` and add ${yaml}. In a pull request from a fork every secret is empty.`,
    );
  }
  const space = isMasked(password)
    ? ' The password given is the masked form that a log shows (***): an output cannot hand a secret on.'
    : /^\s|\s$/.test(password)
      ? ' The password given begins or ends with a space or a line break.'
      : '';
  return new Failure(
    'bad-password',
    `The password in \`key-password\` (or COSIGN_PASSWORD) does not open the key in \`${input}\`.${space}`,
    `Store the password that the key was made with, without a line break: \`printf %s "$PASSWORD" | gh secret set COSIGN_PASSWORD\`, and use ${yaml}.`,
  );
}

function readEnvelope(json: Uint8Array, input: string): Envelope {
  const reading = readJson(json, 8);
  const envelope = 'problem' in reading ? undefined : envelopeOf(reading.value);
  if (envelope === undefined) throw damaged(input);
  if (!('tooMuch' in envelope)) return envelope;
  const { N, r, p } = envelope.tooMuch;
  throw new Failure(
    'bad-key',
    `The key in \`${input}\` asks for more work to open than this action allows (scrypt N=${N}, r=${r}, p=${p}).`,
    'Encrypt it as cosign does (N=65536, r=8, p=1): `cosign import-key-pair --key plain.pem` writes such a key.',
  );
}

function damaged(input: string): Failure {
  return new Failure(
    'bad-key',
    `The key in \`${input}\` is damaged: it is headed as an encrypted cosign key and holds something else.`,
    `Store the file again as it is: \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\`, and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}
