import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';

/** How long a run waits for servers that take their time; milliseconds. */
export interface SlowHostLimits {
  /** an answer that is complete by then is not slow */
  readonly grace: number;
  /** how much waiting beyond that one host may cost the run altogether */
  readonly most: number;
}

/**
 * Waits no longer for a host that has kept the run waiting too long altogether. Stops the server
 * that never answers, the one whose answers drip, and the one that is a little late with each of
 * many: a limit for each single answer stops only the first. Requests that wait at the same time
 * cost their common time once, so an honest registry under load is not given up for the number of
 * its requests.
 */
export class SlowHostBudget {
  readonly #host: string;
  readonly #limits: SlowHostLimits;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  /** when each request under way begins to be slow */
  readonly #waiting = new Set<{ readonly slowFrom: number }>();
  #used = 0;
  #countedUntil = 0;
  #cancelTimer = () => {};

  constructor(host: string, limits: SlowHostLimits, clock: Clock) {
    this.#host = host;
    this.#limits = limits;
    this.#clock = clock;
    setMaxListeners(0, this.#over.signal); // every request that waits listens
  }

  /** Aborts when the host has used up its time, with the Failure `network` as its reason. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * A request is sent. @param grace instead of the usual @returns what to call when it is over,
   * however it ended
   */
  begin(grace = this.#limits.grace): () => void {
    this.#count();
    const request = { slowFrom: this.#clock.now() + grace };
    const first = request.slowFrom < this.#slowFrom();
    this.#waiting.add(request);
    // One timer for all, for the one that is slow first: when that has ended it fires too early and
    // is set again.
    if (first) this.#setTimer();
    return () => {
      this.#count();
      this.#waiting.delete(request);
      if (this.#waiting.size === 0) this.#cancelTimer();
    };
  }

  /** The moment from which on one of them counts as slow. */
  #slowFrom(): number {
    return Math.min(...[...this.#waiting].map(({ slowFrom }) => slowFrom));
  }

  #count(): void {
    const now = this.#clock.now();
    this.#used += Math.max(0, now - Math.max(this.#countedUntil, this.#slowFrom()));
    this.#countedUntil = now;
    if (this.#used >= this.#limits.most) this.#over.abort(this.#givenUp());
  }

  #setTimer(): void {
    this.#cancelTimer();
    const now = this.#clock.now();
    const end = Math.max(now, this.#slowFrom()) + this.#limits.most - this.#used;
    this.#cancelTimer = this.#clock.timer(end - now, () => {
      this.#count();
      if (this.#waiting.size > 0 && !this.#over.signal.aborted) this.#setTimer();
    });
  }

  #givenUp(): Failure {
    const [grace, most] = [this.#limits.grace, this.#limits.most].map(
      (milliseconds) => Math.round(milliseconds / 100) / 10,
    );
    return new Failure(
      'network',
      `${this.#host} is too slow: beyond ${grace} s for each answer this step has waited ${most} s for it.`,
      'Run the job again. Where the server is always this slow, a longer `timeout` makes the step more patient: `timeout: 15m` waits three times as long for it as 5m.',
    );
  }
}

/** The slow-host budget of each host of a run. */
export function createSlowHostBudgets(
  limits: SlowHostLimits,
  clock: Clock,
): (url: URL) => SlowHostBudget {
  const budgets = new Map<string, SlowHostBudget>();
  return (url) => {
    const budget = budgets.get(url.host) ?? new SlowHostBudget(url.host, limits, clock);
    budgets.set(url.host, budget);
    return budget;
  };
}
