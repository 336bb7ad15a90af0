import { setTimeout as wait } from 'node:timers/promises';
import { Failure } from '../failure.ts';

/** The time a step has left, shared by everything in it that waits. */
export interface Deadline {
  /** milliseconds left, never below 0 */
  remaining(): number;
  /** Aborts when the time is up, with the Failure `timeout` as its reason. */
  readonly signal: AbortSignal;
  /** Waits; less when `ended` aborts (it rejects then). @throws {Failure} `timeout`, as soon as it is certain that the wait would end after the deadline */
  sleep(milliseconds: number, ended?: AbortSignal): Promise<void>;
}

/** Node takes a longer timer for one of 1 ms. */
const longestTimer = 2 ** 31 - 1;

/**
 * Starts the clock of a step.
 * @param milliseconds the whole budget, retries and waits included
 * @param now a monotonic clock in milliseconds
 */
export function createDeadline(milliseconds: number, now: () => number = () => performance.now()): Deadline {
  const end = now() + milliseconds;
  const remaining = () => Math.max(0, end - now());
  const controller = new AbortController();
  // A clock alone must not keep the process alive when the work is done.
  setTimeout(() => controller.abort(timeUp(milliseconds)), Math.min(milliseconds, longestTimer)).unref();
  const sleep = async (pause: number, ended?: AbortSignal) => {
    if (pause >= remaining()) throw timeUp(milliseconds);
    await wait(pause, undefined, ended === undefined ? {} : { signal: ended });
  };
  return { remaining, signal: controller.signal, sleep };
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
