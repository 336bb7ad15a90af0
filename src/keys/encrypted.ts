import { type BinaryLike, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { Failure } from '../failure.ts';
import { toPem } from '../text/base64.ts';
import { readJson } from '../text/json.ts';
import { isMasked } from './key-text.ts';

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

/** PEM labels of cosign's own encryption; cosign wrote the second one until 2.0. */
export const cosignLabels: readonly [string, string] = [
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
];

interface Parameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

interface Envelope {
  readonly params: Parameters;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/** What cosign 2 and 3 write. */
const written: Parameters = { N: 65_536, r: 8, p: 1 };
/** bytes of memory that a key may ask for; what cosign writes takes 64 MiB */
const maxMemory = 256 * 1024 * 1024;
/** N·r·p, which is time; what cosign writes takes 2^19, about 0.2 s */
const maxWork = 2 ** 22;

/**
 * Opens the inside of an `ENCRYPTED SIGSTORE PRIVATE KEY` (go-securesystemslib `encrypted`: scrypt,
 * then NaCl secretbox).
 * @param json the bytes of the PEM block
 * @param password undefined when none was given: then the empty password is tried, which
 * `COSIGN_PASSWORD=""` makes
 * @returns PKCS #8 DER; the caller zeroes it after use
 * @throws {Failure} `bad-password`, or `bad-key` for an envelope that is damaged or asks for too
 * much work.
 */
export async function decryptPrivateKey(
  json: Uint8Array,
  password: string | undefined,
  input = 'key',
): Promise<Buffer> {
  const envelope = readEnvelope(json, input);
  for (const candidate of passwordForms(password)) {
    const opened = await open(envelope, candidate);
    if (opened !== undefined) return opened;
  }
  throw wrongPassword(password, input);
}

/**
 * A password as it was given, then without and with the line break that `echo PASSWORD | cosign
 * generate-key-pair` makes a part of it. Secret stores and forms take line breaks away, so what is
 * stored is rarely what the key was made with.
 */
export function passwordForms(password: string | undefined): readonly string[] {
  if (password === undefined || password === '') return [''];
  const bare = password.replace(/[\r\n]+$/, '');
  return [...new Set([password, bare, `${bare}\n`, `${bare}\r\n`])];
}

/** The inside, or undefined where the password is another one. */
async function open(envelope: Envelope, password: string): Promise<Buffer | undefined> {
  const key = await deriveKey(password, envelope.salt, envelope.params);
  try {
    // Loaded here only: a run without such a key does not pay for it.
    const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
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

async function deriveKey(password: string, salt: Buffer, { N, r, p }: Parameters): Promise<Buffer> {
  return derive(password, salt, 32, { N, r, p, maxmem: 2 * 128 * N * r + 1024 * r * p });
}

function readEnvelope(json: Uint8Array, input: string): Envelope {
  const reading = readJson(json, 8);
  if ('problem' in reading) throw damaged(input);
  const envelope = object(reading.value);
  const kdf = object(envelope.kdf);
  const cipher = object(envelope.cipher);
  if (kdf.name !== 'scrypt' || cipher.name !== 'nacl/secretbox') throw damaged(input);
  const salt = bytes(kdf.salt);
  const nonce = bytes(cipher.nonce);
  const ciphertext = bytes(envelope.ciphertext);
  if (
    salt === undefined ||
    salt.length < 8 ||
    nonce?.length !== 24 ||
    ciphertext === undefined ||
    ciphertext.length <= 16
  )
    throw damaged(input);
  return { params: parameters(object(kdf.params), input), salt, nonce, ciphertext };
}

/**
 * A key may come from a stranger's file: what it asks of memory and time is bounded before anything
 * runs.
 */
function parameters({ N, r, p }: Readonly<Record<string, unknown>>, input: string): Parameters {
  if (!isCount(N) || !isCount(r) || !isCount(p) || N < 2 || !Number.isInteger(Math.log2(N)))
    throw damaged(input);
  if (N > 2 ** 20 || r > 32 || p > 16 || 128 * N * r > maxMemory || N * r * p > maxWork) {
    throw new Failure(
      'bad-key',
      `The key in \`${input}\` asks for more work to open than this action allows (scrypt N=${N}, r=${r}, p=${p}).`,
      'Encrypt it as cosign does (N=65536, r=8, p=1): `cosign import-key-pair --key plain.pem` writes such a key.',
    );
  }
  return { N, r, p };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function bytes(value: unknown): Buffer | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value)
    ? Buffer.from(value, 'base64')
    : undefined;
}

function damaged(input: string): Failure {
  return new Failure(
    'bad-key',
    `The key in \`${input}\` is damaged: it is headed as an encrypted cosign key and holds something else.`,
    `Store the file again as it is: \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\`, and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}
