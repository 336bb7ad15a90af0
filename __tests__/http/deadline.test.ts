import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import { createDeadline, secondsOf } from '../../src/http/deadline.ts';

describe('createDeadline', () => {
  it('that is ended leaves nothing, and wakes everything that waits with the reason', async () => {
    const deadline = createDeadline(60_000, systemClock);
    const waiting = deadline.sleep(50_000);
    const reason = new Failure('cancelled', 'The job was cancelled.', 'Run it again.');
    setTimeout(() => deadline.end(reason), 10);
    await expect(waiting).rejects.toBe(reason);
    await expect(deadline.sleep(1)).rejects.toBe(reason);
    expect(deadline.remaining()).toBe(0);
    expect(deadline.signal.reason).toBe(reason);
  });

  it('counts down on the clock it is given, and never below 0', () => {
    let now = 1000;
    const deadline = createDeadline(500, { ...systemClock, now: () => now });
    now = 1200;
    expect(deadline.remaining()).toBe(300);
    now = 9999;
    expect(deadline.remaining()).toBe(0);
  });

  it('aborts its signal with the Failure when the time is up', async () => {
    const { signal } = createDeadline(20, systemClock);
    expect(signal.aborted).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(signal.reason).toMatchObject({
      code: 'timeout',
      message: 'The time of the step is used up (20 ms).',
    });
  });

  it('sleeps within the time, and refuses at once a sleep that would end after it', async () => {
    const deadline = createDeadline(200, systemClock);
    await deadline.sleep(10);
    const start = performance.now();
    await expect(deadline.sleep(10_000)).rejects.toMatchObject({
      code: 'timeout',
      fix: expect.stringContaining('timeout: 10m'),
    });
    expect(performance.now() - start).toBeLessThan(100);
  });

  it('takes a budget beyond the longest timer of Node without ending at once', async () => {
    const deadline = createDeadline(2 ** 40, systemClock);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(deadline.signal.aborted).toBe(false);
  });
});

it.each([
  [250, '250 ms'],
  [2540, '2.5 s'],
  [300_000, '300 s'],
])('%i milliseconds are written as %s', (milliseconds, text) => {
  expect(secondsOf(milliseconds)).toBe(text);
});
