import { constants } from 'node:os';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { EndableDeadline } from '../http/deadline.ts';

/**
 * What the runner sends when a job is cancelled: SIGINT, SIGTERM 7.5 s later, and after 2.5 s more
 * it kills.
 */
const signals = ['SIGINT', 'SIGTERM'] as const;
/**
 * For this long a cancelled run may tell what is true; whatever does not listen to the deadline ends
 * with the process.
 */
const grace = 2_000;

/** What a run knows of its cancellation. */
export interface Cancellation {
  /** the code given, or 128 + the number of the signal that came */
  exitCode(code: number): number;
  /** Signals end the process again, as they do without us. */
  release(): void;
}

/**
 * Ends the deadline when the job is cancelled: nothing new is begun, what is under way is let go,
 * and the run reports what it has done until then. No signature is half written by that: what is
 * pushed has verified before, and a manifest is pushed whole or not at all.
 */
export function heedCancellation(
  deadline: EndableDeadline,
  clock: Pick<Clock, 'timer'>,
): Cancellation {
  let came: number | undefined;
  const heed = (signal: (typeof signals)[number]) => {
    if (came !== undefined) return;
    came = 128 + constants.signals[signal];
    deadline.end(cancelled());
    clock.timer(grace, () => process.exit(came), { keepAlive: false });
  };
  for (const signal of signals) process.on(signal, heed);
  return {
    exitCode: (code) => came ?? code,
    release: () => {
      for (const signal of signals) process.off(signal, heed);
    },
  };
}

function cancelled(): Failure {
  return new Failure(
    'cancelled',
    'The job was cancelled before this was done.',
    'Run the job again: what is there already is not written twice.',
  );
}
