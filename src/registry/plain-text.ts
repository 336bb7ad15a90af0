/**
 * What a registry wrote, as a part of one line of a log: no control, invisible or
 * direction-changing character, nothing that the runner takes for a workflow command (`::name::`,
 * and the older `##[name]`, which counts anywhere in a line), at most `most` characters.
 */
export function plainText(text: string, most: number): string {
  const line = text
    .slice(0, most * 4)
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll('##[', '## [')
    .replace(/:(?=:)/g, ': ')
    .trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
