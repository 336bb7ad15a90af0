import { Failure } from '../../failure.ts';
import { checkToken, type IdentityToken } from '../../sigstore/identity-token.ts';
import type { RunEvent } from './event.ts';

/** GitHub's OIDC provider as the runner names it, and what proves to it which job asks. */
export interface TokenProvider {
  readonly url: string;
  readonly credential: string;
}

/** What a token is asked for with. */
export interface TokenTools {
  readonly audience: string;
  readonly fetchToken: (provider: TokenProvider, audience: string) => Promise<string>;
  readonly env: NodeJS.ProcessEnv;
  readonly event: RunEvent;
  readonly mask: (secret: string) => void;
}

/**
 * The identity token that GitHub gives this job. It is masked before it is looked at.
 * @throws {Failure} `no-identity-token` when GitHub gives this run none, with the reason and the
 * YAML to add; `bad-identity-token` for a token that is malformed, for another audience or about
 * nobody: Fulcio would refuse it with less to go on.
 */
export async function githubIdentity(tools: TokenTools): Promise<IdentityToken> {
  const { env, event, audience, mask, fetchToken } = tools;
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: credential } = env;
  if (!url || !credential) throw noTokenFailure(env, event);
  // An endpoint that fails may send back what it was sent, and its answer comes near the log.
  mask(credential);
  const token = await fetchToken({ url, credential }, audience);
  mask(token);
  return checkToken(token, audience, { what: "GitHub's identity token", fresh: true });
}

const permission =
  '```yaml\npermissions:\n  contents: read\n  packages: write\n  id-token: write\n```';

/** Every way here begins with an empty key; whoever meant one must not be led to publish names. */
const noKey = '`key` is empty, so this step signs keyless';

/**
 * A secret that is not there is an empty text, and that cannot be told from an input that is not
 * written: so it is named first. With the permission alone the next run would publish the names of
 * the repository and its workflow, for ever, although a key was meant.
 */
const keyFirst =
  'If you meant to sign with a key, look at the secret in `key:`: it is empty where its name is misspelt, where it belongs to another environment, and where a called workflow is not given it under `secrets:`.';

/** Runners that read GitHub's workflows and are not GitHub, by the variable that they set. */
const otherForges: readonly (readonly [variable: string, name: string])[] = [
  ['ACT', 'act'],
  ['FORGEJO_ACTIONS', 'Forgejo Actions'],
  ['GITEA_ACTIONS', 'Gitea Actions'],
];

/** Why there is no identity token for this run, and what to do: each reason has another way out. */
function noTokenFailure(env: NodeJS.ProcessEnv, event: RunEvent): Failure {
  const withKey = 'sign with a key: `key: ${{ secrets.COSIGN_PRIVATE_KEY }}`';
  if (env.GITHUB_ACTIONS !== 'true')
    return refused(
      `${noKey}, and there is no identity: this is not a GitHub Actions run, and no identity token was given.`,
      'Sign with `key`, or pass a token as `identity-token` or SIGSTORE_ID_TOKEN.',
    );
  const forge = otherForges.find(([variable]) => env[variable]);
  if (forge !== undefined)
    return refused(
      `${noKey}, and there is no identity: this job runs on ${forge[1]}, without the token service of GitHub.`,
      `Here ${withKey}. Or pass a token of an issuer that your Fulcio trusts as \`identity-token\`.`,
    );
  if (isFork(env, event))
    return refused(
      `${noKey}, and this pull request comes from a fork: GitHub gives such runs neither secrets nor an identity token.`,
      "Sign where the image is released, after the merge:\n```yaml\nif: github.event_name != 'pull_request'\n```",
    );
  if (env.GITHUB_ACTOR === 'dependabot[bot]')
    return refused(
      `${noKey}, and this run was started by Dependabot: GitHub gives such runs no secrets of the repository and no identity token.`,
      "Sign after the merge, and leave this step out here:\n```yaml\nif: github.actor != 'dependabot[bot]'\n```",
    );
  return refused(
    `${noKey}, and GitHub gives this job no identity token: it lacks the permission \`id-token: write\`.`,
    `${keyFirst}\nIf you meant to sign keyless, which publishes the names of the repository and its workflow in public logs, add the permission to the job (in a reusable workflow: to the job that calls it as well):\n${permission}`,
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
