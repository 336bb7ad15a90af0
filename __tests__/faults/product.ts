import { inParallel } from '../../src/image/in-parallel.ts';
import { faultTable } from '../sandbox/registry-fault-table.ts';
import { type Drive, type Driven, drive, type Ground, requestsOfRun } from './drive.ts';
import { driveAttesting, requestsOfAttesting } from './drive-attesting.ts';
import { driveVerifying, requestsOfVerifying } from './drive-verifying.ts';

export const grounds: readonly Ground[] = [
  'referrers API',
  'shared tags',
  'shared tags, login',
  'signature repository',
  'signature repository, referrers API',
];
export const faults: readonly string[] = Object.keys(faultTable);

/** The runs that are driven through faults. */
export const journeys = {
  signing: { drive, requests: requestsOfRun },
  attesting: { drive: driveAttesting, requests: requestsOfAttesting },
  verifying: { drive: driveVerifying, requests: requestsOfVerifying },
};

/** Every fault at every request index of a run. */
export async function product(
  journey: keyof typeof journeys,
  ground: Ground,
  forever: boolean,
): Promise<readonly Drive[]> {
  const requests = await journeys[journey].requests(ground);
  return faults.flatMap((fault) =>
    Array.from({ length: requests }, (_, at) => ({ ground, fault, at, forever })),
  );
}

/** Runs them, so many at a time: most of them wait most of the time. */
export async function driveAll(
  journey: keyof typeof journeys,
  drives: readonly Drive[],
  atOnce = 32,
): Promise<readonly Driven[]> {
  return inParallel(drives, atOnce, journeys[journey].drive);
}

/**
 * A table of fault kinds and what came of them: runs, good ones, failed by code, slowest, what was
 * wrong.
 */
export function tableOf(driven: readonly Driven[]): string {
  const lines = [...Map.groupBy(driven, ({ drive: { fault } }) => fault)].map(([fault, same]) => {
    const reached = same.filter(({ outcome }) => outcome !== 'not reached');
    const codes = Map.groupBy(
      reached.filter(({ outcome }) => outcome === 'failed'),
      ({ code = '?' }) => code,
    );
    const slowest = Math.max(...same.map(({ milliseconds }) => milliseconds));
    const good = reached.filter(({ outcome }) => outcome !== 'failed').length;
    const wrong = same.filter((one) => one.wrong.length > 0).length;
    const failed = [...codes].map(([code, some]) => `${code} ${some.length}`).join(', ') || '–';
    return `${fault.padEnd(30)} ${String(reached.length).padStart(5)} ${String(good).padStart(7)} ${(slowest / 1000).toFixed(1).padStart(8)} ${String(wrong).padStart(6)}   ${failed}`;
  });
  return [`${'fault'.padEnd(30)}  runs    good  slowest  wrong   failed`, ...lines].join('\n');
}
