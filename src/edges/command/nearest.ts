/**
 * The name that somebody who wrote `written` most likely meant: at most a third of its letters differ
 * (added, left out, other, or two neighbours exchanged), or one is the beginning of the other.
 * @returns undefined where no name is near
 */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const plain = written.toLowerCase().replaceAll('_', '-').slice(0, 60);
  const most = Math.max(1, Math.floor(plain.length / 3));
  const [near] = names
    .map((name) => ({ name, far: distance(plain, name) }))
    .filter(({ far }) => far <= most)
    .sort((one, other) => one.far - other.far);
  const begins = (name: string) =>
    plain.length >= 3 && (name.startsWith(plain) || plain.startsWith(`${name}-`));
  return near?.name ?? names.find(begins);
}

/** Of Damerau and Levenshtein, with neighbours exchanged once ("optimal string alignment"). */
function distance(one: string, other: string): number {
  let twoBefore: number[] = [];
  let before = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const now = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      const swapped =
        column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      now.push(
        Math.min(
          at(before, column) + 1,
          at(now, column - 1) + 1,
          at(before, column - 1) + (same ? 0 : 1),
          swapped ? at(twoBefore, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    twoBefore = before;
    before = now;
  }
  return at(before, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
