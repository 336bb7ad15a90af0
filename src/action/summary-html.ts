import { escapeHtml, escapeHtmlLines, textHtml } from '../text/untrusted.ts';

// The pieces of a job summary. It is HTML inside Markdown: inside an HTML block nothing is
// Markdown, so escaping is HTML's five characters and nothing else. A block ends at a blank line,
// and none of these pieces has one.

/** A table; the cells are HTML. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return ['<table>', line(head, 'th'), ...rows.map((cells) => line(cells, 'td')), '</table>'].join(
    '\n',
  );
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

/** What happened and what to change, with the images it happened to (HTML). */
export function errorBlock(
  error: { readonly code: string; readonly message: string; readonly fix: string },
  images: readonly string[] = [],
): string {
  const lines = [
    `❌ <b>${prose(error.message)}</b> ${code(error.code)}`,
    ...images,
    `👉 ${fixHtml(error.fix)}`,
  ];
  return `<blockquote>${lines.join('<br>')}</blockquote>`;
}

/** Text that is to be read letter by letter. */
export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** Lines to copy. */
export function pre(text: string): string {
  return `<pre>${escapeHtmlLines(text)}</pre>`;
}

/**
 * A digest that may be broken in the middle: whole, it would push the other columns out of sight.
 */
export function digestHtml(digest: string): string {
  return `<code>${escapeHtml(digest.slice(0, 39))}<wbr>${escapeHtml(digest.slice(39))}</code>`;
}

/** "1 image", "2 images" */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A fix as HTML: fenced YAML becomes a `<pre>`. */
export function fixHtml(fix: string): string {
  const parts = fix.split('```');
  return parts
    .map((part, index) =>
      index % 2 === 1 ? pre(part.replace(/^\w*\n/, '').replace(/\n$/, '')) : prose(part.trim()),
    )
    .join('');
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
