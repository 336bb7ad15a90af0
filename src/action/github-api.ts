// Loaded only when the event does not tell the visibility: Octokit and its HTTP client are most of
// what this action could load.
import { getOctokit } from '@actions/github';
import { abortAfter, type Clock } from '../clock.ts';
import type { AskRepository } from './visibility.ts';

/** Asks GitHub's API (of this server: GITHUB_API_URL) with the job's token; at most ten seconds. */
export function askGithub(
  token: string,
  { env, clock }: { readonly env: NodeJS.ProcessEnv; readonly clock: Clock },
): AskRepository {
  return async (repository) => {
    const [owner = '', repo = ''] = repository.split('/');
    const octokit = getOctokit(token, { baseUrl: env.GITHUB_API_URL ?? 'https://api.github.com' });
    const { data } = await octokit.rest.repos.get({
      owner,
      repo,
      request: { signal: abortAfter(10_000, clock) },
    });
    return {
      ...(data.visibility === undefined ? {} : { visibility: data.visibility }),
      private: data.private,
    };
  };
}
