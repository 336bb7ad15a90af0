import { Failure } from '../../failure.ts';

/** Systems without an identity that the public-good Fulcio trusts, by a variable that they set. */
const without: readonly (readonly [variable: string, system: string])[] = [
  ['TF_BUILD', 'Azure Pipelines'],
  ['BITBUCKET_BUILD_NUMBER', 'Bitbucket Pipelines'],
  ['JENKINS_URL', 'Jenkins'],
  ['CIRRUS_CI', 'Cirrus CI'],
  ['TRAVIS', 'Travis CI'],
  ['TEAMCITY_VERSION', 'TeamCity'],
  ['DRONE', 'Drone'],
  ['CODEBUILD_BUILD_ID', 'AWS CodeBuild'],
];

const keyWay =
  'Sign with a key: `key: env://COSIGN_PRIVATE_KEY`, or one in a key service (`awskms://…`, `azurekms://…`, `gcpkms://…`, `hashivault://…`).';
const ownFulcio =
  'Or use a Fulcio of your own that trusts a token of yours: `identity-token: env://NAME`, `fulcio-url: …` and `trusted-root: …`.';

/** Why there is no identity token here, and what to do: each system has another way out. */
export function noIdentity(env: NodeJS.ProcessEnv): Failure {
  if (env.GITLAB_CI === 'true')
    return refused(
      'this job of GitLab has no token: the variable SIGSTORE_ID_TOKEN is not set',
      `${keyWay}\nOr sign keyless, which publishes the names of project and pipeline for ever. Ask GitLab for the token in the job that signs (gitlab.com; a GitLab of your own needs a Fulcio of your own):\n\`\`\`yaml\nid_tokens:\n  SIGSTORE_ID_TOKEN:\n    aud: sigstore\n\`\`\``,
    );
  if (env.CF_BUILD_ID)
    return refused(
      'this build of Codefresh has no token in SIGSTORE_ID_TOKEN',
      `${keyWay}\nOr take a step \`type: obtain-oidc-id-token\` with \`arguments: { AUDIENCE: sigstore }\` before, and hand its token on: \`export SIGSTORE_ID_TOKEN="$ID_TOKEN"\`.`,
    );
  const system = without.find(([variable]) => env[variable])?.[1];
  if (system !== undefined)
    return refused(
      `${system} has no identity that Sigstore's public-good Fulcio trusts`,
      `${keyWay}\n${ownFulcio}`,
    );
  return refused(
    'no identity token is found here: not in SIGSTORE_ID_TOKEN, and none of a CI system or cloud that is known',
    `${keyWay}\nOr give a token: \`identity-token: env://NAME\`.`,
  );
}

function refused(why: string, fix: string): Failure {
  return new Failure(
    'no-identity-token',
    `\`key\` is empty, so this step signs keyless, and ${why}.`,
    fix,
  );
}
