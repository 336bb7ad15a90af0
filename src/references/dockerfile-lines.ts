import { quotedWords } from './dockerfile-words.ts';

/** One instruction of a Dockerfile, its continuation lines joined. */
export interface Instruction {
  /** where it starts, counted from 1 */
  readonly line: number;
  /** in upper case */
  readonly keyword: string;
  /** what follows the keyword, trimmed */
  readonly rest: string;
}

export interface DockerfileLines {
  readonly instructions: readonly Instruction[];
  /** `\`, or the backtick that the directive `escape` names */
  readonly escaper: string;
  /** the frontend of the directive `syntax`: an image that BuildKit runs */
  readonly syntax?: { readonly line: number; readonly image: string };
  /** where and why a builder would stop reading */
  readonly problem?: { readonly line: number; readonly why: string };
}

// The white space of Go's unicode.IsSpace, which differs from JavaScript's: what only one of two
// readers takes for a blank hides a FROM.
const space =
  '[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const leading = new RegExp(`^${space}+`);
const trailing = new RegExp(`${space}+$`);

/**
 * Cuts a Dockerfile into instructions by the rules of BuildKit's own reader
 * (frontend/dockerfile/parser), line by line and in linear time. A reader that is more lenient than
 * the builder can be made to swallow a `FROM` as a part of the line before, for example behind `RUN
 * echo "<<EOF"` or an escaped backslash at the end of a line; then the gate would pass an image it
 * never saw.
 */
export function readLines(text: string): DockerfileLines {
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  const directives = readDirectives(lines);
  const escaper = directives.get('escape')?.value ?? '\\';
  const syntax = directives.get('syntax') ?? slashSyntax(lines);
  const head = {
    escaper,
    ...(syntax === undefined
      ? {}
      : { syntax: { line: syntax.line, image: syntax.value.split(' ')[0] ?? '' } }),
  };
  if (escaper !== '\\' && escaper !== '`') {
    return {
      ...head,
      instructions: [],
      problem: {
        line: directives.get('escape')?.line ?? 1,
        why: 'its escape directive names no escape character',
      },
    };
  }
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; ) {
    const { joined, next } = join(lines, at, escaper);
    const instruction = split(joined, at + 1);
    at = next;
    if (instruction === undefined) continue;
    instructions.push(instruction);
    const end = skipHeredocs(instruction, lines, at);
    if (end === undefined)
      return {
        ...head,
        instructions,
        problem: { line: instruction.line, why: 'a here-document or a quote in it has no end' },
      };
    at = end;
  }
  return { ...head, instructions };
}

interface Directive {
  readonly line: number;
  readonly value: string;
}

const directiveNames = ['syntax', 'escape', 'check'];

/** Directives stand before everything else; the first line that is none ends them. */
function readDirectives(lines: readonly string[], comment = '#'): ReadonlyMap<string, Directive> {
  const found = new Map<string, Directive>();
  // DetectSyntax of BuildKit leaves out a shebang, and looks on.
  for (let at = lines[0]?.startsWith('#!') ? 1 : 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(leading, '');
    if (!line.startsWith(comment)) break;
    const match = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(
      line.slice(comment.length).replace(leading, ''),
    );
    const name = match?.[1]?.toLowerCase() ?? '';
    if (!directiveNames.includes(name) || found.has(name)) break;
    found.set(name, { line: at + 1, value: (match?.[2] ?? '').replace(trailing, '') });
  }
  return found;
}

/** BuildKit also takes the frontend from `// syntax=…`. */
function slashSyntax(lines: readonly string[]): Directive | undefined {
  return readDirectives(lines, '//').get('syntax');
}

/** Joins a line with those that continue it; comments and empty lines between them do not count. */
function join(
  lines: readonly string[],
  start: number,
  escaper: string,
): { joined: string; next: number } {
  const parts: string[] = [];
  let at = start;
  for (let goesOn = true; goesOn && at < lines.length; at++) {
    const line = lines[at] ?? '';
    const trimmed = line.replace(leading, '');
    const blank = trimmed === '' || trimmed.startsWith('#');
    if (blank && at === start) return { joined: '', next: at + 1 };
    if (blank) continue;
    const cut = line.replace(/[ \t]+$/, '');
    // An escaped escape character at the end continues nothing (BuildKit since 0.11; older ones
    // differ, and this way more is seen).
    goesOn = cut.endsWith(escaper) && !cut.endsWith(escaper + escaper);
    parts.push(goesOn ? cut.slice(0, -1) : line);
  }
  return { joined: parts.join(''), next: at };
}

function split(joined: string, line: number): Instruction | undefined {
  const trimmed = joined.replace(leading, '').replace(trailing, '');
  if (trimmed === '') return undefined;
  const end = trimmed.search(/[\t\v\f\r ]/);
  const keyword = (end < 0 ? trimmed : trimmed.slice(0, end)).toUpperCase();
  return { line, keyword, rest: end < 0 ? '' : trimmed.slice(end).replace(leading, '') };
}

/** What an ONBUILD triggers, as an instruction of its own. */
export function triggered({ line, keyword, rest }: Instruction): Instruction | undefined {
  return keyword === 'ONBUILD' ? split(rest, line) : undefined;
}

/** The line after the last here-document of an instruction; undefined where one does not end. */
function skipHeredocs(
  instruction: Instruction,
  lines: readonly string[],
  start: number,
): number | undefined {
  const { keyword, rest } = triggered(instruction) ?? instruction;
  if (!['RUN', 'COPY', 'ADD'].includes(keyword) || !rest.includes('<<') || isJson(rest))
    return start;
  const words = quotedWords(rest);
  if (words === undefined) return undefined;
  let at = start;
  for (const word of words) {
    const match = /^\d*<<(-?)([^<]+)$/.exec(word);
    if (match === null) continue;
    const name = (match[2] ?? '').replace(/["']/g, '').replace(/\\(.)/g, '$1');
    // Builders without here-documents, or with other rules for such names, would read what follows
    // as instructions.
    if (/[\s$]/.test(name)) return undefined;
    const tabs = match[1] === '-' ? /^\t+/ : /^(?!)/;
    while (at < lines.length && (lines[at] ?? '').replace(tabs, '') !== name) at++;
    if (at >= lines.length) return undefined;
    at++;
  }
  return at;
}

/** The JSON form (`RUN ["…"]`) has no here-documents. */
function isJson(rest: string): boolean {
  try {
    const value: unknown = JSON.parse(rest.replace(/^(--\S+\s+)*/, ''));
    return Array.isArray(value) && value.every((word) => typeof word === 'string');
  } catch {
    return false;
  }
}
