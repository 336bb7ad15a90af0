// Error bodies, names and claims come from registries, logs and tokens. The runner reads workflow
// commands from what we print, terminals read escape sequences, GitHub renders HTML: each place
// gets text that is only text.

/**
 * C0 and C1 controls, and the Unicode characters that are invisible or turn the direction of the
 * line (Trojan Source, CVE-2021-42574).
 */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * One line of plain text: what cannot be seen is written as `\u001b`, and nothing in it is a
 * workflow command any more. The runner takes `::name::` at the start of a line (after white space)
 * and the older `##[name]` anywhere in it.
 */
export function cleanLine(text: string, maxLength = 4000): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut
    .replace(
      unprintable,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/^(\s*):(?=:)/, '$1: ')
    .replaceAll('##[', '## [');
}

/** Several lines of plain text, each one as `cleanLine` makes it; at most `maxLines`. */
export function cleanText(text: string, maxLines = 60): string {
  const lines = text.split(/\r\n|\n|\r/);
  const kept = lines.slice(0, maxLines).map((line) => cleanLine(line.replaceAll('\t', '  ')));
  return (lines.length > maxLines ? [...kept, '…'] : kept).join('\n');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** One line of text for HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string, maxLength = 4000): string {
  return cleanLine(text, maxLength).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/**
 * Several lines for a `<pre>`. Lines of white space become the entity of a space: in Markdown a
 * blank line ends an HTML block, and what follows would be read as Markdown again.
 */
export function escapeHtmlLines(text: string): string {
  return cleanText(text, 400)
    .split('\n')
    .map((line) => (line.trim() === '' ? '&#32;' : escapeHtml(line)))
    .join('\n');
}
