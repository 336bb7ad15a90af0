import { type ImageUse, imageUse, unresolved } from './image-use.ts';

const render = 'render it and give the result, for example of `helm template`';
const longestLine = 4000;
const key =
  /(?<![\w.-])["']?(?:image|imageName|repository|[a-z]\w{0,60}Image)["']?\s{0,40}:(?=\s|$)/g;

/**
 * A template that is no YAML until it is rendered. What its actions print is not known, a whole
 * container perhaps, so the file is unresolved; and with it the fields that visibly name an image,
 * at the lines where a person looks for them. A value without an action in it, on its field's own
 * line, is an image all the same.
 * @param at a line that is no YAML
 * @param why it is not, as the end of a sentence
 */
export function readTemplate(text: string, at: number, why: string): readonly ImageUse[] {
  const lines = text.split(/\r?\n/);
  const fields = readFields(lines);
  return fields.some((use) => 'why' in use && use.line === at)
    ? fields
    : [unresolved(at, (lines[at - 1] ?? '').trim(), `${why}; ${render}`), ...fields];
}

function readFields(lines: readonly string[]): readonly ImageUse[] {
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
