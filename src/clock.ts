/**
 * The time, passed to whatever waits or measures: tests put a clock of their own in its place, so
 * that no verdict depends on how fast a machine is.
 */
export interface Clock {
  /** Milliseconds on a scale that never goes back; only differences mean something. */
  now(): number;
  /** The time of day, as the machine believes it to be. */
  date(): Date;
  /**
   * Calls `fire` once, after so many milliseconds.
   * @param options `keepAlive: false` lets the process end before (default: true)
   * @returns cancels it; harmless after it has fired
   */
  timer(
    milliseconds: number,
    fire: () => void,
    options?: { readonly keepAlive?: boolean },
  ): () => void;
  /**
   * Waits so many milliseconds.
   * @throws the reason of `signal`, as soon as it aborts
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Aborts after so many milliseconds, with a `TimeoutError`; does not keep the process alive. */
export function abortAfter(milliseconds: number, clock: Pick<Clock, 'timer'>): AbortSignal {
  const controller = new AbortController();
  const lapse = () => controller.abort(new DOMException('it took too long', 'TimeoutError'));
  clock.timer(milliseconds, lapse, { keepAlive: false });
  return controller.signal;
}

/** A longer timer of Node fires at once. */
const longestTimer = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  // `performance` would load all that Node measures with: a millisecond of every start.
  now: () => Number(process.hrtime.bigint()) / 1e6,
  date: () => new Date(),
  timer(milliseconds, fire, { keepAlive = true } = {}) {
    const timer = setTimeout(fire, Math.min(milliseconds, longestTimer));
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = systemClock.timer(milliseconds, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      const stop = () => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  },
};

/** milliseconds; clocks of machines that ask a time server differ by less */
export const clockSkew = 60_000;

/**
 * A sentence about the clock of the runner; undefined where it fits the other one.
 * @param whose other clock it is
 */
export function clockOffset(now: Date, other: Date, whose = 'Fulcio'): string | undefined {
  const ahead = now.getTime() - other.getTime();
  if (Math.abs(ahead) < clockSkew) return undefined;
  return `The clock of this runner is ${durationInWords(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}: it says ${iso(now)}, and that of ${whose} ${iso(other)}.`;
}

function iso(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Milliseconds for a person: `60 s`, `55 minutes`, `2.5 hours`, `30 days`. */
export function durationInWords(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} hours`;
  return `${Math.round(seconds / 8_640) / 10} days`;
}

/** How long a run took, for a person: `0.4 s`, `3 s`, `2 min 5 s`. */
export function secondsInWords(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.max(0.1, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
