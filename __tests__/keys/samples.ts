import { generateKeyPairSync, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { Failure } from '../../src/failure.ts';

/** A fresh P-256 key in the three PEM forms that hold one, and its public key. */
export function freshKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey,
    publicKey,
    pkcs8: pem(privateKey, 'pkcs8'),
    sec1: pem(privateKey, 'sec1'),
    spki: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

export function pem(key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1'): string {
  return key.export({ type: type as 'pkcs8', format: 'pem' }).toString();
}

/**
 * A key in cosign's encryption that is opened with little work, for what asks about passwords and
 * not about the work: each password that is tried costs a key of cosign itself a fifth of a second.
 */
export function cheapEncrypted(content: Uint8Array, password: string, damaged = false): string {
  const params = { N: 1024, r: 8, p: 1 };
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const secret = scryptSync(password, salt, 32, params);
  const ciphertext = Buffer.from(xsalsa20poly1305(secret, nonce).encrypt(content));
  if (damaged) ciphertext[40] = (ciphertext[40] ?? 0) ^ 1;
  const envelope = {
    kdf: { name: 'scrypt', params, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: ciphertext.toString('base64'),
  };
  const body = Buffer.from(JSON.stringify(envelope)).toString('base64');
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
}

/** The Failure that a call ends with; the test fails when there is none. */
export async function failureOf(call: () => unknown): Promise<Failure> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Every text damage that a secret store or a workflow file does and that is repaired, by name. */
export const damages: Readonly<Record<string, (text: string) => string>> = {
  'nothing at all': (text) => text,
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  'old Mac line ends': (text) => text.replaceAll('\n', '\r'),
  'a literal \\n': (text) => text.replaceAll('\n', '\\n'),
  'a literal \\r\\n': (text) => text.replaceAll('\n', '\\r\\n'),
  'a twice escaped \\n': (text) => text.replaceAll('\n', '\\\\n'),
  'newlines that became spaces': (text) => text.replaceAll('\n', ' '),
  'newlines that vanished': (text) => text.replaceAll('\n', ''),
  indentation: (text) => text.replaceAll(/^/gm, '    '),
  'spaces around': (text) => `  \n${text}\n\n  `,
  'a missing last newline': (text) => text.trimEnd(),
  'double quotes': (text) => `"${text.trimEnd()}"`,
  'single quotes': (text) => `'${text}'`,
  'JSON text': (text) => JSON.stringify(text),
  'a byte order mark': (text) => `\ufeff${text}`,
  'base64 of the whole': (text) => Buffer.from(text).toString('base64'),
  'base64 in lines': (text) => Buffer.from(text).toString('base64').replaceAll(/.{76}/g, '$&\n'),
  'UTF-16 read as UTF-8': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').toString('utf8'),
  'base64 of UTF-16': (text) => Buffer.from(text, 'utf16le').toString('base64'),
  'base64 of UTF-16 with a mark': (text) =>
    Buffer.from(`\ufeff${text}`, 'utf16le').toString('base64'),
  'base64 of CRLF': (text) => Buffer.from(text.replaceAll('\n', '\r\n')).toString('base64'),
};
