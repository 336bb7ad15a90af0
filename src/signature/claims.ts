import type { GithubClaims, SourceClaims } from './policy.ts';

// sigstore/fulcio docs/oid-info.md. The older numbers 2 to 6 say some of the same in another
// encoding and are not read.
const arc = '1.3.6.1.4.1.57264.1';
const oids = {
  runnerEnvironment: `${arc}.11`,
  repositoryUri: `${arc}.12`,
  sha: `${arc}.13`,
  ref: `${arc}.14`,
  repositoryId: `${arc}.15`,
  ownerId: `${arc}.17`,
  configUri: `${arc}.18`,
  configSha: `${arc}.19`,
  trigger: `${arc}.20`,
  environment: `${arc}.23`,
} as const;

/** Run Invocation URI: where the run can be looked at that asked for the certificate. */
export const runOid = `${arc}.21`;

/** Answers the text of an extension by its OID. */
type Extension = (oid: string) => string | undefined;

/** Names of the claims about a GitHub run, in the order they are reported. */
export const claimNames = [
  'repository',
  'ref',
  'sha',
  'event',
  'workflowRef',
  'runnerEnvironment',
  'repositoryId',
  'repositoryOwnerId',
  'environment',
  'workflowSha',
] as const satisfies readonly (keyof GithubClaims)[];

/** Names of the claims that certificates of every CI system make, in the order they are reported. */
export const sourceClaimNames = [
  'repository',
  'ref',
  'sha',
  'buildConfig',
  'buildTrigger',
  'runnerEnvironment',
] as const satisfies readonly (keyof SourceClaims)[];

/**
 * What a certificate says of the GitHub run. Repositories are told without their server,
 * `owner/name`: the server follows from the issuer, so that a repository of the same name on
 * another server is not the one asked for.
 * @returns undefined where the certificate says nothing of a run
 */
export function githubClaims(extension: Extension, issuer: string): GithubClaims | undefined {
  const server = `${serverOf(issuer)}/`;
  const onServer = (uri: string | undefined) =>
    uri?.startsWith(server) ? uri.slice(server.length) : undefined;
  return said<GithubClaims>({
    repository: onServer(extension(oids.repositoryUri)),
    ref: extension(oids.ref),
    sha: extension(oids.sha),
    event: extension(oids.trigger),
    workflowRef: onServer(extension(oids.configUri)),
    runnerEnvironment: extension(oids.runnerEnvironment),
    repositoryId: extension(oids.repositoryId),
    repositoryOwnerId: extension(oids.ownerId),
    environment: extension(oids.environment),
    workflowSha: extension(oids.configSha),
  });
}

/**
 * What a certificate says of the build, in the terms that hold for every CI system (GitHub, GitLab,
 * CircleCI, Buildkite).
 * @returns undefined where it says nothing of a build
 */
export function sourceClaims(extension: Extension): SourceClaims | undefined {
  return said<SourceClaims>({
    repository: extension(oids.repositoryUri),
    ref: extension(oids.ref),
    sha: extension(oids.sha),
    buildConfig: extension(oids.configUri),
    buildTrigger: extension(oids.trigger),
    runnerEnvironment: extension(oids.runnerEnvironment),
  });
}

function said<Claims extends object>(
  claims: {
    readonly [Name in keyof Required<Claims>]: string | undefined;
  },
): Claims | undefined {
  const present = Object.entries(claims).filter(([, value]) => value !== undefined);
  return present.length === 0 ? undefined : (Object.fromEntries(present) as Claims);
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
