import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { type ProgramOptions, type ProgramSystem, runProgram } from '../../src/edges/programs.ts';
import { type KeyWorld, keyTools } from '../../src/engine/keys.ts';
import type { ProgramEnd } from '../../src/engine/world.ts';
import { Failure } from '../../src/failure.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Timers that fire when the test says so. */
function handClock() {
  const set = new Map<() => void, number>();
  const timer: Clock['timer'] = (milliseconds, fire) => {
    set.set(fire, milliseconds);
    return () => set.delete(fire);
  };
  return {
    timer,
    pending: () => [...set.values()],
    pass: (milliseconds: number) => {
      for (const [fire, due] of set) if (due <= milliseconds) fire();
    },
  };
}

function start(command: string, args: readonly string[], more: Partial<ProgramOptions> = {}) {
  const clock = handClock();
  const controller = new AbortController();
  const env = { PATH: process.env.PATH, FOLDER: folder };
  const end = runProgram(command, args, { env, clock, signal: controller.signal, ...more });
  end.catch(() => {});
  return { end, clock, controller };
}

/** Gone, or only waiting for a parent to notice. */
async function isGone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (status !== undefined) return /\) [ZX] /.test(status);
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

const posix = process.platform === 'win32' ? describe.skipIf(true) : describe;

posix('a program', () => {
  it('gets bytes and variables, and answers bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const { end } = start('sh', ['-c', 'cat; echo "$KEPT" >&2; exit 3'], {
      stdin: bytes,
      env: { PATH: process.env.PATH, KEPT: 'yes' },
    });
    expect(await end).toEqual({ exitCode: 3, stdout: bytes, stderr: 'yes\n' });
  });

  it('may end before it has read what it was given', async () => {
    const much = Buffer.alloc(4 * 1024 * 1024);
    for (let time = 0; time < 5; time++)
      expect(await start('sh', ['-c', 'exit 1'], { stdin: much }).end).toMatchObject({
        exitCode: 1,
      });
  });

  it('that ends leaves no timer behind', async () => {
    const { end, clock } = start('true', []);
    await end;
    expect(clock.pending()).toEqual([]);
  });

  it('is told from one that is not there', async () => {
    await expect(start('no-such-program-here', []).end).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has no terminal to ask a person at', async () => {
    const { end } = start('sh', ['-c', '(: </dev/tty) 2>/dev/null && echo asks || echo alone']);
    expect(await end).toMatchObject({ stdout: Buffer.from('alone\n') });
  });

  it('that ended and left a child with its output open is not waited for', async () => {
    const { end, clock } = start('sh', ['-c', 'sleep 600 & echo $! "answer"']);
    await vi.waitFor(() => expect(clock.pending()).toContain(1_000), 20_000);
    clock.pass(1_000);
    const ran = await end;
    expect(ran).toMatchObject({ exitCode: 0 });
    const [pid, answer] = ('stdout' in ran ? ran.stdout : '').toString().split(/\s/);
    expect(answer).toBe('answer');
    expect(await isGone(Number(pid))).toBe(false);
    process.kill(Number(pid));
  });
});

/** Each writes the ids of its processes into a file before it hangs. */
const hanging: readonly [string, string][] = [
  ['sleeps', 'echo $$ >"$IDS.new"; mv "$IDS.new" "$IDS"; exec sleep 600'],
  [
    'does not listen to SIGTERM',
    'trap "" TERM INT HUP; sleep 600 & echo $$ $! >"$IDS.new"; mv "$IDS.new" "$IDS"; wait',
  ],
  [
    'waits for a child and a grandchild',
    'sh -c "sleep 600 & echo $$ \\$\\$ \\$! >\\"$IDS.new\\"; mv \\"$IDS.new\\" \\"$IDS\\"; wait; true"; true',
  ],
  [
    'waits for a pipe',
    'sleep 600 | cat & sleep 600 & echo $$ $! >"$IDS.new"; mv "$IDS.new" "$IDS"; wait',
  ],
];

