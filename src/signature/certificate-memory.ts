import { ASN1Obj, X509Certificate } from '@sigstore/core';

/**
 * Makes a certificate remember its DER, and that of each of its parts. @sigstore/verify re-encodes every certificate dozens of times a signature,
 * to compare it, to hash it, and to take the SCT out of a copy of it: that was most of the time of a judgement. The certificate must not be
 * changed afterwards (the library changes copies only).
 */
export function rememberEncoding(certificate: X509Certificate): X509Certificate {
  encode(certificate.root);
  certificate.clone = () => copyOf(certificate);
  return certificate;
}

/** The DER of a part and of all below it, as `ASN1Obj.toDER` makes it from what was parsed (X.690 8.1: tag, length, content). */
function encode(part: ASN1Obj): Buffer {
  const content = part.subs.length > 0 ? Buffer.concat(part.subs.map(encode)) : part.value;
  const der = Buffer.concat([Buffer.from([part.tag.toDER(), ...lengthBytes(content.length)]), content]);
  part.toDER = () => der;
  return der;
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

/** A certificate with a list of extensions of its own, from which the library takes the SCT; the rest is shared. */
function copyOf({ root }: X509Certificate): X509Certificate {
  const fresh = (part: ASN1Obj, subs: readonly ASN1Obj[]) => new ASN1Obj(part.tag, part.value, [...subs]);
  const [tbs, ...signature] = root.subs;
  if (tbs === undefined) return new X509Certificate(root);
  const parts = tbs.subs.map((part) =>
    part.tag.isContextSpecific(3)
      ? fresh(
          part,
          part.subs.map((list) => fresh(list, list.subs)),
        )
      : part,
  );
  return new X509Certificate(fresh(root, [fresh(tbs, parts), ...signature]));
}

/**
 * Makes the certificates of a trusted authority remember who signed them, and finds that out at once: a trusted root is prepared while the first
 * answer is awaited, and @sigstore/verify checks the same two or three signatures again for every signature of an image.
 * @param chain from the lowest to the root; as in `rememberEncoding`, nobody changes them
 */
export function rememberIssuers(chain: readonly X509Certificate[]): void {
  for (const certificate of chain) {
    const known = new WeakMap<X509Certificate, boolean>();
    const verify = certificate.verify.bind(certificate);
    certificate.verify = (issuer = certificate) => {
      const result = known.get(issuer) ?? verify(issuer);
      known.set(issuer, result);
      return result;
    };
  }
  for (const [index, certificate] of chain.entries()) {
    try {
      certificate.verify(chain[index + 1]);
    } catch {
      // A key that cannot be used. Whoever judges by it asks again, and hears the same.
    }
  }
}
