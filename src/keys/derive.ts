// The slow part of opening an encrypted cosign key. It begins before the program is loaded, on any
// Node that a runner may have, so this file imports nothing of ours.
import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

/** PEM labels of cosign's own encryption; cosign wrote the second one until 2.0. */
export const cosignLabels: readonly [string, string] = [
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
];

/** What scrypt is asked for (RFC 7914). */
export interface Parameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** An encrypted key, taken apart. */
export interface Envelope {
  readonly params: Parameters;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/** bytes of memory that a key may ask for; what cosign writes takes 64 MiB */
const maxMemory = 256 * 1024 * 1024;
/** N·r·p, which is time; what cosign writes takes 2^19, about 0.2 s */
const maxWork = 2 ** 22;

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

/** A password that is being stretched since before the program was loaded. */
export interface DerivedAhead {
  readonly password: string;
  readonly envelope: Envelope;
  readonly key: Promise<Buffer>;
}

/**
 * Begins to stretch the password of an encrypted cosign key, which takes longer than loading the
 * program that signs with it. What is not such a key, whole and by itself, is left to whoever reads
 * it with all its errors.
 * @param text of input `key`: the PEM, or `env://NAME`
 * @param password of input `key-password`, as it was written
 */
export function deriveAhead(text: string, password: string | undefined): DerivedAhead | undefined {
  const [, label = '', body = ''] = onePem.exec(text) ?? [];
  if (!cosignLabels.includes(label) || body.length > maxKeyText) return undefined;
  const [first = ''] = passwordForms(password);
  try {
    const envelope = envelopeOf(JSON.parse(Buffer.from(body, 'base64').toString()));
    if (envelope === undefined || 'tooMuch' in envelope) return undefined;
    const key = deriveKey(first, envelope.salt, envelope.params);
    key.catch(() => {}); // told when it is used
    return { password: first, envelope, key };
  } catch {
    return undefined;
  }
}

const onePem = /^\s*-----BEGIN ([A-Z ]{1,60})-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/;
const maxKeyText = 65_536;

/** True for envelopes that one password stretches to one key. */
export function isSame(one: Envelope, other: Envelope): boolean {
  const facts = ({ params: { N, r, p }, salt }: Envelope) => [N, r, p, salt.toString('hex')].join();
  return facts(one) === facts(other);
}

/** The key that a password is stretched to. */
export async function deriveKey(
  password: string,
  salt: Buffer,
  { N, r, p }: Parameters,
): Promise<Buffer> {
  return derive(password, salt, 32, { N, r, p, maxmem: 2 * 128 * N * r + 1024 * r * p });
}

/**
 * Takes the JSON of an encrypted key apart. It may come from a stranger's file: what it asks of
 * memory and time is bounded before anything runs.
 * @returns undefined for what is no such key; `tooMuch`, what it asks for
 */
export function envelopeOf(
  value: unknown,
): Envelope | { readonly tooMuch: Parameters } | undefined {
  const envelope = object(value);
  const kdf = object(envelope.kdf);
  const cipher = object(envelope.cipher);
  if (kdf.name !== 'scrypt' || cipher.name !== 'nacl/secretbox') return undefined;
  const salt = bytes(kdf.salt);
  const nonce = bytes(cipher.nonce);
  const ciphertext = bytes(envelope.ciphertext);
  if (salt === undefined || salt.length < 8 || nonce?.length !== 24) return undefined;
  if (ciphertext === undefined || ciphertext.length <= 16) return undefined;
  const { N, r, p } = object(kdf.params);
  if (!isCount(N) || !isCount(r) || !isCount(p) || N < 2 || !Number.isInteger(Math.log2(N)))
    return undefined;
  const params = { N, r, p };
  return N > 2 ** 20 || r > 32 || p > 16 || 128 * N * r > maxMemory || N * r * p > maxWork
    ? { tooMuch: params }
    : { params, salt, nonce, ciphertext };
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
