import { prepareAttesting } from '../../engine/prepare-writing.ts';
import { readAttestInputs } from '../inputs/attest.ts';
import type { BegunBefore } from '../world.ts';
import type { Asked } from './arguments.ts';
import { type Machine, thisMachine } from './run.ts';
import { runWriting } from './write.ts';

/** The command `sign-image attest`, see `runWriting`. */
export function runAttest(
  asked: Asked,
  begun: BegunBefore = {},
  machine: Machine = thisMachine,
): Promise<number> {
  const { connections, derived } = begun;
  return runWriting(asked, machine, {
    ahead: connections,
    doing: 'attesting',
    read: (source, { mask }) => readAttestInputs(mask, source),
    write: async (inputs, world) => {
      const prepared = await prepareAttesting(inputs, world);
      await prepared.sent;
      const { attest } = await import('../../engine/attest.ts');
      return attest(inputs, world, derived, prepared);
    },
  });
}
