import { shown } from '../text/untrusted.ts';
import { type Instruction, readLines, triggered } from './dockerfile-lines.ts';
import { expand, quotedWords } from './dockerfile-words.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

const keywords =
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  );

/** What is known at one place of a Dockerfile. */
interface State {
  readonly escaper: string;
  /** ARGs before the first FROM that have a default */
  readonly values: Map<string, string>;
  /** the stages so far: their names in lower case, and how many they are */
  readonly stages: { readonly names: Set<string>; count: number };
}

/**
 * The images of a Dockerfile: `FROM` (stages and `scratch` are none), `COPY --from`, `RUN
 * --mount=from=`, the same in `ONBUILD`, and the frontend of `# syntax=`. ARGs before the first
 * FROM count with their default; a build argument can replace it, which no file shows.
 * @param firstLine where the text starts, for Dockerfiles inside other files
 */
export function readDockerfile(text: string, firstLine = 1): readonly ImageUse[] {
  const { instructions, escaper, syntax, problem } = readLines(text);
  const state: State = { escaper, values: new Map(), stages: { names: new Set(), count: 0 } };
  const uses = [
    ...(syntax === undefined ? [] : [imageUse(syntax.line, syntax.image)]),
    ...instructions.flatMap((instruction) => readInstruction(instruction, state)),
    ...(problem === undefined
      ? []
      : [unresolved(problem.line, 'Dockerfile', `cannot be read to its end: ${problem.why}`)]),
  ];
  return uses.map((use) => ({ ...use, line: use.line + firstLine - 1 }));
}

/**
 * True for a text that is a Dockerfile whatever its name: known instructions alone, with a FROM.
 */
export function looksLikeDockerfile(text: string): boolean {
  const { instructions } = readLines(text);
  return (
    instructions.some(({ keyword }) => keyword === 'FROM') &&
    instructions.every(({ keyword }) => keywords.includes(keyword))
  );
}

function readInstruction(instruction: Instruction, state: State): readonly ImageUse[] {
  const { keyword, line, rest } = instruction;
  if (keyword === 'ARG' && state.stages.count === 0) readArguments(rest, state);
  if (keyword === 'FROM') return readFrom(line, rest, state);
  const inner = triggered(instruction);
  // An ONBUILD runs in somebody else's Dockerfile, whose stages are not these.
  if (inner !== undefined)
    return readInstruction(inner, { ...state, stages: { names: new Set(), count: 0 } });
  if (!keywords.includes(keyword))
    return [
      unresolved(
        line,
        `${keyword} ${rest}`,
        `starts with "${shown(keyword, 40)}", which is no instruction`,
      ),
    ];
  return readSources(instruction, state);
}

function readArguments(rest: string, { values, escaper }: State): void {
  for (const word of quotedWords(rest, escaper) ?? []) {
    const [name = ''] = word.split('=', 1);
    const value =
      word.length > name.length ? expand(word.slice(name.length + 1), values, escaper) : undefined;
    if (value !== undefined && 'text' in value) values.set(name, value.text);
    else values.delete(name);
  }
}

function readFrom(
  line: number,
  rest: string,
  { values, stages, escaper }: State,
): readonly ImageUse[] {
  const { words } = cutFlags(rest);
  const [written = '', as, name] = words;
  const image = expand(written, values, escaper);
  const stageName = (as?.toLowerCase() === 'as' && name?.toLowerCase()) || '';
  const earlier = 'text' in image && stages.names.has(image.text.toLowerCase());
  stages.count++;
  if (stageName !== '') stages.names.add(stageName);
  if ('open' in image)
    return [
      unresolved(
        line,
        written,
        `holds ${openWords(image.open)}, which has no default before the first FROM`,
      ),
    ];
  if (image.text === '') return [unresolved(line, rest, 'names no image')];
  if (words.length !== 1 && (words.length !== 3 || stageName === ''))
    return [unresolved(line, rest, 'is not `FROM image [AS name]`')];
  return earlier || image.text === 'scratch' ? [] : [imageUse(line, image.text, written)];
}

/** `--from=` of COPY and ADD, and `from=` in the `--mount`s of RUN. */
function readSources({ keyword, line, rest }: Instruction, { stages }: State): readonly ImageUse[] {
  if (!['COPY', 'ADD', 'RUN'].includes(keyword)) return [];
  const { flags } = cutFlags(rest);
  const sources = flags.flatMap((flag) => {
    const [name = ''] = flag.split('=', 1);
    const value = flag.slice(name.length + 1);
    if (name.toLowerCase() === '--from') return [value];
    return name.toLowerCase() === '--mount' ? mountSources(value) : [];
  });
  return sources.flatMap((source): readonly ImageUse[] => {
    if (source === '' || stages.names.has(source.toLowerCase())) return [];
    if (!/^\d+$/.test(source)) return [imageUse(line, source)];
    return Number(source) < stages.count
      ? []
      : [unresolved(line, source, 'is the number of no stage before it')];
  });
}

/** The values of `from` in one `--mount`, a line of comma-separated values. */
function mountSources(value: string): readonly string[] {
  return value.split(',').flatMap((part) => {
    const field = part.replaceAll('"', '').trim();
    return /^from=/i.test(field) ? [field.slice(5)] : [];
  });
}

const flag =
  /[\t\v\f\r ]*(--(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\t\v\f\r "'\\])+)(?=[\t\v\f\r ]|$)/y;

/** Flags in front of an instruction's words, quotes and escapes taken away. */
function cutFlags(rest: string): { flags: readonly string[]; words: readonly string[] } {
  const flags: string[] = [];
  flag.lastIndex = 0;
  let end = 0;
  for (let match = flag.exec(rest); match !== null; match = flag.exec(rest)) {
    flags.push((match[1] ?? '').replace(/["']/g, '').replace(/\\(.)/g, '$1'));
    end = flag.lastIndex;
  }
  const words = rest.slice(end).split(/[\t\v\f\r ]+/);
  return { flags, words: words.filter((word) => word !== '') };
}

function openWords(open: string): string {
  return `\`${shown(open, 80)}\``;
}
