// Loaded only when something is asked of GitHub: Octokit and its HTTP client are most of what this
// action could load.
import { getOctokit } from '@actions/github';

export type Octokit = ReturnType<typeof getOctokit>;

/** A client for the API of this server (GITHUB_API_URL), with the job's token. */
export function openGithub(token: string, env: NodeJS.ProcessEnv): Octokit {
  return getOctokit(token, { baseUrl: env.GITHUB_API_URL || 'https://api.github.com' });
}
