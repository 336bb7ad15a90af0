/** One step of a pattern: a character; any one; any number of any, or of any but the slash. */
type Step = string | { readonly any: 'one' | 'many' | 'segment' };

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
    [...pattern].map((character) =>
      character === '*' ? { any: 'many' } : character === '?' ? { any: 'one' } : character,
    ),
  );
}

/**
 * The globs of policy-controller (pkg/apis/glob): `*` is any number of characters without a slash,
 * `**` of any; the whole text must fit. The globs `*` and `*\/*` mean Docker Hub.
 * @returns undefined for a glob that policy-controller refuses, for example one with brackets
 */
export function policyControllerGlob(glob: string): Fits | undefined {
  if (!/^[a-zA-Z0-9\-_:/*.@]+$/.test(glob)) return undefined;
  const full =
    glob === '*' ? 'index.docker.io/library/*' : glob === '*/*' ? 'index.docker.io/*/*' : glob;
  return fits(
    (full.match(/\*\*|[\s\S]/g) ?? []).map((part) =>
      part === '**' ? { any: 'many' } : part === '*' ? { any: 'segment' } : part,
    ),
  );
}

/** Walks all ways through the pattern at once; backtracking could take exponential time. */
function fits(steps: readonly Step[]): Fits {
  return (text) => {
    let at = skipMany(new Set([0]), steps);
    for (const character of text) {
      const next = new Set<number>();
      for (const position of at) {
        const step = steps[position];
        if (step === undefined) continue;
        if (typeof step === 'string') {
          if (step === character) next.add(position + 1);
        } else if (step.any === 'one') next.add(position + 1);
        else if (step.any === 'many' || character !== '/') next.add(position);
      }
      at = skipMany(next, steps);
    }
    return at.has(steps.length);
  };
}

/**
 * What is reached without a character: a Set grows while it is walked, so runs of stars are
 * followed to their end.
 */
function skipMany(at: Set<number>, steps: readonly Step[]): Set<number> {
  for (const position of at) {
    const step = steps[position];
    if (typeof step === 'object' && step.any !== 'one') at.add(position + 1);
  }
  return at;
}
