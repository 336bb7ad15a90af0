import { escapeHtml, escapeHtmlLines, textHtml } from '../../text/untrusted.ts';
import { bareNames } from './lists.ts';
import { logPage } from './outputs.ts';

// The pieces of a job summary and of a comment. It is HTML inside Markdown: inside an HTML block
// nothing is Markdown, so escaping is HTML's five characters and nothing else. A block ends at a
// blank line, and none of these pieces has one. There is no table: on a telephone its columns
// would not be seen.

/** Lines of one block; each is HTML. */
export function lines(...html: readonly string[]): string {
  return `<p>${html.filter((line) => line !== '').join('<br>')}</p>`;
}

/** Facts in one line, those that are not known left out. */
export function facts(...html: readonly (string | undefined)[]): string {
  return html.filter((fact) => fact !== undefined && fact !== '').join(' · ');
}

/** What is folded under a title; both are HTML. */
export function details(title: string, content: string, open = false): string {
  return [
    `<details${open ? ' open' : ''}>`,
    `<summary>${title}</summary>`,
    content,
    '</details>',
  ].join('\n');
}

/** An error as it is shown: one code, what happened, what to change. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  /** the chapter about the code */
  readonly page?: string | undefined;
}

/** What happened and what to change, with the images it happened to (HTML). */
export function errorBlock(
  error: ShownError,
  images: readonly string[] = [],
  more: readonly string[] = [],
): string {
  const head = `❌ <b>${prose(error.message)}</b> ${link(code(error.code), error.page)}`;
  // What was expected and found is what happened, though the advice begins with it.
  const [, difference = '', advice = ''] = /^(```text\n.*?\n```\n*)?(.*)$/s.exec(error.fix) ?? [];
  const found = difference === '' ? [] : [fixHtml(difference)];
  const fix = fixHtml(advice);
  const last = fix === '' ? [] : [fix.startsWith('<pre>') ? fix : `👉 ${fix}`];
  return `<blockquote>${[head, ...images, ...more, ...found, ...last].join('<br>')}</blockquote>`;
}

/** HTML with a link, where there is a page. */
export function link(html: string, page: string | undefined): string {
  return page === undefined ? html : `<a href="${escapeHtml(page)}">${html}</a>`;
}

/** Text that is to be read letter by letter. */
export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** Lines to copy. */
export function pre(text: string): string {
  return `<pre>${escapeHtmlLines(text)}</pre>`;
}

/** A digest as people recognise it; the whole one stands somewhere to be copied. */
export function shortDigest(digest: string | undefined): string | undefined {
  return digest === undefined ? undefined : code(digest.slice(0, 19));
}

/** The names of an image, the first with a link to where its registry shows it. */
export function namesHtml(
  references: readonly string[],
  image: string,
  page: string | undefined,
): string {
  const [first = image, ...others] = bareNames(references, image).map((name) => name.slice(0, 300));
  const shown = others.length > 8 ? others.slice(0, 8) : others;
  const more = others.length > 8 ? [`and ${others.length - 8} more`] : [];
  return [`<b>${link(code(first), page)}</b>`, ...shown.map(code), ...more].join('<br>');
}

/** "log entry 123" or "log entries 123, 124", with links where the log has a page for people. */
export function logEntries(
  signatures: readonly { readonly tlogIndex?: number; readonly logId?: string }[],
): string | undefined {
  const entries = signatures.filter(({ tlogIndex }) => tlogIndex !== undefined);
  if (entries.length === 0) return undefined;
  const links = entries.map((entry) => link(String(entry.tlogIndex), logPage(entry)));
  return `log ${links.length === 1 ? 'entry' : 'entries'} ${links.join(', ')}`;
}

/** A fix as HTML: fenced YAML becomes a `<pre>`, a marked difference lines that wrap. */
export function fixHtml(fix: string): string {
  const parts = fix.split('```').map((part, index) => {
    if (index % 2 === 0) return prose(part.trim());
    const [, language, text = ''] = /^(\w*)\n?(.*?)\n?$/s.exec(part) ?? [];
    return language === 'text' ? differenceHtml(text) : pre(text);
  });
  // Beside what is a block by itself there is no line to be broken.
  return parts
    .filter((part) => part !== '')
    .reduce((html, part) => `${html}${needsBreak(html, part) ? '<br>' : ''}${part}`, '');
}

