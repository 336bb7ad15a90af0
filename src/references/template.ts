import { type ImageUse, imageUse, unresolved } from './image-use.ts';

const render = 'render it and give the result, for example of `helm template`';
const longestLine = 4000;
const key =
  /(?<![\w.-])["']?(?:image|imageName|repository|[a-z]\w{0,60}Image)["']?\s{0,40}:(?=\s|$)/g;

/**
 * The images of a template that is no YAML until it is rendered: fields `image`, `imageName`,
 * `…Image`, `repository`. A value that stands on the field's own line, without a template action in
 * it, is an image; everything else is unresolved. What other templates put in is not seen.
 */
export function readTemplate(text: string): readonly ImageUse[] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, index): readonly ImageUse[] => {
    if (/^\s*#/.test(line)) return [];
    if (line.length > longestLine)
      return [
        unresolved(
          index + 1,
          line.slice(0, 40),
          `stands in a line of a template that has more than ${longestLine} characters`,
        ),
      ];
    // A key in escapes would not be found.
    if (/\\[xuU][0-9a-fA-F]{2}|^\s*-?\s*\?\s/.test(line))
      return [unresolved(index + 1, line.trim(), `stands in a template; ${render}`)];
    return [...line.matchAll(key)].flatMap((match) => readField(line, match, index + 1, lines));
  });
}

function readField(
  line: string,
  { 0: field, index }: RegExpExecArray,
  number: number,
  lines: readonly string[],
): readonly ImageUse[] {
  const value = withoutComment(line.slice(index + field.length));
  if (value.includes('{{'))
    return [unresolved(number, value.replace(/^(["'])(.*)\1$/, '$2'), `is a template; ${render}`)];
  if (value === '')
    return startsMap(lines.slice(number, number + 20))
      ? []
      : [unresolved(number, field, `has its value on another line of a template; ${render}`)];
  const own = /^\s*(?:-\s+)?$/.test(line.slice(0, index));
  const plain = /^(["']?)([^"'{}[\],|>&*!?\s]+)\1$/.exec(value)?.[2];
  // A map in braces: its fields are found by themselves.
  if (/^\{/.test(value)) return [];
  if (!own || plain === undefined || field.includes('repository'))
    return [unresolved(number, value, `stands in a template; ${render}`)];
  return [imageUse(number, plain)];
}

/** True where the next line with something in it is a field, a template action or the end. */
function startsMap(next: readonly string[]): boolean {
  const line = next.find((each) => each.trim() !== '' && !/^\s*#/.test(each));
  return line === undefined || /:(\s|$)|^\s*\{\{/.test(line);
}

function withoutComment(text: string): string {
  return text.replace(/(^|\s)#.*$/, '').trim();
}
