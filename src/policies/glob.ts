/**
 * One step of a pattern: a character; any one; any number of any, or of any but the slash; one of a
 * class.
 */
type Step =
  | string
  | { readonly any: 'one' | 'many' | 'segment' }
  | { readonly among: (character: string) => boolean };

/**
 * Says whether a whole text fits. Takes time in proportion to pattern times text, whatever either
 * holds.
 */
export type Fits = (text: string) => boolean;

/**
 * Kyverno's wildcards (ext/wildcard, go-wildcard 1.0.3): `*` is any number of any characters, the
 * slash too, `?` exactly one; the whole text must fit, upper and lower case differ, everything else
 * stands for itself.
 */
export function kyvernoWildcard(pattern: string): Fits {
  return fits(
    [...pattern.replace(/\*+/g, '*')].map((character) =>
      character === '*' ? { any: 'many' } : character === '?' ? { any: 'one' } : character,
    ),
  );
}

/** Longer than any name of an image; fitting takes time in proportion to it. */
export const longestGlob = 1000;

/** A pattern with braces stands for at most so many without. */
const mostAlternatives = 200;

/**
 * The globs of Kyverno's ImageValidatingPolicy (gobwas/glob 0.2.3 without separators): `*` and `**`
 * are any number of any characters, the slash too, `?` exactly one, `[abc]`, `[a-z]` and `[!a]` one
 * of a class, `{a,b}` alternatives, `\` takes the next character as it is. The whole text must fit.
 * @returns undefined for a glob that does not compile there, or stands for too many others
 */
export function gobwasGlob(glob: string): Fits | undefined {
  const globs = withoutBraces(glob)?.map(gobwasSteps);
  if (globs === undefined || globs.some((steps) => steps === undefined)) return undefined;
  const all = globs.map((steps) => fits(steps ?? []));
  return (text) => all.some((one) => one(text));
}

/** The alternatives in braces; a comma behind a backslash is a comma. */
function wordsOf(inside: string): readonly string[] {
  const cut = inside.replace(/\\[\s\S]|,/g, (part) => (part === ',' ? '\0' : part));
  return cut.split('\0');
}

function gobwasSteps(glob: string): readonly Step[] | undefined {
  const parts = glob.match(/\\[\s\S]|\[!?[^\]\\]+\]|\*+|[\s\S]/g) ?? [];
  const steps = parts.map((part): Step | undefined => {
    if (part.startsWith('*')) return { any: 'many' };
    if (part === '?') return { any: 'one' };
    if (part.length === 1) return /[[\]\\]/.test(part) ? undefined : part;
    if (part.startsWith('\\')) return part.slice(1);
    return /^\[!?[^\]]-[^\]]{2,}\]$/.test(part) ? undefined : classOf(part);
  });
  return steps.every((step) => step !== undefined) ? steps : undefined;
}

/** `[a-z]` is a range, everything else in brackets a list; `!` in front turns it around. */
function classOf(part: string): Step {
  const not = part[1] === '!';
  const inner = part.slice(not ? 2 : 1, -1);
  const range = /^([\s\S])-([\s\S])$/.exec(inner);
  const [, low = '', high = ''] = range ?? [];
  const has = (character: string) =>
    range === null ? inner.includes(character) : low <= character && character <= high;
  return { among: (character) => has(character) !== not };
}

/** `{a,b}c` as `ac` and `bc`; braces may stand in braces, and a backslash takes them away. */
function withoutBraces(glob: string): readonly string[] | undefined {
  const done: string[] = [];
  const open = [glob];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (done.length + open.length > mostAlternatives) return undefined;
    const braces = /^((?:\\[\s\S]|[^\\])*?)\{((?:\\[\s\S]|[^\\{}])*)\}([\s\S]*)$/.exec(next);
    if (braces === null) {
      if (/(?<!\\)(?:\\\\)*[{}]/.test(next)) return undefined;
      done.push(next);
      continue;
    }
    const [, before = '', inside = '', after = ''] = braces;
    for (const word of wordsOf(inside)) open.push(before + word + after);
  }
  return done;
}

/**
 * The globs of policy-controller (pkg/apis/glob): `*` is any number of characters without a slash,
 * `**` of any; the whole text must fit. The globs `*` and `*\/*` mean Docker Hub.
 * @returns undefined for a glob that policy-controller refuses, for example one with brackets
 */
