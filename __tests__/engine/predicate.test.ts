// What may be attested: read before anything is contacted, as strictly as any verifier reads it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPredicateInput } from '../../src/engine/predicate.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import {
  makeAttestation,
  maxPredicateBytes,
  readAttestation,
} from '../../src/signature/attestation.ts';

const digest = digestOf(Buffer.from('image'));
const type = 'https://example.com/scan/v1';

/** A workspace with one file. */
function files(content: string | Uint8Array) {
  return {
    readFile: async (path: string, most: number) => {
      if (path !== 'file.json') throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return Buffer.from(content as string).subarray(0, most);
    },
  };
}

const read = (content: string | Uint8Array) =>
  readPredicateInput({ predicateType: type, predicate: 'file.json' }, files(content));
const readSbom = (content: string) => readPredicateInput({ sbom: 'file.json' }, files(content));
const failureOf = (reading: Promise<unknown>) =>
  reading.then(
    () => 'read',
    ({ code, message }) => `${code}: ${message}`,
  );

describe('a predicate', () => {
  it.each([
    ['numbers as they are written', '{"a":1.0,"b":12345678901234567890123,"c":-0,"d":1E400}'],
    ['keys in their order', '{"z":1,"10":2,"2":3,"a":4}'],
    ['escapes and spaces', '{ "a" : "\\u00e9\\/\\ud83d\\ude00", "b":\t[ ] }'],
    ['the empty object', '{}'],
  ])('keeps %s', async (_name, text) => {
    const predicate = await read(`\n ${text}\r\n`);
    expect(predicate).toEqual({ type, text, digest: digestOf(Buffer.from(text)) });
    const statement = makeAttestation({ name: 'r.test/app', digest }, type, predicate.text);
    expect(readAttestation(statement)).toEqual({
      predicateType: type,
      subjects: [digest.slice('sha256:'.length)],
      predicate: text,
    });
  });

  it('of any JSON object stands in the statement letter by letter', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(4), (value, spaces) => {
        const text = JSON.stringify(value, null, spaces);
        const statement = makeAttestation({ name: 'r.test/"app"', digest }, type, text);
        expect(readAttestation(statement).predicate).toBe(text);
      }),
    );
  });

  it('may be the text of the input', async () => {
    const input = { predicateType: 'vuln', predicate: ' {"a":1} ' };
    expect(await readPredicateInput(input, files(''))).toMatchObject({
      type: 'https://cosign.sigstore.dev/attestation/vuln/v1',
      text: '{"a":1}',
    });
  });

  it.each([
    [
      'no file',
      () => readPredicateInput({ predicateType: type, predicate: 'x' }, files('{}')),
      'bad-predicate: Input predicate names "x", which cannot be read (ENOENT)',
    ],
    [
      'a key twice',
      () => read('{"a":1,"\\u0061":2}'),
      'bad-predicate: What input predicate names cannot be attested: the key "a" stands in one object twice',
    ],
    [
      'not UTF-8',
      () => read(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
      'bad-predicate: What input predicate names cannot be attested: it is not UTF-8',
    ],
    [
      'a byte order mark',
      () => read('\ufeff{}'),
      'bad-predicate: What input predicate names cannot be attested',
    ],
    [
      'half of a surrogate pair',
      () => read('{"a":"\\ud800"}'),
      'bad-predicate: What input predicate names cannot be attested: it holds half of a surrogate',
    ],
    [
      'something behind it',
      () => read('{},"predicate":{}'),
      'bad-predicate: What input predicate names cannot be attested: it is not JSON',
    ],
    [
      'a brace that would end the statement',
      () => read('{}}'),
      'bad-predicate: What input predicate names cannot be attested: it is not JSON',
    ],
    [
      'a space that JSON does not know',
      () => read('\u00a0{}'),
      'bad-predicate: What input predicate names cannot be attested: it is not JSON',
    ],
    [
      'a comment',
      () => read('{"a":1} // x'),
      'bad-predicate: What input predicate names cannot be attested: it is not JSON',
    ],
    [
      'a depth of 129',
      () => read(`${'{"a":'.repeat(129)}1${'}'.repeat(129)}`),
      'bad-predicate: What input predicate names cannot be attested: it is nested deeper than 128',
    ],
    [
      'a list',
      () => read('[1]'),
      'bad-predicate: What input predicate names is JSON, but not an object',
    ],
    [
      'a text',
      () => read('"SPDXVersion: SPDX-2.3"'),
      'bad-predicate: What input predicate names is JSON, but not an object',
    ],
    ['nothing', () => read(''), 'bad-predicate: What input predicate names cannot be attested'],
    [
      'a whole statement',
      () => read('{"_type":"https://in-toto.io/Statement/v0.1","predicate":{}}'),
      'bad-predicate: What input predicate names is a whole in-toto statement',
    ],
    [
      'a byte too many',
      () => read(`{"a":"${'x'.repeat(maxPredicateBytes - 7)}"}`),
      'too-large: What input predicate names has more than 16777216 bytes (16 MiB)',
    ],
    [
      'a type that is none',
      () => readPredicateInput({ predicateType: 'sbom', predicate: '{}' }, files('')),
      'bad-input: Input predicate-type is "sbom", which is neither',
    ],
    [
      'the type of a signature',
      () =>
        readPredicateInput(
          { predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: '{}' },
          files(''),
        ),
      'bad-input: Input predicate-type is',
    ],
  ])('is refused with %s', async (_name, reading, expected) => {
    expect(await failureOf(reading())).toContain(expected);
  });

  it('may have 16 MiB', async () => {
    const text = `{"a":"${'x'.repeat(maxPredicateBytes - 8)}"}`;
    expect((await read(text)).text.length).toBe(maxPredicateBytes);
  });
});