posix.each(hanging)('a program that never ends and %s', (name, script) => {
  const begin = async () => {
    const ids = join(folder, `${name.replaceAll(' ', '-')}-${Math.random()}`);
    const run = start('sh', ['-c', script], { env: { PATH: process.env.PATH, IDS: ids } });
    const pids = await vi.waitFor(
      async () => (await readFile(ids, 'utf8')).trim().split(' ').map(Number),
      20_000,
    );
    expect(pids.every((pid) => pid > 1)).toBe(true);
    return { ...run, pids };
  };
  const allGone = (pids: readonly number[]) =>
    vi.waitFor(
      async () => expect(await Promise.all(pids.map(isGone))).toEqual(pids.map(() => true)),
      20_000,
    );

  it('is stopped after a minute, with its children', async () => {
    const { end, clock, pids } = await begin();
    clock.pass(59_999);
    expect(await Promise.race([end, 'running'])).toBe('running');
    clock.pass(60_000);
    expect(await end).toEqual({ stopped: 'did not end within a minute, and was stopped' });
    await allGone(pids);
    expect(clock.pending()).toEqual([]);
  });

  it('is stopped at the deadline, with its children', async () => {
    const { end, clock, controller, pids } = await begin();
    const reason = new Failure('timeout', 'The time of the step is used up.', 'More.');
    controller.abort(reason);
    await expect(end).rejects.toBe(reason);
    await allGone(pids);
    expect(clock.pending()).toEqual([]);
  });
});

posix('a program that prints without end', () => {
  it.each(['yes', 'yes >&2'])('(%s) is stopped', async (script) => {
    const { end } = start('sh', ['-c', `${script}; true`]);
    expect(await end).toEqual({ stopped: 'printed more than 1048576 bytes, and was stopped' });
  });
});

describe('a step whose time is up', () => {
  it('starts no program', async () => {
    const file = join(folder, 'not-written');
    const signal = AbortSignal.abort(new Error('over'));
    await expect(start('sh', ['-c', `: >${file}`], { signal }).end).rejects.toThrow('over');
    await expect(readFile(file)).rejects.toThrow();
  });
});

describe('on Windows', () => {
  const windows = (path: string, ended: number[] = []): ProgramSystem => ({
    platform: 'win32',
    which: async () => path,
    endTree: async (pid) => {
      ended.push(pid);
      process.kill(pid, 'SIGKILL');
    },
  });

  it('a program is started by the path that it was found at, never from the working folder', async () => {
    const { end } = start('node', ['-e', 'process.stdout.write(process.argv0)'], {
      system: windows(process.execPath),
    });
    expect(await end).toMatchObject({ exitCode: 0, stdout: Buffer.from(process.execPath) });
    await expect(start('node', [], { system: windows('') }).end).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('the whole tree is ended by taskkill', async () => {
    const ended: number[] = [];
    const { end, clock } = start('node', ['-e', 'setInterval(() => {}, 1000)'], {
      system: windows(process.execPath, ended),
    });
    await vi.waitFor(() => expect(clock.pending()).toContain(60_000), 20_000);
    clock.pass(60_000);
    expect(await end).toMatchObject({ stopped: expect.stringContaining('minute') });
    expect(ended).toHaveLength(1);
    expect(ended[0]).toBeGreaterThan(1);
  });

  it('a batch file goes through a shell, with nothing that a shell would read otherwise', async () => {
    const file = join(folder, 'az.cmd');
    await writeFile(file, '#!/bin/sh\necho "ran $0"\n', { mode: 0o755 });
    const { end } = start('az', ['account', '--output', 'json'], { system: windows(file) });
    expect(await end).toMatchObject({ exitCode: 0, stdout: Buffer.from(`ran ${file}\n`) });
    for (const word of ['a&calc', '%PATH%', 'a b', '"', '^', '|'])
      await expect(start('az', [word], { system: windows(file) }).end).rejects.toMatchObject({
        code: 'EINVAL',
      });
  });
});

describe('a program that knows something of a key', () => {
  const tools = (end: ProgramEnd) =>
    keyTools({
      deadline: {},
      files: {},
      mask: {},
      programs: async () => end,
    } as unknown as KeyWorld);

  it.each([
    ['pkcs11-tool', '`pkcs11-tool`'],
    ['/opt/bin/gke-gcloud-auth-plugin', '`/opt/bin/gke-gcloud-auth-plugin`'],
    ['sh; echo ::stop-commands::', 'The program'],
  ])('%s: that it was stopped is told by name', async (command, name) => {
    const stopped = { stopped: 'did not end within a minute, and was stopped' };
    await expect(tools(stopped).run(command, [])).rejects.toMatchObject({
      code: 'kms-error',
      message: `${name}, which this step runs for the key, did not end within a minute, and was stopped.`,
    });
  });
});
