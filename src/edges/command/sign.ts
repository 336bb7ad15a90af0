import { prepareSigning } from '../../engine/prepare-writing.ts';
import { Failure } from '../../failure.ts';
import { combineAnnotations, githubAnnotations } from '../inputs/annotations.ts';
import { readSignInputs, type SignInputs } from '../inputs/sign.ts';
import type { BegunBefore } from '../world.ts';
import type { Asked } from './arguments.ts';
import { type Machine, thisMachine } from './run.ts';
import { runWriting } from './write.ts';

/** The command `sign-image sign`, see `runWriting`. */
export function runSign(
  asked: Asked,
  begun: BegunBefore = {},
  machine: Machine = thisMachine,
): Promise<number> {
  const { connections, derived } = begun;
  return runWriting(asked, machine, {
    ahead: connections,
    doing: 'signing',
    read: (source, { mask, env }) => {
      const inputs = readSignInputs(mask, source);
      return { ...inputs, annotations: annotationsOf(inputs, env) };
    },
    write: async (inputs, world) => {
      const prepared = prepareSigning(inputs, world);
      await prepared.sent;
      const { sign } = await import('../../engine/sign.ts');
      return sign(inputs, world, derived, prepared);
    },
  });
}

/** @throws {Failure} `bad-input` where there is no GitHub to tell of */
function annotationsOf(
  { annotations, githubAnnotations: asked }: SignInputs,
  env: NodeJS.ProcessEnv,
): SignInputs['annotations'] {
  if (!asked) return annotations;
  if (env.GITHUB_ACTIONS === 'true') return combineAnnotations(annotations, githubAnnotations(env));
  throw new Failure(
    'bad-input',
    '`github-annotations` signs what GitHub Actions knows of its run, and this is none.',
    'Write what is to be signed, for example `--annotations commit="$CI_COMMIT_SHA"`.',
  );
}
