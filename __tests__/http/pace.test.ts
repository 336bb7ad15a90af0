import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/http/pace.ts';

describe('the pace of a host', () => {
  it('that never refused is none: every request may be sent at once', () => {
    const pace = new Pace();
    expect([0, 0, 1].map((now) => pace.reserve(now))).toEqual([0, 0, 0]);
  });

  it('that refused pauses, and then keeps a distance, which doubles once for all that were sent together', () => {
    const pace = new Pace();
    pace.refused(0, 10, 1000);
    pace.refused(0, 12, 900);
    expect(pace.isPaused(500)).toBe(true);
    expect([500, 500, 500].map((now) => pace.reserve(now))).toEqual([510, 560, 610]);
    pace.refused(1020, 1030, 0);
    expect([2000, 2000].map((now) => pace.reserve(now))).toEqual([0, 100]);
  });

  it('grows again with every twenty answers', () => {
    const pace = new Pace();
    pace.refused(0, 0, 0);
    for (let count = 0; count < 400; count++) pace.answered(count);
    expect([1000, 1000, 1000].map((now) => pace.reserve(now))).toEqual([0, 0, 0]);
    expect(pace.lastAnswer).toBe(399);
  });
});
