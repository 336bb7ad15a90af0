import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../src/clock.ts';

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
  readonly #activity: Activity;
  #now = 0;

  constructor(start = new Date('2026-11-20T12:00:00Z')) {
    this.#start = start.getTime();
    activity ??= new Activity();
    this.#activity = activity;
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
    const end = this.#now + milliseconds;
    await this.#activity.calm();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#ring(next);
      await this.#activity.calm();
    }
    this.#now = end;
  }

  /**
   * Runs the work to its end, in no time: whenever it only waits, the next timer is due. Sound for
   * work inside this process: a memory network, files, keys. What comes from outside of it (a
   * socket, another process, a module that is loaded only now) is not seen, and would be overtaken.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let over = false;
    const result = work().finally(() => {
      over = true;
    });
    result.catch(() => {}); // awaited below
    for (await this.#activity.calm(); !over; await this.#activity.calm()) {
      const next = this.#next();
      if (next === undefined) throw new Error('the work waits for something that no time brings');
      this.#ring(next);
    }
    return result;
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
const isRequest = (type: string) => type.includes('REQ') && !type.startsWith('HTTP');

/**
 * Knows when nothing happens in this process any more: nothing was begun in a whole turn of the
 * event loop, and nothing that a thread does is under way.
 */
class Activity {
  #begun = 0;
  readonly #underWay = new Set<number>();

  constructor() {
    createHook({
      init: (id, type) => {
        this.#begun++;
        if (isRequest(type)) this.#underWay.add(id);
      },
      after: (id) => void this.#underWay.delete(id),
      destroy: (id) => void this.#underWay.delete(id),
      trackPromises: false,
    }).enable();
  }

  async calm(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      const before = this.#begun;
      await turn();
      // One of what was begun is the turn itself.
      quiet = this.#begun - before <= 1 && this.#underWay.size === 0 ? quiet + 1 : 0;
    }
  }
}

/** One for the process: it has to have seen the beginning of what is under way. */
let activity: Activity | undefined;
