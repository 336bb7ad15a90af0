import { shownInOneLine } from '../text/untrusted.ts';

/** What can be written: no dates, no undefined, no cycles. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [name: string]: Yaml };

/**
 * Writes YAML in block style that every reader of YAML 1.1 or 1.2 reads back to the same value.
 * Texts are plain only where no reader could take them for something else; of several lines they
 * are literal blocks where that is safe, else quoted and escaped to ASCII.
 * @param comments one line each, put in front
 */
export function yamlText(value: Yaml, comments: readonly string[] = []): string {
  const head = comments.map((line) => `# ${shownInOneLine(line, 4000)}`.trimEnd());
  return [...head, ...block(value, '')].map((line) => `${line}\n`).join('');
}

/**
 * A text as a value of one line in block style. A path or an address needs no quotes: it is nothing
 * but text to every reader of YAML.
 */
export function yamlLine(text: string): string {
  return /^[A-Za-z0-9][\w.+-]*(?:\/|:\/\/)[\w./@:+-]*[\w/]$/.test(text) ? text : scalar(text);
}

function block(value: Yaml, indent: string): string[] {
  if (typeof value === 'object' && isEmpty(value))
    return [`${indent}${isList(value) ? '[]' : '{}'}`];
  if (isList(value)) return value.flatMap((item) => listItem(item, indent));
  if (typeof value !== 'object') return [`${indent}${scalar(value)}`];
  return Object.entries(value).flatMap(([name, child]) =>
    field(`${indent}${scalar(name)}:`, child, indent),
  );
}

/** The first line of what is inside stands behind the dash. */
function listItem(value: Yaml, indent: string): string[] {
  if (typeof value !== 'object' || isEmpty(value)) return field(`${indent}-`, value, indent);
  const [first = '', ...rest] = block(value, `${indent}  `);
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

function field(head: string, value: Yaml, indent: string): string[] {
  if (typeof value === 'string' && isPlainLines(value)) {
    return [
      `${head} |`,
      ...value
        .slice(0, -1)
        .split('\n')
        .map((line) => `${indent}  ${line}`),
    ];
  }
  if (typeof value !== 'object') return [`${head} ${scalar(value)}`];
  if (isEmpty(value)) return [`${head} ${isList(value) ? '[]' : '{}'}`];
  return [head, ...block(value, `${indent}  `)];
}

/** Lines like those of a PEM: no line starts with a space, none is empty, and the last one ends. */
function isPlainLines(text: string): boolean {
  return /^(?:[!-~][ -~]*\n){2,}$/.test(text);
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  return isPlain(value) ? value : quoted(value);
}

/** Words of YAML 1.1, and what its readers take for a number: `E0` is a float without digits. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf|e[-+]?\d+)$/i;

function isPlain(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_./-]*$/.test(text) && !reserved.test(text);
}

/**
 * JSON is YAML but for what is not printable there; beyond ASCII everything is escaped, characters
 * of two halves as one.
 */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value);
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
