import { readVerifyInputs } from '../inputs/verify.ts';
import type { Asked } from './arguments.ts';
import type { SignersRequest } from './report-signers.ts';
import { type Machine, runCommand, thisMachine } from './run.ts';

/**
 * The commands `sign-image signers`, which prints who is known to sign what, and `sign-image signers
 * check`, which verifies one image of each publisher. With `policy`, of a list of one's own.
 * @returns the exit code: 1 where an image does not verify. A registry that does not answer says
 * nothing of a publisher: it is told, and is no failure.
 */
export function runSigners(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand<SignersRequest>(asked, machine, {
    read: (source, { mask }) => {
      const given: Readonly<Record<string, string>> = {
        images: 'docker.io/library/any',
        'known-signers': 'true',
      };
      const get: typeof source.get = (name, options) => given[name] ?? source.get(name, options);
      const inputs = readVerifyInputs(mask, { ...source, get });
      return { inputs: { ...inputs, images: [] }, check: source.get('check') === 'true' };
    },
    work: async (request, run) => (await import('./report-signers.ts')).reportSigners(request, run),
    outputs: () => ({}),
  });
}
