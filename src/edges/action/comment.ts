import { createHash } from 'node:crypto';
import type { Octokit } from './github-client.ts';
import { askWithRetry, statusOf, type Waiting } from './github-retry.ts';
import type { PullRequest } from './pull-request.ts';

/**
 * The hidden line by which a step finds its own comment again. Steps of one workflow have different
 * ones, and so do workflows.
 */
export function commentMarker(env: NodeJS.ProcessEnv): string {
  const workflow = (env.GITHUB_WORKFLOW_REF ?? env.GITHUB_WORKFLOW ?? '').replace(/@.*$/s, '');
  const step = [workflow, env.GITHUB_JOB ?? '', env.GITHUB_ACTION ?? ''].join('\n');
  return `<!-- sign-image/verify ${createHash('sha256').update(step).digest('hex').slice(0, 16)} -->`;
}

/**
 * What became of the comment; `denied` where the token may not write one (a fork's, or one without
 * the permission).
 */
export type CommentOutcome = 'created' | 'updated' | 'unchanged' | 'none' | 'denied';

const mostPages = 100;

/**
 * Keeps one comment on the pull request: changes the one that this step wrote before, else writes
 * one. Of another author it takes none, whatever its text: that person could change afterwards what
 * the comment says.
 * @param onlyUpdate leaves a pull request without comment as it is
 * @throws what Octokit throws, but for a missing permission
 */
export async function keepComment(
  octokit: Octokit,
  { owner, repo, number }: PullRequest,
  {
    marker,
    body,
    onlyUpdate,
    token,
    waiting,
  }: { marker: string; body: string; onlyUpdate: boolean; token: string; waiting: Waiting },
): Promise<CommentOutcome> {
  const request = { signal: waiting.signal };
  try {
    const own = await ownComment(octokit, { owner, repo, number }, marker, token, waiting);
    if (own?.body === body) return 'unchanged';
    if (own !== undefined) {
      await askWithRetry(
        () => octokit.rest.issues.updateComment({ owner, repo, comment_id: own.id, body, request }),
        waiting,
      );
      return 'updated';
    }
    if (onlyUpdate) return 'none';
    // Not asked again after a failure: the first request may have arrived, and there would be two.
    await octokit.rest.issues.createComment({ owner, repo, issue_number: number, body, request });
    return 'created';
  } catch (caught) {
    const status = statusOf(caught);
    if (status === 401 || status === 403 || status === 404) return 'denied';
    throw caught;
  }
}

interface OwnComment {
  readonly id: number;
  readonly body: string;
}

async function ownComment(
  octokit: Octokit,
  { owner, repo, number }: Pick<PullRequest, 'owner' | 'repo' | 'number'>,
  marker: string,
  token: string,
  waiting: Waiting,
): Promise<OwnComment | undefined> {
  // Tokens of apps, GitHub's own among them, write as a bot, and cannot ask which one; other tokens
  // write as a person.
  const person = token.startsWith('ghs_') ? undefined : await loginOf(octokit, waiting);
  for (let page = 1; page <= mostPages; page++) {
    const ask = () =>
      octokit.rest.issues.listComments({
        owner,
        repo,
        issue_number: number,
        per_page: 100,
        page,
        request: { signal: waiting.signal },
      });
    const { data } = await askWithRetry(ask, waiting);
    const own = data.find(
      ({ body, user }) =>
        body?.startsWith(marker) === true &&
        (person === undefined ? user?.type === 'Bot' : user?.login === person),
    );
    if (own !== undefined) return { id: own.id, body: own.body ?? '' };
    if (data.length < 100) return undefined;
  }
  return undefined;
}

/** Undefined for a token that belongs to nobody: then it is an app's. */
async function loginOf(octokit: Octokit, waiting: Waiting): Promise<string | undefined> {
  try {
    return (
      await askWithRetry(
        () => octokit.rest.users.getAuthenticated({ request: { signal: waiting.signal } }),
        waiting,
      )
    ).data.login;
  } catch (caught) {
    if (statusOf(caught) === 403) return undefined;
    throw caught;
  }
}
