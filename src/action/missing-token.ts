import { Failure } from '../failure.ts';
import type { RunEvent } from './event.ts';

const permission =
  '```yaml\npermissions:\n  contents: read\n  packages: write\n  id-token: write\n```';

/** Why GitHub gives this run no identity token, and what to do: each reason has another way out. */
export function noTokenFailure(env: NodeJS.ProcessEnv, event: RunEvent): Failure {
  if (env.GITHUB_ACTIONS !== 'true')
    return refused(
      'There is no identity to sign with: this is not a GitHub Actions run, and no identity token was given.',
      'Pass a token as `identity-token` or SIGSTORE_ID_TOKEN, or sign with `key`.',
    );
  if (isFork(env, event))
    return refused(
      'This pull request comes from a fork, and GitHub gives such runs no identity token.',
      "Sign where the image is released, after the merge:\n```yaml\nif: github.event_name != 'pull_request'\n```",
    );
  if (env.GITHUB_ACTOR === 'dependabot[bot]')
    return refused(
      'This run was started by Dependabot, and GitHub gives such runs a read-only token and no identity token.',
      "Sign after the merge, and leave this step out here:\n```yaml\nif: github.actor != 'dependabot[bot]'\n```",
    );
  return refused(
    'GitHub gives this job no identity token: it lacks the permission `id-token: write`.',
    `Add it to the job (in a reusable workflow: to the job that calls it as well):\n${permission}`,
  );
}

/**
 * `pull_request` of another repository, or of one that was deleted. (`pull_request_target` runs
 * with the base's rights and gets a token.)
 */
function isFork(env: NodeJS.ProcessEnv, { headRepository, baseRepository }: RunEvent): boolean {
  if (env.GITHUB_EVENT_NAME === 'pull_request_target' || headRepository === undefined) return false;
  return headRepository !== (baseRepository ?? env.GITHUB_REPOSITORY);
}

function refused(message: string, fix: string): Failure {
  return new Failure('no-identity-token', message, fix);
}
