/** What a reader sees of a block of HTML in Markdown: its lines, without tags. */
export function plainLines(html: string): readonly string[] {
  return html
    .replace(/<(?:br|\/p|\/summary|\/pre|\/blockquote|\/details)>|<pre>/g, '\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => entities[name] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
};
