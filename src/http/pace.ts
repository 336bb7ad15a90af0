/** Milliseconds between two requests after the first 429, and at the most. */
const first = 50;
const most = 1_000;
/** After so many answers the distance shrinks by a tenth: limits pass, and ours was a guess. */
const answersBeforeMore = 20;

/**
 * How far apart the requests to one host have to be. Without a 429 (too many requests) they need
 * not be apart at all. After one, all requests of the run wait as long as it asks, and then keep a
 * distance, which doubles while 429 goes on: a run of many images comes down to the rate that the
 * registry allows, and does not fail of its own crowd.
 */
export class Pace {
  #distance = 0;
  #next = 0;
  #pausedUntil = 0;
  #widenedAt = Number.NEGATIVE_INFINITY;
  #answers = 0;
  #lastAnswer = Number.NEGATIVE_INFINITY;

  /** Takes the next place in the row. @returns milliseconds until it; 0 = now */
  reserve(now: number): number {
    const at = Math.max(now, this.#next, this.#pausedUntil);
    this.#next = at + this.#distance;
    return at - now;
  }

  /** A 429 has come since the place was taken: take another. */
  isPaused(now: number): boolean {
    return now < this.#pausedUntil;
  }

  /** Any answer but 429. */
  answered(now: number): void {
    this.#lastAnswer = now;
    if (++this.#answers % answersBeforeMore === 0)
      this.#distance = this.#distance < 10 ? 0 : this.#distance * 0.9;
  }

  /**
   * @param sentAt when the request was sent that was refused: of many sent at once, only the first
   * refusal widens the distance
   */
  refused(sentAt: number, now: number, pause: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause);
    if (sentAt < this.#widenedAt) return;
    this.#widenedAt = now;
    this.#answers = 0;
    this.#distance = Math.min(most, Math.max(first, this.#distance * 2));
  }

  /**
   * When this host last answered anything but 429: as long as it does, waiting for it makes sense.
   */
  get lastAnswer(): number {
    return this.#lastAnswer;
  }
}

/** The pace of every host of a run. */
export function createPaces(): (url: URL) => Pace {
  const paces = new Map<string, Pace>();
  return (url) => {
    const pace = paces.get(url.host) ?? new Pace();
    paces.set(url.host, pace);
    return pace;
  };
}
