import type { Surroundings } from '../../engine/world.ts';
import { surroundingsOf as githubSurroundings } from '../action/run.ts';
import type { SignInputs } from '../inputs/sign.ts';
import type { Asking } from '../world.ts';

/**
 * What the CI system that this command runs in knows of the run. The code for it is loaded when
 * something is asked: signing with a key asks nothing.
 */
export function surroundingsOf(
  env: NodeJS.ProcessEnv,
  inputs: Pick<SignInputs, 'githubToken' | 'identityToken'>,
  parts: Asking,
): Surroundings {
  if (env.GITHUB_ACTIONS === 'true') return githubSurroundings(env, inputs, parts);
  const open = async () => (await import('./ci-systems.ts')).openCiSystem(env, inputs, parts);
  let opened: ReturnType<typeof open> | undefined;
  const once = () => {
    opened ??= open();
    return opened;
  };
  return {
    // A program, a service or a file is asked; where there is none, that is told at the first use.
    asksForIdentity: true,
    identityToken: async (...asked) => (await once()).identityToken(...asked),
    visibility: async () => (await once()).visibility(),
    tokenVisibility: async (claims) => (await once()).tokenVisibility(claims),
  };
}
