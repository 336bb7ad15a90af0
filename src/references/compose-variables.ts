import type { Expanded } from './dockerfile-expand.ts';

const longest = 64 * 1024;
const deepest = 8;
/** In the place of a value that only the machine knows: no reference and no Dockerfile has it. */
const unknown = '…';

/**
 * Puts defaults in the place of variables, as compose does before it looks at a text: `$NAME`,
 * `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:+word}`, `${NAME:?message}`; `$$` is a
 * dollar. Quotes and backslashes are letters like others. What the environment or `.env` holds is
 * not looked at.
 */
export function interpolate(text: string): Expanded {
  const { text: value, open } = replaceVariables(text);
  return open === undefined ? { text: value } : { open };
}

/** The same, with a character that is in no reference where a value is not known. */
export function interpolateDockerfile(text: string): string {
  return replaceVariables(text).text;
}

interface Replaced {
  readonly text: string;
  /** the first variable without a default */
  readonly open?: string;
}

function replaceVariables(text: string): Replaced {
  if (text.length > longest) return { text: unknown, open: text.slice(0, 80) };
  const reader: Reader = { text, at: 0 };
  const value = readTo(reader, undefined, 0);
  return reader.open === undefined ? { text: value } : { text: value, open: reader.open };
}

interface Reader {
  readonly text: string;
  at: number;
  open?: string;
}

/** Reads to a brace, which is taken, or to the end. */
function readTo(reader: Reader, stop: '}' | undefined, depth: number): string {
  const { text } = reader;
  let value = '';
  while (reader.at < text.length) {
    const character = text[reader.at] ?? '';
    if (character === stop) {
      reader.at++;
      return value;
    }
    if (character !== '$') {
      value += character;
      reader.at++;
    } else value += readVariable(reader, depth);
  }
  return stop === undefined ? value : notKnown(reader, text);
}

const form = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(\}|:?[-+?]))/y;

function readVariable(reader: Reader, depth: number): string {
  const start = reader.at;
  form.lastIndex = start;
  const match = form.exec(reader.text);
  if (match === null || depth > deepest) {
    reader.at = reader.text.length;
    return notKnown(reader, reader.text.slice(start));
  }
  reader.at += match[0].length;
  if (match[0] === '$$') return '$';
  const operator = match[3] ?? '}';
  if (operator === '}') return notKnown(reader, match[0]);
  const before = reader.open;
  const word = readTo(reader, '}', depth + 1);
  if (operator.endsWith('-')) return word;
  // Whether the word counts depends on the environment.
  if (before === undefined) delete reader.open;
  return notKnown(reader, reader.text.slice(start, reader.at));
}

function notKnown(reader: Reader, what: string): string {
  reader.open ??= what;
  return unknown;
}
