import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../src/text/json.ts';

const problemOf = (source: string | Uint8Array, depth = 32) => {
  const reading = readJson(source, depth);
  return 'problem' in reading ? reading.problem : undefined;
};

describe('readJson', () => {
  it('reads what JSON.parse reads, from a text and from its bytes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.integer({ min: 0, max: 4 }), (text, space) => {
        const value: unknown = JSON.parse(text);
        const spaced = JSON.stringify(value, null, space);
        expect(readJson(spaced, 10)).toEqual({ value });
        expect(readJson(Buffer.from(spaced), 10)).toEqual({ value });
      }),
    );
  });

  it('refuses what JSON.parse refuses, and throws for no text at all', () => {
    const pieces = fc.constantFrom(...'{}[]:,"\\ \n-1e.u0dtfn', '\\"', '\\u', 'true', 'null');
    const texts = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const read = 'value' in readJson(text, 100);
        if (!isJson) expect(read).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'the key "a" stands in one object twice'],
    ['{"a":1,"\\u0061":2}', 'the key "a" stands in one object twice'],
    ['[{"b":{"x":1}},{"b" : 1, "c":{}, "b"\n:2}]', 'the key "b" stands in one object twice'],
    ['{"__proto__":1,"__proto__":2}', 'the key "__proto__" stands in one object twice'],
    ['{"1":1,"1":2}', 'the key "1" stands in one object twice'],
    ['{"a\\u001b[2J":1,"a\\u001b[2J":2}', 'the key "a\\u001b[2J" stands in one object twice'],
    ['"\\ud800"', 'it holds half of a surrogate pair'],
    ['{"\\udc00":1}', 'it holds half of a surrogate pair'],
    ['"\ud800"', 'it is not UTF-8 text'],
    [Buffer.from([0x22, 0xff, 0x22]), 'it is not UTF-8 text'],
    ['\ufeff{}', 'it is not JSON'],
    ['{"a":1', 'it is not JSON'],
    ['"\\', 'it is not JSON'],
    ['', 'it is not JSON'],
  ])('refuses %j: %s', (source, problem) => expect(problemOf(source)).toBe(problem));

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,\\"a\\":{{{{"}',
    '{"a\\\\":1,"a":2}',
    '{"__proto__":{"x":1},"constructor":1}',
    '"\\ud83d\\ude00"',
    '"\\\\ud800"',
  ])('reads %s', (text) => expect(readJson(text, 4)).toEqual({ value: JSON.parse(text) }));

  it('counts levels, and reads exactly as many as are allowed', () => {
    const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
    expect(problemOf(nested(32))).toBe(undefined);
    expect(problemOf(nested(34))).toBe('it is nested deeper than 32 levels');
  });

  it.each([
    ['brackets', '['.repeat(2_000_000)],
    ['brackets that are closed too', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    ['braces', '{"a":'.repeat(500_000)],
  ])('refuses two megabytes of %s before they are parsed', (_, text) =>
    expect(problemOf(text)).toBe('it is nested deeper than 32 levels'),
  );

  it('counts lists, objects and keys, and reads a quarter of a million', () => {
    const lists = (count: number) => `[${'[],'.repeat(count - 2)}[]]`;
    expect(problemOf(lists(250_000))).toBe(undefined);
    const tooMany = 'it holds more than 250000 lists, objects and keys';
    expect(problemOf(lists(250_001))).toBe(tooMany);
    const pairs = (count: number) =>
      `{${Array.from({ length: count }, (_, n) => `"${n}":0`).join()}}`;
    expect(problemOf(pairs(249_999))).toBe(undefined);
    expect(problemOf(pairs(250_000))).toBe(tooMany);
  });

  it('keeps numbers as they were written, where that is asked for', () => {
    const text = '{"a":1.0,"b":12345678901234567890,"c":[1e2,-0,3],"d":"1.0"}';
    const kept = readJson(text, 8, { keepNumbers: true });
    expect(JSON.stringify('value' in kept && kept.value)).toBe(text);
    const plain = readJson(text, 8);
    expect('value' in plain && plain.value).toEqual(JSON.parse(text));
    const many = (count: number) => `[${'1.0,'.repeat(count - 1)}1.0]`;
    expect('value' in readJson(many(1_000), 8, { keepNumbers: true })).toBe(true);
    expect(readJson(many(1_001), 8, { keepNumbers: true })).toEqual({
      problem: 'it holds more than 1000 numbers of unusual form',
    });
    expect('value' in readJson(many(1_001), 8)).toBe(true);
  });
});
