import { type Instruction, isBlank, skipHeredocs, split } from './dockerfile-instruction.ts';
import { trimStart, withoutBlanks } from './dockerfile-words.ts';

export interface DockerfileLines {
  readonly instructions: readonly Instruction[];
  /** `\`, or the backtick that the directive `escape` names */
  readonly escaper: string;
  /** the frontend of the directive `syntax`: an image that BuildKit runs */
  readonly syntax?: { readonly line: number; readonly image: string };
  /** where and why a builder would stop reading */
  readonly problem?: { readonly line: number; readonly why: string };
}

/** BuildKit's scanner (Go's bufio) gives up at a line that does not fit into 64 KiB. */
const longestLine = 64 * 1024 - 1;

/**
 * Cuts a Dockerfile into instructions by the rules of BuildKit's own reader
 * (frontend/dockerfile/parser), line by line and in linear time. A reader that is more lenient than
 * the builder can be made to swallow a `FROM` as a part of the line before, for example behind `RUN
 * echo "<<EOF"` or an escaped backslash at the end of a line; then the gate would pass an image it
 * never saw.
 * @param text one character a byte (Latin-1): BuildKit reads bytes, and cuts flags between those of
 * one letter
 */
export function readLines(text: string): DockerfileLines {
  const lines = text
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const directives = readDirectives(lines.map(trimStart), '#', 0);
  const syntax = syntaxOf(lines);
  const escaper = directives.found.get('escape')?.value ?? '\\';
  const head = { escaper, ...(syntax === undefined ? {} : { syntax }) };
  const problem = problemOf(lines, directives, escaper);
  if (problem !== undefined && problem.line <= directives.end)
    return { ...head, instructions: [], problem };
  const read = readInstructions(lines.slice(0, problem && problem.line - 1), escaper);
  const first = read.problem ?? problem;
  return {
    ...head,
    instructions: read.instructions,
    ...(first === undefined ? {} : { problem: first }),
  };
}

/** What keeps a builder from reading any file with these lines. */
function problemOf(
  lines: readonly string[],
  directives: Directives,
  escaper: string,
): DockerfileLines['problem'] {
  if (directives.twice !== undefined)
    return { line: directives.twice, why: 'a directive stands there twice' };
  if (escaper !== '\\' && escaper !== '`')
    return {
      line: directives.found.get('escape')?.line ?? 1,
      why: 'its escape directive names no escape character',
    };
  // Until 1.8 a directive `check` was none, and a no-break space in front of one was no blank.
  const before = lines.slice(0, directives.found.get('escape')?.line ?? 0).map(trimStart);
  if (escaper === '`' && !before.every((line) => /^#[\t\n\f\r ]*(escape|syntax)/i.test(line)))
    return { line: before.length, why: 'versions of BuildKit differ in its escape directive' };
  // Old versions take off one carriage return alone, and see no escape character before others.
  const returns = lines.findIndex((line) => line.endsWith('\r'));
  if (returns >= 0)
    return { line: returns + 1, why: 'a line in it ends with more than one carriage return' };
  const long = lines.findIndex((line) => line.length > longestLine);
  return long < 0 ? undefined : { line: long + 1, why: 'a line in it is longer than 64 KiB' };
}

interface Directives {
  readonly found: ReadonlyMap<string, { readonly line: number; readonly value: string }>;
  /** the line of a directive that was there already */
  readonly twice?: number;
  /** the last line that is one */
  readonly end: number;
}

const directiveNames = ['syntax', 'escape', 'check'];

/** Directives stand before everything else; the first line that is none ends them. */
function readDirectives(lines: readonly string[], comment: string, start: number): Directives {
  const found = new Map<string, { line: number; value: string }>();
  let at = start;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (!line.startsWith(comment) || line.length > longestLine) break;
    const match = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*([^\n]+)$/.exec(
      trimStart(line.slice(comment.length)),
    );
    const name = match?.[1]?.toLowerCase() ?? '';
    if (!directiveNames.includes(name)) break;
    if (found.has(name)) return { found, twice: at + 1, end: at + 1 };
    found.set(name, { line: at + 1, value: trimAscii(match?.[2] ?? '') });
  }
  return { found, end: at };
}

/**
 * The frontend, which BuildKit looks for before it reads the file: behind a shebang, which ends all
 * other directives, and in `// syntax=…` as well.
 */
function syntaxOf(lines: readonly string[]): DockerfileLines['syntax'] {
  const start = lines[0]?.startsWith('#!') ? 1 : 0;
  const found =
    readDirectives(lines, '#', start).found.get('syntax') ??
    readDirectives(lines, '//', start).found.get('syntax');
  return found === undefined
    ? undefined
    : { line: found.line, image: found.value.split(' ')[0] ?? '' };
}

function readInstructions(
  lines: readonly string[],
  escaper: string,
): Pick<DockerfileLines, 'instructions' | 'problem'> {
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; ) {
    const { joined, next } = join(lines, at, escaper);
    const instruction = split(joined, at + 1);
    at = next;
    if (instruction === undefined) continue;
    instructions.push(instruction);
    const end = skipHeredocs(instruction, lines, at, escaper);
    if (typeof end === 'string')
      return { instructions, problem: { line: instruction.line, why: end } };
    at = end;
  }
  return { instructions };
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
    const blank = isBlank(line);
    if (blank && at === start) return { joined: '', next: at + 1 };
    if (blank) continue;
    const cut = withoutBlanks(line);
    // An escaped escape character at the end continues nothing (BuildKit since 0.11; older ones
    // differ, and this way more is seen).
    goesOn = cut.endsWith(escaper) && !cut.endsWith(escaper + escaper);
    parts.push(goesOn ? cut.slice(0, -1) : line);
  }
  return { joined: parts.join(''), next: at };
}

// Written out: an expression such as / +$/ takes quadratic time for many of them in the middle.

function trimAscii(text: string): string {
  let end = text.length;
  while (/[\t\n\f\r ]/.test(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}
