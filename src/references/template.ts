import { commentsIn } from '../text/yaml.ts';
import { mapsIn, type UnreadableYaml, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

const render = 'render it and give the result, for example of `helm template`';
const longestLine = 4000;
const key =
  /(?<![\w.-])["']?(?:image|imageName|repository|[a-z]\w{0,60}Image)["']?\s{0,40}:(?=\s|$)/g;

/** GitHub's `${{ }}` is no action of a template. */
function hasAction(text: string): boolean {
  return /(?<!\$)\{\{/.test(text);
}

/** True for a text with actions under a name that may be a template's. */
export function isTemplate(name: string, text: string): boolean {
  return /\.(ya?ml|json|tpl|tmpl|gotmpl|j2)$/i.test(name) && hasAction(text);
}

/** True where Helm and others look for templates: they render comments as well. */
export function isTemplatePlace(path: string): boolean {
  return /(^|\/)templates\/|\.(tpl|tmpl|gotmpl|j2)$/i.test(path);
}

/**
 * Helm also renders keys and comments: `image{{/* x *\/}}: evil` is another key, and a comment can
 * go on in a line that an action prints.
 * @param what a document, for its keys; a text, for its comments
 */
export function actionsOutside(what: YamlNode | string): readonly ImageUse[] {
  const found =
    typeof what === 'string'
      ? [...commentsIn(what)]
      : [...mapsIn(what)].flatMap(({ map }) =>
          [...map].map(([text, { line }]) => ({ line, text })),
        );
  return found
    .filter(({ text }) => hasAction(text))
    .map(({ line, text }) => unresolved(line, text, `is made by a template; ${render}`));
}

/**
 * A template that is no YAML until it is rendered. What its actions print is not known, a whole
 * container perhaps, so the file is unresolved; and with it the fields that visibly name an image,
 * at the lines where a person looks for them. A value without an action in it, on its field's own
 * line, is an image all the same.
 * @param why it is no YAML
 */
export function readTemplate(text: string, why: UnreadableYaml): readonly ImageUse[] {
  const lines = text.split(/\r?\n/);
  const fields = readFields(lines);
  const { at, what } = reason(lines, why);
  return fields.some((use) => 'why' in use && use.line === at)
    ? fields
    : [unresolved(at, (lines[at - 1] ?? '').trim(), `${what}; ${render}`), ...fields];
}

/** The line of an action that makes structure, or what else is wrong. */
function reason(lines: readonly string[], why: UnreadableYaml): { at: number; what: string } {
  const what = 'is a template, which may print keys and structure here';
  if (hasAction(lines[why.line - 1] ?? '')) return { at: why.line, what };
  const first = lines.findIndex((line) => /^\s*(?:-\s+)?\{\{/.test(line));
  return first < 0 ? { at: why.line, what: why.message } : { at: first + 1, what };
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
    if (/\\[xuU][0-9a-fA-F]{2}|^\s*(?:-\s*)?\?\s/.test(line))
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
