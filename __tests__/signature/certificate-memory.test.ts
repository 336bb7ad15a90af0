import { X509Certificate } from '@sigstore/core';
import { describe, expect, it } from 'vitest';
import { rememberEncoding, rememberIssuers } from '../../src/signature/certificate-memory.ts';
import { recordedCase, trustedRootBytes } from './fixtures.ts';

const root = JSON.parse(trustedRootBytes().toString());
const chainOf = ({ certChain }: { certChain: { certificates: { rawBytes: string }[] } }) =>
  certChain.certificates.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64'));
const { digest, signaturesOf } = recordedCase('keyless-bundle-rekor1-tsa');
const leaves = signaturesOf(digest).flatMap((found) =>
  'bundle' in found ? [Buffer.from(JSON.parse(found.bundle.toString()).verificationMaterial.certificate.rawBytes, 'base64')] : [],
);
const chains: Buffer[][] = [...root.certificateAuthorities, ...root.timestampAuthorities].map(chainOf);
const certificates = [...leaves, ...chains.flat()];

const parse = (der: Buffer) => X509Certificate.parse(Buffer.from(der));

/** Every part of a certificate, from the outside to the inside. */
function partsOf(part: X509Certificate['root']): readonly X509Certificate['root'][] {
  return [part, ...part.subs.flatMap(partsOf)];
}

describe.each(certificates.map((der, index) => [index, der] as const))('certificate %i', (_, der) => {
  it('remembers of every part what the library encodes', () => {
    const remembered = partsOf(rememberEncoding(parse(der)).root);
    const encoded = partsOf(parse(der).root);
    expect(remembered.map((part) => part.toDER().toString('hex'))).toEqual(encoded.map((part) => part.toDER().toString('hex')));
    expect(remembered[0]?.toDER()).toEqual(der);
  });

  it('has copies whose extensions can be taken out, as the library does with the SCT, and stays whole', () => {
    const certificate = rememberEncoding(parse(der));
    const plain = parse(der).clone();
    const copy = certificate.clone();
    expect(copy.root.toDER()).toEqual(der);
    for (const each of [copy, plain]) each.extensions.splice(1, 1);
    expect(copy.tbsCertificate.toDER()).toEqual(plain.tbsCertificate.toDER());
    expect(certificate.extensions).toHaveLength(copy.extensions.length + 1);
    expect(certificate.tbsCertificate.toDER()).not.toEqual(copy.tbsCertificate.toDER());
  });
});

describe('who signed a trusted certificate', () => {
  it('is remembered as the library finds it, for any two of the trusted ones', () => {
    const parsed = () => chains.flat().map((der) => parse(der));
    const [remembering, plain] = [parsed(), parsed()];
    rememberIssuers(remembering);
    const ask = (all: X509Certificate[]) =>
      all.map((certificate) => [certificate.verify(), ...all.map((issuer) => verdict(certificate, issuer))]);
    const expected = ask(plain);
    expect(ask(remembering)).toEqual(expected);
    expect(ask(remembering)).toEqual(expected);
    expect(expected.flat()).toContain(true);
    expect(expected.flat()).toContain(false);
  });
});

function verdict(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer);
  } catch {
    return false;
  }
}
