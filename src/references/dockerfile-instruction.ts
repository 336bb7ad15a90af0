import {
  type Flags,
  readFlags,
  shellWords,
  trim,
  trimStart,
  withoutBlanks,
} from './dockerfile-words.ts';

/** One instruction of a Dockerfile, its continuation lines joined. */
export interface Instruction {
  /** where it starts, counted from 1 */
  readonly line: number;
  /** in upper case */
  readonly keyword: string;
  /** what follows the keyword, trimmed */
  readonly rest: string;
}

export const keywords: ReadonlySet<string> = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);

/** Reads a joined line; undefined for an empty one. */
export function split(joined: string, line: number): Instruction | undefined {
  const trimmed = trim(joined);
  if (trimmed === '') return undefined;
  const end = trimmed.search(/[\t\v\f\r ]/);
  // Letters of ASCII alone: others have capitals that differ from language to language.
  const keyword = (end < 0 ? trimmed : trimmed.slice(0, end)).replace(/[a-z]+/g, (letters) =>
    letters.toUpperCase(),
  );
  return { line, keyword, rest: end < 0 ? '' : trimStart(trimmed.slice(end)) };
}

/**
 * What an ONBUILD triggers, as an instruction of its own. One level alone: builders refuse an
 * ONBUILD in another one.
 */
export function triggered(
  { line, keyword, rest }: Instruction,
  escaper: string,
): Instruction | undefined {
  return keyword === 'ONBUILD' ? split(readFlags(rest, escaper).rest, line) : undefined;
}

/** A comment, or nothing. */
export function isBlank(line: string): boolean {
  const trimmed = trimStart(line);
  return trimmed === '' || trimmed.startsWith('#');
}

const builders = 'builders differ in where a here-document in it ends';

/** The line after the last here-document of an instruction; or why that cannot be said. */
export function skipHeredocs(
  instruction: Instruction,
  lines: readonly string[],
  start: number,
  escaper: string,
): number | string {
  const { keyword, rest } = triggered(instruction, escaper) ?? instruction;
  if (!['RUN', 'COPY', 'ADD'].includes(keyword) || !rest.includes('<<')) return start;
  const flags = readFlags(rest, escaper);
  if (flags.rest !== readFlags(rest, '\\').rest || isCutOtherwise(rest)) return builders;
  if (isJson(flags)) return start;
  const words = shellWords(rest);
  if (words === undefined) return 'a here-document or a quote in it has no end';
  let at = start;
  for (const word of words) {
    const match = /^\d*<<(-?)[\t\n\f\r ]*([^<]+)$/.exec(word);
    if (match === null) continue;
    const name = heredocName(match[2] ?? '');
    if (name === undefined) return builders;
    const tabs = match[1] === '-' ? /^\t+/ : /^(?!)/;
    let before = start - 1;
    for (; at < lines.length && (lines[at] ?? '').replace(tabs, '') !== name; at++)
      if (!isBlank(lines[at] ?? '')) before = at;
    if (at >= lines.length) return 'a here-document or a quote in it has no end';
    // A builder that sees no here-document here reads its lines as instructions, and must fail at
    // the name that ends it: it would not, if that name were a part of the line before.
    if (/[\\`]$/.test(withoutBlanks(lines[before] ?? '')))
      return 'the last line of a here-document in it ends with an escape character';
    at++;
  }
  return at;
}

/**
 * BuildKit's lexer also cuts words at blanks that are not ASCII, and at those inside `${…}`, in
 * quotes or not: it sees here-documents there that are none to a shell.
 */
function isCutOtherwise(rest: string): boolean {
  if (/\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2[\x80\x81]|\xe3\x80\x80/.test(rest)) return true;
  const [, ...variables] = rest.split('${');
  return variables.some((text) => /["'\s\\]/.test(text.split('}', 1)[0] ?? ''));
}

/**
 * The name of a here-document, without quotes and escapes; undefined for one that is a line of its
 * own to a builder without here-documents, or that other builders read otherwise.
 */
function heredocName(word: string): string | undefined {
  if (word.includes('$')) return undefined;
  const name = word.replace(/["']/g, '').replace(/\\(.)/g, '$1');
  const isLine = name === '' || name.startsWith('#') || keywords.has(name.toUpperCase());
  return isLine || /[\s\\`\x80-\xff]/.test(name) ? undefined : name;
}

/** The JSON form (`RUN ["…"]`) has no here-documents. */
function isJson({ rest }: Flags): boolean {
  if (!trimStart(rest).startsWith('[')) return false;
  try {
    const value: unknown = JSON.parse(trimStart(rest));
    return Array.isArray(value) && value.every((word) => typeof word === 'string');
  } catch {
    return false;
  }
}
