import { attest } from '../../engine/attest.ts';
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
      write: (inputs, world) => attest(inputs, world, begun.derived),
    },
    env,
    begun,
  );
}
