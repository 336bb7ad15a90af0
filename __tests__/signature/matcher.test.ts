import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/signature/pattern.ts';
import { matcherText, matches } from '../../src/signature/policy.ts';

describe('matches', () => {
  const wanted = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
  it.each<[string, string, boolean]>([
    ['https://github\\.com/acme/.*', wanted, true],
    ['github\\.com/acme', wanted, false],
    ['https://github\\.com/acme', wanted, false],
    ['.*@refs/heads/main', `${wanted}er`, false],
    ['a|b', 'a', true],
    ['a|b', 'ab', false],
    ['a|b', 'xb', false],
    ['^a$|^b$', 'b', true],
    ['^a|b$', 'a-evil', false],
    ['a', 'a\n', false],
    ['a$', 'a\nb', false],
    ['a.*', 'a\nb', false],
    ['(?m)a$', 'a\nb', false],
    ['x*', '', true],
  ])('%s against %j: %s', (source, text, expected) => {
    expect(matches({ pattern: compilePattern(source) }, text)).toBe(expected);
  });

  it('compares exact text exactly: no pattern, no case folding, no Unicode folding', () => {
    expect(matches({ exact: 'a.c' }, 'abc')).toBe(false);
    expect(matches({ exact: 'abc' }, 'Abc')).toBe(false);
    expect(matches({ exact: 'caf\u00e9' }, 'cafe\u0301')).toBe(false);
    expect(matches({ exact: 'a.c' }, 'a.c')).toBe(true);
  });

  it('is told as it was written', () => {
    const source = '^https://github\\.com/acme/.*$';
    expect(matcherText({ pattern: compilePattern(source) })).toBe(source);
    expect(matcherText({ exact: wanted })).toBe(wanted);
  });
});
