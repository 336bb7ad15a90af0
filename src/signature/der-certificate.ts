import { ASN1Obj, X509Certificate } from '@sigstore/core';

/**
 * A part of a certificate that is in DER. @sigstore/verify encodes every certificate anew dozens of
 * times a signature, to compare it, to hash it and to take the SCT out of a copy, and reads the
 * names of all extensions to find one: that was most of the time of a judgement. This part answers
 * with the bytes it was parsed from, and reads its name once.
 */
class DerPart extends ASN1Obj {
  #name: string | undefined;

  constructor({ tag, value, subs }: ASN1Obj) {
    super(
      tag,
      value,
      subs.map((sub) => new DerPart(sub)),
    );
  }

  override toDER(): Buffer<ArrayBuffer> {
    const { buffer, byteOffset, length } = this.value as Buffer<ArrayBuffer>;
    const start = startOf(this);
    return Buffer.from(buffer, start, byteOffset + length - start);
  }

  override toOID(): string {
    this.#name ??= super.toOID();
    return this.#name;
  }
}

/** Remembers who signed it: the search for an issuer and the library both ask. */
class DerCertificate extends X509Certificate {
  readonly #signedBy = new WeakMap<X509Certificate, boolean>();

  override verify(issuer: X509Certificate = this): boolean {
    const result = this.#signedBy.get(issuer) ?? super.verify(issuer);
    this.#signedBy.set(issuer, result);
    return result;
  }

  /**
   * With a list of extensions of its own, from which the library takes the SCT; the rest is shared.
   */
  override clone(): X509Certificate {
    const fresh = ({ tag, value }: ASN1Obj, subs: ASN1Obj[]) => new ASN1Obj(tag, value, subs);
    const listed = (part: ASN1Obj) =>
      fresh(
        part,
        part.subs.map((list) => fresh(list, [...list.subs])),
      );
    const [tbs, ...signature] = this.root.subs;
    if (tbs === undefined) return super.clone();
    const parts = tbs.subs.map((part) => (part.tag.isContextSpecific(3) ? listed(part) : part));
    return new X509Certificate(fresh(this.root, [fresh(tbs, parts), ...signature]));
  }
}

/**
 * The same certificate, faster. Where its bytes are not what the library would write, it is
 * returned as it is: then the library writes, and what it writes differs from what was read. Nobody
 * may change it (the library changes copies only).
 */
export function inDer(certificate: X509Certificate): X509Certificate {
  return isDer(certificate.root) ? new DerCertificate(new DerPart(certificate.root)) : certificate;
}

/**
 * The chain of a trusted authority, as `inDer`. Who signed whom is found out at once: a trusted
 * root is prepared while the first answer is awaited.
 * @param chain from the lowest to the root
 */
export function trustedChain(chain: readonly X509Certificate[]): X509Certificate[] {
  const trusted = chain.map(inDer);
  for (const [index, certificate] of trusted.entries()) {
    try {
      certificate.verify(trusted[index + 1]);
    } catch {
      // A key that cannot be used. Whoever judges by it asks again, and hears the same.
    }
  }
  return trusted;
}

/** True where `hasDerHeader` holds here and in all that is below. */
function isDer(part: ASN1Obj): boolean {
  return hasDerHeader(part) && part.subs.every(isDer);
}

/**
 * True where tag and length are written as the library writes them (X.690 8.1, 10.1). That parts
 * follow each other without a gap, and fill the whole, its parser has seen.
 */
export function hasDerHeader(part: ASN1Obj): boolean {
  const { buffer, byteOffset, length } = part.value;
  const start = startOf(part);
  if (start < 0) return false;
  const [tag, first, ...more] = new Uint8Array(buffer, start, byteOffset - start);
  if (tag !== part.tag.toDER() || first !== (more.length === 0 ? length : 0x80 | more.length))
    return false;
  return more.reduce((sum, byte) => sum * 256 + byte, 0) === (more.length === 0 ? 0 : length);
}

/** Where a part begins: before its content stand the tag and the shortest length. */
function startOf({ value: { byteOffset, length } }: ASN1Obj): number {
  let header = 2;
  if (length >= 0x80) for (let rest = length; rest > 0; rest >>>= 8) header++;
  return byteOffset - header;
}