function needsBreak(before: string, after: string): boolean {
  return before !== '' && !before.endsWith('</pre>') && !after.startsWith('<pre>');
}

/**
 * What was expected and what was found, and below them what differs. In a `<pre>` the end of a long
 * identity, where it differs most often, would not be seen on a telephone.
 */
function differenceHtml(text: string): string {
  const rows = text.split('\n');
  return rows
    .map((row, index) => {
      const [, name, value = ''] = /^(expected|found): +(.*)$/.exec(row) ?? [];
      if (name !== undefined) return `${name} ${code(value)}`;
      const before = rows.slice(Math.max(0, index - 2), index);
      return /^ *\^+$/.test(row) ? differing(before, row) : prose(row);
    })
    .join('<br>');
}

/** `expected: ` and `found:    ` */
const labelLength = 10;

/**
 * The part of both lines that the marks stand below, grown to whole names between separators; what
 * is before and behind it is the same in both.
 */
function differing(rows: readonly string[], marks: string): string {
  const values = rows.map((row) => [...row].slice(labelLength));
  const found = values.at(-1) ?? [];
  const isName = (character = '/') => !/[/@:]/.test(character);
  let start = marks.indexOf('^') - labelLength;
  while (start > 0 && isName(found[start - 1])) start--;
  let behind = found.length + labelLength - marks.length;
  while (behind > 0 && isName(found[found.length - behind])) behind--;
  const parts = values.map((value) =>
    value.slice(start, Math.max(start, value.length - behind)).join(''),
  );
  return `difference ${parts.map((part) => (part === '' ? '(nothing)' : `<b>${code(part)}</b>`)).join(' / ')}`;
}

/**
 * Sentences as HTML: what stands in backticks is code, and a line is a line. The lines are ours: a
 * stranger's text has none left when it comes into a sentence (`shown`).
 */
export function prose(text: string): string {
  return text
    .split(/\r\n|\n|\r/)
    .map(proseLine)
    .join('<br>');
}

function proseLine(line: string): string {
  const parts = line.split('`');
  return parts.map((part, index) => (index % 2 === 1 ? code(part) : textHtml(part))).join('');
}

/** GitHub drops a step's summary above 1 MiB. */
const mostBytes = 1_000_000;

/**
 * A job summary: the heading, the run in one sentence, and as much below them as fits.
 * @param verdict absent where something failed
 * @param sizes from the fullest to the smallest
 * @param blocks what is told at such a size, as Markdown
 */
export function summaryOf<Size>(
  head: string,
  verdict: string | undefined,
  sizes: readonly Size[],
  blocks: (size: Size) => readonly string[],
): string {
  const begin = [head, ...(verdict === undefined ? [] : [lines(`${prose(verdict)}.`)])];
  for (const size of sizes) {
    const text = [...begin, ...blocks(size)].join('\n\n');
    if (Buffer.byteLength(text) <= mostBytes) return text;
  }
  return `${head}\n\nThe details are too long for a summary: see output <code>results</code>.`;
}

/** The sizes of a summary of so many images: how many are told, and whether what is folded is, too. */
export const imageSizes = (
  images: number,
): readonly { readonly most: number; readonly folded: boolean }[] => [
  { most: images, folded: true },
  { most: images, folded: false },
  { most: 300, folded: false },
  { most: 30, folded: false },
];

/** What a summary leaves out. */
export function leftOut(count: number): readonly string[] {
  return count > 0 ? [lines(`… and ${count} more: see output <code>results</code>.`)] : [];
}

/** What a later step or a person copies; of one image in sight, of several folded. */
export function fullDigests(
  rows: readonly { readonly image: string; readonly digest?: string }[],
): readonly string[] {
  const images = rows.filter(({ digest }) => digest !== undefined).map(({ image }) => image);
  if (images.length === 0) return [];
  const text = pre(images.join('\n'));
  return [images.length === 1 ? text : details('Full digests, to copy', text)];
}