describe('an SBOM', () => {
  const spdx = 'https://spdx.dev/Document';
  it.each([
    ['SPDX 2.2', '{"spdxVersion":"SPDX-2.2","SPDXID":"SPDXRef-DOCUMENT"}', spdx],
    ['SPDX 2.3', '{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3"}', spdx],
    [
      'SPDX 3.0.1',
      '{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}',
      spdx,
    ],
    ['CycloneDX 1.4', '{"bomFormat":"CycloneDX","specVersion":"1.4"}', 'https://cyclonedx.org/bom'],
    [
      'CycloneDX 1.6',
      '{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6"}',
      'https://cyclonedx.org/bom',
    ],
  ])('%s is known', async (_name, text, expected) => {
    expect(await readSbom(text)).toMatchObject({ type: expected, text });
  });

  it.each([
    [
      'something else',
      '{"a":1}',
      'bad-predicate: Input sbom-path names "file.json", which is neither SPDX nor CycloneDX',
    ],
    [
      'both at once',
      '{"spdxVersion":"SPDX-2.3","SPDXID":"x","bomFormat":"CycloneDX","specVersion":"1.6"}',
      'SPDX and CycloneDX at once',
    ],
    [
      'syft\u2019s own format',
      '{"artifacts":[],"schema":{"version":"16"}}',
      'neither SPDX nor CycloneDX',
    ],
    [
      'another JSON-LD',
      '{"@context":"https://openvex.dev/ns/v0.2.0","@graph":[]}',
      'neither SPDX nor CycloneDX',
    ],
    [
      'XML',
      '<bom/>',
      'bad-predicate: What input sbom-path names cannot be attested: it is not JSON',
    ],
    ['tags and values', 'SPDXVersion: SPDX-2.3', 'it is not JSON'],
    [
      'what BuildKit exports',
      '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}',
      'a whole in-toto statement',
    ],
  ])('is not %s', async (_name, text, expected) => {
    expect(await failureOf(readSbom(text))).toContain(expected);
  });
});

it('takes a digest for what it is', () => {
  const other: Digest = digestOf(Buffer.from('other'));
  const statement = makeAttestation({ name: 'r.test/app', digest: other }, type, '{}');
  expect(String(statement)).toBe(
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"r.test/app","digest":{"sha256":"${other.slice(7)}"}}],"predicateType":"${type}","predicate":{}}`,
  );
});
