import { shown } from './untrusted.ts';

/**
 * A JSON text that was read, or a phrase that says why it was not ("it is not JSON", "it is nested
 * deeper than 32 levels").
 */
export type JsonReading = { readonly value: unknown } | { readonly problem: string };

/**
 * Lists, objects and keys that one text may hold. A list of ten thousand signatures with all their
 * annotations has half as many; four megabytes of `{},{},…` would become hundreds of memory.
 */
const usualParts = 250_000;
/** Numbers with an unusual spelling (`1.0`, 20 digits); documents about images have none. */
const mostOddNumbers = 1_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/**
 * Node 24 has both halves of "JSON.parse source text access" (ECMA-262, 2025); TypeScript's es2024
 * library does not know them yet.
 */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/**
 * Reads JSON that a stranger wrote, so that every careful reader sees the same in it. Besides RFC
 * 8259 it refuses a repeated key (two readers may each take another of the two values), half of a
 * surrogate pair (Go replaces it; RFC 7493), nesting deeper than `maxDepth` (later recursion would
 * overflow the stack), and more parts than any honest text has. Depth and parts are counted before
 * anything is built: a parser takes a hundred bytes of memory for one of text. Bytes must be UTF-8
 * without a byte order mark. The caller bounds the size. Never throws.
 * @param keepNumbers numbers that a double cannot hold or spells otherwise become what
 * `JSON.stringify` writes as they were read
 * @param mostParts lists, objects and keys, where an honest text may have more than most
 */
export function readJson(
  source: string | Uint8Array,
  maxDepth: number,
  { keepNumbers = false, mostParts = usualParts } = {},
): JsonReading {
  const text = textOf(source);
  if (text === undefined) return { problem: 'it is not UTF-8 text' };
  const mostOdd = keepNumbers ? mostOddNumbers : Number.POSITIVE_INFINITY;
  const survey = surveyOf(text, { maxDepth, mostOdd, mostParts });
  if ('problem' in survey) return survey;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold anything.
    return { problem: 'it is not JSON' };
  }
  // An object that has lost a key had it twice.
  if (keysIn(value) !== survey.keys)
    return { problem: `the key ${repeatedKey(text)} stands in one object twice` };
  if (survey.escapesSurrogates && !isWellFormed(value))
    return { problem: 'it holds half of a surrogate pair' };
  return keepNumbers && survey.oddNumbers > 0 ? { value: JSON.parse(text, asWritten) } : { value };
}

/** True for a JSON object: not an array, not null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text that some bytes are in UTF-8, without a byte order mark; undefined for others. */
export function textOf(source: string | Uint8Array): string | undefined {
  try {
    const text = typeof source === 'string' ? source : utf8.decode(source);
    return text.isWellFormed() ? text : undefined;
  } catch {
    return undefined;
  }
}

interface Survey {
  readonly keys: number;
  readonly oddNumbers: number;
  readonly escapesSurrogates: boolean;
}

const [quote, colon, openObject, openList, closeObject, closeList] = [...'":{[}]'].map(
  (character) => character.charCodeAt(0),
);

/**
 * What is outside of the strings of a text, which may be no JSON at all. One pass, and nothing is
 * kept: this is what stands between a hostile text and the parser.
 */
function surveyOf(
  text: string,
  limits: { readonly maxDepth: number; readonly mostOdd: number; readonly mostParts: number },
): Survey | { readonly problem: string } {
  const { maxDepth, mostOdd, mostParts } = limits;
  const counted = { keys: 0, oddNumbers: 0 };
  let depth = 0;
  let containers = 0;
  for (let position = 0; position < text.length; position++) {
    const code = text.charCodeAt(position);
    if (code === quote) position = endOfString(text, position) - 1;
    else if (code === colon) counted.keys++;
    else if (code === openObject || code === openList) {
      containers++;
      if (++depth > maxDepth) return { problem: `it is nested deeper than ${maxDepth} levels` };
    } else if (code === closeObject || code === closeList) depth--;
    else if (isNumeric(code)) {
      const end = endOfNumber(text, position);
      if (end > position + 1 && isOdd(text.slice(position, end))) counted.oddNumbers++;
      position = end - 1;
    }
    if (containers + counted.keys > mostParts)
      return { problem: `it holds more than ${mostParts} lists, objects and keys` };
    if (counted.oddNumbers > mostOdd)
      return { problem: `it holds more than ${mostOdd} numbers of unusual form` };
  }
  return { ...counted, escapesSurrogates: /\\u[dD][89a-fA-F]/.test(text) };
}

/**
 * The next quote that is not escaped: one after an even number of backslashes. Most of a signature
 * is long strings without any.
 */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    if (at < 0) return text.length; // not in JSON
    let before = at - 1;
    while (text[before] === '\\') before--;
    if ((at - before) % 2 === 1) return at + 1;
  }
}

/** A digit or `-`: what a number begins with. */
const isNumeric = (code: number) => (code >= 0x30 && code <= 0x39) || code === 0x2d;

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while ('0123456789+-.eE'.includes(text[end] ?? ' ')) end++;
  return end;
}

const isOdd = (number: string) => String(Number(number)) !== number;

function asWritten(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && isOdd(source)
    ? rawJSON(source)
    : value;
}

/** How many keys all objects of a value have. Recursion is bounded: the survey came first. */
function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += keysIn(item);
    return keys;
  }
  for (const name in value) keys += 1 + keysIn((value as Record<string, unknown>)[name]);
  return keys;
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, item]) => name.isWellFormed() && isWellFormed(item));
}

/** The first key that an object of well-formed JSON has twice, for a message. */
function repeatedKey(text: string): string {
  const open: (Set<string> | undefined)[] = [];
  for (let position = 0; position < text.length; position++) {
    const character = text[position];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, position);
      const keys = open.at(-1);
      if (keys !== undefined && nextVisible(text, end) === ':') {
        const key: string = JSON.parse(text.slice(position, end));
        if (keys.has(key)) return `"${shown(key, 60)}"`;
        keys.add(key);
      }
      position = end - 1;
    }
  }
  return 'of a name that cannot be told';
}

function nextVisible(text: string, from: number): string | undefined {
  return text[afterSpace(text, from)];
}

/** The next place that is no space of JSON's. */
export function afterSpace(text: string, from: number): number {
  let position = from;
  while (' \t\n\r'.includes(text[position] ?? 'x')) position++;
  return position;
}
