import { type KeyObject, X509Certificate } from 'node:crypto';
import { EXTENSION_OID_SCT } from '@sigstore/core';
import { readCertificate } from '../signature/certificate.ts';

/** A certificate of Fulcio that has been looked at: it is for our key, and says this. */
export interface FulcioCertificate {
  /** PEM of the leaf */
  readonly leaf: string;
  /** PEM of what Fulcio sent above the leaf: intermediates, then the root where it sent one */
  readonly chain: readonly string[];
  readonly identity: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const maxCertificates = 10;

/**
 * Looks at the certificates that Fulcio answered with: the leaf must be for `key`, carry an identity
 * and an issuer, and where `embeddedSct` is promised a signed certificate timestamp; each
 * certificate must be signed by the next. Whether the chain ends in a trusted root is decided later,
 * by the judge; so is whether it was alive, by the signed time of its use and not by the clock of
 * this machine.
 * @param pems certificates as PEM, leaf first
 * @throws {Error} with a phrase for a person, or {Refusal} with a sentence
 */
export function readFulcioCertificate(
  pems: readonly unknown[],
  expected: { readonly key: KeyObject; readonly embeddedSct: boolean },
): FulcioCertificate {
  if (pems.length === 0 || pems.length > maxCertificates)
    throw new Error(`it holds ${pems.length} certificates`);
  const certificates = pems.map(parse);
  const [leaf] = certificates as [X509Certificate];
  // A certificate for another key would make every signature of this run worthless, or be somebody
  // else's.
  if (!leaf.publicKey.equals(expected.key))
    throw new Error('the certificate is for another key than ours');
  certificates.forEach((certificate, index) => {
    const above = certificates[index + 1];
    if (
      above !== undefined &&
      !(certificate.checkIssued(above) && certificate.verify(above.publicKey))
    ) {
      throw new Error(`certificate ${index + 1} of its chain is not signed by the next one`);
    }
  });
  const { identity, issuer = '', x509 } = readCertificate(leaf.raw);
  if (expected.embeddedSct && x509.extension(EXTENSION_OID_SCT) === undefined)
    throw new Error('the certificate carries no signed certificate timestamp');
  return {
    leaf: toPem(leaf),
    chain: certificates.slice(1).map(toPem),
    identity,
    issuer,
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
  };
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
