import { inParallel } from '../../src/image/in-parallel.ts';
import { faultTable } from '../sandbox/registry-fault-table.ts';
import { type Drive, type Driven, drive, type Ground, requestsOfRun } from './drive.ts';

export const grounds: readonly Ground[] = ['referrers API', 'shared tags', 'shared tags, login'];
export const faults: readonly string[] = Object.keys(faultTable);

/** Every fault at every request index of a run. */
export async function product(ground: Ground, forever: boolean): Promise<readonly Drive[]> {
  const requests = await requestsOfRun(ground);
  return faults.flatMap((fault) => Array.from({ length: requests }, (_, at) => ({ ground, fault, at, forever })));
}

/** Runs them, so many at a time: most of them wait most of the time. */
export async function driveAll(drives: readonly Drive[], atOnce = 16): Promise<readonly Driven[]> {
  // Once alone, so that what the grounds share is made.
  return inParallel(drives, atOnce, drive);
}

/** A table of fault kinds and what came of them: runs, signed, failed by code, slowest, what was wrong. */
export function tableOf(driven: readonly Driven[]): string {
  const lines = [...Map.groupBy(driven, ({ drive: { fault } }) => fault)].map(([fault, same]) => {
    const reached = same.filter(({ outcome }) => outcome !== 'not reached');
    const codes = Map.groupBy(
      reached.filter(({ outcome }) => outcome === 'failed'),
      ({ code = '?' }) => code,
    );
    const slowest = Math.max(...same.map(({ milliseconds }) => milliseconds));
    const signed = reached.filter(({ outcome }) => outcome === 'signed').length;
    const wrong = same.filter((one) => one.wrong.length > 0).length;
    const failed = [...codes].map(([code, some]) => `${code} ${some.length}`).join(', ') || '–';
    return `${fault.padEnd(30)} ${String(reached.length).padStart(5)} ${String(signed).padStart(7)} ${(slowest / 1000).toFixed(1).padStart(8)} ${String(wrong).padStart(6)}   ${failed}`;
  });
  return [`${'fault'.padEnd(30)}  runs  signed  slowest  wrong   failed`, ...lines].join('\n');
}
