import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import { createDeadline, secondsOf } from '../../src/http/deadline.ts';
import { FakeClock } from '../fake-clock.ts';

const timeUp = {
  code: 'timeout',
  message: 'The time of the step is used up (60 s).',
  fix: expect.stringContaining('timeout: 10m'),
};

describe('createDeadline', () => {
  it('that is ended leaves nothing, and wakes everything that waits with the reason', async () => {
    const deadline = createDeadline(60_000, new FakeClock());
    const waiting = deadline.sleep(50_000);
    const reason = new Failure('cancelled', 'The job was cancelled.', 'Run it again.');
    deadline.end(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(deadline.sleep(1)).rejects.toBe(reason);
    expect(deadline.remaining()).toBe(0);
    expect(deadline.signal.reason).toBe(reason);
  });

  it('counts down on the clock it is given, and never below 0', async () => {
    const clock = new FakeClock();
    const deadline = createDeadline(60_000, clock);
    await clock.advance(20_000);
    expect(deadline.remaining()).toBe(40_000);
    await clock.advance(1_000_000);
    expect(deadline.remaining()).toBe(0);
  });

  it('aborts its signal with the Failure when the time is up, not before', async () => {
    const clock = new FakeClock();
    const { signal } = createDeadline(60_000, clock);
    await clock.advance(59_999);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toMatchObject(timeUp);
  });

  it('sleeps within the time, and refuses at once a sleep that would end after it', async () => {
    const clock = new FakeClock();
    const deadline = createDeadline(60_000, clock);
    await clock.run(() => deadline.sleep(59_000));
    await expect(deadline.sleep(1_000)).rejects.toMatchObject(timeUp);
    expect(clock.now()).toBe(59_000);
  });

  it('wakes a sleep that something else ends, with its reason', async () => {
    const clock = new FakeClock();
    const deadline = createDeadline(60_000, clock);
    const ended = new AbortController();
    const sleeping = deadline.sleep(30_000, ended.signal);
    ended.abort(new Error('closed'));
    await expect(sleeping).rejects.toThrow('closed');
    expect(clock.now()).toBe(0);
  });
});

describe('the clock of the machine', () => {
  it('takes a budget beyond the longest timer of Node without ending at once', async () => {
    const deadline = createDeadline(2 ** 40, systemClock);
    await systemClock.sleep(20);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('sleeps at least as long as asked, and no longer than until its signal aborts', async () => {
    const before = systemClock.now();
    await systemClock.sleep(20);
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(19);
    const ended = new AbortController();
    const sleeping = systemClock.sleep(1_000_000, ended.signal);
    ended.abort('enough');
    await expect(sleeping).rejects.toBe('enough');
  });
});

it.each([
  [250, '250 ms'],
  [2540, '2.5 s'],
  [300_000, '300 s'],
])('%i milliseconds are written as %s', (milliseconds, text) => {
  expect(secondsOf(milliseconds)).toBe(text);
});
