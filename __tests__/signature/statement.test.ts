import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { parseBundle } from '../../src/signature/bundle.ts';
import { makePayload, readPayload } from '../../src/signature/simple-signing.ts';
import { makeStatement, readStatement } from '../../src/signature/statement.ts';
import { recordedCase } from './fixtures.ts';

const hex = 'ab'.repeat(32);
const digest = parseDigest(`sha256:${hex}`);
const annotations = { note: 'Grüße, <Welt> & "mehr"', env: 'prod', build: '2026.11.20+7' };

function recordedPayload(name: string): Buffer {
  const [found] = recordedCase(name).signaturesOf(recordedCase(name).digest);
  if (found === undefined || 'problem' in found) throw new Error('no signature');
  if (found.format === 'legacy') return found.payload;
  const { content } = parseBundle(found.bundle);
  if (content.$case !== 'dsseEnvelope') throw new Error('no envelope');
  return content.dsseEnvelope.payload;
}

describe('makeStatement', () => {
  it.each([
    ['annotations-bundle', annotations],
    ['keyed-bundle-nolog', {}],
  ])('writes the bytes that cosign 3 signed in %s', (name, signed) => {
    expect(makeStatement(recordedCase(name).digest, signed).toString()).toBe(
      recordedPayload(name).toString(),
    );
  });

  it('is read back as it was meant', () => {
    expect(readStatement(makeStatement(digest, annotations))).toEqual({ sha256: hex, annotations });
  });

  it('keeps names that mean something to JavaScript', () => {
    const odd = Object.fromEntries([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['', 'c'],
    ]);
    expect(Object.entries(readStatement(makeStatement(digest, odd)).annotations).sort()).toEqual(
      Object.entries(odd).sort(),
    );
  });
});

describe('makePayload', () => {
  it.each([
    ['annotations-legacy', annotations],
    ['keyless-legacy-rekor1-tsa', {}],
  ])('writes the bytes that cosign 2 signed in %s', (name, signed) => {
    const payload = makePayload({
      dockerReference: `127.0.0.1:5010/fixtures-a/${name}`,
      digest: recordedCase(name).digest,
      annotations: signed,
    });
    expect(payload.toString()).toBe(recordedPayload(name).toString());
  });

  it('escapes what Go escapes and nothing else', () => {
    const payload = makePayload({
      dockerReference: 'r/a',
      digest,
      annotations: { a: '\u2028\u2029<>&é😀\u007f"\\\n\t\u0001' },
    });
    expect(payload.toString()).toContain(
      '"a":"\\u2028\\u2029\\u003c\\u003e\\u0026é😀\u007f\\"\\\\\\n\\t\\u0001"',
    );
  });

  it('sorts by UTF-8 bytes, as Go does, not by UTF-16 units', () => {
    const payload = makePayload({
      dockerReference: 'r/a',
      digest,
      annotations: { '\u{1f600}': '1', '\uff5e': '2' },
    });
    expect(Object.keys(JSON.parse(payload.toString()).optional)).toEqual(['\uff5e', '\u{1f600}']);
  });

  it('is read back as it was meant', () => {
    expect(readPayload(makePayload({ dockerReference: 'r/a', digest, annotations }))).toEqual({
      sha256: hex,
      annotations,
      dockerReference: 'r/a',
    });
  });
});

