import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicDecrypt,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto';
import { readDer, sequence } from './der.ts';
import { readSequence, verifyEcdsaDigest } from './ecdsa-digest.ts';

/** A new private key on P-256 or P-384. */
export const newEcKey = (curve: 'P-256' | 'P-384' = 'P-256'): KeyObject =>
  generateKeyPairSync('ec', { namedCurve: curve }).privateKey;

const spkis = new WeakMap<KeyObject, Buffer>();

/**
 * The SubjectPublicKeyInfo (DER) of a private or public key, worked out once: a log asks for its
 * own with each entry, an authority for its own with each certificate.
 */
export function spkiOf(key: KeyObject): Buffer {
  const spki =
    spkis.get(key) ??
    (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
  spkis.set(key, spki);
  return Buffer.from(spki);
}

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** The hash that Sigstore pairs with a key by default; Ed25519 hashes by itself. */
export function defaultHash(key: KeyObject): HashName | undefined {
  if (key.asymmetricKeyType === 'ed25519') return undefined;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'secp384r1' ? 'sha384' : curve === 'secp521r1' ? 'sha512' : 'sha256';
}

/** The keys that Sigstore's servers can read: no curve but NIST's three. */
export function isReadable(key: KeyObject): boolean {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  if (key.asymmetricKeyType === 'ec')
    return ['prime256v1', 'secp384r1', 'secp521r1'].includes(curve);
  return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ed25519';
}

/**
 * The RSA keys that they accept have the usual lengths and exponent; other keys that can be read
 * are strong.
 */
export function isStrong(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails;
  return (
    key.asymmetricKeyType !== 'rsa' ||
    ([2048, 3072, 4096].includes(details?.modulusLength ?? 0) && details?.publicExponent === 65537n)
  );
}

/**
 * Whether `signature` (for ECDSA in DER, or as two numbers of one length) is the key's over
 * `message`. Never throws for what a client sent.
 */
export function verifiesMessage(
  key: KeyObject,
  hash: HashName | undefined,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const dsaEncoding = readSequence(signature) === undefined ? 'ieee-p1363' : 'der';
    return verify(hash ?? null, message, { key, dsaEncoding }, signature);
  } catch {
    return false;
  }
}

const digestInfo: Record<HashName, string> = {
  sha256: '300d06096086480165030402010500',
  sha384: '300d06096086480165030402020500',
  sha512: '300d06096086480165030402030500',
};

/**
 * Whether `signature` is the key's over a message with this digest: a log knows the digest alone.
 * ECDSA and RSA PKCS#1 v1.5.
 */
export function verifiesDigest(
  key: KeyObject,
  hash: HashName,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    if (key.asymmetricKeyType === 'ec') return verifyEcdsaDigest(key, digest, signature);
    if (key.asymmetricKeyType !== 'rsa') return false;
    const wanted = sequence(
      Buffer.from(digestInfo[hash], 'hex'),
      Buffer.concat([Buffer.from([4, digest.length]), digest]),
    );
    const found = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return found.length === wanted.length && timingSafeEqual(found, wanted);
  } catch {
    return false;
  }
}

/**
 * A verifier as a log takes it: a certificate or a key, in the PEM form in which the log stores it.
 */
export interface PemVerifier {
  readonly key: KeyObject;
  readonly canonicalPem: string;
}

/**
 * Reads one PEM certificate (or the first of a chain) or one PEM public key; undefined for anything
 * else.
 */
export function readPemVerifier(text: string): PemVerifier | undefined {
  try {
    const label = /^-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\r?$/m.exec(text)?.[1];
    if (label === 'CERTIFICATE') {
      const certificate = new X509Certificate(text);
      return { key: certificate.publicKey, canonicalPem: certificate.toString() };
    }
    if (label !== 'PUBLIC KEY') return undefined;
    const key = createPublicKey(text);
    return { key, canonicalPem: key.export({ type: 'spki', format: 'pem' }).toString() };
  } catch {
    return undefined;
  }
}

/** Reads a DER certificate or key (SubjectPublicKeyInfo); undefined for anything else. */
export function readDerVerifier(
  kind: 'x509Certificate' | 'publicKey',
  bytes: Buffer,
): KeyObject | undefined {
  try {
    readDer(bytes);
    if (kind === 'x509Certificate') return new X509Certificate(bytes).publicKey;
    return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
