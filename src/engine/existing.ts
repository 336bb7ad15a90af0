import type { Format } from '../signature/found.ts';
import type { Verdict } from '../signature/verdict.ts';
import type { Judged } from './sign-outcome.ts';

/** What a signature that is there must say for ours to be superfluous. */
export interface Sameness<Told extends Judged> {
  readonly saysSame: (told: Told) => boolean;
  /**
   * keyless: the commit of this run; a signature of another commit by the same workflow says
   * something else
   */
  readonly commit?: string;
}

/**
 * Of what was found and judged by our own policy (our key; or our identity and issuer): per format,
 * what already says what we would write.
 */
export function alreadyThere<Told extends Judged>(
  verdicts: readonly Told[],
  { saysSame, commit }: Sameness<Told>,
): ReadonlyMap<Format, Told> {
  const there = new Map<Format, Told>();
  for (const verdict of verdicts) {
    if (!verdict.verified || there.has(verdict.format)) continue;
    if (commit !== undefined && verdict.github?.sha !== commit) continue;
    if (saysSame(verdict)) there.set(verdict.format, verdict);
  }
  return there;
}

/** Annotations must be the same set: one more or less is another statement. */
export function sameAnnotations(
  wanted: Readonly<Record<string, string>>,
): (told: Pick<Verdict, 'annotations'>) => boolean {
  return ({ annotations }) => sameEntries(annotations, wanted);
}

function sameEntries(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
}
