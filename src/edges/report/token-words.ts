import type { IdentityToken, TokenClaims } from '../../sigstore/identity-token.ts';

export const githubIssuer = 'https://token.actions.githubusercontent.com';

/**
 * The identity that a verifier will have to state, as Fulcio derives it: for GitHub the called
 * workflow (`job_workflow_ref`; with a reusable workflow that is not the one that was started), for
 * others the e-mail address or the subject.
 */
export function expectedIdentity(claims: TokenClaims, serverUrl = 'https://github.com'): string {
  if (claims.job_workflow_ref !== undefined) {
    const server = claims.iss === githubIssuer ? 'https://github.com' : serverUrl;
    return `${server}/${goPath(claims.job_workflow_ref)}`;
  }
  return ofOtherSystem(claims) ?? claims.email ?? claims.sub;
}

/** As the templates of Fulcio's CI providers make it of the claims. */
function ofOtherSystem(claims: TokenClaims): string | undefined {
  const { iss, sub, ci_config_ref_uri: config, organization_slug: organization } = claims;
  const project = claims['oidc.circleci.com/project-id'];
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(sub) ?? [];
  if (config !== undefined) return `https://${config}`;
  if (organization !== undefined)
    return `https://buildkite.com/${organization}/${claims.pipeline_slug ?? ''}`;
  if (project !== undefined)
    return `https://circleci.com/api/v2/projects/${project}/pipeline-definitions/${claims['oidc.circleci.com/pipeline-definition-id'] ?? ''}`;
  if (account !== undefined)
    return `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}`;
  return iss === 'https://issuer.enforce.dev' ? `${iss}/${sub}` : undefined;
}

/**
 * What the log says of the token: lines `name: value`. Never the token.
 * @param now milliseconds since 1970
 */
export function describeToken(
  { claims, expires }: IdentityToken,
  serverUrl: string | undefined,
  now: number,
): readonly string[] {
  const minutes = Math.max(0, Math.floor((expires - now) / 60_000));
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['identity', expectedIdentity(claims, serverUrl)],
    ['issuer', claims.iss],
    ['repository', claims.repository ?? claims.project_path],
    ['ref', claims.ref],
    ['event', claims.event_name],
    ['token expires', `${new Date(expires).toISOString()} (in ${minutes} min)`],
  ];
  return lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
}

/**
 * A path as Go's net/url writes it (`URL.EscapedPath`), which is how Fulcio puts it into the
 * certificate: kept where every character is allowed, else percent-encoded as a whole.
 */
function goPath(path: string): string {
  if (/^[\w.~!$&'()*+,;=:@[\]/%#-]*$/.test(path)) return path;
  return [...Buffer.from(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w.~$&+,/:;=@#%-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
