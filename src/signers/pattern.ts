import type { Pattern } from '../signature/policy.ts';

/** No identity that Fulcio's issuers give is longer; who signs chooses its branches and tags. */
const longestText = 4_096;

/**
 * Reads an identity with wildcards: `*` is one or more letters, digits, dots, dashes, plus signs and
 * underscores. It never stands for a slash or an `@`, so it stays inside one name: a tag, a branch, a
 * repository. Everything else stands for itself, and the whole identity must fit; so nothing has to
 * be escaped or anchored. Fitting takes time in proportion to pattern times text.
 */
export function identityPattern(source: string): Pattern {
  const steps = [...source];
  return {
    source,
    matches(text) {
      if (text.length > longestText) return false;
      let at = new Set([0]);
      for (const character of text) {
        const next = new Set<number>();
        for (const position of at) {
          if (steps[position] !== '*') {
            if (steps[position] === character) next.add(position + 1);
          } else if (/[A-Za-z0-9._+-]/.test(character)) next.add(position).add(position + 1);
        }
        at = next;
      }
      return at.has(steps.length);
    },
    sibling: identityPattern,
  };
}
