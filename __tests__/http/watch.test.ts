import { describe, expect, it } from 'vitest';
import { watchTime } from '../../src/http/watch.ts';
import { FakeClock } from '../fake-clock.ts';

function watched(whole = 1_000) {
  const clock = new FakeClock();
  const lapses: [number, string, string][] = [];
  const watch = watchTime(clock, whole, (code, what) => lapses.push([clock.now(), code, what]));
  return { clock, watch, lapses };
}

describe('the time of an exchange', () => {
  it('ends with the phase that does not end, once', async () => {
    const { clock, watch, lapses } = watched();
    watch.phase(100, 'CONNECT_TIMEOUT', 'no connection in time');
    await clock.advance(5_000);
    expect(lapses).toEqual([[100, 'CONNECT_TIMEOUT', 'no connection in time']]);
  });

  it('is put off by each piece, to the last moment after the latest', async () => {
    const { clock, watch, lapses } = watched();
    watch.phase(100, 'TIMEOUT', 'the answer stopped coming');
    for (let pieces = 0; pieces < 5; pieces++) {
      await clock.advance(90);
      watch.phase(100, 'TIMEOUT', 'the answer stopped coming');
    }
    expect(lapses).toEqual([]);
    await clock.advance(1_000);
    expect(lapses).toEqual([[550, 'TIMEOUT', 'the answer stopped coming']]);
  });

  it('is never longer than the whole, however many pieces come', async () => {
    const { clock, watch, lapses } = watched(300);
    for (let pieces = 0; pieces < 5; pieces++) {
      watch.phase(100, 'TIMEOUT', 'the answer stopped coming');
      await clock.advance(90);
    }
    expect(lapses).toEqual([[300, 'TIMEOUT', 'no complete answer in time']]);
  });

  it('has a shorter phase after a longer one', async () => {
    const { clock, watch, lapses } = watched();
    watch.phase(600, 'TIMEOUT', 'long');
    await clock.advance(50);
    watch.phase(100, 'TIMEOUT', 'short');
    await clock.advance(1_000);
    expect(lapses).toEqual([[150, 'TIMEOUT', 'short']]);
  });

  it('goes on without a phase until the whole is over', async () => {
    const { clock, watch, lapses } = watched();
    watch.phase(100, 'CONNECT_TIMEOUT', 'no connection in time');
    watch.rest();
    await clock.advance(2_000);
    expect(lapses).toEqual([[1_000, 'TIMEOUT', 'no complete answer in time']]);
  });

  it('needs one timer while pieces come, and none after the end', async () => {
    const { clock, watch, lapses } = watched();
    for (let pieces = 0; pieces < 3; pieces++) {
      watch.phase(500, 'TIMEOUT', 'the answer stopped coming');
      await clock.advance(1);
      expect(clock.timers).toBe(1);
    }
    watch.end();
    expect(clock.timers).toBe(0);
    await clock.advance(5_000);
    expect(lapses).toEqual([]);
  });
});
