// libsodium's sealed box (crypto_box_seal), in which GitHub takes secrets: an ephemeral X25519 key,
// the nonce BLAKE2b(ephemeral ‖ recipient), XSalsa20-Poly1305. Key agreement is Node's, the ciphers
// and the hash are @noble's.
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { Failure } from '../failure.ts';

/** SPKI of an X25519 key (RFC 8410) without the 32 bytes of the key itself. */
const x25519Prefix = Buffer.from('302a300506032b656e032100', 'hex');
/** "expand 32-byte k", the constant of Salsa20 */
const sigma = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/**
 * Encrypts so that only the owner of `recipient` can read it, and nobody can tell who wrote it.
 * @param recipient the 32 bytes of an X25519 public key
 * @returns the ephemeral key (32 bytes), the tag (16 bytes) and the ciphertext
 * @throws {Failure} `github-error` for a key that is none
 */
export function seal(message: Uint8Array, recipient: Uint8Array): Buffer {
  const ephemeral = generateKeyPairSync('x25519');
  const ownPublic = ephemeral.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const key = boxKey(sharedSecret(ephemeral.privateKey, recipient));
  const nonce = blake2b(Buffer.concat([ownPublic, recipient]), { dkLen: 24 });
  const boxed = xsalsa20poly1305(key, nonce).encrypt(message);
  key.fill(0);
  return Buffer.concat([ownPublic, boxed]);
}

/** Node refuses the points of small order, with which anybody could read the box. */
function sharedSecret(
  privateKey: Parameters<typeof diffieHellman>[0]['privateKey'],
  recipient: Uint8Array,
): Buffer {
  try {
    if (recipient.length !== 32) throw new Error('not 32 bytes');
    const publicKey = createPublicKey({
      key: Buffer.concat([x25519Prefix, recipient]),
      format: 'der',
      type: 'spki',
    });
    return diffieHellman({ privateKey, publicKey });
  } catch {
    throw new Failure(
      'github-error',
      'GitHub gave a key to encrypt secrets with that is none.',
      'Check that GITHUB_API_URL is the address of GitHub.',
    );
  }
}

/** crypto_box_beforenm: HSalsa20 of the shared secret and a block of zeros. */
function boxKey(shared: Buffer): Uint8Array {
  const words = (bytes: Uint8Array) =>
    Uint32Array.from({ length: bytes.length / 4 }, (_, index) =>
      Buffer.from(bytes).readUInt32LE(index * 4),
    );
  const out = new Uint32Array(8);
  const secret = words(shared);
  hsalsa(sigma, secret, new Uint32Array(4), out);
  const key = Buffer.alloc(32);
  for (const [index, word] of out.entries()) key.writeUInt32LE(word, index * 4);
  for (const used of [shared, secret, out]) used.fill(0);
  return key;
}
