import { readFlags, trim, trimStart } from './dockerfile-words.ts';

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
