import { createHash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import { verifies } from './key.ts';

type SignatureContent = SignedEntity['signature'];

/**
 * The signed bytes and the signature over them, in the shape that @sigstore/verify asks its
 * questions in. Its own classes would do but for two things: they leave the hash to OpenSSL's
 * default, and check one signature as often as they are asked.
 */
export class SignedContent {
  /** raw signature bytes */
  readonly signature: Buffer;
  readonly #data: Buffer;
  readonly #payload: Buffer;
  #verified: { readonly key: KeyObject; readonly result: boolean } | undefined;

  /**
   * `data` is what was hashed and signed; `payload` what it is about: the same bytes, or what a
   * DSSE envelope wraps.
   */
  constructor(signature: Buffer, data: Buffer, payload: Buffer) {
    this.signature = signature;
    this.#data = data;
    this.#payload = payload;
  }

  /** A DSSE envelope: signed is the pre-authentication encoding, which binds the payload type. */
  static ofEnvelope(payloadType: string, payload: Buffer, signature: Buffer): SignedContent {
    return new SignedContent(signature, dsse.preAuthEncoding(payloadType, payload), payload);
  }

  compareSignature(signature: Buffer): boolean {
    return sameBytes(signature, this.signature);
  }

  /** Is this the digest of the payload? (Rekor v1 `dsse` and `intoto` entries) */
  compareDigest(digest: Buffer): boolean {
    return isDigestOf(digest, this.#payload);
  }

  /** Is this the digest of the signed bytes? (`hashedrekord` entries) */
  compareSignedDigest(digest: Buffer): boolean {
    return isDigestOf(digest, this.#data);
  }

  verifySignature(key: KeyObject): boolean {
    if (this.#verified?.key.equals(key)) return this.#verified.result;
    const result = verifies(key, this.#data, this.signature);
    this.#verified = { key, result };
    return result;
  }
}

/**
 * The same content, where timestamps are not over the bytes of the signature: cosign 2 has the whole
 * envelope of an attestation stamped.
 */
export function stampedAs(content: SignedContent, stamped: Buffer): SignatureContent {
  return {
    signature: stamped,
    compareSignature: (signature) => content.compareSignature(signature),
    compareDigest: (digest) => content.compareDigest(digest),
    compareSignedDigest: (digest) => content.compareSignedDigest(digest),
    verifySignature: (key) => content.verifySignature(key),
  };
}

/** True when both are the same bytes; lengths may differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const hashOfLength: Readonly<Record<number, string | undefined>> = {
  32: 'sha256',
  48: 'sha384',
  64: 'sha512',
};

function isDigestOf(digest: Buffer, data: Buffer): boolean {
  const hash = hashOfLength[digest.length];
  return hash !== undefined && sameBytes(createHash(hash).update(data).digest(), digest);
}
