import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/signature/pattern.ts';
import { matches } from '../../src/signature/policy.ts';
import recorded from '../fixtures/go-regexp.json' with { type: 'json' };

/** The texts of these that a pattern matches as a whole. */
function matched(source: string, texts: readonly string[]): readonly string[] {
  const pattern = compilePattern(source);
  return texts.filter((text) => matches({ pattern }, text));
}

describe('a pattern', () => {
  it.each(recorded.filter((row) => row.whole !== undefined && row.pattern !== ''))(
    'matches whole texts as Go does: $pattern',
    ({ pattern, whole = [], not = [] }) =>
      expect(matched(pattern, [...whole, ...not])).toEqual(whole),
  );

  it.each(recorded.filter((row) => row.error !== undefined))(
    'is refused as Go does: $pattern',
    ({ pattern }) => expect(() => compilePattern(pattern)).toThrow(/^(is|has) /),
  );

  it.each([
    ['https://github\\.com/acme/[\\w.-]+/x', 'https://github.com/acme/app/x'],
    ['^https://github.com/acme/.*p$', 'https://github.com/acme/app'],
    ['a|b', 'b'],
    ['(?m)^a$', 'a'],
    ['(?<owner>acme)/app', 'acme/app'],
    ['\\Qacme/app', 'acme/app'],
  ])('%s never takes a part', (source, whole) =>
    expect(
      matched(source, [whole, `x${whole}`, `${whole}x`, `${whole}\n`, `\n${whole}`, `x\n${whole}`]),
    ).toEqual([whole]),
  );

  it.each([
    ['', 'is empty'],
    ['a'.repeat(2001), 'has more than 2000 characters'],
    ['a\nb', 'has a line break or another control character'],
    ['a\ud800', 'is not well-formed Unicode'],
    ['(', 'is not a regular expression of Go (missing closing ): `(`)'],
    ['a)(b', 'is not a regular expression of Go (unexpected ): `a)(b`)'],
    ['[b-a]', 'is not a regular expression of Go (invalid character class range: `b-a`)'],
    ['a{1001}', 'is not a regular expression of Go (invalid repeat count: `{1001}`)'],
    ['(a{100}){11}', 'is not a regular expression of Go (invalid repeat count: `{11}`)'],
    ['\\u0041', 'is not a regular expression of Go (invalid escape sequence: `\\u`)'],
    ['(?=.*good).*', 'has a look-around such as `(?!…)`, which Go'],
    ['(?!evil).*', 'has a look-around such as `(?!…)`, which Go'],
    ['(?<=a)b', 'has a look-around such as `(?!…)`, which Go'],
    ['(?<!a)b', 'has a look-around such as `(?!…)`, which Go'],
    ['(a)\\1', 'has a back-reference such as `\\1`, which Go'],
    ['(?<a>a)\\k<a>', 'has a back-reference such as `\\1`, which Go'],
    ['(?>a)', 'has an atomic group, which Go'],
    ['(?>a', 'cosign refuses it too'],
    ['\\(?=a)', 'is not a regular expression of Go (unexpected )'],
    [`${'('.repeat(999)}a`, 'is not a regular expression of Go'],
  ])('is refused with the reason: %j', (text, why) =>
    expect(() => compilePattern(text)).toThrow(why),
  );

  it('that quotes a text takes that text alone', () => {
    const unit = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(unit, unit, (text, more) => {
        fc.pre(!/\p{Cc}/u.test(text));
        const quoted = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
        expect(matched(quoted, [text, text + more, more + text])).toEqual([text]);
      }),
    );
  });

  it('remembers nothing from one text to the next', () => {
    expect(matched('ab?', ['a', 'ab', 'abb', 'a', 'ab'])).toEqual(['a', 'ab', 'a', 'ab']);
  });

  it('is held against very many identities', () => {
    const texts = Array.from({ length: 3_000 }, (_, index) => `https://github.com/acme/${index}`);
    expect(matched('https://github\\.com/acme/.*', texts)).toEqual(texts);
  });
});

// Who signs names the branch, so the text is a stranger's: a backtracking engine would need longer
// than the universe has for some of these, a linear one has no time to measure.
describe('a pattern that would make other engines backtrack without end', () => {
  it.each(['(a+)+', '(a|a)*', '(a*)*b', '((a*)*)*b', 'a*a*a*a*a*a*a*a*b', '(a|aa)+', '(.*a){20}'])(
    'answers: %s',
    (source) => {
      const longest = `${'a'.repeat(4_095)}!`;
      const fitting = 'a'.repeat(4_095) + (source.endsWith('b') ? 'b' : 'a');
      expect(matched(source, [longest, fitting])).toEqual([fitting]);
    },
  );

  it.each(['a{1000}{', 'a{1000}', '(?:a{0,30}){0,30}'])(
    'may repeat up to a thousand times: %s',
    (source) => expect(() => compilePattern(source)).not.toThrow(),
  );

  it.each(['a{1000}'.repeat(6), '(?:a{0,1000}b?){1}'.repeat(3), '[a-z]{900}'.repeat(180)])(
    'is refused where it is written out as more than 5,000 steps: %s',
    (source) => expect(() => compilePattern(source)).toThrow('repeats too much'),
  );

  it('matches no text that is longer than any identity', () => {
    expect(matched('a*', ['a'.repeat(4_096), 'a'.repeat(4_097)])).toEqual(['a'.repeat(4_096)]);
  });
});
