import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignatureBundle, VerificationMaterial } from '@sigstore/sign';
import { decodeBase64 } from '../text/base64.ts';
import { isJsonObject, readJson } from '../text/json.ts';

/** The log's record of a signature, as it stands in a Sigstore bundle. */
export type LogEntry = NonNullable<VerificationMaterial['tlogEntries']>[number];

/** What a log is told of a signature, from either kind of content. */
export interface Testimony {
  readonly content: SignatureBundle;
  readonly signature: Buffer;
  /** sha256 of what was signed: of the DSSE PAE, or of the message */
  readonly digest: Buffer;
  readonly verifier: Verifier;
}

/** Who signed, as a log wants it: a certificate, or a public key. */
export interface Verifier {
  readonly kind: 'x509Certificate' | 'publicKey';
  readonly pem: string;
  readonly der: Buffer;
  readonly key: KeyObject;
}

/**
 * Reads what @sigstore/sign hands a Witness.
 * @param publicKeyPem PEM of the leaf certificate or of the public key
 * @throws {Error} where the envelope has not exactly one signature: a log entry is about one
 */
export function readTestimony(content: SignatureBundle, publicKeyPem: string): Testimony {
  const verifier = readVerifier(publicKeyPem);
  if (content.$case === 'messageSignature') {
    const { messageDigest, signature } = content.messageSignature;
    return { content, signature, digest: messageDigest.digest, verifier };
  }
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const [only, ...more] = signatures;
  if (only === undefined || more.length > 0)
    throw new Error(`the envelope has ${signatures.length} signatures, not one`);
  return {
    content,
    signature: only.sig,
    digest: sha256(dsse.preAuthEncoding(payloadType, payload)),
    verifier,
  };
}

/** The key or certificate behind a PEM. Throws {Error} for anything else. */
export function readVerifier(pem: string): Verifier {
  if (pem.includes('-----BEGIN CERTIFICATE-----')) {
    const certificate = new X509Certificate(pem);
    return { kind: 'x509Certificate', pem, der: certificate.raw, key: certificate.publicKey };
  }
  const key = createPublicKey(pem);
  return { kind: 'publicKey', pem, der: key.export({ format: 'der', type: 'spki' }), key };
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/**
 * A value somewhere inside JSON that a stranger wrote; undefined where the way to it does not
 * exist.
 */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof step === 'number') here = Array.isArray(here) ? here[step] : undefined;
    else here = isJsonObject(here) && Object.hasOwn(here, step) ? here[step] : undefined;
  }
  return here;
}

/** Lower-case hexadecimal of whole bytes; undefined for anything else. */
export function fromHex(value: unknown): Buffer | undefined {
  return typeof value === 'string' && /^(?:[0-9a-f]{2})+$/.test(value)
    ? Buffer.from(value, 'hex')
    : undefined;
}

/**
 * An index or a size, as a JSON number or (protobuf JSON) as text, in the form that the bundle
 * carries; undefined for anything else.
 */
export function fromCount(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  return typeof value === 'string' && /^(?:0|[1-9]\d{0,18})$/.test(value) ? value : undefined;
}

/**
 * An inclusion proof with its checkpoint, from fields that are still as the log sent them;
 * undefined where one is missing or malformed.
 */
export function readProof(
  fields: {
    logIndex: unknown;
    treeSize: unknown;
    rootHash: unknown;
    hashes: unknown;
    checkpoint: unknown;
  },
  decode: (value: unknown) => Buffer | undefined,
): NonNullable<LogEntry['inclusionProof']> | undefined {
  const logIndex = fromCount(fields.logIndex);
  const treeSize = fromCount(fields.treeSize);
  const rootHash = decode(fields.rootHash);
  if (logIndex === undefined || treeSize === undefined || rootHash === undefined) return undefined;
  if (
    !Array.isArray(fields.hashes) ||
    fields.hashes.length > 64 ||
    typeof fields.checkpoint !== 'string'
  )
    return undefined;
  const hashes = fields.hashes.map(decode).filter((hash) => hash !== undefined);
  if (hashes.length !== fields.hashes.length) return undefined;
  return { logIndex, treeSize, rootHash, hashes, checkpoint: { envelope: fields.checkpoint } };
}

/** The JSON of a canonicalized body, or undefined. */
export function readBody(bytes: Buffer): unknown {
  const reading = readJson(bytes, 20);
  return 'value' in reading ? reading.value : undefined;
}

/**
 * True where `value` is base64 of the PEM of this very key or certificate (a log may write the PEM
 * anew, so the DER is compared).
 */
export function isSameVerifier(value: unknown, verifier: Verifier): boolean {
  const pem = decodeBase64(value)?.toString('utf8');
  if (pem === undefined) return false;
  try {
    const other = readVerifier(pem);
    return other.kind === verifier.kind && other.der.equals(verifier.der);
  } catch {
    return false;
  }
}
