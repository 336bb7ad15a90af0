import { shown } from '../text/untrusted.ts';
/**
 * A JSON text that was read, or a phrase that says why it was not ("it is not JSON", "it is nested
 * deeper than 32 levels").
 */
export type JsonReading = { readonly value: unknown } | { readonly problem: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads JSON that a stranger wrote. Besides RFC 8259 it refuses a repeated key (two readers may
 * each take another of the two values and so see two different documents) and nesting deeper than
 * `maxDepth` (later recursion would overflow the stack). Bytes must be UTF-8 without a byte order
 * mark. The caller bounds the size. Never throws.
 */
export function readJson(source: string | Uint8Array, maxDepth: number): JsonReading {
  let text: string;
  try {
    text = typeof source === 'string' ? source : utf8.decode(source);
  } catch {
    return { problem: 'it is not UTF-8 text' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold anything.
    return { problem: 'it is not JSON' };
  }
  const problem = structureProblem(text, maxDepth);
  return problem === undefined ? { value } : { problem };
}

/** True for a JSON object: not an array, not null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Walks text that is known to be well-formed; a loop, because recursion is what a deep document
 * attacks.
 */
function structureProblem(text: string, maxDepth: number): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let position = 0;
  while (position < text.length) {
    const character = text[position];
    if (character === '"') {
      const end = endOfString(text, position);
      const keys = open.at(-1);
      if (keys !== undefined && nextVisible(text, end) === ':') {
        const key: string = JSON.parse(text.slice(position, end));
        if (keys.has(key)) return `the key "${shown(key, 60)}" stands in one object twice`;
        keys.add(key);
      }
      position = end;
      continue;
    }
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    if (open.length > maxDepth) return `it is nested deeper than ${maxDepth} levels`;
    position++;
  }
  return undefined;
}

/**
 * The next quote that is not escaped: one after an even number of backslashes. Most of a signature
 * is long strings without any.
 */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    if (quote < 0) return text.length; // not in JSON
    let before = quote - 1;
    while (text[before] === '\\') before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function nextVisible(text: string, from: number): string | undefined {
  let position = from;
  while (' \t\n\r'.includes(text[position] ?? 'x')) position++;
  return text[position];
}
