import type { Masker } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { type InputSource, optional, readTable, runnerInputs, type Values } from './read.ts';
import { keygenTable } from './table.ts';
import { shown } from './values.ts';

/** Whose secrets are set. */
export type SecretPlace =
  | { readonly kind: 'repository'; readonly owner: string; readonly repo: string }
  | {
      readonly kind: 'environment';
      readonly owner: string;
      readonly repo: string;
      readonly environment: string;
    }
  /** `owner/repo` may use them */
  | {
      readonly kind: 'organization';
      readonly organization: string;
      readonly owner: string;
      readonly repo: string;
    };

/** The inputs of sign-image/keygen. */
export interface KeygenInputs {
  readonly place: SecretPlace;
  readonly githubToken: string;
  readonly names: SecretNames;
  /** absent: one is made */
  readonly password?: string;
  readonly overwrite: boolean;
  readonly publicKeyFile?: string;
}

export interface SecretNames {
  readonly privateKey: string;
  readonly password: string;
  readonly publicKey: string;
}

/** The step that makes a token which may write secrets. */
export const tokenStep = `steps:
  - uses: actions/create-github-app-token@v2
    id: app
    with:
      app-id: \${{ vars.KEYGEN_APP_ID }}
      private-key: \${{ secrets.KEYGEN_APP_PRIVATE_KEY }}
  - uses: OWNER/sign-image/keygen@v1
    with:
      github-token: \${{ steps.app.outputs.token }}`;

/** Reads and checks the inputs; what is secret is masked first. @throws {Failure} `bad-input` */
export function readKeygenInputs(masker: Masker, source: InputSource = runnerInputs): KeygenInputs {
  const read = readTable(keygenTable, source, masker);
  const { 'github-token': githubToken, password, 'public-key-file': publicKeyFile } = read;
  if (githubToken === undefined) {
    throw new Failure(
      'bad-input',
      'Input github-token is empty, and secrets are written with it.',
      `The workflow's own token may not write secrets; make one that may:\n${tokenStep}`,
    );
  }
  if (password !== undefined && password.length < 12) {
    throw new Failure(
      'bad-input',
      'The password in `password` has fewer than 12 characters, which can be guessed.',
      'Leave `password` empty: a random one of 256 bits is made and stored.',
    );
  }
  return {
    place: readPlace(read),
    githubToken,
    names: namesFor(read['secret-prefix']),
    ...optional('password', password),
    overwrite: read.overwrite,
    ...optional('publicKeyFile', publicKeyFile),
  };
}

function readPlace({
  repository = '',
  environment,
  organization,
}: Pick<Values<typeof keygenTable>, 'repository' | 'environment' | 'organization'>): SecretPlace {
  const [, owner, repo] =
    /^([A-Za-z0-9][A-Za-z0-9-]{0,99})\/([\w.-]{1,100})$/.exec(repository) ?? [];
  if (owner === undefined || repo === undefined || /^\.+$/.test(repo)) {
    throw new Failure(
      'bad-input',
      `Input repository is "${shown(repository)}".`,
      'Write `repository: owner/name`, or leave it out for the repository of this workflow.',
    );
  }
  if (environment !== undefined && organization !== undefined) {
    throw new Failure(
      'bad-input',
      'Both environment and organization are set.',
      'An organisation has no environments: leave one of the two out.',
    );
  }
  if (environment !== undefined) return { kind: 'environment', owner, repo, environment };
  if (organization === undefined) return { kind: 'repository', owner, repo };
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(organization)) {
    throw new Failure(
      'bad-input',
      `Input organization is "${shown(organization)}".`,
      'Write the name of the organisation, as it is in its address.',
    );
  }
  return { kind: 'organization', organization, owner, repo };
}

/**
 * GitHub's rules for the names of secrets: letters, digits and `_`, no digit first, never GITHUB_.
 */
function namesFor(prefix: string): SecretNames {
  const upper = prefix.replace(/_+$/, '').toUpperCase();
  if (!/^[A-Z_][A-Z0-9_]{0,80}$/.test(upper) || upper === 'GITHUB' || upper.startsWith('GITHUB_')) {
    throw new Failure(
      'bad-input',
      `Input secret-prefix is "${shown(prefix)}", with which no secret may begin.`,
      'Use letters, digits and `_`, not a digit first and not GITHUB: `secret-prefix: COSIGN`.',
    );
  }
  return {
    privateKey: `${upper}_PRIVATE_KEY`,
    password: `${upper}_PASSWORD`,
    publicKey: `${upper}_PUBLIC_KEY`,
  };
}
