import { formatReference } from '../image/reference.ts';
import { shown } from '../text/untrusted.ts';
import {
  named,
  noStages,
  readArguments,
  readFrom,
  refused,
  type State,
  startOf,
} from './dockerfile-from.ts';
import { type Instruction, keywords, triggered } from './dockerfile-instruction.ts';
import { readLines } from './dockerfile-lines.ts';
import { latin1, readingsOf, utf8 } from './dockerfile-words.ts';
import type { BuildArgument, ImageUse } from './image-use.ts';

/**
 * The images of a Dockerfile: `FROM` (stages and `scratch` are none), `COPY --from`, `RUN
 * --mount=from=`, the same in `ONBUILD`, and the frontend of `# syntax=`. ARGs before the first
 * FROM count with their default, or with the value that a build gives them. Where
 * versions of BuildKit differ, what any of them runs is there. A file with a line that no builder
 * knows as an instruction is unresolved as a whole.
 * @param file its bytes; a text for a Dockerfile inside another file
 * @param given the arguments of a build
 */
export function readDockerfile(
  file: Uint8Array | string,
  given: readonly BuildArgument[] = [],
): readonly ImageUse[] {
  const { instructions, escaper, syntax, problem } = readLines(latin1(file));
  const state = startOf(escaper, given);
  const stranger = instructions.findIndex((instruction) => strangeKeyword(instruction, escaper));
  const known = stranger < 0 ? instructions : instructions.slice(0, stranger);
  const found = [
    ...(syntax === undefined ? [] : [named(syntax.line, syntax.image)]),
    ...known.flatMap((instruction) => readInstruction(instruction, state)),
  ];
  return stranger < 0
    ? [...found, ...(problem === undefined ? [] : [cut(problem)])]
    : [...found.filter((use) => 'reference' in use), strange(instructions[stranger], escaper)];
}

/**
 * What a build with these arguments runs, and the Dockerfile with its own defaults does not name:
 * at the lines of the arguments.
 */
export function readWithArguments(
  file: Uint8Array | string,
  given: readonly BuildArgument[],
): readonly ImageUse[] {
  const usual = new Set(readDockerfile(file).map(identity));
  return readDockerfile(file, given)
    .filter((use) => !usual.has(identity(use)))
    .map((use) => {
      const written = 'reference' in use ? formatReference(use.reference) : use.written;
      const [first] = given;
      const place = given.find(
        ({ name, value }) =>
          ('text' in value && value.text !== '' && written.includes(value.text)) ||
          written.includes(name),
      );
      return { ...use, written, line: (place ?? first)?.line ?? 1 };
    });
}

function identity(use: ImageUse): string {
  return 'reference' in use ? formatReference(use.reference) : `${use.line} ${use.written}`;
}

/**
 * True for a text that is a Dockerfile whatever its name: known instructions alone, with a FROM; or
 * one that names a frontend for BuildKit, which a YAML file may do as well.
 */
export function looksLikeDockerfile(bytes: Uint8Array, isYaml: boolean): boolean {
  const text = latin1(bytes);
  if (isYaml && !/^[^\S\r\n]*from\s/im.test(text)) return false;
  const { instructions, escaper, syntax } = readLines(text);
  return (
    (syntax !== undefined && !isYaml) ||
    (instructions.some(({ keyword }) => keyword === 'FROM') &&
      instructions.every((instruction) => !strangeKeyword(instruction, escaper)))
  );
}

/** The frontend that BuildKit would run for a file of any kind: `# syntax=…`. */
export function readSyntax(bytes: Uint8Array): readonly ImageUse[] {
  const { syntax } = readLines(latin1(bytes.subarray(0, 64 * 1024)));
  return syntax === undefined ? [] : [named(syntax.line, syntax.image)];
}

/** The instruction, or the one that it triggers, that is none; builders refuse the whole file. */
function strangeKeyword(instruction: Instruction, escaper: string): string | undefined {
  const { keyword } = triggered(instruction, escaper) ?? instruction;
  if (!keywords.has(keyword)) return keyword;
  const inOnbuild =
    instruction.keyword === 'ONBUILD' && /^(ONBUILD|FROM|MAINTAINER)$/.test(keyword);
  return inOnbuild ? `ONBUILD ${keyword}` : undefined;
}

function strange(instruction: Instruction | undefined, escaper: string): ImageUse {
  const { line = 1, keyword = '', rest = '' } = instruction ?? {};
  const name = instruction && strangeKeyword(instruction, escaper);
  return refused(
    line,
    `${keyword} ${rest}`.trim(),
    `is no instruction, so the file is no Dockerfile that can be built: "${shown(utf8(name ?? keyword), 40)}"`,
  );
}

function cut({ line, why }: { readonly line: number; readonly why: string }): ImageUse {
  return refused(line, 'Dockerfile', `cannot be read to its end: ${why}`);
}

function readInstruction(instruction: Instruction, state: State): readonly ImageUse[] {
  const { keyword, line, rest } = instruction;
  if (keyword === 'FROM') return readFrom(line, rest, state);
  if (keyword === 'ARG' && state.stages.count === 0) return readArguments(line, rest, state);
  const inner = triggered(instruction, state.escaper);
  // An ONBUILD runs in somebody else's Dockerfile, whose stages are not these.
  return inner === undefined
    ? readSources(instruction, state)
    : readSources(inner, { ...state, stages: noStages() });
}

/** `--from=` of COPY and ADD, and `from=` in the `--mount`s of RUN. */
function readSources({ keyword, line, rest }: Instruction, state: State): readonly ImageUse[] {
  if (!['COPY', 'ADD', 'RUN'].includes(keyword)) return [];
  const readings = readingsOf(rest, state.escaper);
  if (readings.some(({ whole }) => !whole))
    return [refused(line, `${keyword} ${rest}`, 'has a flag with a quote that does not end')];
  const sources = readings.flatMap(({ flags }) => flags.flatMap(sourcesOf));
  const different = new Map(sources.map((source) => [`${source.stage} ${source.name}`, source]));
  return [...different.values()].flatMap((source) => readSource(source, line, state.stages));
}

interface StageOrImage {
  readonly name: string;
  /** a number means a stage */
  readonly stage: 'name or number' | 'name';
}

function sourcesOf(flag: string): readonly StageOrImage[] {
  const [name = ''] = flag.split('=', 1);
  const value = flag.slice(name.length + 1);
  if (name.toLowerCase() === '--from') return [{ name: value, stage: 'name or number' }];
  if (name.toLowerCase() !== '--mount') return [];
  // Comma-separated values, in quotes or not.
  return value.split(',').flatMap((part) => {
    const field = part.replaceAll('"', '').trim();
    return /^from=/i.test(field) ? [{ name: field.slice(5), stage: 'name' as const }] : [];
  });
}

function readSource(
  { name, stage }: StageOrImage,
  line: number,
  stages: State['stages'],
): readonly ImageUse[] {
  if (name === '' || name === 'scratch' || stages.names.has(name.toLowerCase())) return [];
  if (stage === 'name' || !/^[+-]?\d+$/.test(name)) return [named(line, name)];
  return /^\d+$/.test(name) && Number(name) < stages.count
    ? []
    : [refused(line, name, 'is the number of no stage before it')];
}
