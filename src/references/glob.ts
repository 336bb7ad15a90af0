import { Failure } from '../failure.ts';

/**
 * Says whether a path (with `/`, relative to the workspace) is chosen; and whether something below
 * a folder could be.
 */
export interface Globs {
  readonly chosen: (path: string) => boolean;
  readonly mayHold: (folder: string) => boolean;
}

const mostAlternatives = 200;

/**
 * Globs as input `files` takes them (and `only-images`, with names of images for paths): `*` and `?` within a name, `**` over folders, `{a,b}`,
 * `[abc]`; names that start with a dot are names like others; `!` in front takes out what an
 * earlier line chose, and the last line that fits decides. A glob without a slash fits in the
 * workspace's root alone. Fitting takes time in proportion to glob times path: paths are chosen by
 * whoever opens a pull request.
 */
export function readGlobs(lines: readonly string[], input = 'files'): Globs {
  const rules = lines.map((line) => {
    const out = line.startsWith('!');
    const glob = (out ? line.slice(1) : line)
      .trim()
      .replaceAll('\\', '/')
      .replace(/^(\.?\/)+/, '');
    return { out, globs: alternatives(glob, input).map((each) => each.split('/')) };
  });
  return {
    chosen(path) {
      const parts = path.split('/');
      const last = rules.findLast(({ globs }) => globs.some((glob) => fits(glob, parts, 'whole')));
      return last !== undefined && !last.out;
    },
    mayHold(folder) {
      const parts = folder.split('/');
      return rules.some(
        ({ out, globs }) =>
          !out && globs.some((glob) => fits(glob, parts, 'start') && wantsFolder(glob, parts)),
      );
    },
  };
}

/**
 * Folders that nobody means with `**`: what package managers unpack, and Git's own. Named in a glob
 * they count.
 */
function wantsFolder(glob: readonly string[], parts: readonly string[]): boolean {
  return ['node_modules', '.git'].every((name) => !parts.includes(name) || glob.includes(name));
}

/**
 * All ways through a glob, each list of parts against those of a path; `start` asks whether a
 * longer path could fit.
 */
function fits(glob: readonly string[], parts: readonly string[], what: 'whole' | 'start'): boolean {
  let at = new Set(skipFolders(0, glob));
  for (const part of parts) {
    const next = new Set<number>();
    for (const position of at) {
      const pattern = glob[position];
      if (pattern === undefined) continue;
      if (pattern !== '**' && !fitsName(pattern, part)) continue;
      for (const reached of skipFolders(pattern === '**' ? position : position + 1, glob))
        next.add(reached);
    }
    at = next;
  }
  return what === 'whole'
    ? at.has(glob.length)
    : [...at].some((position) => position < glob.length);
}

/** `**` may stand for no folder at all. */
function skipFolders(position: number, glob: readonly string[]): readonly number[] {
  const reached = [position];
  for (let at = position; glob[at] === '**'; at++) reached.push(at + 1);
  return reached;
}

/**
 * One name against one part of a glob: the position of the last `*` is remembered, so there is one
 * way back at most.
 */
function fitsName(pattern: string, name: string): boolean {
  const steps = pattern.match(/\[[^\]]+\]|[\s\S]/g) ?? [];
  let step = 0;
  let star = -1;
  let from = 0;
  for (let at = 0; at < name.length; ) {
    if (steps[step] === '*') {
      star = step++;
      from = at;
    } else if (step < steps.length && fitsCharacter(steps[step] ?? '', name[at] ?? '')) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++from;
    } else return false;
  }
  while (steps[step] === '*') step++;
  return step === steps.length;
}

function fitsCharacter(step: string, character: string): boolean {
  if (step === '?') return true;
  if (step.length < 3 || !step.startsWith('[')) return step === character;
  const not = /^[!^]/.test(step[1] ?? '');
  const set = step.slice(not ? 2 : 1, -1);
  let found = false;
  for (let at = 0; at < set.length; at++) {
    const [low = '', dash, high] = set.slice(at, at + 3);
    if (dash === '-' && high !== undefined) {
      found ||= low <= character && character <= high;
      at += 2;
    } else found ||= low === character;
  }
  return found !== not;
}

/** `a.{yml,yaml}` as two globs; braces may stand in braces. */
function alternatives(glob: string, input: string): readonly string[] {
  const done: string[] = [];
  const open = [glob];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (done.length + open.length > mostAlternatives) throw tooMany(input);
    const braces = /\{([^{}]*,[^{}]*)\}/.exec(next);
    if (braces === null) done.push(next);
    else
      for (const word of (braces[1] ?? '').split(','))
        open.push(next.slice(0, braces.index) + word + next.slice(braces.index + braces[0].length));
  }
  return done;
}

function tooMany(input: string): Failure {
  return new Failure(
    'bad-input',
    `A glob in \`${input}\` stands for more than ${mostAlternatives} others.`,
    'Write it with fewer braces, over several lines.',
  );
}
