// Keys that stay in a service: loaded only where `key` names one.
import { homedir } from 'node:os';
import { readKeyFile } from './action/key-file.ts';
import type { Masker } from './action/secrets.ts';
import type { KeyTools } from './keys/provider.ts';
import type { Network } from './run-registry.ts';

/** What keys/ needs of this machine to use a key in a service. */
export function keyTools({ http, deadline }: Network, env: NodeJS.ProcessEnv, masker: Masker): KeyTools {
  return {
    http,
    env,
    home: env.HOME ?? homedir(),
    readFile: readKeyFile,
    run: (command, args, options = {}) => runProgram(command, args, { ...options, env: { ...env, ...options.env } }),
    mask: masker.mask,
    sleep: deadline.sleep,
  };
}

/** Nothing of it is shown: arguments are harmless, what comes back may be a token or a signature (bytes, not text). */
async function runProgram(command: string, args: readonly string[], options: { env: NodeJS.ProcessEnv; stdin?: Uint8Array }) {
  const { exec } = await import('@actions/exec');
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  const given = Object.entries(options.env).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const exitCode = await exec(`"${command}"`, [...args], {
    env: Object.fromEntries(given),
    silent: true,
    ignoreReturnCode: true,
    input: Buffer.from(options.stdin ?? ''),
    listeners: { stdout: (data) => out.push(data), stderr: (data) => errors.push(data) },
  });
  return { exitCode, stdout: Buffer.concat(out), stderr: Buffer.concat(errors).toString('utf8') };
}
