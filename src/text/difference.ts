import { shown } from './untrusted.ts';

/** A longer one does not fit a line that a person would still compare. */
const longest = 400;

/**
 * Two texts below each other, each on one line and without anything invisible, with a mark under
 * what differs:
 *
 *     expected: refs/heads/main
 *     found:    refs/tags/v1
 *                    ^^^^^^^
 */
export function markedDifference(expected: string, found: string): string {
  const [one, other] = [shown(expected, longest), shown(found, longest)];
  const start = commonLength([...one], [...other]);
  const [rest, restOther] = [[...one].slice(start), [...other].slice(start)];
  const end = commonLength(rest.toReversed(), restOther.toReversed());
  const marks = '^'.repeat(Math.max(1, restOther.length - end));
  return `${withoutMark(one, other)}\n${' '.repeat('expected: '.length + start)}${marks}`;
}

/** The same where there is nothing to mark: a pattern, or several texts. */
export function withoutMark(expected: string, found: string): string {
  return `expected: ${shown(expected, longest)}\nfound:    ${shown(found, longest)}`;
}

function commonLength(one: readonly string[], other: readonly string[]): number {
  const most = Math.min(one.length, other.length);
  for (let at = 0; at < most; at++) if (one[at] !== other[at]) return at;
  return most;
}
