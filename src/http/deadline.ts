import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';

/** The time a step has left, shared by everything in it that waits. */
export interface Deadline {
  /** milliseconds left, never below 0 */
  remaining(): number;
  /**
   * Aborts when the time is up, with the Failure `timeout` as its reason, or when the run was ended
   * before, with that reason.
   */
  readonly signal: AbortSignal;
  /**
   * Waits; less when `ended` aborts (it rejects then). @throws {Failure} `timeout`, as soon as it
   * is certain that the wait would end after the deadline
   */
  sleep(milliseconds: number, ended?: AbortSignal): Promise<void>;
}

/** A deadline that whoever made it can bring forward. */
export interface EndableDeadline extends Deadline {
  /** Nothing is left from now on; everything that waits rejects with `reason`. */
  end(reason: Failure): void;
}

/**
 * Starts the time of a step.
 * @param milliseconds the whole budget, retries and waits included
 */
export function createDeadline(milliseconds: number, clock: Clock): EndableDeadline {
  const last = clock.now() + milliseconds;
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal); // every request and every wait of the run listens
  let ended = false;
  const remaining = () => (ended ? 0 : Math.max(0, last - clock.now()));
  // The deadline alone must not keep the process alive when the work is done.
  clock.timer(milliseconds, () => controller.abort(timeUp(milliseconds)), { keepAlive: false });
  const sleep = async (pause: number, others?: AbortSignal) => {
    if (ended) throw signal.reason;
    if (pause >= remaining()) throw timeUp(milliseconds);
    try {
      await clock.sleep(pause, others === undefined ? signal : AbortSignal.any([signal, others]));
    } catch (caught) {
      throw signal.aborted ? signal.reason : caught;
    }
  };
  const end = (reason: Failure) => {
    ended = true;
    controller.abort(reason);
  };
  return { remaining, signal, sleep, end };
}

/**
 * Does not wait for an answer longer than any of these last: a run that was cancelled ends at once.
 * `close` ends the connection.
 */
export async function whileRunning<T>(
  signals: readonly AbortSignal[],
  work: Promise<T>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const groups = signals.map(waitingFor);
  for (const group of groups) group.add(reject);
  work.then(resolve, reject);
  try {
    return await promise;
  } finally {
    for (const group of groups) group.delete(reject);
  }
}

const waiting = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

/** Who is told when a signal aborts: one listener of it serves all requests of a run. */
function waitingFor(signal: AbortSignal): Set<(reason: unknown) => void> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const group = new Set<(reason: unknown) => void>();
  signal.addEventListener('abort', () => {
    for (const reject of group) reject(signal.reason);
  });
  waiting.set(signal, group);
  return group;
}

function timeUp(milliseconds: number): Failure {
  return new Failure(
    'timeout',
    `The time of the step is used up (${secondsOf(milliseconds)}).`,
    'Give the step more time, for example `timeout: 10m`; the debug log shows what it waited for.',
  );
}

/** Milliseconds for a person: `250 ms`, `2.5 s`, `300 s`. */
export function secondsOf(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${Math.round(milliseconds / 100) / 10} s`;
}
