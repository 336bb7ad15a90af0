// Tables that cost a process for each row, or thousands of runs: `npm run test:whole` plays all of
// a `*.sampled.test.ts`, the default suite a sample of each kind.
import { it } from 'vitest';

/** Everything but the default suite, whose configuration says TABLES=sampled. */
const isWhole = process.env.TABLES !== 'sampled';

/**
 * The rows of a table: all of them, or, in the default suite, those of these names.
 * @param nameOf what a row begins with, unless it is something else that names it
 * @throws Error for a name that no row has: the sample would have become smaller unseen
 */
export function sampled<const Row>(
  rows: readonly Row[],
  names: readonly string[],
  nameOf: (row: Row) => unknown = (row) => (Array.isArray(row) ? row[0] : row),
): Row[] {
  const unknown = names.filter((name) => !rows.some((row) => String(nameOf(row)) === name));
  if (unknown.length > 0 || names.length === 0) throw new Error(`no row is named ${unknown}`);
  return rows.filter((row) => isWhole || names.includes(String(nameOf(row))));
}

/** A test that the default suite leaves to `npm run test:whole`: another of its kind is in both. */
export const itInWhole: typeof it = isWhole
  ? it
  : (Object.assign(() => {}, { each: () => () => {} }) as unknown as typeof it);

/** Of a long table of one kind, every third row in the default suite, the first one among them. */
export const everyThird = <Row>(rows: readonly Row[]): Row[] =>
  rows.filter((_, index) => isWhole || index % 3 === 0);

/** How often a property is tried: a quarter as often in the default suite. */
export const runs = (count: number): number => (isWhole ? count : Math.ceil(count / 4));
