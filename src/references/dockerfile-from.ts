import { shown } from '../text/untrusted.ts';
import { type Expanded, expand, type Values, Variables } from './dockerfile-expand.ts';
import { readingsOf, shellWords, utf8 } from './dockerfile-words.ts';
import { type BuildArgument, type ImageUse, imageUse, openUse, unresolved } from './image-use.ts';

/** What is known at one place of a Dockerfile. */
export interface State {
  readonly escaper: string;
  /** what a build gives ARGs, by their names */
  readonly given: ReadonlyMap<string, Expanded>;
  /** ARGs before the first FROM, and what the platform of a build tells */
  readonly values: Variables;
  /** the stages so far: their names in lower case, and how many they are */
  readonly stages: { readonly names: Set<string>; count: number };
}

/** What is known before the first line. */
export function startOf(escaper: string, given: readonly BuildArgument[]): State {
  const values = new Map(given.map(({ name, value }) => [name, value]));
  return { escaper, given: values, values: predefined(values), stages: noStages() };
}

export function noStages(): State['stages'] {
  return { names: new Set(), count: 0 };
}

/** A place that names an image. */
export function named(line: number, image: string, written = image): ImageUse {
  return imageUse(line, utf8(image), utf8(written));
}

/** A place where no image can be told; `why` is the end of a sentence. */
export function refused(line: number, written: string, why: string): ImageUse {
  return unresolved(line, utf8(written), why);
}

/** ARG before the first FROM. */
export function readArguments(
  line: number,
  rest: string,
  { values, escaper, given }: State,
): readonly ImageUse[] {
  const words = shellWords(rest, escaper);
  if (words === undefined || rest.startsWith('--'))
    return [refused(line, `ARG ${rest}`, 'has a flag, or a quote without an end')];
  for (const word of words) {
    const [name = ''] = word.split('=', 1);
    const value = given.get(name);
    if (value !== undefined) values.set(name, value);
    else if (word.length > name.length)
      values.set(name, expand(word.slice(name.length + 1), values, escaper));
    else values.declare(name);
  }
  return [];
}

const systems =
  'linux|windows|darwin|freebsd|netbsd|openbsd|dragonfly|solaris|illumos|plan9|wasip1';
const processors =
  '386|amd64|arm|arm64|loong64|mips|mipsle|mips64|mips64le|ppc64|ppc64le|riscv64|s390x|wasm';

/** What the platform of a build decides, and what it can be: none of it can hold a slash. */
const platformValues: ReadonlyMap<string, string> = new Map(
  ['BUILD', 'TARGET'].flatMap((side) => [
    [`${side}OS`, `(?:${systems})`] as const,
    [`${side}ARCH`, `(?:${processors})`] as const,
    [`${side}VARIANT`, '(?:v[0-9]{1,2})?'] as const,
  ]),
);

const others = [
  'BUILDOSVERSION',
  'TARGETOSVERSION',
  'BUILDPLATFORM',
  'TARGETPLATFORM',
  'TARGETSTAGE',
];

/**
 * BuildKit sets these for every build, so a default behind `:-` does not count for them; what a
 * build gives them does.
 */
function predefined(given: ReadonlyMap<string, Expanded>): Variables {
  const values = new Variables();
  for (const name of [...platformValues.keys(), ...others])
    values.set(name, given.get(name) ?? { open: `$${name}` });
  return values;
}

/** FROM: its image, and a stage more. */
export function readFrom(line: number, rest: string, state: State): readonly ImageUse[] {
  const { values, stages, escaper } = state;
  const readings = readingsOf(rest, escaper);
  const [flags] = readings;
  if (flags === undefined || readings.length > 1 || !flags.whole) {
    stages.count++;
    return [refused(line, rest, 'has flags that builders read in different ways')];
  }
  const words = flags.rest.split(/[\t\v\f\r ]+/).filter((word) => word !== '');
  const [written = '', as, name] = words;
  const image = expand(written, values, escaper);
  const stageName = as !== undefined && /^as$/i.test(as) ? stageNameOf(name) : '';
  const earlier =
    'text' in image ? stages.names.has(image.text) : isStageOfPlatform(written, state);
  stages.count++;
  if (stageName !== '') stages.names.add(stageName);
  if (words.length > 0 && words.length !== 1 && (words.length !== 3 || stageName === ''))
    return [refused(line, rest, 'is not `FROM image [AS name]`')];
  if (earlier) return [];
  if ('open' in image)
    return [
      openUse(
        line,
        utf8(written),
        `holds \`${shown(utf8(image.open), 80)}\`, which has no default before the first FROM`,
      ),
    ];
  if (image.text === '') return [refused(line, rest, 'names no image')];
  return image.text === 'scratch' ? [] : [named(line, image.text, written)];
}

/** In lower case; empty for what no builder takes as a name. */
function stageNameOf(name = ''): string {
  const lower = name.toLowerCase();
  return /^[a-z][a-z0-9._-]*$/.test(lower) ? lower : '';
}

/** Each of them may have to be compared with each FROM. */
const mostNamed = 200;
/** ①: stands for a platform variable; no Dockerfile has it in a name. */
const firstMark = 0x2460;

/**
 * True for `base-${TARGETARCH}` where an earlier stage is called `base-amd64` or the like. What it
 * is on other platforms is an official image of Docker Hub at worst: there is no slash in it.
 */
function isStageOfPlatform(written: string, { values, stages, escaper }: State): boolean {
  if (stages.names.size > mostNamed) return false;
  const marks = [...platformValues.keys()];
  const marked: Values = {
    get(name) {
      const value = values.get(name);
      const mark = marks.indexOf(name);
      return 'open' in value && mark >= 0
        ? { text: String.fromCodePoint(firstMark + mark) }
        : value;
    },
    status: (name) => values.status(name),
  };
  const pattern = expand(written, marked, escaper);
  if (!('text' in pattern) || !/^[a-z0-9._①-⑥-]{1,200}$/.test(pattern.text)) return false;
  if (pattern.text.split(/[①-⑥]/).length > 5) return false;
  const source = pattern.text
    .replaceAll('.', '\\.')
    .replace(
      /[①-⑥]/g,
      (mark) => platformValues.get(marks[(mark.codePointAt(0) ?? 0) - firstMark] ?? '') ?? '',
    );
  const name = new RegExp(`^${source}$`);
  return [...stages.names].some((stage) => name.test(stage));
}
