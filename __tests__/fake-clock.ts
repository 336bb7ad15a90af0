import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, systemClock } from '../src/clock.ts';

interface Alarm {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Time that stands still until a test moves it: by hand with `advance`, or with `run`, which moves
 * it whenever the code under test does nothing but wait. How fast the machine is makes no
 * difference to what is measured with it.
 */
export class FakeClock implements Clock {
  readonly #start: number;
  readonly #alarms = new Set<Alarm>();
  /** how long each sleep was asked to last, in milliseconds */
  readonly slept: number[] = [];
  #now = 0;

  constructor(start = new Date('2026-11-20T12:00:00Z')) {
    this.#start = start.getTime();
  }

  // Properties, not methods: they are handed on without the clock.
  readonly now = (): number => this.#now;

  readonly date = (): Date => new Date(this.#start + this.#now);

  readonly timer = (milliseconds: number, fire: () => void): (() => void) => {
    const alarm = { at: this.#now + Math.max(0, milliseconds), fire };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  };

  readonly sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    this.slept.push(milliseconds);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.timer(milliseconds, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  };

  /** How many timers are set. */
  get timers(): number {
    return this.#alarms.size;
  }

  /** Moves on by so many milliseconds; whatever is due on the way happens at its own moment. */
  async advance(milliseconds: number): Promise<void> {
    using activity = new Activity();
    const end = this.#now + milliseconds;
    await activity.calm();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#ring(next);
      await activity.calm();
    }
    this.#now = end;
  }

  /**
   * Runs the work to its end, in no time: whenever it only waits, the next timer is due. Sound for
   * work inside this process that begins here: a memory network, files, keys. What comes from outside
   * (a socket, another process, a module that is loaded only now), and Web Crypto, is not seen, and would be overtaken.
   * @param loading real milliseconds that are given to a module before a second goes by at once
   */
  async run<T>(work: () => Promise<T>, loading = 0): Promise<T> {
    using activity = new Activity();
    let over = false;
    const result = work().finally(() => {
      over = true;
    });
    result.catch(() => {}); // awaited below
    for (await activity.calm(); !over; await activity.calm()) {
      const isFar = () => (this.#next()?.at ?? Number.POSITIVE_INFINITY) - this.#now > 1000;
      for (let waited = 0; waited < loading && isFar() && !over; waited += 10) {
        await systemClock.sleep(10);
        await activity.calm();
      }
      if (over) break;
      const next = this.#next();
      if (next === undefined) throw new Error('the work waits for something that no time brings');
      this.#ring(next);
    }
    return await result;
  }

  #next(): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) if (first === undefined || alarm.at < first.at) first = alarm;
    return first;
  }

  #ring(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    this.#now = Math.max(this.#now, alarm.at);
    alarm.fire();
  }
}

/** What libuv does in its threads for us, or waits for: files, keys, hashes. */
/** A job of node:crypto; one that runs in a thread has an `ondone`. */
const isCrypto = (resource: object) => resource.constructor.name.endsWith('Job');

const isRequest = (type: string) => type.includes('REQ') && !type.startsWith('HTTP');

/**
 * Knows, while something is run, when nothing happens in this process any more: nothing was begun
 * in a whole turn of the event loop, and nothing that a thread does is under way.
 */
class Activity {
  #begun = 0;
  readonly #underWay = new Map<number, object>();
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      this.#begun++;
      if (isRequest(type)) this.#underWay.set(id, resource);
    },
    after: (id) => void this.#underWay.delete(id),
    destroy: (id) => void this.#underWay.delete(id),
    trackPromises: false,
  }).enable();

  async calm(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      // A thread takes real time, and the processor that a loop of turns would keep busy.
      while (this.#isBusy()) await systemClock.sleep(1);
      const before = this.#begun;
      await turn();
      // One of what was begun is the turn itself.
      quiet = this.#begun - before <= 1 && !this.#isBusy() ? quiet + 1 : 0;
    }
  }

  #isBusy(): boolean {
    // What crypto does at once has nobody to tell, and would only end when its memory is collected.
    for (const [id, resource] of this.#underWay)
      if (isCrypto(resource) && !('ondone' in resource)) this.#underWay.delete(id);
    return this.#underWay.size > 0;
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}

/**
 * The machine's clock, but a sleep takes no time: for code that pauses between requests to real
 * sockets. What was slept counts as passed.
 */
export function hurriedClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  const skipped = () => slept.reduce((sum, milliseconds) => sum + milliseconds, 0);
  return {
    ...systemClock,
    now: () => systemClock.now() + skipped(),
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      slept.push(milliseconds);
    },
    slept,
  };
}