describe('readStatement', () => {
  const good = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hex }, annotations: { a: 'b' } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
  const subject = good.subject[0];

  it('takes the honest one', () => {
    expect(readStatement(Buffer.from(JSON.stringify(good)))).toEqual({
      sha256: hex,
      annotations: { a: 'b' },
    });
  });

  it.each<[string, unknown, string]>([
    ['provenance', { ...good, predicateType: 'https://slsa.dev/provenance/v1' }, 'wrong-predicate'],
    ['no predicate type', { ...good, predicateType: undefined }, 'wrong-predicate'],
    [
      'a predicate type of another case',
      { ...good, predicateType: 'https://sigstore.dev/cosign/Sign/v1' },
      'wrong-predicate',
    ],
    ['no type', { ...good, _type: undefined }, 'wrong-predicate'],
    ['in-toto 0.1', { ...good, _type: 'https://in-toto.io/Statement/v0.1' }, 'wrong-predicate'],
    ['no subject', { ...good, subject: [] }, 'wrong-subject'],
    ['a subject that is no list', { ...good, subject }, 'wrong-subject'],
    ['two subjects', { ...good, subject: [subject, subject] }, 'wrong-subject'],
    ['another algorithm', { ...good, subject: [{ digest: { sha512: hex } }] }, 'wrong-subject'],
    [
      'two algorithms',
      { ...good, subject: [{ digest: { sha256: hex, sha512: hex } }] },
      'wrong-subject',
    ],
    ['SHA256 in upper case', { ...good, subject: [{ digest: { SHA256: hex } }] }, 'wrong-subject'],
    [
      'a digest that is no text',
      { ...good, subject: [{ digest: { sha256: [hex] } }] },
      'wrong-subject',
    ],
    [
      'an inherited digest',
      { ...good, subject: [{ digest: JSON.parse(`{"__proto__":{"sha256":"${hex}"}}`) }] },
      'wrong-subject',
    ],
    ['annotations beside the subject', { ...good, annotations: { a: 'b' } }, 'malformed'],
    ['a field that Go would take for "subject"', { ...good, Subject: [] }, 'malformed'],
    [
      'an annotation that is a number',
      { ...good, subject: [{ ...subject, annotations: { a: 1 } }] },
      'malformed',
    ],
    ['a list', [good], 'malformed'],
    ['null', null, 'malformed'],
  ])('refuses %s', (_, statement, code) => {
    expect(() => readStatement(Buffer.from(JSON.stringify(statement)))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.each<[string, string, string]>([
    [
      'a key that stands twice',
      JSON.stringify(good).replace('"predicate":', '"predicateType":"x","predicate":'),
      'malformed',
    ],
    [
      'an escaped key that stands twice',
      JSON.stringify(good).replace('"a":"b"', '"a":"b","\\u0061":"c"'),
      'malformed',
    ],
    ['half a surrogate pair', JSON.stringify(good).replace('"b"', '"\\ud800"'), 'malformed'],
    ['text after the end', `${JSON.stringify(good)} {}`, 'malformed'],
    ['a byte order mark', `\u{feff}${JSON.stringify(good)}`, 'malformed'],
    [
      'deep nesting',
      JSON.stringify(good).replace(
        '"predicate":{}',
        `"predicate":${'{"a":'.repeat(9999)}1${'}'.repeat(9999)}`,
      ),
      'malformed',
    ],
    ['too many bytes', JSON.stringify(good) + ' '.repeat(1 << 18), 'too-large'],
  ])('refuses %s', (_, text, code) => {
    expect(() => readStatement(Buffer.from(text))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify(good));
    bytes[bytes.indexOf('"b"') + 1] = 0xe9;
    expect(() => readStatement(bytes)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('readPayload', () => {
  const critical = {
    identity: { 'docker-reference': 'r/a' },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };

  it.each<[string, unknown, Record<string, string>]>([
    ['null annotations', { critical, optional: null }, {}],
    ['no annotations', { critical }, {}],
    [
      'annotations that are not text',
      { critical, optional: { creator: 'x', timestamp: 1700000000 } },
      { creator: 'x' },
    ],
  ])('takes %s', (_, payload, signed) => {
    expect(readPayload(Buffer.from(JSON.stringify(payload)))).toEqual({
      sha256: hex,
      annotations: signed,
      dockerReference: 'r/a',
    });
  });

  it.each<[string, unknown, string]>([
    [
      'another type',
      { critical: { ...critical, type: 'atomic container signature' } },
      'wrong-predicate',
    ],
    ['no type', { critical: { ...critical, type: undefined } }, 'wrong-predicate'],
    [
      'another algorithm',
      { critical: { ...critical, image: { 'docker-manifest-digest': `sha512:${hex}` } } },
      'wrong-subject',
    ],
    ['no image', { critical: { ...critical, image: {} } }, 'wrong-subject'],
    [
      'two images',
      { critical: { ...critical, image: { ...critical.image, other: 'x' } } },
      'malformed',
    ],
    ['no repository', { critical: { ...critical, identity: {} } }, 'malformed'],
    ['a second critical part', { critical, Critical: critical }, 'malformed'],
    ['annotations as a list', { critical, optional: ['a'] }, 'malformed'],
    ['nothing', {}, 'malformed'],
  ])('refuses %s', (_, payload, code) => {
    expect(() => readPayload(Buffer.from(JSON.stringify(payload)))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
