// Loaded only where a run signs keyless.
import type { Surroundings, World } from '../../engine/world.ts';
import { fetchOver } from '../../http/http.ts';
import { askGithubToken } from '../../sigstore/github-token.ts';
import type { SignInputs } from '../inputs/sign.ts';
import { readEvent } from './event.ts';
import { githubIdentity } from './github-identity.ts';
import { type AskRepository, repositoryVisibility, tokenVisibility } from './visibility.ts';

/** What GitHub Actions knows of a run. */
export function openSurroundings(
  env: NodeJS.ProcessEnv,
  inputs: Pick<SignInputs, 'githubToken'>,
  world: Pick<World, 'http' | 'clock' | 'mask'>,
): Omit<Surroundings, 'asksForIdentity'> {
  const ask = askOnce(inputs, env, world);
  return {
    identityToken: async (audience, retryBudget) =>
      githubIdentity({
        audience,
        env,
        mask: world.mask.mask,
        event: await readEvent(env),
        fetchToken: (provider) => askGithubToken({ ...provider, ...world, retryBudget }, audience),
      }),
    visibility: () => repositoryVisibility(env, ask),
    tokenVisibility: (claims) => tokenVisibility(claims, env, ask),
  };
}

/** GitHub is asked once for a repository; undefined where there is no token to ask with. */
function askOnce(
  { githubToken }: Pick<SignInputs, 'githubToken'>,
  env: NodeJS.ProcessEnv,
  { http, clock }: Pick<World, 'http' | 'clock'>,
): AskRepository | undefined {
  if (githubToken === undefined) return undefined;
  const asked = new Map<string, ReturnType<AskRepository>>();
  const ask: AskRepository = async (name) =>
    (await import('./github-client.ts')).askGithub(githubToken, {
      env,
      clock,
      fetch: fetchOver(http),
    })(name);
  return (name) => {
    const answer = asked.get(name) ?? ask(name);
    asked.set(name, answer);
    return answer;
  };
}
