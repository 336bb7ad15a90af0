import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml, yamlLimits } from '../../src/text/yaml.ts';
import {
  lineInText,
  listOf,
  mapOf,
  nodesIn,
  plainValue,
  UnreadableYaml,
  type YamlNode,
} from '../../src/text/yaml-node.ts';
import { runs } from '../sampled.ts';

const values = (text: string) =>
  readYaml(text).map((document) => JSON.parse(JSON.stringify(plainValue(document))));
const refusal = (text: string, limits = yamlLimits) => {
  try {
    readYaml(text, limits);
  } catch (caught) {
    if (caught instanceof UnreadableYaml) return `${caught.line}: ${caught.message}`;
    throw caught;
  }
  throw new Error('it was read');
};

describe('an ordinary file', () => {
  it('is read with the line of each value', () => {
    const [document] = readYaml('a: 1\nb:\n  - x\n  - {c: d}\ne: >-\n  f\n  g\nh:\n  "i"\n');
    const fields = mapOf(document);
    expect([...fields].map(([name, { line }]) => `${name} ${line}`)).toEqual([
      'a 1',
      'b 2',
      'e 5',
      'h 9',
    ]);
    expect(listOf(fields.get('b')).map(({ line }) => line)).toEqual([3, 4]);
  });

  it.each<[string, string, unknown[]]>([
    [
      'Windows line ends and a byte order mark',
      '\uFEFFa: b # ü\r\nc: |\r\n  d\r\n',
      [{ a: 'b', c: 'd\n' }],
    ],
    [
      'several documents',
      '---\na: b\n--- # c\nd\n...\n---   \ne: f\n',
      [{ a: 'b' }, 'd', { e: 'f' }],
    ],
    [
      'JSON with tabs',
      '{\n\t"a":\t"b",\n\t"c": [1, true, null]\n}\n',
      [{ a: 'b', c: [1, true, null] }],
    ],
    [
      'keys that are numbers or quoted',
      '404: a\ntrue: b\n"c: d": e\n',
      [{ '404': 'a', true: 'b', 'c: d': 'e' }],
    ],
    ['an explicit key', '? a\n: b\n', [{ a: 'b' }]],
    [
      'the tags of YAML itself',
      'a: !!str 1\nb: !!int 3\nc: !!seq [d]\n',
      [{ a: '1', b: 3, c: ['d'] }],
    ],
    ['the version', '%YAML 1.1\n---\na: b\n', [{ a: 'b' }]],
    [
      'merge keys in front',
      'a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\n',
      [{ a: { b: 1, c: 2 }, d: { c: 2, b: 3 } }],
    ],
    ['a list of merged maps', 'x: {<<: [{a: 1}, {a: 2, b: 3}]}\n', [{ x: { a: 1, b: 3 } }]],
    ['a merge key behind other keys', 'x: {a: 1, <<: {b: 2, a: 1}}\n', [{ x: { a: 1, b: 2 } }]],
  ])('%s', (_, text, expected) => expect(values(text)).toEqual(expected));

  // The library alone refuses them; kubectl, kustomize and compose read them.
  it.each<[string, string, unknown]>([
    [
      'a quote that closes at the column of its key',
      "a:\n  b: 'c\n  d'\n  e: f\n",
      { a: { b: 'c d', e: 'f' } },
    ],
    ['a quote that closes at column 0', 'a:\n  b: ["c\n"]\nd: e\n', { a: { b: ['c '] }, d: 'e' }],
    [
      'brackets at column 0',
      'a:\n  b: [\nc,\n{d: e\n}\n]\n  f: g\n',
      { a: { b: ['c', { d: 'e' }], f: 'g' } },
    ],
  ])('%s', (_, text, expected) => expect(values(text)).toEqual([expected]));

  it('JSON has the same nodes as YAML, and its own lines', () => {
    const json =
      '\n{\n  "a": [\n    {"b": "c\\n\\u00e9"},\n    1.50,\n    null\n  ],\n  "d":\n    "e"\n}\n';
    const [document] = readYaml(json);
    const fields = mapOf(document);
    expect([...fields].map(([name, { line }]) => `${name} ${line}`)).toEqual(['a 3', 'd 9']);
    expect(listOf(fields.get('a')).map(({ line, source }) => [line, source])).toEqual([
      [4, undefined],
      [5, '1.50'],
      [6, 'null'],
    ]);
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.constantFrom(0, 1, '\t'),
        (value, indent) => {
          const text = JSON.stringify([value], null, indent);
          fc.pre(!/"<<"|[\x7f-\x9f\u2028\u2029\uFEFF\uFFFE\uFFFF]/.test(text));
          // A comment makes YAML of it.
          const places = (node: YamlNode): unknown =>
            [...nodesIn(node)].map(({ line, value: inside }) => [
              line,
              typeof inside === 'object' ? '' : inside,
            ]);
          expect(readYaml(text).map(places)).toEqual(readYaml(`${text} # c\n`).map(places));
        },
      ),
      { numRuns: runs(300) },
    );
  });

  it.each<[string, string]>([
    ['flow style with a comment', '{a: b} # c'],
    ['a trailing comma', '{"a": "b",}'],
    ['an escape of YAML', '{"a": "\\x62"}'],
  ])('what only looks like JSON is YAML: %s', (_, text) =>
    expect(values(text)).toEqual([{ a: 'b' }]),
  );

  it('an alias means the anchor before it, also inside of another anchor', () => {
    const text = 'a: &i old\nm: &m {image: *i}\nb: &i new\nuse: *m\nnow: *i\n';
    expect(values(text)).toEqual([
      { a: 'old', m: { image: 'old' }, b: 'new', use: { image: 'old' }, now: 'new' },
    ]);
    expect(refusal('a: &i x\n---\nb: *i\n')).toBe('3: has an alias `*i` of nothing');
  });

  it('a tag of no reader stays at its value', () => {
    const [document] = readYaml('a: !reset b\nc: !override [d]\ne: !!binary Zg==\n');
    expect([...mapOf(document).values()].map(({ tag }) => tag)).toEqual([
      '!reset',
      '!override',
      'tag:yaml.org,2002:binary',
    ]);
  });

  it('knows the lines inside of a literal block', () => {
    const [document] = readYaml('a:\n  b: |-\n    one\n    two\n');
    const node = mapOf(mapOf(document).get('a')).get('b');
    expect(node === undefined ? 0 : lineInText(node, 2)).toBe(4);
  });
});

