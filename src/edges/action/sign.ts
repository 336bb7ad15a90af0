import { prepareSigning } from '../../engine/prepare-writing.ts';
import { combineAnnotations, githubAnnotations } from '../inputs/annotations.ts';
import { readSignInputs } from '../inputs/sign.ts';
import type { BegunBefore } from '../world.ts';
import { runWriting } from './write.ts';

/** The action sign-image, see `runWriting`. */
export function runSign(
  env: NodeJS.ProcessEnv = process.env,
  begun: BegunBefore = {},
): Promise<number> {
  return runWriting(
    {
      thing: 'signature',
      read: readSignInputs,
      write: async (inputs, world) => {
        const ofRun = inputs.githubAnnotations ? githubAnnotations(env) : {};
        const annotations = combineAnnotations(inputs.annotations, ofRun);
        const request = { ...inputs, annotations };
        const prepared = prepareSigning(request, world);
        await prepared.sent;
        const { sign } = await import('../../engine/sign.ts');
        return sign(request, world, begun.derived, prepared);
      },
    },
    env,
    begun,
  );
}
