import { describe, expect, it } from 'vitest';
import {
  predicateTypeOf,
  readAttestation,
  readPredicate,
} from '../../src/signature/attestation.ts';
import { Refusal } from '../../src/signature/refusal.ts';

const hex = 'ab'.repeat(32);
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'app', digest: { sha256: hex, sha512: 'cd'.repeat(64) } }],
  predicateType: 'https://spdx.dev/Document',
  predicate: { version: 1 },
};

/** The answer, or the code and sentence of the refusal. */
function read(value: unknown): unknown {
  try {
    return readAttestation(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  } catch (caught) {
    if (!(caught instanceof Refusal)) throw caught;
    return `${caught.code}: ${caught.message}`;
  }
}

describe('predicateTypeOf', () => {
  it.each([
    ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
    ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
    ['spdx', 'https://spdx.dev/Document'],
    ['cyclonedx', 'https://cyclonedx.org/bom'],
    ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
    ['openvex', 'https://openvex.dev/ns'],
    ['https://acme.example/scan/v1', 'https://acme.example/scan/v1'],
    ['urn:acme:scan', 'urn:acme:scan'],
  ])('knows %s', (text, uri) => expect(predicateTypeOf(text)).toBe(uri));

  it.each([
    'SPDX',
    'sbom',
    '',
    'constructor',
    'https://acme.example/scan v1',
    'https://acme.example/\u0430',
    'https://',
    'acme.example/scan',
    `https://acme.example/${'a'.repeat(1100)}`,
    'https://sigstore.dev/cosign/sign/v1',
  ])('knows no %j', (text) => expect(predicateTypeOf(text)).toBeUndefined());
});

describe('readAttestation', () => {
  it('reads a statement of either version up to its predicate, which stays as it was written', () => {
    const text = JSON.stringify(statement).replace('"version":1', '"version":1.00, "b" : []');
    expect(read(text)).toEqual({
      predicateType: 'https://spdx.dev/Document',
      subjects: [hex],
      predicate: '{"version":1.00, "b" : []}',
    });
    expect(read({ ...statement, _type: 'https://in-toto.io/Statement/v0.1' })).toMatchObject({
      subjects: [hex],
    });
  });

  it('reads several subjects, and those of other algorithms alone as none', () => {
    const subject = [
      { digest: { sha512: 'ab' } },
      { digest: { sha256: '00' } },
      ...statement.subject,
    ];
    expect(read({ ...statement, subject })).toMatchObject({ subjects: ['00', hex] });
  });

  it('does not read the predicate', () => {
    const text = JSON.stringify(statement).replace('{"version":1}', '{"a":1,"a":[NaN}');
    expect(read(text)).toMatch(/^malformed: The statement cannot be read/);
    const closed = JSON.stringify(statement).replace('{"version":1}', '{"a":1,"a":NaN}');
    expect(read(closed)).toMatchObject({ predicate: '{"a":1,"a":NaN}' });
  });

  it.each([
    ['no predicate type', { predicateType: undefined }, 'wrong-predicate'],
    ['no type', { _type: undefined }, 'wrong-predicate'],
    ['another version', { _type: 'https://in-toto.io/Statement/v2' }, 'wrong-predicate'],
    ['no predicate', { predicate: undefined }, 'malformed'],
    ['no subject', { subject: [] }, 'wrong-subject'],
    ['a subject without digest', { subject: [{ name: hex }] }, 'malformed'],
    ['a subject of another case', { Subject: [] }, 'malformed'],
    ['a digest that is no text', { subject: [{ digest: { sha256: 7 } }] }, 'malformed'],
    ['too many subjects', { subject: Array(4097).fill(statement.subject[0]) }, 'too-large'],
  ])('refuses %s', (_, change, code) => {
    expect(read({ ...statement, ...change })).toMatch(new RegExp(`^${code}: `));
  });
});

describe('readPredicate', () => {
  it.each([
    '{"a":1,"a":2}',
    '[]',
    'null',
    '{"a":NaN}',
    `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
  ])('refuses %s', (text) => expect(() => readPredicate(text)).toThrow(Refusal));
  it('reads objects, and the text that cosign makes of SPDX', () => {
    expect(readPredicate('{"a":[1]}')).toEqual({ a: [1] });
    expect(readPredicate('"SPDXVersion: SPDX-2.2"')).toBe('SPDXVersion: SPDX-2.2');
  });
});
