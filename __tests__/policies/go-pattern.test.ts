import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goPattern, quotedPattern } from '../../src/policies/go-pattern.ts';
import { fitsWhole } from './tools.ts';

function fits(source: string, text: string): boolean | string {
  const read = goPattern(source);
  return 'problem' in read ? read.problem : fitsWhole({ pattern: read.pattern }, text);
}

describe('a pattern of Go', () => {
  it.each([
    [
      '^https://github\\.com/acme/app/\\.github/workflows/.+@refs/tags/v\\d+$',
      'https://github.com/acme/app/.github/workflows/r.yml@refs/tags/v1',
      true,
    ],
    ['https://github.com/acme/.*', 'https://evil.example/?https://github.com/acme/x', false],
    ['@acme\\.com$', 'someone@acme.com', false],
    ['.*@acme\\.com', 'someone@acme.com', true],
    ['.*@acme\\.com', 'someone@acmexcom', false],
    ['^a|b$', 'a', true],
    ['^a|b$', 'ax', false],
    ['^a|b$', 'xb', false],
    ['^a\\-b\\@c\\:d\\/e$', 'a-b@c:d/e', true],
    ['^[\\w.\\-]+$', 'a-b.c_d', true],
    ['^[^\\s/]+$', 'ab', true],
    ['^[^\\s/]+$', 'a b', false],
    ['^\\s$', '\u00a0', false],
    ['^\\S$', '\u00a0', true],
    ['^a{2,3}$', 'aaa', true],
    ['^(main|release)$', 'release', true],
    ['^v\\d+(\\.\\d+){2}$', 'v1.2.3', true],
    ['^(?:a)(b)?$', 'ab', true],
    ['^a}]$', 'a}]', true],
    ['^.$', '\n', false],
    ['^[a[b]$', '[', true],
  ])('%s and %s: %s', (source, text, expected) => expect(fits(source, text)).toBe(expected));

  it.each([
    ['^a$', true],
    ['.*a.*', true],
    ['^a.*', true],
    ['.*a$', true],
    ['a', false],
    ['^a', false],
    ['a$', false],
    ['^a\\$', false],
    ['^a\\\\$', true],
    ['^a\\.*', false],
    ['^a|b$', false],
    ['^(a|b)$', true],
    ['^[a|b]$', true],
    ['^a\\|b$', true],
  ])('%s means the whole text: %s', (source, whole) =>
    expect(goPattern(source)).toMatchObject({ whole }),
  );

  it.each([
    ['(?i)a', 'flags or a name'],
    ['(?P<x>a)', 'flags or a name'],
    ['(?=a)', 'flags or a name'],
    ['(?!a)', 'flags or a name'],
    ['(?<!a)b', 'flags or a name'],
    ['\\Aa\\z', 'not read here'],
    ['\\Qa\\E', 'not read here'],
    ['\\pL', 'not read here'],
    ['\\x41', 'not read here'],
    ['\\1', 'not read here'],
    ['[[:alpha:]]', 'class by name'],
    ['[\\pL]', 'in a class'],
    ['[]a]', 'empty or not closed'],
    ['[a', 'empty or not closed'],
    ['(a', 'not a regular expression'],
    ['a)', '")" without "("'],
    ['a\\', 'ends with a backslash'],
    ['a{', 'starts no repetition'],
    ['a{1001}', 'more than 1000 times'],
    ['a**', 'not a regular expression'],
    ['(a+)+', 'endless time'],
    ['(a|a)*b', 'endless time'],
    ['((a*))*', 'endless time'],
    ['((a|b)c)+', 'endless time'],
    ['((?:a+)?)*', 'endless time'],
    ['.*'.repeat(11), 'unbounded repetitions'],
    ['a'.repeat(1001), '1000 characters'],
  ])('refuses %s', (source, problem) =>
    expect(goPattern(source)).toEqual({ problem: expect.stringContaining(problem) }),
  );

  it('that quotes a text fits that text alone', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        (text, other) => {
          expect(fits(`^${quotedPattern(text)}$`, text)).toBe(true);
          expect(fits(`^${quotedPattern(text)}$`, other)).toBe(other === text);
        },
      ),
    );
  });

  it('never throws, and what it reads ends in time', () => {
    const unit = fc.constantFrom(
      'a',
      '(',
      ')',
      '*',
      '+',
      '|',
      '[',
      ']',
      '\\',
      '{',
      '}',
      '2',
      ',',
      '.',
      '^',
      '$',
      '?',
      ':',
      's',
      '-',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 24 }), (source) => {
        const started = performance.now();
        fits(source, `${'a'.repeat(40)}!`);
        expect(performance.now() - started).toBeLessThan(1000);
      }),
      { numRuns: 5000 },
    );
  });
});
