import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  breaksLine,
  escapeHtml,
  escapeHtmlLines,
  hasHidden,
  shown,
  shownInOneLine,
  shownLines,
  shownMessage,
  textHtml,
} from '../../src/text/untrusted.ts';
import { anyText } from '../any-text.ts';

/** Any UTF-16, with halves of pairs, and often what is hidden or a command. */
const hostileText = fc
  .array(
    fc.oneof(
      anyText,
      fc.constantFrom('::', ':', '##[', '#', '[', '\n', '\r', ' ', '\t', '@name', 'GH-12', '<b>'),
      fc.constantFrom('\u200b', '\u202e', '\u{e0041}', '\ufe0f', '\ud800', '\udc00', '\u180e', '&'),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

describe('a value in one line', () => {
  it.each([
    ['plain text', 'Größe 5 – ok: :: 日本 ✓', 'Größe 5 – ok: :: 日本 ✓'],
    ['a terminal escape', '\u001b[31mred\u009b0m', '\\u001b[31mred\\u009b0m'],
    ['line breaks', 'a\nb\u0085c\u2028d\re', 'a\\u000ab\\u0085c\\u2028d\\u000de'],
    ['text that runs backwards', 'abc\u202edef\u2066g', 'abc\\u202edef\\u2066g'],
    ['the mark of Arabic letters', 'a\u061cb', 'a\\u061cb'],
    ['zero-width characters', 'a\u200bb\ufeffc\u2060', 'a\\u200bb\\ufeffc\\u2060'],
    ['a vowel separator of Mongolian', 'a\u180eb', 'a\\u180eb'],
    ['tags', 'a\u{e0041}\u{e007f}b', 'a\\u{e0041}\\u{e007f}b'],
    ['variation selectors', 'a\ufe0fb\u{e0100}', 'a\\ufe0fb\\u{e0100}'],
    ['fillers that look like nothing', '\u3164\u115f\u2800\u034f', '\\u3164\\u115f\\u2800\\u034f'],
    ['private use', '\ue000\u{10fffd}', '\\ue000\\u{10fffd}'],
    ['halves of pairs', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
    ['no character', '\ufdd0\uffff', '\\ufdd0\\uffff'],
    ['spaces that are none of ASCII', 'a\u00a0b\u3000', 'a\\u00a0b\\u3000'],
    ['marks that pile up', `a${'\u0301'.repeat(6)}`, `a${'\u0301'.repeat(4)}\\u0301\\u0301`],
    ['a command', '::error::x', ': :error::x'],
    ['a command after spaces', '  ::error::x', '  : :error::x'],
    ['a command after a tab', '\t::error::x', '\\u0009::error::x'],
    ['an old command', 'x ##[error]y', 'x ## [error]y'],
    ['too much', 'x'.repeat(400), `${'x'.repeat(300)}…`],
    ['too much, with a pair at the cut', `${'x'.repeat(299)}😀y`, `${'x'.repeat(299)}…`],
  ])('%s', (_, text, expected) => expect(shown(text)).toBe(expected));

  it('has nothing that is hidden and no command, whatever it was', () =>
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 60 }), (text, most) => {
        for (const line of [shown(text, most), shownInOneLine(text, most), shownMessage(text)]) {
          expect(hasHidden(line)).toBe(false);
          expect(line.isWellFormed()).toBe(true);
          expect(line).not.toMatch(/^\s*::|##\[/);
        }
      }),
    ));

  it('is the same when it is cleaned again', () =>
    fc.assert(
      fc.property(hostileText, (text) => {
        const once = shown(text, 4000);
        expect(shown(once, 40_000)).toBe(once);
      }),
    ));
});

it.each([
  ['denied: no\nright', 'denied: no right'],
  [' a \t\r\n\u00a0 b ', 'a b'],
  ['\n::add-mask::x', ': :add-mask::x'],
  ['evil\u202etxt.exe', 'evil\\u202etxt.exe'],
  ['x'.repeat(50), `${'x'.repeat(20)}…`],
])('what a server wrote, %j, is %j in one line', (text, expected) =>
  expect(shownInOneLine(text, 20 + (text.length === 50 ? 0 : 100))).toBe(expected),
);

it('many lines are bounded', () =>
  expect(shownLines('x\n'.repeat(1000)).split('\n')).toHaveLength(61));

it.each([
  ['a\nb', true],
  ['a\u202eb', true],
  ['a\ud800', true],
  ['⚠\ufe0f deploy', false],
  ['refs/heads/größe', false],
])('%j breaks its line: %s', (text, expected) => expect(breaksLine(text)).toBe(expected));

describe('in HTML', () => {
  it('is text', () =>
    expect(escapeHtml('<img src=x onerror="a">&\'`|\n\n# b')).toBe(
      '&lt;img src=x onerror=&quot;a&quot;&gt;&amp;&#39;`|\\u000a\\u000a# b',
    ));

  it('in a <pre> never has a blank line, after which Markdown would begin', () =>
    expect(escapeHtmlLines('a\n\n \t\n<b>')).toBe('a\n&#32;\n&#32;\n&lt;b&gt;'));

  const sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
  it.each([
    ['a sentence: it is 5 - 3, "quoted".', 'a sentence: it is 5 - 3, &quot;quoted&quot;.'],
    ['by @acme/team.', 'by <code>@acme/team</code>.'],
    [
      'fixes #12, GH-12 and (gh-7)',
      'fixes <code>#12</code>, <code>GH-12</code> and (<code>gh-7</code>)',
    ],
    ['see acme/app#1', 'see <code>acme/app#1</code>'],
    [`at ${sha}`, `at <code>${sha}</code>`],
    ['at acme/app@da39a3e', 'at <code>acme/app@da39a3e</code>'],
    ['https://evil.example/x?a=1&b', '<code>https://evil.example/x?a=1&amp;b</code>'],
    ['www.evil.example', '<code>www.evil.example</code>'],
    ['mailto:a@b.example', '<code>mailto:a@b.example</code>'],
    ['<https://x.example>', '&lt;<code>https://x.example</code>&gt;'],
    ['JIRA-77 :tada: $x^2$', '<code>JIRA-77</code> <code>:tada</code>: <code>$x^2$</code>'],
  ])('%j makes no link', (text, html) => expect(textHtml(text)).toBe(html));

  it('calls and links nothing, whatever it was', () =>
    fc.assert(
      fc.property(hostileText, (text) => {
        const outside = textHtml(text)
          .replace(/<code>[^<]*<\/code>/g, ' ')
          .replace(/&(?:amp|lt|gt|quot|#39);/g, ' ');
        expect(outside).not.toMatch(/[@#<>]|GH-\d|:\/\/|\b[0-9a-f]{7,}\b/i);
      }),
    ));
});

it('is a rule in one place: no other file lists what cannot be seen', async () => {
  const own: string[] = [];
  for await (const file of glob('src/**/*.ts')) {
    const lists = /\\p\{(?:C[fosn]?\}|Z[lps]?\}|Default_Ignorable|Bidi)|\\u(?:200b|202[ae])/i;
    if (lists.test(readFileSync(file, 'utf8'))) own.push(file.replaceAll('\\', '/'));
  }
  // Controls alone (`\p{Cc}`) are refused in inputs by others, and not shown.
  expect(own).toEqual(['src/text/untrusted.ts']);
});
