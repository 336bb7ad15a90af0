// Error bodies, names and claims come from registries, logs, tokens, files and certificates. The
// runner reads workflow commands from what we print, terminals read escape sequences, GitHub
// renders HTML and makes links of mentions. This file is the one rule for such text, and every
// place that shows some uses it: each gets text that is only text, and nothing in it is invisible.

/**
 * What a reader cannot see, or sees as something else: controls (C0, C1), format characters (the
 * bidirectional ones of Trojan Source, CVE-2021-42574; tags; zero-width ones), private use,
 * unassigned, halves of surrogate pairs, line separators, spaces other than the ordinary one, what
 * Unicode lets a renderer ignore (variation selectors, fillers), the blank of Braille, and marks
 * that pile up over other lines.
 */
const hidden = /[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]--[ ]]|(?<=\p{M}{4})\p{M}/gv;

/** Controls, separators of lines, what turns the direction of a line, halves of pairs. */
const lineBreaking = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/v;

/** True for text with a character that a reader cannot see, or sees as something else. */
export function hasHidden(text: string): boolean {
  return text.search(hidden) >= 0;
}

/**
 * True for text that breaks out of its line, or turns it round: no name has a reason to, so it is
 * refused where it can be. A narrower rule than `hasHidden`, as names of branches may hold an
 * emoji with its variation selector.
 */
export function breaksLine(text: string): boolean {
  return lineBreaking.test(text);
}

/**
 * A value letter by letter, as a part of one line: what cannot be seen is written as `\u001b` or
 * `\u{e0041}`, and nothing in it is a workflow command. The runner takes `::name::` at the start of
 * a line (after white space) and the older `##[name]` anywhere in it.
 * @param most characters (UTF-16) that are taken; `…` stands for the rest
 */
export function shown(text: string, most = 300): string {
  return withoutCommands(cut(text, most).replace(hidden, escaped));
}

/**
 * What somebody wrote for people (the message of a server or a parser), as a part of one line: as
 * `shown`, but a run of white space is one space.
 */
export function shownInOneLine(text: string, most = 300): string {
  return shown(
    text
      .slice(0, most * 4)
      .replace(/[\s\u0085]+/g, ' ')
      .trim(),
    most,
  );
}

/** Several lines, each one as `shown` makes it (at most 4,000 characters); at most `mostLines`. */
export function shownLines(text: string, mostLines = 60): string {
  const lines = text.split(/\r\n|\n|\r/);
  const kept = lines.slice(0, mostLines).map((line) => shown(line.replaceAll('\t', '  '), 4000));
  return (lines.length > mostLines ? [...kept, '…'] : kept).join('\n');
}

/** The message of anything caught, as `shownInOneLine` makes it. */
export function shownMessage(caught: unknown, most = 300): string {
  return shownInOneLine(caught instanceof Error ? caught.message : String(caught), most);
}

function cut(text: string, most: number): string {
  // Not between the two halves of a character.
  return text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}

function withoutCommands(line: string): string {
  return line.replace(/^( *):(?=:)/, '$1: ').replaceAll('##[', '## [');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * One line of text for HTML in a quoted attribute, `<code>` or `<pre>`. In running text use
 * `textHtml`: GitHub makes links there.
 */
export function escapeHtml(text: string, most = 4000): string {
  return shown(text, most).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/**
 * Several lines for a `<pre>`. Lines of white space become the entity of a space: in Markdown a
 * blank line ends an HTML block, and what follows would be read as Markdown again.
 */
export function escapeHtmlLines(text: string): string {
  return shownLines(text, 400)
    .split('\n')
    .map((line) => (line.trim() === '' ? '&#32;' : escapeHtml(line)))
    .join('\n');
}

/**
 * The words of which GitHub makes a mention, a link, an emoji or a formula: `@name`, `#12`,
 * `GH-12` (and other trackers' `ABC-12`), seven to forty hexadecimal digits, addresses, `:name:`,
 * `$…$`.
 */
const linked = /[@#$]|:\/\/|\bwww\.|[a-z]-\d|\b[0-9a-f]{7,}\b|:[\w+-]+:|\b(?:mailto:|xmpp:|GHSA-)/i;

/**
 * One line of running text for HTML. A word of which GitHub would make a link or call somebody
 * stands in `<code>`, into which GitHub does not look. An empty comment or a zero-width space
 * inside the word would depend on the order in which GitHub cleans and links, or be copied.
 */
export function textHtml(text: string, most = 4000): string {
  return shown(text, most)
    .split(/([ "'()<>,;]+)/)
    .map((word, index) =>
      index % 2 === 0 && linked.test(word) ? codeWord(word) : escapeHtml(word),
    )
    .join('');
}

/** The full stop of a sentence is no part of the word. */
function codeWord(word: string): string {
  const [, inner = '', end = ''] = /^(.*?)([.:!?…]*)$/.exec(word) ?? [];
  return `<code>${escapeHtml(inner)}</code>${end}`;
}
