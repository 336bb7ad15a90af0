import { expect } from 'vitest';
import type { GithubClaims, SourceClaims } from '../../src/signature/policy.ts';
import { type RunOptions, type RunResult, runAction } from '../sandbox/runner.ts';
import { findSecrets } from '../sandbox/secrets.ts';

export interface SignedOptions extends Omit<RunOptions, 'debug'> {
  /**
   * what this run knows besides its inputs, environment and docker logins, which are searched for
   * anyway: tokens of a service, for example
   */
  readonly secrets?: readonly string[];
}

/** One object of output `results`. */
export interface ResultEntry {
  readonly image: string;
  readonly digest: string | null;
  readonly platform?: string;
  readonly status: 'signed' | 'already-signed' | 'failed';
  readonly signatures: readonly {
    readonly format: string;
    readonly digest: string;
    readonly reference: string;
    readonly tlogIndex: number | null;
    readonly withoutLog?: true;
    readonly certificate?: string;
  }[];
  readonly signer: {
    readonly identity?: string;
    readonly issuer?: string;
    readonly keyId?: string;
    readonly github?: GithubClaims;
    readonly source?: SourceClaims;
  };
  readonly annotations: Readonly<Record<string, string>>;
  readonly verified: boolean | null;
  readonly error?: { readonly code: string; readonly message: string; readonly fix: string };
}

export interface SignedRun extends RunResult {
  readonly results: readonly ResultEntry[];
  /** title of every error annotation, without `sign-image: ` */
  readonly errorCodes: readonly string[];
}

const secretInputs = ['key', 'key-password', 'identity-token', 'registry-password'];
const secretVariables = ['COSIGN_PASSWORD', 'SIGSTORE_ID_TOKEN', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
const githubToken = 'ghs_sandboxsandboxsandboxsandboxsandbox';

/**
 * Runs the built action as the runner does, with debug logging, and fails the test when anything
 * that the run left (output, summary, outputs, files, annotations, command line) holds a secret
 * that it was given, in any encoding. Every whole-action test starts runs with this.
 */
export async function signed(
  inputs: Readonly<Record<string, string>>,
  options: SignedOptions = {},
): Promise<SignedRun> {
  const { secrets = [], ...rest } = options;
  const run = await runAction({ githubToken, ...rest, inputs, debug: true });
  const used = [...new Set([...secretsOf(inputs, rest), ...secrets])].filter(
    (secret) => secret.trim().length >= 6,
  );
  expect(findSecrets(run, used), `secrets were left behind:\n${run.stdout}`).toEqual([]);
  const text = run.outputs.results ?? '';
  const titles = run.annotations
    .filter(({ kind }) => kind === 'error')
    .map(({ properties }) => properties.title ?? '');
  return {
    ...run,
    results: text === '' ? [] : JSON.parse(text),
    errorCodes: titles.map((title) => title.replace('sign-image: ', '')),
  };
}

/**
 * Everything secret in what the run is given: inputs, variables, the userinfo of proxies, and
 * docker logins.
 */
function secretsOf(
  inputs: Readonly<Record<string, string>>,
  { env = {}, home = {} }: SignedOptions,
): string[] {
  const keyVariable = /^env:\/\/(\w+)$/.exec(inputs.key ?? '')?.[1] ?? '';
  const fromInputs = secretInputs
    .map((name) => inputs[name] ?? '')
    .filter((text) => !/^(env:\/\/|[\w./-]+\.(key|pem)$)/.test(text));
  const { 'registry-username': user, 'registry-password': password } = inputs;
  return [
    githubToken,
    ...fromInputs,
    ...(user && password ? [Buffer.from(`${user}:${password}`).toString('base64')] : []),
    ...[...secretVariables, keyVariable].map((name) => env[name] ?? ''),
    ...proxyVariables.flatMap((name) => passwordsOfUrl(env[name])),
    ...dockerSecrets(home['.docker/config.json'] ?? '{}'),
  ].filter((text) => text !== '');
}

function passwordsOfUrl(url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { username, password } = new URL(url);
  const plain = [decodeURIComponent(username), decodeURIComponent(password)] as const;
  return password === ''
    ? []
    : [password, plain[1], Buffer.from(plain.join(':')).toString('base64')];
}

function dockerSecrets(text: string): string[] {
  const { auths = {} } = JSON.parse(text.trim() || '{}') as {
    auths?: Record<string, { auth?: string; identitytoken?: string }>;
  };
  return Object.values(auths).flatMap(({ auth = '', identitytoken = '' }) => {
    const password = Buffer.from(auth, 'base64').toString('utf8').split(':').slice(1).join(':');
    return [auth, password, identitytoken];
  });
}
