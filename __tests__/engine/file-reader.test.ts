import { describe, expect, it, onTestFinished } from 'vitest';
import { openFileReader } from '../../src/engine/file-reader.ts';
import { Failure } from '../../src/failure.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { FakeClock } from '../fake-clock.ts';

const hostile = new URL('./hostile-worker.ts', import.meta.url);

/** A reader of a step of 320 s, of which files get 160, and each at first 10. */
function world(worker?: URL) {
  const clock = new FakeClock();
  const deadline = createDeadline(320_000, clock);
  const reader = openFileReader({ clock, deadline }, worker);
  onTestFinished(() => reader.close());
  return { clock, deadline, reader };
}

/** Lets a read begin, and then so much time pass. */
async function pass<T>(clock: FakeClock, reading: Promise<T>, milliseconds: number): Promise<T> {
  while (clock.timers < 2) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(milliseconds);
  return reading;
}

const unread = (why: string) => ({
  kinds: ['unreadable'],
  uses: [expect.objectContaining({ why })],
});
const read = (path: string) => ({ kinds: [path], uses: [] });

describe('the thread that reads files', () => {
  it('reads what they name', async () => {
    const { reader } = world();
    const files = ['FROM a', 'FROM b'].map((text) => reader.read('Dockerfile', Buffer.from(text)));
    expect((await Promise.all(files)).map((reading) => reading?.uses)).toMatchObject([
      [{ line: 1, reference: { repository: 'library/a' } }],
      [{ line: 1, reference: { repository: 'library/b' } }],
    ]);
  });

  it('is ended by a file that takes longer than its share, and another one reads the others', async () => {
    const { clock, reader } = world(hostile);
    const slow = reader.read('a', Buffer.from('spins'));
    const other = reader.read('b', Buffer.from('x'));
    expect(await pass(clock, slow, 10_000)).toBeUndefined();
    expect(await other).toEqual(read('b'));
  });

  it('reads a slow file again in half of what is left, and then no more', async () => {
    const { clock, reader } = world(hostile);
    await pass(clock, reader.read('a', Buffer.from('spins')), 10_000);
    const again = reader.readLonger('a', Buffer.from('spins'));
    expect(await pass(clock, again, 75_000)).toEqual(
      unread('takes longer to read than this step has time'),
    );
    expect(await reader.readLonger('a', Buffer.from('x'))).toEqual(read('a'));
  });

  it('is ended by a file that takes all memory, or breaks it', async () => {
    const { reader } = world(hostile);
    expect(await reader.read('a', Buffer.from('grows'))).toEqual(
      unread('takes too much memory to read'),
    );
    expect(await reader.read('b', Buffer.from('breaks'))).toEqual(unread('cannot be read'));
    expect(await reader.read('c', Buffer.from('x'))).toEqual(read('c'));
  });

  it('is ended by the deadline', async () => {
    const { deadline, reader } = world(hostile);
    const reading = reader.read('a', Buffer.from('spins'));
    const end = new Failure('cancelled', 'The job was cancelled.', '');
    setImmediate(() => deadline.end(end));
    await expect(reading).rejects.toBe(end);
  });
});
