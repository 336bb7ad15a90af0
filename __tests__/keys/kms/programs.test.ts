import { describe, expect, it } from 'vitest';
import { createMasker } from '../../../src/action/secrets.ts';
import { systemClock } from '../../../src/clock.ts';
import { createDeadline } from '../../../src/http/deadline.ts';
import { keyTools } from '../../../src/run/keys.ts';
import { failureOf } from '../samples.ts';

function machine(milliseconds = 10_000) {
  const masker = createMasker(
    () => [],
    () => undefined,
  );
  const http = Object.assign(() => Promise.reject(new Error('no network here')), {
    close: () => undefined,
  });
  return keyTools(
    { http, clock: systemClock, deadline: createDeadline(milliseconds, systemClock) },
    { PATH: process.env.PATH, KEPT: 'yes' },
    masker,
  );
}

describe('a program that knows something of a key', () => {
  it('gets bytes and variables, and answers bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const ran = await machine().run('sh', ['-c', 'cat; echo "$KEPT $MORE" >&2; exit 3'], {
      stdin: bytes,
      env: { MORE: 'too' },
    });
    expect(ran).toEqual({ exitCode: 3, stdout: bytes, stderr: 'yes too\n' });
  });

  it('may end before it has read what it was given', async () => {
    const much = Buffer.alloc(4 * 1024 * 1024);
    for (let time = 0; time < 5; time++)
      expect(await machine().run('sh', ['-c', 'exit 1'], { stdin: much })).toMatchObject({
        exitCode: 1,
      });
  });

  it('is ended with the time of the step, and when it says too much', async () => {
    expect(await failureOf(() => machine(300).run('sleep', ['30']))).toMatchObject({
      code: 'timeout',
    });
    await expect(machine().run('sh', ['-c', 'yes; true'])).rejects.toThrow('printed more than');
  });

  it('is told from one that is not there', async () => {
    await expect(machine().run('no-such-program-here', [])).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});
