import { X509Certificate } from '@sigstore/core';
import { describe, expect, it } from 'vitest';
import { inDer, trustedChain } from '../../src/signature/der-certificate.ts';
import { recordedCase, trustedRootBytes } from './fixtures.ts';

const root = JSON.parse(trustedRootBytes().toString());
const chainOf = ({ certChain }: { certChain: { certificates: { rawBytes: string }[] } }) =>
  certChain.certificates.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64'));
const { digest, signaturesOf } = recordedCase('keyless-bundle-rekor1-tsa');
const leaves = signaturesOf(digest).flatMap((found) =>
  'bundle' in found
    ? [
        Buffer.from(
          JSON.parse(found.bundle.toString()).verificationMaterial.certificate.rawBytes,
          'base64',
        ),
      ]
    : [],
);
const chains: Buffer[][] = [...root.certificateAuthorities, ...root.timestampAuthorities].map(
  chainOf,
);
const certificates = [...leaves, ...chains.flat()];

const parse = (der: Buffer) => X509Certificate.parse(Buffer.from(der));

/** Every part of a certificate, from the outside to the inside. */
function partsOf(part: X509Certificate['root']): readonly X509Certificate['root'][] {
  return [part, ...part.subs.flatMap(partsOf)];
}

describe.each(certificates.map((der, index) => [index, der] as const))(
  'certificate %i',
  (_, der) => {
    it('has of every part what the library encodes', () => {
      const remembered = partsOf(inDer(parse(der)).root);
      const encoded = partsOf(parse(der).root);
      expect(remembered.map((part) => part.toDER().toString('hex'))).toEqual(
        encoded.map((part) => part.toDER().toString('hex')),
      );
      expect(remembered[0]?.toDER()).toEqual(der);
    });

    it('has copies whose extensions can be taken out, as the library does with the SCT, and stays whole', () => {
      const certificate = inDer(parse(der));
      const plain = parse(der).clone();
      const copy = certificate.clone();
      expect(copy.root.toDER()).toEqual(der);
      for (const each of [copy, plain]) each.extensions.splice(1, 1);
      expect(copy.tbsCertificate.toDER()).toEqual(plain.tbsCertificate.toDER());
      expect(certificate.extensions).toHaveLength(copy.extensions.length + 1);
      expect(certificate.tbsCertificate.toDER()).not.toEqual(copy.tbsCertificate.toDER());
    });
  },
);

describe('who signed a trusted certificate', () => {
  it('is remembered as the library finds it, for any of them and a stranger', () => {
    const parsed = () => chains.flat().map((der) => parse(der));
    const strangers = leaves.map(parse); // a hostile leaf stands among the candidates
    const [remembering, plain] = [trustedChain(parsed()), parsed()];
    const ask = (all: readonly X509Certificate[]) =>
      all.map((certificate) => [
        certificate.verify(),
        ...[...all, ...strangers].map((issuer) => verdict(certificate, issuer)),
      ]);
    const expected = ask(plain);
    expect(ask(remembering)).toEqual(expected);
    expect(ask(remembering)).toEqual(expected);
    expect(expected.flat()).toContain(true);
    expect(expected.flat()).toContain(false);
  });
});

describe('a certificate that the library would write otherwise', () => {
  // The library refuses such lengths when it parses; this stands for the day when it does not.
  it('is left to the library', () => {
    const [der = Buffer.alloc(0)] = certificates;
    const other = parse(der);
    const inner = other.root.subs[1];
    if (inner === undefined) throw new Error('a certificate has three parts');
    inner.value.writeUInt8(inner.value.readUInt8(1) + 1, 1); // the length of the name of its algorithm
    expect(inDer(other)).toBe(other);
    expect(inDer(parse(der))).not.toBe(other);
  });
});

function verdict(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer);
  } catch {
    return false;
  }
}
