import { decodeJwt } from 'jose';
import { Failure } from '../failure.ts';
import { audienceFix } from './public-issuers.ts';

/**
 * A token that Fulcio may be asked with: well-formed, alive, for the right audience. Its signature
 * is Fulcio's to check.
 */
export interface IdentityToken {
  readonly token: string;
  readonly claims: TokenClaims;
  /** milliseconds since 1970, as those below; whether they fit a clock is for `timeFit` to say */
  readonly expires: number;
  readonly notBefore?: number;
  readonly issued?: number;
  /** for sentences: `GitHub's identity token` */
  readonly what: string;
  /** it was issued for this step, just now */
  readonly fresh: boolean;
}

/** The claims that are read; each is a text (OpenID Connect core 1.0 §2; GitHub's own). */
export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly email?: string;
  readonly repository?: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly event_name?: string;
  readonly job_workflow_ref?: string;
  readonly repository_visibility?: string;
  /** GitLab's, as the one below */
  readonly project_path?: string;
  readonly project_visibility?: string;
  readonly ci_config_ref_uri?: string;
  /** Buildkite's, as the one below */
  readonly organization_slug?: string;
  readonly pipeline_slug?: string;
  readonly 'oidc.circleci.com/project-id'?: string;
  readonly 'oidc.circleci.com/pipeline-definition-id'?: string;
}

/**
 * Checks what can be known of a token without its issuer's keys and without a clock.
 * @throws {Failure} `bad-identity-token`; the token itself is in no sentence and in no cause.
 */
export function checkToken(
  token: string,
  audience: string,
  { what, fresh }: Pick<IdentityToken, 'what' | 'fresh'>,
): IdentityToken {
  const claims = decode(token, what);
  const { exp } = claims;
  if (typeof exp !== 'number' || !Number.isFinite(exp))
    throw bad(`${what} has no expiry.`, 'Pass an OpenID Connect identity token.');
  const audiences = [claims.aud].flat().filter((entry) => typeof entry === 'string');
  if (!audiences.includes(audience))
    throw bad(
      `${what} is for audience ${listed(audiences)}, and "${audience}" is asked for.`,
      audienceFix(String(claims.iss), audience) ??
        `Get a token for audience "${audience}", or set \`oidc-audience\` to what your Fulcio expects.`,
    );
  const { iss, sub } = claims;
  if (typeof iss !== 'string' || iss === '')
    throw bad(`${what} names no issuer.`, 'Pass an OpenID Connect identity token.');
  if (typeof sub !== 'string' || sub === '')
    throw bad(`${what} names no subject.`, 'Pass an OpenID Connect identity token.');
  return {
    token,
    claims: { iss, sub, ...textClaims(claims) },
    expires: exp * 1000,
    ...timeOf('notBefore', claims.nbf),
    ...timeOf('issued', claims.iat),
    what,
    fresh,
  };
}

function timeOf(
  name: 'notBefore' | 'issued',
  seconds: unknown,
): Partial<Record<typeof name, number>> {
  return typeof seconds === 'number' && Number.isFinite(seconds) ? { [name]: seconds * 1000 } : {};
}

function decode(token: string, what: string): Record<string, unknown> {
  const fix =
    'Pass the token itself, three parts with dots between them, as `identity-token` or SIGSTORE_ID_TOKEN.';
  // Tokens of real issuers have 1 to 3 KB; a file passed by mistake need not be parsed.
  if (token.length > 65_536 || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
    throw bad(`${what} is not a JSON Web Token.`, fix);
  try {
    return decodeJwt(token);
  } catch {
    // jose's error is not kept as the cause: parsers quote what they could not read.
    throw bad(`${what} is not a JSON Web Token.`, fix);
  }
}

const optionalClaims = [
  'email',
  'repository',
  'ref',
  'sha',
  'event_name',
  'job_workflow_ref',
  'repository_visibility',
  'project_path',
  'project_visibility',
  'ci_config_ref_uri',
  'organization_slug',
  'pipeline_slug',
  'oidc.circleci.com/project-id',
  'oidc.circleci.com/pipeline-definition-id',
] as const;

function textClaims(
  claims: Record<string, unknown>,
): Partial<Record<(typeof optionalClaims)[number], string>> {
  const texts = optionalClaims
    .map((name) => [name, claims[name]] as const)
    .filter(([, value]) => typeof value === 'string' && value !== '');
  return Object.fromEntries(texts);
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-identity-token', message, fix);
}

function listed(audiences: readonly unknown[]): string {
  return audiences.length === 0
    ? '(none)'
    : audiences
        .slice(0, 5)
        .map((entry) => `"${String(entry).slice(0, 200)}"`)
        .join(', ');
}
