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
 * 8192 bits with an exponent below 2^31, Ed25519.
 */
export function isSupportedKey(key: KeyObject): boolean {
  return hashesFor(key).length > 0;
}

/**
 * True for an RSA key that makes its reader work: a check costs about as many multiplications as
 * the exponent has bits, each with the square of the modulus. Go takes exponents below 2^31; keys in
 * use have 65537, and at most 4096 bits.
 */
export function isTooCostly(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return false;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  return modulusLength > 8192 || publicExponent >= 2n ** 31n;
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
      // Shorter keys can be factored; with the exponent 1, anybody's number is a signature.
      const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details ?? {};
      return bits >= 2048 && exponent > 2n && !isTooCostly(key) ? ['sha256'] : [];
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
