// Keys that stay in a service: loaded only where `key` names one.
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { readKeyFile } from '../action/key-file.ts';
import type { Masker } from '../action/secrets.ts';
import type { KeyTools, RanProgram } from '../keys/provider.ts';
import type { Network } from './network.ts';

/** bytes that a program may print; a token or a key is a hundredth of that */
const maxOutput = 1024 * 1024;

/** What keys/ needs of this machine to use a key in a service. */
export function keyTools(
  { http, clock, deadline }: Pick<Network, 'http' | 'clock' | 'deadline'>,
  env: NodeJS.ProcessEnv,
  masker: Masker,
): KeyTools {
  return {
    http,
    clock,
    env,
    home: env.HOME ?? homedir(),
    readFile: readKeyFile,
    run: (command, args, options = {}) =>
      runProgram(command, args, {
        ...options,
        env: { ...env, ...options.env },
        signal: deadline.signal,
      }),
    mask: masker.mask,
    sleep: deadline.sleep,
  };
}

/**
 * Nothing of it is shown: arguments are harmless, what comes back may be a token or a signature
 * (bytes, not text). Not through @actions/exec: there a program that ends before it has read its
 * input (a token that refuses the PIN) ends the whole action with an EPIPE that nobody can catch,
 * and a program that hangs cannot be stopped.
 */
function runProgram(
  command: string,
  args: readonly string[],
  { env, stdin, signal }: { env: NodeJS.ProcessEnv; stdin?: Uint8Array; signal: AbortSignal },
): Promise<RanProgram> {
  // The Azure CLI on Windows is a batch file, which only a shell starts; nothing that means
  // something to a shell gets there.
  const shell =
    process.platform === 'win32' && [command, ...args].every((word) => /^[\w./:-]+$/.test(word));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, shell, windowsHide: true, stdio: 'pipe' });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    let size = 0;
    const giveUp = (reason: unknown) => {
      child.kill('SIGKILL');
      // A program that it has started may hold the pipes open for ever.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
      reject(reason);
    };
    const collect = (into: Buffer[]) => (data: Buffer) => {
      size += data.length;
      if (size > maxOutput) giveUp(new Error(`${command} printed more than ${maxOutput} bytes`));
      else into.push(data);
    };
    const lapse = () => giveUp(signal.reason);
    signal.addEventListener('abort', lapse, { once: true });
    if (signal.aborted) lapse();
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(errors));
    child.stdin.on('error', () => {}); // it ended without reading; its exit code tells why
    child.on('error', reject);
    child.on('close', (code) => {
      signal.removeEventListener('abort', lapse);
      resolve({
        exitCode: code ?? 1,
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(errors).toString('utf8'),
      });
    });
    child.stdin.end(stdin);
  });
}
