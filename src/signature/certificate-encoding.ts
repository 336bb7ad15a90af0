import type { X509Certificate } from '@sigstore/core';

/**
 * Makes a certificate remember its DER. @sigstore/verify re-encodes every certificate dozens of times a signature, to compare and to hash it; for
 * a hundred signatures that is more than a second. The certificate must not be changed afterwards (the library changes clones only).
 */
export function rememberEncoding(certificate: X509Certificate): X509Certificate {
  const tbs = certificate.root.subs[0];
  // What the library asks for: the public key (seventh of the signed part), the signed part, the whole; each encoding is used in the next.
  for (const part of [tbs?.subs[6], tbs, certificate.root]) {
    if (part === undefined) continue;
    const der = part.toDER();
    part.toDER = () => der;
  }
  return certificate;
}
