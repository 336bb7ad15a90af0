import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches } from '../../src/signature/matcher.ts';

describe('matches', () => {
  const wanted = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
  it.each<[RegExp, string, boolean]>([
    [/https:\/\/github\.com\/acme\/.*/, wanted, true],
    [/github\.com\/acme/, wanted, false],
    [/https:\/\/github\.com\/acme/, wanted, false],
    [/.*@refs\/heads\/main/, `${wanted}er`, false],
    [/a|b/, 'a', true],
    [/a|b/, 'ab', false],
    [/a|b/, 'xb', false],
    [/^a$|^b$/, 'b', true],
    [/^a|b$/, 'a-evil', false],
    [/a/, 'a\n', false],
    [/a$/, 'a\nb', false],
    [/a.*/, 'a\nb', false],
    [/x*/, '', true],
    [/(?=.*good).*/, 'evil good', true],
  ])('%s against %j: %s', (pattern, text, expected) => {
    expect(matches({ pattern }, text)).toBe(expected);
  });

  it.each(['i', 'm', 'g', 'y', 's', 'gm'])(
    'a pattern with the flag %s matches nothing',
    (flags) => {
      expect(matches({ pattern: new RegExp('a', flags) }, 'a')).toBe(false);
    },
  );

  it('remembers nothing from one text to the next', () => {
    const matcher = { pattern: /ab?/u };
    expect(['a', 'ab', 'abb', 'a', 'ab'].map((text) => matches(matcher, text))).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
  });

  it('compares exact text exactly: no pattern, no case folding, no Unicode folding', () => {
    expect(matches({ exact: 'a.c' }, 'abc')).toBe(false);
    expect(matches({ exact: 'abc' }, 'Abc')).toBe(false);
    expect(matches({ exact: 'caf\u00e9' }, 'cafe\u0301')).toBe(false);
    expect(matches({ exact: 'a.c' }, 'a.c')).toBe(true);
  });

  it('never takes a text that a pattern of plain text only begins or ends', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (text, more) => {
        const pattern = new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
        expect(matches({ pattern }, text)).toBe(true);
        expect(matches({ pattern }, text + more)).toBe(false);
        expect(matches({ pattern }, more + text)).toBe(false);
      }),
    );
  });
});