export function policyControllerGlob(glob: string): Fits | undefined {
  const steps = policyControllerSteps(glob);
  return steps === undefined ? undefined : fits(steps);
}

function policyControllerSteps(glob: string): readonly Step[] | undefined {
  if (!/^[a-zA-Z0-9\-_:/*.@]+$/.test(glob)) return undefined;
  const full =
    glob === '*' ? 'index.docker.io/library/*' : glob === '*/*' ? 'index.docker.io/*/*' : glob;
  return (full.match(/\*+|[\s\S]/g) ?? []).map((part) =>
    part.startsWith('**') ? { any: 'many' } : part === '*' ? { any: 'segment' } : part,
  );
}

/**
 * False for a glob of policy-controller that fits no image: its webhook puts the digest in the place
 * of the tag before it matches, so only `host/path@sha256:…` is ever seen. Globs with a tag, and
 * short names, fit nothing of that shape.
 */
export function fitsResolvedNames(glob: string): boolean {
  const steps = policyControllerSteps(glob) ?? [];
  // All names of hosts and paths at once: which places of the glob can be reached in front of `@`.
  const start = skipMany(new Set([0]), steps);
  const host = reachable(start, steps, nameCharacters);
  const dotted = reachable(advanceAny(host, steps, new Set('.:')), steps, nameCharacters);
  const localhost = [...'localhost'].reduce<Set<number>>(
    (at, character) => advance(at, steps, character),
    start,
  );
  const slash = advance(new Set([...dotted, ...localhost]), steps, '/');
  const path = reachable(slash, steps, pathCharacters);
  let at = [...'@sha256:'].reduce<Set<number>>(
    (reached, character) => advance(reached, steps, character),
    path,
  );
  for (let index = 0; index < 64; index++) at = advanceAny(at, steps, hexCharacters);
  return at.has(steps.length);
}

const nameCharacters = new Set('abcdefghijklmnopqrstuvwxyz0123456789.:_-');
const pathCharacters = new Set('abcdefghijklmnopqrstuvwxyz0123456789._-/');
const hexCharacters = new Set('0123456789abcdef');

/** The places that any number of these characters leads to; each is looked at once. */
function reachable(
  from: ReadonlySet<number>,
  steps: readonly Step[],
  characters: ReadonlySet<string>,
): Set<number> {
  const found = new Set(from);
  for (const position of found)
    for (const next of advanceAny(new Set([position]), steps, characters)) found.add(next);
  return found;
}

/** The places that one of these characters leads to, in globs of stars and text. */
function advanceAny(
  from: ReadonlySet<number>,
  steps: readonly Step[],
  characters: ReadonlySet<string>,
): Set<number> {
  const next = new Set<number>();
  for (const position of from) {
    const step = steps[position];
    if (step === undefined) continue;
    if (typeof step !== 'string') next.add(position);
    else if (characters.has(step)) next.add(position + 1);
  }
  return skipMany(next, steps);
}

/** Walks all ways through the pattern at once; backtracking could take exponential time. */
function fits(steps: readonly Step[]): Fits {
  return (text) => {
    let at = skipMany(new Set([0]), steps);
    for (const character of text) at = advance(at, steps, character);
    return at.has(steps.length);
  };
}

/** The places of a pattern that one more character leads to. */
function advance(
  from: ReadonlySet<number>,
  steps: readonly Step[],
  character: string,
): Set<number> {
  const next = new Set<number>();
  for (const position of from) {
    const step = steps[position];
    if (step === undefined) continue;
    if (typeof step === 'string') {
      if (step === character) next.add(position + 1);
    } else if ('among' in step) {
      if (step.among(character)) next.add(position + 1);
    } else if (step.any === 'one') next.add(position + 1);
    else if (step.any === 'many' || character !== '/') next.add(position);
  }
  return skipMany(next, steps);
}

/**
 * What is reached without a character: a Set grows while it is walked, so runs of stars are
 * followed to their end.
 */
function skipMany(at: Set<number>, steps: readonly Step[]): Set<number> {
  for (const position of at) {
    const step = steps[position];
    if (typeof step === 'object' && 'any' in step && step.any !== 'one') at.add(position + 1);
  }
  return at;
}
