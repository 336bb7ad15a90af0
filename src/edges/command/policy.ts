import { readVerifyInputs } from '../inputs/verify.ts';
import type { Asked } from './arguments.ts';
import type { PolicyRequest } from './report-policy.ts';
import { type Machine, runCommand, thisMachine } from './run.ts';

/**
 * The command `sign-image policy`, which reads admission policies as the gate does and prints them as
 * another kind.
 * @returns the exit code: 1 where a part of what was read cannot be said there
 */
export function runPolicy(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand<PolicyRequest>(asked, machine, {
    read: (source, { mask }) => {
      const get: typeof source.get = (name, options) =>
        name === 'images' ? 'docker.io/library/any' : source.get(name, options);
      return {
        inputs: readVerifyInputs(mask, { ...source, get }),
        to: source.get('to'),
      };
    },
    work: async (request, run) => (await import('./report-policy.ts')).reportPolicy(request, run),
    outputs: () => ({ policy: '' }),
  });
}
