import type { Format } from '../signature/found.ts';
import type { Verdict } from '../signature/verdict.ts';

/** What a signature that is there must say for ours to be superfluous. */
export interface Sameness {
  readonly annotations: Readonly<Record<string, string>>;
  /**
   * keyless: the commit of this run; a signature of another commit by the same workflow says
   * something else
   */
  readonly commit?: string;
}

/**
 * Of what was found and judged by our own policy (our key; or our identity and issuer): per format,
 * the signature that already says what we would write.
 * Annotations must be the same set: one more or less is another statement.
 */
export function alreadyThere(
  verdicts: readonly Verdict[],
  { annotations, commit }: Sameness,
): ReadonlyMap<Format, Verdict> {
  const there = new Map<Format, Verdict>();
  for (const verdict of verdicts) {
    if (!verdict.verified || there.has(verdict.format)) continue;
    if (commit !== undefined && verdict.github?.sha !== commit) continue;
    if (sameEntries(verdict.annotations, annotations)) there.set(verdict.format, verdict);
  }
  return there;
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
