import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { matches } from '../../src/signature/matcher.ts';
import { compilePattern } from '../../src/signature/pattern.ts';

describe('compilePattern', () => {
  it.each([
    ['https://github\\.com/acme/[\\w.-]+/.+', 'https://github.com/acme/app/x'],
    ['^https://github.com/acme/.*$', 'https://github.com/acme/app'],
    ['a|b', 'b'],
    ['(?<owner>acme)/app', 'acme/app'],
  ])('takes %s', (text, whole) => {
    expect(matches({ pattern: compilePattern(text) }, whole)).toBe(true);
    expect(matches({ pattern: compilePattern(text) }, `x${whole}`)).toBe(false);
    expect(matches({ pattern: compilePattern(text) }, `${whole}\n`)).toBe(false);
  });

  it.each([
    ['', 'is empty'],
    ['a'.repeat(2001), 'has more than 2000 characters'],
    ['a\nb', 'has control characters'],
    ['(', 'is not a regular expression (Unterminated group)'],
    ['a)(b', "is not a regular expression (Unmatched ')')"],
    ['a\\_b', 'is not a regular expression (Invalid escape)'],
    ['[b-a]', 'is not a regular expression (Range out of order in character class)'],
    ['(?P<go>a)', 'is not a regular expression (Invalid group)'],
  ])('refuses %j', (text, why) => expect(() => compilePattern(text)).toThrow(why));
});

/**
 * Milliseconds that this thread has computed: what other processes take on a busy machine does not
 * count.
 */
function computed(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

describe('a pattern that backtracks without end', () => {
  const evil = `${'a'.repeat(200)}!`;

  it.each(['(a+)+', '(a|a)*', '(a*)*b', 'a*a*a*a*a*a*a*a*b'])(
    'ends soon, and is no match: %s',
    (text) => {
      const pattern = compilePattern(text);
      const began = computed();
      expect(() => matches({ pattern }, evil)).toThrow(
        `The pattern /^(?:${text.replaceAll('/', '\\/')})$/ takes too long`,
      );
      expect(computed() - began).toBeLessThan(2_000);
      expect(matches({ pattern }, 'aaaa')).toBe(!text.endsWith('b'));
    },
  );

  it('is given up after a while, however many identities it is held against', () => {
    const pattern = compilePattern('(a+)+');
    const began = computed();
    for (let index = 0; index < 1_000; index++)
      expect(() => matches({ pattern }, `${index % 7}`.padStart(60, 'a') + index)).toThrow(
        'too long',
      );
    expect(computed() - began).toBeLessThan(5_000);
  });
});

describe('an honest pattern', () => {
  it('is held against very many identities', () => {
    const pattern = compilePattern('https://github\\.com/acme/.*');
    for (let index = 0; index < 3_000; index++)
      expect(matches({ pattern }, `https://github.com/acme/app-${index}`)).toBe(true);
  });

  it.skipIf(process.platform === 'win32')(
    'is not called slow because the process was stopped for a while',
    async () => {
      const child = execFile(process.execPath, [join(import.meta.dirname, 'pattern-process.ts')]);
      let said = '';
      child.stderr?.on('data', (chunk) => (said += chunk));
      const ended = once(child, 'close');
      await once(child.stdout ?? child, 'data');
      for (let times = 0; times < 4; times++) {
        await wait(50);
        child.kill('SIGSTOP');
        await wait(600);
        child.kill('SIGCONT');
      }
      expect({ code: (await ended)[0], said }).toEqual({ code: 0, said: '' });
    },
  );
});
