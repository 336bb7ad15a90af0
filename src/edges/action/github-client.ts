// Loaded only when something is asked of GitHub: Octokit is most of what this action could load.
import { getOctokit } from '@actions/github';
import { abortAfter, type Clock } from '../../clock.ts';
import { Failure } from '../../failure.ts';
import type { AskRepository } from './visibility.ts';

export type Octokit = ReturnType<typeof getOctokit>;

/** What a client for GitHub's API needs of the run. */
export interface GithubTools {
  readonly env: NodeJS.ProcessEnv;
  /** fetch over the HTTP client of the run: its proxies and certificates, its time */
  readonly fetch: (address: string) => Promise<Response>;
}

/**
 * A client for the API of this server (GITHUB_API_URL). Its requests throw the Failure of the HTTP
 * client where no answer came, and Octokit's error, with its `status`, for one that refuses.
 */
export function openGithub(token: string, { env, fetch }: GithubTools): Octokit {
  const octokit = getOctokit(token, {
    baseUrl: env.GITHUB_API_URL || 'https://api.github.com',
    request: { fetch },
    log: silent,
  });
  octokit.hook.error('request', (error) => {
    throw error.cause instanceof Failure ? error.cause : error;
  });
  return octokit;
}

/** Octokit warns on the console about what is no business of the log. */
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Asks GitHub's API for a repository; at most ten seconds. */
export function askGithub(
  token: string,
  { clock, ...tools }: GithubTools & { readonly clock: Clock },
): AskRepository {
  return async (repository) => {
    const [owner = '', repo = ''] = repository.split('/');
    const { data } = await openGithub(token, tools).rest.repos.get({
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
