import { Failure } from '../../failure.ts';
import { readEvent } from './event.ts';
import type { Octokit } from './github-client.ts';
import { askWithRetry, statusOf, type Waiting } from './github-retry.ts';

/** The pull request that a run belongs to. */
export interface PullRequest {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
  /** commit at its head when the run was started */
  readonly head: string;
  /** commit that it was to be merged into then */
  readonly base?: string;
}

/** The pull request of the event that started the run; undefined for other events. */
export async function readPullRequest(env: NodeJS.ProcessEnv): Promise<PullRequest | undefined> {
  const { pullRequest } = await readEvent(env);
  const [owner, repo] = (env.GITHUB_REPOSITORY ?? '').split('/');
  return pullRequest === undefined || !owner || !repo ? undefined : { owner, repo, ...pullRequest };
}

/** GitHub lists no more of a pull request, and does not say that there are more. */
export const mostChangedFiles = 3000;

/** Paths that a pull request changes; a renamed file is present under its new name. */
export interface ChangedFiles {
  readonly present: readonly string[];
  /** deleted, or renamed to another name */
  readonly gone: readonly string[];
}

/**
 * The paths that a pull request changes.
 * @returns undefined for a pull request with more files than GitHub lists
 * @throws {Failure} `github-error`: no answer, no permission, or the head has moved since the run
 * was started. A list of another head must not decide about this one.
 */
export async function changedFiles(
  octokit: Octokit,
  { owner, repo, number, head }: PullRequest,
  waiting: Waiting,
): Promise<ChangedFiles | undefined> {
  const { signal } = waiting;
  try {
    const name = { owner, repo, pull_number: number };
    const listed = await askWithRetry(
      () =>
        octokit.paginate(octokit.rest.pulls.listFiles, {
          ...name,
          per_page: 100,
          request: { signal },
        }),
      waiting,
    );
    const { data } = await askWithRetry(
      () => octokit.rest.pulls.get({ ...name, request: { signal } }),
      waiting,
    );
    if (data.head.sha !== head) throw moved(number);
    if (listed.length >= mostChangedFiles || listed.length < data.changed_files) return undefined;
    return {
      present: listed.filter(({ status }) => status !== 'removed').map(({ filename }) => filename),
      gone: listed.flatMap(({ status, filename, previous_filename: before }) =>
        status === 'removed' ? [filename] : status === 'renamed' ? (before ?? []) : [],
      ),
    };
  } catch (caught) {
    throw caught instanceof Failure && caught.code === 'github-error'
      ? caught
      : refused(caught, `the files of pull request ${number}`, signal);
  }
}

/**
 * A file's content at the head, which the checkout may not have: it merges the base in, or is the
 * base (`pull_request_target`).
 * @returns undefined for what is no file (a submodule)
 * @throws {Failure} `github-error`
 */
export async function headContent(
  octokit: Octokit,
  { owner, repo }: PullRequest,
  blob: string,
  waiting: Waiting,
): Promise<Buffer | undefined> {
  const { signal } = waiting;
  try {
    const { data } = await askWithRetry(
      () => octokit.rest.git.getBlob({ owner, repo, file_sha: blob, request: { signal } }),
      waiting,
    );
    return Buffer.from(data.content, data.encoding === 'base64' ? 'base64' : 'utf8');
  } catch (caught) {
    if (statusOf(caught) === 404) return undefined;
    throw refused(caught, 'the content of a changed file', signal);
  }
}

function moved(number: number): Failure {
  return new Failure(
    'github-error',
    `Pull request ${number} has other commits now than when this run was started.`,
    'Look at the run of its newest commit: that one decides.',
  );
}

/** What an answer of GitHub that refuses `what` means for the step. */
export function refused(caught: unknown, what: string, signal: AbortSignal): Failure {
  if (signal.reason instanceof Failure) return signal.reason;
  const status = statusOf(caught);
  if (status === 401 || status === 403 || status === 404) {
    return new Failure(
      'github-error',
      `GitHub does not give this job ${what} (status ${status}).`,
      'Let the job read it:\n```yaml\npermissions:\n  contents: read\n  pull-requests: read\n```',
      { cause: caught },
    );
  }
  if (caught instanceof Failure)
    return new Failure(
      'github-error',
      `GitHub did not answer when asked for ${what}: ${caught.message}`,
      caught.fix,
      { cause: caught },
    );
  const answer = status === undefined ? 'did not answer' : `answered with status ${status}`;
  return new Failure(
    'github-error',
    `GitHub ${answer} when asked for ${what}.`,
    'Run this job again.',
    { cause: caught },
  );
}
