import { createHash, type JsonWebKey, randomUUID, sign } from 'node:crypto';
import { rsaPairOf } from '../rsa-keys.ts';
import type { Answer, Handler } from './service.ts';

export interface OidcOptions {
  /** What the runner presents as `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. */
  readonly requestToken: string;
  /** Claims other than those of the default workflow. */
  readonly claims: Readonly<Record<string, string>>;
  readonly now: () => Date;
}

/**
 * An issuer like that of GitHub Actions. Asked by the name `localhost` it is another issuer, for
 * e-mail identities.
 */
export interface Oidc {
  readonly handler: Handler;
  /** A token by this issuer; `parameters` as in the query of the token address. */
  token(parameters: Readonly<Record<string, string>>, issuer: string): Promise<string>;
  publicKeys(): Promise<(JsonWebKey & { kid: string })[]>;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Starts the issuer. `GET /token?audience=A[&CLAIM=VALUE…]` answers `{count, value}` to the bearer
 * of the request token. Any parameter replaces a claim; `exp`, `iat`, `nbf` below one billion count
 * from now; `drop=A,B` leaves claims out; `key=other` signs with a key that is not published.
 */
export function newOidc(options: OidcOptions): Oidc {
  // The first RSA key can take longer than all the rest of the start: nobody waits for it before it
  // is needed.
  const pair = rsaPairOf('the issuer of GitHub');
  pair.catch(() => undefined);

  async function publicKeys(): Promise<(JsonWebKey & { kid: string })[]> {
    const jwk = (await pair).publicKey.export({ format: 'jwk' });
    const kid = createHash('sha256')
      .update(jwk.n ?? '')
      .digest('hex')
      .slice(0, 16);
    return [{ ...jwk, kid, use: 'sig', alg: 'RS256' }];
  }

  async function token(
    parameters: Readonly<Record<string, string>>,
    issuer: string,
  ): Promise<string> {
    const [published] = await publicKeys();
    const claims = claimsFor({ ...options.claims, ...parameters }, issuer, options.now());
    const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: published?.kid })}.${encode(claims)}`;
    const { privateKey } = await (parameters.key === 'other' ? rsaPairOf('another issuer') : pair);
    return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
  }

  const handler: Handler = async ({ url, headers }): Promise<Answer> => {
    const issuer = url.origin;
    if (url.pathname === '/.well-known/openid-configuration')
      return { status: 200, body: discovery(issuer) };
    if (url.pathname === '/.well-known/jwks')
      return { status: 200, body: { keys: await publicKeys() } };
    if (url.pathname !== '/token') return { status: 404, body: { message: 'not found' } };
    // Clients write "Bearer" and "bearer".
    if ((headers.authorization ?? '').replace(/^bearer /i, '') !== options.requestToken) {
      return { status: 401, body: { message: 'bad request token' } };
    }
    return {
      status: 200,
      body: { count: 1, value: await token(Object.fromEntries(url.searchParams), issuer) },
    };
  };
  return { handler, token, publicKeys };
}

const discovery = (issuer: string): object => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks`,
  authorization_endpoint: `${issuer}/unused`,
  token_endpoint: `${issuer}/unused`,
  subject_types_supported: ['public'],
  response_types_supported: ['id_token'],
  scopes_supported: ['openid'],
  id_token_signing_alg_values_supported: ['RS256'],
  claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss'],
});

const sha = '0123456789abcdef0123456789abcdef01234567';
const workflow = 'octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main';

/** The workflow that signs when a test says nothing else. */
export const defaultClaims: Readonly<Record<string, string>> = {
  sub: 'repo:octo-org/octo-repo:ref:refs/heads/main',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  sha,
  event_name: 'push',
  environment: 'production',
  repository: 'octo-org/octo-repo',
  repository_id: '74',
  repository_owner: 'octo-org',
  repository_owner_id: '65',
  repository_visibility: 'private',
  actor: 'octocat',
  actor_id: '12',
  workflow: 'release',
  workflow_ref: workflow,
  workflow_sha: sha,
  job_workflow_ref: workflow,
  job_workflow_sha: sha,
  run_id: '1001',
  run_number: '10',
  run_attempt: '1',
  runner_environment: 'github-hosted',
  head_ref: '',
  base_ref: '',
};

const special = ['api-version', 'audience', 'drop', 'key'];

function claimsFor(
  parameters: Readonly<Record<string, string>>,
  issuer: string,
  date: Date,
): Record<string, unknown> {
  const now = Math.floor(date.getTime() / 1000);
  const owner = parameters.repository_owner ?? defaultClaims.repository_owner;
  const claims: Record<string, unknown> = {
    jti: randomUUID(),
    iss: issuer,
    iat: now,
    nbf: now - 5,
    exp: now + 600,
    ...defaultClaims,
  };
  claims.aud = parameters.audience ?? `https://github.com/${owner}`;
  for (const [name, value] of Object.entries(parameters))
    if (!special.includes(name)) claims[name] = value;
  if (claims.email) claims.email_verified = claims.email_verified !== 'false';
  for (const name of ['iat', 'nbf', 'exp']) {
    const seconds = Number(claims[name]);
    claims[name] = Math.abs(seconds) < 1e9 ? now + seconds : seconds;
  }
  for (const name of (parameters.drop ?? '').split(',')) delete claims[name];
  return claims;
}
