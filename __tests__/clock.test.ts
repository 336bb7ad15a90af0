import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { abortAfter } from '../src/clock.ts';
import { FakeClock } from './fake-clock.ts';

const source = join(import.meta.dirname, '../src');
const files = globSync('**/*.ts', { cwd: source }).filter((file) => file !== 'clock.ts');
const filesWith = (pattern: RegExp) =>
  files.filter((file) => pattern.test(readFileSync(join(source, file), 'utf8')));

describe('time in src/', () => {
  it('comes from the clock that is passed in, nowhere else', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(
      filesWith(
        /\bset(Timeout|Interval)\(|performance\.now|Date\.now|new Date\(\)|timers\/promises|AbortSignal\.timeout/,
      ),
    ).toEqual([]);
  });

  it('is that of the machine only where a run begins', () => {
    const entries = filesWith(/\bsystemClock\b/);
    expect(entries.filter((file) => !/^edges[\\/]/.test(file))).toEqual([]);
    expect(entries.length).toBeGreaterThan(0);
  });
});

it('abortAfter aborts after so many milliseconds, and not before', async () => {
  const clock = new FakeClock();
  const signal = abortAfter(20_000, clock);
  await clock.advance(19_999);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});
