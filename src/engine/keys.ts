// Keys that stay in a service: loaded only where `key` names one.
import { Failure } from '../failure.ts';
import type { KeyTools, RanProgram, RunProgram } from '../keys/provider.ts';
import type { World } from './world.ts';

export type KeyWorld = Pick<
  World,
  'http' | 'clock' | 'deadline' | 'programs' | 'files' | 'env' | 'mask'
>;

/** What keys/ needs of this machine to use a key in a service. */
export function keyTools({
  http,
  clock,
  deadline,
  programs,
  files,
  env,
  mask,
}: KeyWorld): KeyTools {
  return {
    http,
    clock,
    env,
    home: files.home,
    readFile: files.readFile,
    run: (...asked) => keyProgram(programs, ...asked),
    mask: mask.mask,
    sleep: deadline.sleep,
  };
}

async function keyProgram(
  run: World['programs'],
  command: string,
  args: readonly string[],
  options: RunProgram = {},
): Promise<RanProgram> {
  const end = await run(command, args, options);
  if (!('stopped' in end)) return end;
  throw new Failure(
    'kms-error',
    `${programName(command)}, which this step runs for the key, ${end.stopped}.`,
    'Run it on the runner by hand, without a terminal: it may wait for somebody to answer a question.',
  );
}

/** A kubeconfig names any program; an unusual name is not quoted. */
function programName(command: string): string {
  return /^[\w./-]{1,80}$/.test(command) ? `\`${command}\`` : 'The program';
}
