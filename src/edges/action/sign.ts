import { sign } from '../../engine/sign.ts';
import { readSignInputs } from '../inputs/sign.ts';
import type { BegunBefore } from '../world.ts';
import { combineAnnotations, githubAnnotations } from './github-annotations.ts';
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
      write: (inputs, world) => {
        const ofRun = inputs.githubAnnotations ? githubAnnotations(env) : {};
        const annotations = combineAnnotations(inputs.annotations, ofRun);
        return sign({ ...inputs, annotations }, world, begun.derived);
      },
    },
    env,
    begun,
  );
}
