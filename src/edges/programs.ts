// Programs of the runner: docker credential helpers, pkcs11-tool, the Azure CLI, exec plugins of a
// kubeconfig. Loaded only where one is run.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../clock.ts';
import type { ProgramEnd } from '../engine/world.ts';

export interface ProgramOptions {
  /** the whole environment of the program */
  readonly env: NodeJS.ProcessEnv;
  readonly stdin?: Uint8Array;
  /** ends the program, with its reason */
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, 'timer'>;
  /** the machine; default: the one this runs on */
  readonly system?: ProgramSystem;
}

/** What differs from one operating system to another. */
export interface ProgramSystem {
  readonly platform: NodeJS.Platform;
  /** the path of a program, with its extension; empty where there is none */
  readonly which: (command: string) => Promise<string>;
  /** ends a process and all that it has started (Windows) */
  readonly endTree: (pid: number) => Promise<unknown>;
}

/** milliseconds; whoever waits for a person at a keyboard waits in vain */
const longestRun = 60_000;
/** bytes that a program may print; a password, a token or a key is a hundredth of that */
const maxOutput = 1024 * 1024;
/** milliseconds that a program which has ended may leave its output open, in a child of its own */
const lastWords = 1_000;

/**
 * Runs a program that the runner has, and shows nothing of it: what it prints may be a password, a
 * token or a signature (bytes, not text). A program that does not end within a minute, or that
 * prints without end, is stopped with all that it has started; so is one that `signal` ends. What
 * it leaves behind on purpose when it ends by itself (an agent that keeps a password) stays.
 *
 * Not through @actions/exec: that cannot stop a program, and one that ends before it has read its
 * input (a token that refuses the PIN) ends the whole action there, with an EPIPE that nobody can
 * catch.
 * @throws the reason of `signal`; the error of Node where there is no such program
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramEnd> {
  const { env, stdin, signal, system = thisSystem } = options;
  signal.throwIfAborted();
  const [file, words, shell] = await startable(command, args, system);
  signal.throwIfAborted();
  // A process group of its own can be ended as a whole, and has no terminal to ask a person at.
  const detached = system.platform !== 'win32';
  const child = spawn(file, words, { env, shell, detached, windowsHide: true, stdio: 'pipe' });
  child.stdin.on('error', () => {}); // it ended without reading; its exit code tells why
  child.stdin.end(stdin);
  return ended(child, options, system);
}

function ended(
  child: ChildProcess,
  { signal, clock }: ProgramOptions,
  system: ProgramSystem,
): Promise<ProgramEnd> {
  const streams = [child.stdin, child.stdout, child.stderr];
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    let size = 0;
    const timers = [clock.timer(longestRun, () => stop('did not end within a minute'))];
    const leave = (settle: () => void) => {
      for (const cancel of timers) cancel();
      signal.removeEventListener('abort', lapse);
      // What it has started may hold the pipes open for ever.
      for (const stream of streams) stream?.destroy();
      child.unref();
      settle();
    };
    const giveUp = (settle: () => void) => {
      if (child.exitCode === null && child.signalCode === null) endWithChildren(child, system);
      leave(settle);
    };
    const stop = (why: string) => giveUp(() => resolve({ stopped: `${why}, and was stopped` }));
    const lapse = () => giveUp(() => reject(signal.reason));
    const finish = () =>
      leave(() =>
        resolve({
          exitCode: child.exitCode ?? 1,
          stdout: Buffer.concat(out),
          stderr: Buffer.concat(errors).toString('utf8'),
        }),
      );
    const collect = (into: Buffer[]) => (data: Buffer) => {
      size += data.length;
      if (size > maxOutput) stop(`printed more than ${maxOutput} bytes`);
      else into.push(data);
    };
    signal.addEventListener('abort', lapse, { once: true });
    child.stdout?.on('data', collect(out));
    child.stderr?.on('data', collect(errors));
    child.on('error', (error) => leave(() => reject(error)));
    child.on('exit', () => void timers.push(clock.timer(lastWords, finish)));
    child.on('close', finish);
  });
}

/** Ends a process and what it has started, without asking it: it may not listen. */
function endWithChildren(child: ChildProcess, { platform, endTree }: ProgramSystem): void {
  if (child.pid === undefined) return;
  if (platform === 'win32') {
    endTree(child.pid).catch(() => child.kill());
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // it has left its group
  }
}

/**
 * What is to be started for a command. Windows looks into the working folder first, where files of
 * a pull request lie, so the program is looked up here; a batch file (`az.cmd`) is started by a
 * shell only, and nothing that means something to a shell gets there.
 */
async function startable(
  command: string,
  args: readonly string[],
  { platform, which }: ProgramSystem,
): Promise<readonly [file: string, args: readonly string[], shell: boolean]> {
  if (platform !== 'win32') return [command, args, false];
  const file = await which(command);
  if (file === '') throw Object.assign(new Error(`no program ${command}`), { code: 'ENOENT' });
  if (!/\.(cmd|bat)$/i.test(file)) return [file, args, false];
  const harmless = /^[\w .:\\/()-]+$/.test(file) && args.every((word) => /^[\w./:=-]+$/.test(word));
  if (harmless) return [[`"${file}"`, ...args].join(' '), [], true];
  throw Object.assign(new Error(`no safe way to start ${command}`), { code: 'EINVAL' });
}

const thisSystem: ProgramSystem = {
  platform: process.platform,
  which: async (command) => (await import('@actions/io')).which(command),
  endTree: async (pid) =>
    (await import('@actions/exec')).getExecOutput('taskkill', ['/pid', String(pid), '/t', '/f'], {
      silent: true,
    }),
};
