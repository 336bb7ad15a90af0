/** Milliseconds of one burst: long enough to be measured, short enough to run undisturbed. */
const burst = 0.2;
/**
 * Milliseconds: a burst this long does not run undisturbed on a busy machine, so what counts is the
 * processor time of the thread, which a kernel knows to a tick.
 */
const [long, tick] = [20, 4];
/** How often a ratio is looked for, each time in so many rounds; most are clear at once. */
const tries = [4, 12, 12];
/** A ratio that needs no second try: linear cost, with what a machine adds to it. */
const clear = 2.5;

/**
 * How many times as much `work` costs for `2 * size` as for `size`: about 1 for what is bounded, 2
 * for linear cost, 4 for quadratic, far more for what backtracks. It says the same on a slow
 * machine and on a busy one: the shortest of many short bursts ran undisturbed, of a long one only
 * the processor time counts, and only bursts are compared. Linear is what stays below 3.
 */
export function growth(work: (size: number) => unknown, size: number): number {
  let times = 1;
  while (Math.min(...many(5, () => cost(work, size, times))) < burst) times *= 2;
  let least = Number.POSITIVE_INFINITY;
  for (const rounds of tries)
    if (least > clear) least = Math.min(least, ratio(work, size, times, rounds));
  return least;
}

function ratio(
  work: (size: number) => unknown,
  size: number,
  times: number,
  rounds: number,
): number {
  let [once, twice] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    once = Math.min(once, cost(work, size, times));
    twice = Math.min(twice, cost(work, 2 * size, times));
  }
  return twice / once;
}

function cost(work: (size: number) => unknown, size: number, times: number): number {
  const [began, used] = [performance.now(), process.threadCpuUsage()];
  for (let time = 0; time < times; time++) work(size);
  const [took, { user, system }] = [performance.now() - began, process.threadCpuUsage(used)];
  return took < long ? took : tick + (user + system) / 1000;
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
