// Which tokens the Fulcio of the public-good instance takes, as far as that is known without asking:
// `config/identity/config.yaml` of sigstore/fulcio, as of August 2026. Fulcio tells its client nearly
// nothing of a refusal, so what is known is told before it is asked.
import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';

/** The audience that every issuer of the public-good instance must put into its tokens. */
export const publicAudience = 'sigstore';

/** The claims of a token that are looked at. */
interface IssuerClaims {
  readonly iss: string;
  /** GitLab's, as the one below */
  readonly project_path?: string;
  readonly ci_config_ref_uri?: string;
}

/** Instances of GitLab. */
const gitlab: readonly string[] = [
  'https://gitlab.com',
  'https://dev.gitlab.org',
  'https://ops.gitlab.net',
  'https://gitlab.archlinux.org',
];

/** `*` stands for one segment of a path or label of a host, as in Fulcio's own list. */
const known: readonly string[] = [
  'https://token.actions.githubusercontent.com',
  'https://token.actions.githubusercontent.com/*',
  ...gitlab,
  'https://oidc.circleci.com',
  'https://oidc.circleci.com/org/*',
  'https://agent.buildkite.com',
  'https://oidc.codefresh.io',
  'https://oidc.buddyusercontent.com',
  'https://eu-oidc.buddyusercontent.com',
  'https://asia-oidc.buddyusercontent.com',
  'https://accounts.google.com',
  'https://oidc.eks.*.amazonaws.com/id/*',
  'https://container.googleapis.com/v1/projects/*/locations/*/clusters/*',
  'https://*.oic.prod-aks.azure.com/*',
  'https://*.oic.prod-aks.azure.com/*/',
  'https://*.oic.prod-aks.azure.com/*/*',
  'https://*.oic.prod-aks.azure.com/*/*/',
  'https://oidc.prod-aks.azure.com/*',
  'https://issuer.enforce.dev',
  'https://issuer.chainops.dev',
  'https://oauth2.sigstore.dev/auth',
  'https://auth.eclipse.org/auth/realms/foundation-service-accounts',
  'https://issuer.hello.coop',
  'https://www.kaggle.com/api/v1/models/signing',
  'https://sigstore.verify.ibm.com/oauth2',
];

/** Issuers of CI systems that are not in the list, and whose tokens people try. */
const refused: readonly (readonly [pattern: RegExp, system: string])[] = [
  [/^https:\/\/vstoken\.dev\.azure\.com\//, 'Azure Pipelines'],
  [/^https:\/\/api\.bitbucket\.org\//, 'Bitbucket Pipelines'],
  [/\/_services\/token$/, 'GitHub Enterprise Server'],
  [
    /^https:\/\/token\.actions\.[a-z0-9-]+\.ghe\.com$/,
    'GitHub Enterprise Cloud with data residency',
  ],
  [/\/api\/actions\/?$/, 'Forgejo or Gitea Actions'],
  [/^https:\/\/oidc\.cirrus-ci\.com$/, 'Cirrus CI'],
  [/\.semaphoreci\.com$/, 'Semaphore'],
];

const otherWays =
  'Sign with a key: `key: env://COSIGN_PRIVATE_KEY`, or one in a key service (`awskms://…`, `azurekms://…`, `gcpkms://…`, `hashivault://…`). Or use a Fulcio of your own that trusts this issuer: `fulcio-url: …` and `trusted-root: …`.';

/**
 * Looks at a token before Fulcio is asked. Another Fulcio than the public-good instance's may trust
 * whom it likes.
 * @returns a warning, where nobody can know: an issuer that is in no list may be new
 * @throws {Failure} `bad-identity-token` for one that is certain to be refused
 */
export function warnOfFulcio(
  fulcio: URL,
  claims: IssuerClaims,
  audience: string,
): string | undefined {
  if (fulcio.hostname.replace(/\.$/, '') !== 'fulcio.sigstore.dev') return undefined;
  const issuer = shown(claims.iss, 200);
  if (audience !== publicAudience)
    throw new Failure(
      'bad-identity-token',
      `The identity token is for audience "${shown(audience, 100)}", and Sigstore's public-good Fulcio takes those for "${publicAudience}" alone.`,
      `Leave \`oidc-audience\` out, and get a token for audience "${publicAudience}".`,
    );
  if (matchesKnown(claims.iss)) {
    checkGitlab(claims);
    return undefined;
  }
  const system =
    refused.find(([pattern]) => pattern.test(claims.iss))?.[1] ??
    (claims.project_path === undefined ? undefined : 'a GitLab of your own');
  if (system !== undefined)
    throw new Failure(
      'bad-identity-token',
      `The identity token is of ${system} (issuer ${issuer}), which Sigstore's public-good Fulcio does not trust.`,
      otherWays,
    );
  return `The issuer of the identity token, ${issuer}, is none that Sigstore's public-good Fulcio was known to trust in August 2026: it may refuse the token. ${otherWays}`;
}

/**
 * GitLab says where the pipeline's definition is only when that lies in the project itself, and
 * Fulcio makes the identity of it.
 */
function checkGitlab({
  iss,
  project_path: project,
  ci_config_ref_uri: config,
}: IssuerClaims): void {
  if (!isGitlab(iss) || project === undefined || config !== undefined) return;
  throw new Failure(
    'bad-identity-token',
    'The identity token does not say where the pipeline is defined (`ci_config_ref_uri`), and Fulcio makes the identity of that. GitLab says it only where the CI file lies in the project itself: not in child pipelines, for files of other projects, or with Auto DevOps.',
    "Sign in a job of the project's own `.gitlab-ci.yml`, or sign with a key: `key: env://COSIGN_PRIVATE_KEY`.",
  );
}

/** True for GitLab's instances that the public-good Fulcio trusts. */
export function isGitlab(issuer: string): boolean {
  return gitlab.includes(issuer);
}

function matchesKnown(issuer: string): boolean {
  return known.some((entry) => {
    const pattern = entry.replace(/[.*+?^${}()|[\]\\]/g, (sign) =>
      sign === '*' ? '[-_a-zA-Z0-9]+' : `\\${sign}`,
    );
    return new RegExp(`^${pattern}$`).test(issuer);
  });
}

/** What to do about a token that its system gives out for another audience only. */
export function audienceFix(issuer: string, audience: string): string | undefined {
  const first = refused.find(([pattern]) => pattern.test(issuer))?.[1];
  if (/^https:\/\/oidc\.circleci\.com(\/|$)/.test(issuer))
    return `CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2 are for the organisation. Leave the token out: this asks CircleCI for one itself. Or get it by \`circleci run oidc get --claims '{"aud":"${shown(audience, 100)}"}'\`.`;
  if (first === 'Azure Pipelines' || first === 'Bitbucket Pipelines')
    return `The audience of ${first} cannot be changed. ${otherWays}`;
  if (isGitlab(issuer))
    return `Ask GitLab for it in the job:\n\`\`\`yaml\nid_tokens:\n  SIGSTORE_ID_TOKEN:\n    aud: ${shown(audience, 100)}\n\`\`\``;
  return undefined;
}
