import type { Clock } from '../clock.ts';

/** What limits the time of an exchange. */
export interface Watch {
  /** from now on this is waited for, so long at the most; in the place of what was before */
  phase(milliseconds: number, code: string, what: string): void;
  /** what was waited for has come */
  rest(): void;
  end(): void;
}

/**
 * Watches the time of one exchange with one timer, which is only set anew where the new end comes
 * before the one that it waits for: most ends are put off before they come, with each piece.
 * @param whole milliseconds for everything
 * @param lapse told once, with the code and the words of what did not come in time
 */
export function watchTime(
  clock: Clock,
  whole: number,
  lapse: (code: string, what: string) => void,
): Watch {
  const last = { at: clock.now() + whole, code: 'TIMEOUT', what: 'no complete answer in time' };
  let next = last;
  let ringsAt = Number.POSITIVE_INFINITY;
  let cancel = () => {};
  const ring = () => {
    // Timers may be a little early.
    const left = next.at - clock.now();
    if (left < 1) lapse(next.code, next.what);
    else set(left);
  };
  const set = (milliseconds: number) => {
    cancel();
    ringsAt = clock.now() + milliseconds;
    cancel = clock.timer(milliseconds, ring);
  };
  return {
    phase(milliseconds, code, what) {
      const at = clock.now() + milliseconds;
      next = at < last.at ? { at, code, what } : last;
      if (next.at < ringsAt) set(next.at - clock.now());
    },
    rest() {
      next = last;
    },
    end: () => cancel(),
  };
}