describe('what readers take differently', () => {
  it.each<[string, string, string]>([
    ['a comment that ends at CR', '# a\rb: c\n', '1: holds the line end CR,'],
    ['a comment that ends at U+0085', 'a: b\n# c\u0085d: e\n', '2: holds the line end U+0085,'],
    ['a comment that ends at U+2028', 'a: b # c\u2028d: e\n', '1: holds the line end U+2028,'],
    ['a comment that ends at U+2029', 'a: b # c\u2029d: e\n', '1: holds the line end U+2029,'],
    [
      'a byte order mark that kubectl skips',
      'a: b\n\uFEFFc: d\n',
      '2: holds the character U+FEFF,',
    ],
    ['a control character', 'a: b\nc: "\0"\n', '2: holds the character U+0000,'],
    ['a key that is an alias', 'a: &k image\n*k : b\n', '2: has a key that is not a text'],
    ['a key in base64', '!!binary aW1hZ2U=: b\n', '1: has a key with a tag'],
    ['a key with an anchor', '&a image: b\n', '1: has a key with a tag, an anchor'],
    [
      'a key in several lines',
      '? |-\n  image\n: b\n',
      '1: has a key with a tag, an anchor or several lines',
    ],
    ['a key that is a list', '? [image]\n: b\n', '1: has a key that is not a text'],
    ['a template', 'a: b\nimage: {{ .Values.image }}\n', '2: is a template'],
    ['a key twice', 'image: a\nb: c\nimage: d\n', '3: has the key `image` in one map twice'],
    [
      'a key twice in JSON',
      '{"image": "a", "\\u0069mage": "b"}',
      '1: has the key `image` in one map twice',
    ],
    ['a merge key in JSON', '{"a": {"<<": {"b": "c"}}}', '1: has a merge key in quotes'],
    ['two objects of JSON', '{"a": 1}\n{"b": 2}', '2: is not YAML that can be read'],
    ['a merge key in quotes', 'a: &a {b: c}\n"<<": *a\n', '2: has a merge key in quotes'],
    ['a merge of a text', '<<: a\n', '1: merges (`<<`) something that is no map'],
    ['content behind the marker', 'a: b\n--- |\nc: d\n', '2: has something behind `---`'],
    ['a marker without a blank', 'a: b\n---c\n', '2: has something behind `---`'],
    [
      'another meaning of tags',
      '%TAG ! tag:yaml.org,2002:\n---\na: !str b\n',
      '1: has a directive',
    ],
    [
      'an anchor that ends elsewhere',
      'a: &k: b\n',
      '1: is not YAML that can be read: Anchor ending in : is ambiguous',
    ],
    ['an anchor with a dot', 'a: &k.x b\n', '1: has an anchor `k.x`'],
    ['an anchor of itself', 'a: &a [*a]\n', '1: has an alias `*a` of nothing'],
  ])('%s', (_, text, expected) => expect(refusal(text)).toContain(expected));

  it.each<[string, string]>([
    ['a merge key behind', 'a: good\n<<: {a: evil}\n'],
    ['two merge keys', '<<: {a: good}\n<<: {a: evil}\n'],
    ['a merge key behind, deep inside', 'a: {b: [1, {c: d}]}\n<<: {a: {b: [1, {c: e}]}}\n'],
  ])('%s has a doubt', (_, text) => {
    const [document] = readYaml(text);
    const doubts = [...nodesIn(document ?? { line: 0, value: null })].filter(
      ({ doubt }) => doubt !== undefined,
    );
    expect(doubts).toMatchObject([{ doubtLine: 2, doubt: expect.stringContaining('merge key') }]);
  });
});

