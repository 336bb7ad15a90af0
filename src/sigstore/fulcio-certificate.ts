import { type KeyObject, X509Certificate } from 'node:crypto';
import { EXTENSION_OID_SCT, X509Certificate as SigstoreCertificate } from '@sigstore/core';

/** A certificate of Fulcio that has been looked at: it is for our key, and says this. */
export interface FulcioCertificate {
  /** PEM of the leaf */
  readonly leaf: string;
  /** PEM of what Fulcio sent above the leaf: intermediates, then the root where it sent one */
  readonly chain: readonly string[];
  readonly identity: string;
  readonly issuer: string;
  readonly notAfter: Date;
}

// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md: .8 is a DER string, .1 its deprecated form without any encoding.
const issuerOid = '1.3.6.1.4.1.57264.1.8';
const oldIssuerOid = '1.3.6.1.4.1.57264.1.1';

const maxCertificates = 10;

/**
 * Looks at the certificates that Fulcio answered with: the leaf must be for `key`, be alive at `now`, carry an identity and an issuer, and
 * where `embeddedSct` is promised a signed certificate timestamp; each certificate must be signed by the next. Whether the chain ends in a
 * trusted root is decided later, by the judge.
 * @param pems certificates as PEM, leaf first
 * @throws {Error} with a phrase for a person
 */
export function readFulcioCertificate(
  pems: readonly unknown[],
  expected: { readonly key: KeyObject; readonly now: Date; readonly embeddedSct: boolean },
): FulcioCertificate {
  if (pems.length === 0 || pems.length > maxCertificates) throw new Error(`it holds ${pems.length} certificates`);
  const certificates = pems.map(parse);
  const [leaf] = certificates as [X509Certificate];
  // A certificate for another key would make every signature of this run worthless, or be somebody else's.
  if (!leaf.publicKey.equals(expected.key)) throw new Error('the certificate is for another key than ours');
  certificates.forEach((certificate, index) => {
    const above = certificates[index + 1];
    if (above !== undefined && !(certificate.checkIssued(above) && certificate.verify(above.publicKey))) {
      throw new Error(`certificate ${index + 1} of its chain is not signed by the next one`);
    }
  });
  if (leaf.validToDate <= expected.now) {
    throw new Error(`the certificate expired at ${leaf.validToDate.toISOString()}, and the clock here says ${expected.now.toISOString()}`);
  }
  const { identity, issuer, hasSct } = readClaims(leaf);
  if (expected.embeddedSct && !hasSct) throw new Error('the certificate carries no signed certificate timestamp');
  return { leaf: toPem(leaf), chain: certificates.slice(1).map(toPem), identity, issuer, notAfter: leaf.validToDate };
}

function parse(pem: unknown): X509Certificate {
  if (typeof pem !== 'string') throw new Error('a certificate in it is not text');
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error('a certificate in it cannot be read');
  }
}

/** Always the same form, whatever line ends and surroundings the service sent. */
function toPem(certificate: X509Certificate): string {
  return certificate.toString().replace(/\r/g, '').trimEnd().concat('\n');
}

function readClaims(leaf: X509Certificate): { identity: string; issuer: string; hasSct: boolean } {
  const certificate = SigstoreCertificate.parse(Buffer.from(leaf.raw));
  const identity = certificate.subjectAltName;
  if (identity === undefined || identity === '') throw new Error('the certificate names no identity');
  const encoded = certificate.extension(issuerOid)?.valueObj.subs[0]?.value;
  const issuer = (encoded ?? certificate.extension(oldIssuerOid)?.value)?.toString('utf8');
  if (issuer === undefined || issuer === '') throw new Error('the certificate names no issuer');
  return { identity, issuer, hasSct: certificate.extension(EXTENSION_OID_SCT) !== undefined };
}
