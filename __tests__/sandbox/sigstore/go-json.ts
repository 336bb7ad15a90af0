/** Go's name for the kind of a JSON value. */
export const goKind = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

/** Go's name for the type that a JSON value gets where any is taken. */
export const goType = (value: unknown): string =>
  Array.isArray(value)
    ? '[]interface {}'
    : typeof value === 'number'
      ? 'json.Number'
      : goKind(value);

/** Go's words for JSON that is none. What stops in the middle is told apart from what is wrong. */
export function goSyntaxError(text: string, error: string): string {
  const position = Number(/at position (\d+)/.exec(error)?.[1] ?? Number.NaN);
  if (/Unexpected end|Unterminated/.test(error) || position >= text.trimEnd().length)
    return 'unexpected EOF';
  const literal = ['null', 'true', 'false'].find((word) => word[0] === text[0]) ?? '';
  const matching = [...literal].findIndex((letter, i) => text[i] !== letter);
  if (matching > 0)
    return `invalid character '${text[matching]}' in literal ${literal} (expecting '${literal[matching]}')`;
  return `invalid character '${text[Number.isNaN(position) ? 0 : position]}' looking for beginning of value`;
}
