import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Yaml, yamlText } from '../../src/policies/yaml-text.ts';
import { anyText } from '../any-text.ts';

describe('YAML that is written', () => {
  const { tree } = fc.letrec<{ tree: Yaml }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      anyText.filter((text) => text.isWellFormed()),
      fc.constantFrom(
        'yes',
        'NO',
        'null',
        '~',
        '1',
        '0x1',
        '1e3',
        'E0',
        'e-7',
        '2020-01-01',
        '- a',
        'a: b',
        '# a',
        '|',
        '',
        ' a',
        'a\nb\n',
        'a\n\nb\n',
        '!a',
        '&a',
        '*a',
        '---',
      ),
      fc.boolean(),
      fc.integer(),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('on', 'a', 'b c', '1')), tie('tree'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  }));

  it.each(['1.1', '1.2'] as const)('is read back to the same value by YAML %s', (version) => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(parse(yamlText(value, ['a comment\nb: c']), { version, merge: false })).toEqual(
          value,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('is block style, with plain words where nobody can mistake them', () => {
    expect(
      yamlText(
        {
          a: [{ b: 'c', d: [] }, 'e f'],
          g: {},
          pem: '-----BEGIN X-----\nAA\n-----END X-----\n',
          yes: true,
        },
        ['one', 'two\nthree'],
      ),
    ).toBe(
      '# one\n# two three\na:\n  - b: c\n    d: []\n  - "e f"\ng: {}\npem: |\n  -----BEGIN X-----\n  AA\n  -----END X-----\n"yes": true\n',
    );
  });
});
