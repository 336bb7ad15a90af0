import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';

/** The id of a public key as Sigstore writes it: base64 of the sha256 of its SPKI DER. */
export function keyId(key: KeyObject): string {
  const id = ids.get(key) ?? createHash('sha256').update(spki(key)).digest('base64');
  ids.set(key, id);
  return id;
}

/** A gate names the same few keys for every signature. */
const ids = new WeakMap<KeyObject, string>();

/**
 * A public key as SPKI DER, in the one form OpenSSL writes: two keys are the same when these bytes
 * are.
 */
export function spki(key: KeyObject): Buffer {
  return publicPart(key).export({ type: 'spki', format: 'der' });
}

/**
 * True when signatures of this key can be checked here: EC P-256, P-384, P-521, RSA of 2048 to
 * 16384 bits, Ed25519.
 */
export function isSupportedKey(key: KeyObject): boolean {
  return hashesFor(key).length > 0;
}

/**
 * Checks a signature over `data`. ECDSA in DER, RSA PKCS#1 v1.5, Ed25519 pure. Never throws: a key
 * and a signature of different kinds do not fit.
 *
 * sha256 goes with every key, as cosign 2, cosign 3 (policies) and sigstore-js do by default; P-384
 * and P-521 may also go with the hash of their size, which is what current Sigstore clients make
 * for such keys. To pass one for the other an attacker needs a collision between two hashes.
 */
export function verifies(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  try {
    const publicKey = publicPart(key);
    return hashesFor(publicKey).some((hash) => verify(hash, data, publicKey, signature));
  } catch {
    return false;
  }
}

function publicPart(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}

/**
 * undefined stands for a scheme with its own hash; an empty list for a key that is not supported.
 */
function hashesFor(key: KeyObject): readonly (string | undefined)[] {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'ec':
      return curveHashes[details?.namedCurve ?? ''] ?? [];
    case 'rsa': {
      // Shorter keys can be factored; longer ones cost seconds a signature, which a policy file
      // could use against its reader.
      const bits = details?.modulusLength ?? 0;
      return bits >= 2048 && bits <= 16384 ? ['sha256'] : [];
    }
    case 'ed25519':
      return [undefined];
    default:
      return [];
  }
}

const curveHashes: Readonly<Record<string, readonly string[] | undefined>> = {
  prime256v1: ['sha256'],
  secp384r1: ['sha256', 'sha384'],
  secp521r1: ['sha256', 'sha512'],
};
