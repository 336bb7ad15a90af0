import { prepareAttesting } from '../../engine/prepare-writing.ts';
import { readAttestInputs } from '../inputs/attest.ts';
import type { BegunBefore } from '../world.ts';
import { runWriting } from './write.ts';

/** The action sign-image/attest, see `runWriting`. */
export function runAttest(
  env: NodeJS.ProcessEnv = process.env,
  begun: BegunBefore = {},
): Promise<number> {
  return runWriting(
    {
      thing: 'attestation',
      read: readAttestInputs,
      write: async (inputs, world) => {
        const prepared = await prepareAttesting(inputs, world);
        await prepared.sent;
        const { attest } = await import('../../engine/attest.ts');
        return attest(inputs, world, begun.derived, prepared);
      },
    },
    env,
    begun,
  );
}
