import type { Environment } from './environment.ts';

const longest = 64 * 1024;
const deepest = 8;
/** In the place of a value that only the machine knows: no reference and no Dockerfile has it. */
const unknown = '…';

/**
 * Puts defaults in the place of variables, as compose does before it looks at a text: `$NAME`,
 * `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:+word}`, `${NAME:?message}`; `$$` is a
 * dollar. Quotes and backslashes are letters like others. A default does not count where a `.env` may
 * set the name; what else the machine's environment holds is not looked at.
 */
export function interpolate(
  text: string,
  environment: Environment,
): { readonly text: string } | Open {
  const { text: value, open } = replaceVariables(text, environment);
  return open === undefined ? { text: value } : open;
}

/** The first variable that only the machine knows, and why: the end of a sentence. */
export interface Open {
  readonly open: string;
  readonly why: string;
  /** it has a default, and something may set another value */
  readonly isReplaced: boolean;
}

/** The same, with a character that is in no reference where a value is not known. */
export function interpolateDockerfile(text: string, environment: Environment): string {
  return replaceVariables(text, environment).text;
}

interface Replaced {
  readonly text: string;
  readonly open?: Open;
}

const noDefault = 'which has no default in this file';

function replaceVariables(text: string, environment: Environment): Replaced {
  if (text.length > longest)
    return {
      text: unknown,
      open: { open: text.slice(0, 80), why: 'which is too long', isReplaced: false },
    };
  const reader: Reader = { text, at: 0, environment };
  const value = readTo(reader, undefined, 0);
  return reader.open === undefined ? { text: value } : { text: value, open: reader.open };
}

interface Reader {
  readonly text: string;
  at: number;
  readonly environment: Environment;
  open?: Open;
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
  if (operator.endsWith('-')) {
    const replaced = reader.environment.replaces(match[2] ?? '');
    return replaced === undefined
      ? word
      : notKnown(reader, reader.text.slice(start, reader.at), replaced);
  }
  // Whether the word counts depends on the environment.
  if (before === undefined) delete reader.open;
  return notKnown(reader, reader.text.slice(start, reader.at));
}

function notKnown(reader: Reader, open: string, replaced?: string): string {
  reader.open ??= { open, why: replaced ?? noDefault, isReplaced: replaced !== undefined };
  return unknown;
}