describe('a file made to be large', () => {
  const bomb = (levels: number) =>
    Array.from({ length: levels }, (_, n) => {
      const inside =
        n === 0
          ? 'x'
          : Array(9)
              .fill(`*a${n - 1}`)
              .join(', ');
      return `a${n}: &a${n} [${inside}]`;
    }).join('\n');

  const few = { ...yamlLimits, lexemes: 30_000 };
  it.each<[string, string, string, typeof few?]>([
    ['aliases of aliases', bomb(12), `has more than ${yamlLimits.values} values`],
    ['brackets in brackets', '['.repeat(100_000), 'is nested'],
    [
      'maps in maps',
      Array.from({ length: 70 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
      'nested deeper than 60',
    ],
    [
      'aliases that nest',
      Array.from({ length: 70 }, (_, n) => `a${n}: &a${n} [${n === 0 ? 'x' : `*a${n - 1}`}]`).join(
        '\n',
      ),
      'nested deeper than 60',
    ],
    [
      'documents',
      '---\na: b\n'.repeat(yamlLimits.documents + 1),
      `more than ${yamlLimits.documents} documents`,
    ],
    ['lexemes', '[a, '.concat('b, '.repeat(yamlLimits.lexemes / 3)), 'words and signs'],
    [
      'lexemes behind scalars that look like the start of a document',
      'a:\n'.concat('- ---\n'.repeat(few.lexemes / 3)),
      'words and signs',
      few,
    ],
  ])('%s', (_, text, expected, limits) => expect(refusal(text, limits)).toContain(expected));

  it('counts each document by itself', () => {
    const text = '---\n- a\n- b\n'.repeat(100);
    expect(readYaml(text, { ...yamlLimits, lexemes: 50 })).toHaveLength(100);
  });

  it('costs what its size says: as many values as there are, aliases included', () => {
    const aliases = (count: number) => `x: &a [b]\ny:\n${'- *a\n'.repeat(count)}`;
    const limits = { ...yamlLimits, values: 10_000 };
    expect(readYaml(aliases(4_900), limits)).toHaveLength(1);
    expect(() => readYaml(aliases(5_100), limits)).toThrow('more than 10000 values');
  });
});
