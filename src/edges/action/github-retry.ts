import type { Clock } from '../../clock.ts';

const pauses = [500, 2000];

/** How a request to GitHub waits between two tries, and what ends it. */
export interface Waiting {
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, 'sleep'>;
}

/**
 * Asks up to three times where the server is at fault, or asks for time; `signal` ends the
 * step.
 */
export async function askWithRetry<T>(
  ask: () => Promise<T>,
  { signal, clock }: Waiting,
): Promise<T> {
  for (const pause of pauses) {
    try {
      return await ask();
    } catch (caught) {
      if (signal.aborted || !isPassing(caught)) throw caught;
      await clock.sleep(pause, signal);
    }
  }
  return ask();
}

/** The HTTP status that an error of Octokit carries; undefined when no answer came. */
export function statusOf(caught: unknown): number | undefined {
  return caught instanceof Error && 'status' in caught && typeof caught.status === 'number'
    ? caught.status
    : undefined;
}

function isPassing(caught: unknown): boolean {
  const status = statusOf(caught);
  return status === undefined || status >= 500 || status === 429;
}
