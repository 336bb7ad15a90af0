import type { Clock } from '../clock.ts';
import type { Deadline } from '../http/deadline.ts';

/** The time and the dice, passed in. */
export interface RewriteTools {
  readonly clock: Pick<Clock, 'now'>;
  /** the time that the step has left, on the same clock */
  readonly deadline: Pick<Deadline, 'remaining' | 'sleep'>;
  /** 0 ≤ x < 1; real chance when absent */
  readonly random?: () => number;
}

/** A writer like us reads and then writes at once: that takes one round trip. */
const calm = { least: 150, spread: 50, roundTrips: 2.5 };
/**
 * cosign reads `.sig`, then pushes blobs, then writes: six to eight round trips in which it
 * overwrites others unseen.
 */
const busy = { least: 500, spread: 250, roundTrips: 8 };
const longest = 5_000;

/**
 * How long to wait before looking at a shared tag again: long enough that a writer who read before
 * our write has written by then. A quiet tag gets a short pause; one on which this run has seen
 * anybody else's change, a long one; slow networks stretch both.
 */
export class RewritePause {
  readonly #clock: RewriteTools['clock'];
  readonly #deadline: RewriteTools['deadline'];
  readonly #random: () => number;
  #roundTrip = 0;
  #crowded = false;
  /** digest of the document as we know it; `undefined` is "no document" */
  #known: { readonly digest: string | undefined } | undefined;

  constructor({ clock, deadline, random = Math.random }: RewriteTools) {
    this.#clock = clock;
    this.#deadline = deadline;
    this.#random = random;
  }

  /**
   * Runs a request and remembers how long it took. The latest counts: the first also opens
   * connections and asks for a token.
   */
  async timed<T>(request: () => Promise<T>): Promise<T> {
    const start = this.#clock.now();
    const answer = await request();
    this.#roundTrip = this.#clock.now() - start;
    return answer;
  }

  /**
   * A read showed this document. One that is neither what we read nor what we wrote means that
   * somebody else is at work.
   */
  saw(digest: string | undefined): void {
    if (this.#known !== undefined && this.#known.digest !== digest) this.#crowded = true;
    this.#known = { digest };
  }

  wrote(digest: string): void {
    this.#known = { digest };
  }

  crowded(): void {
    this.#crowded = true;
  }

  /** @throws {Failure} `timeout` when the step's time is over */
  async refuseIfLate(): Promise<void> {
    if (this.#deadline.remaining() === 0) await this.#deadline.sleep(0);
  }

  /**
   * On the clock of `now`: when a document that was there at `since` has stayed for a whole pause.
   */
  pauseEnd(since: number): number {
    const { least, spread, roundTrips } = this.#crowded ? busy : calm;
    return (
      since +
      Math.min(longest, Math.max(least, this.#roundTrip * roundTrips) + spread * this.#random())
    );
  }

  /** Waits until then. @throws {Failure} `timeout` when it would end after the step */
  async until(moment: number): Promise<void> {
    // Timers may fire a little early, and then the look would not count.
    for (let left = moment - this.#clock.now(); left > 0; left = moment - this.#clock.now())
      await this.#deadline.sleep(left);
  }

  now(): number {
    return this.#clock.now();
  }

  /**
   * True while something begun at that moment is not older than a request takes: what was read then
   * may still be written upon.
   */
  isFresh(since: number): boolean {
    return this.#clock.now() - since <= this.#roundTrip;
  }

  /**
   * A jittered wait that grows with `times`. @throws {Failure} `timeout` when it would end after
   * the step
   */
  async backOff(times: number): Promise<void> {
    await this.#deadline.sleep(this.#random() * Math.min(2_000, 50 * 2 ** Math.min(times, 6)));
  }
}
