import type { GithubClaims } from './policy.ts';

// sigstore/fulcio docs/oid-info.md. The older numbers 2 to 6 say some of the same in another
// encoding and are not read.
const claimOids = {
  runnerEnvironment: '1.3.6.1.4.1.57264.1.11',
  repositoryUri: '1.3.6.1.4.1.57264.1.12',
  sha: '1.3.6.1.4.1.57264.1.13',
  ref: '1.3.6.1.4.1.57264.1.14',
  configUri: '1.3.6.1.4.1.57264.1.18',
  event: '1.3.6.1.4.1.57264.1.20',
} as const;

/** Names of the claims, in the order they are reported. */
export const claimNames = [
  'repository',
  'ref',
  'sha',
  'event',
  'workflowRef',
  'runnerEnvironment',
] as const;

/**
 * What a certificate says of the GitHub run. Repositories are told without their server,
 * `owner/name`: the server follows from the issuer, so that a repository of the same name on
 * another server is not the one asked for.
 * @param extension answers the text of an extension by its OID
 * @returns undefined where the certificate says nothing of a run
 */
export function githubClaims(
  extension: (oid: string) => string | undefined,
  issuer: string,
): GithubClaims | undefined {
  const server = `${serverOf(issuer)}/`;
  const onServer = (uri: string | undefined) =>
    uri?.startsWith(server) ? uri.slice(server.length) : undefined;
  const claims = {
    repository: onServer(extension(claimOids.repositoryUri)),
    ref: extension(claimOids.ref),
    sha: extension(claimOids.sha),
    event: extension(claimOids.event),
    workflowRef: onServer(extension(claimOids.configUri)),
    runnerEnvironment: extension(claimOids.runnerEnvironment),
  };
  const said = Object.entries(claims).filter(([, value]) => value !== undefined);
  return said.length === 0 ? undefined : (Object.fromEntries(said) as GithubClaims);
}

/**
 * The GitHub server behind a token issuer: github.com, a tenant of ghe.com, or an Enterprise Server
 * (`https://HOST/_services/token`).
 */
function serverOf(issuer: string): string {
  const tenant = /^https:\/\/token\.actions\.([a-z0-9-]+\.ghe\.com)$/.exec(issuer)?.[1];
  const enterprise = /^https:\/\/([a-z0-9.-]+(?::\d+)?)\/_services\/token$/.exec(issuer)?.[1];
  return `https://${tenant ?? enterprise ?? 'github.com'}`;
}
