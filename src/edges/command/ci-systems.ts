// Loaded only where a run signs keyless. Which CI system this is, and how a job there gets an
// identity token (each as the documentation of the system says).
import { readFile, stat } from 'node:fs/promises';
import type { KnownVisibility, Surroundings } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { checkToken } from '../../sigstore/identity-token.ts';
import { visibilityOfToken } from '../action/visibility.ts';
import type { SignInputs } from '../inputs/sign.ts';
import type { Asking } from '../world.ts';
import { askGoogle, isGoogle } from './google-token.ts';

/** A place that identity tokens come from. */
interface System {
  /** for sentences */
  readonly name: string;
  readonly isHere: () => boolean | Promise<boolean>;
  readonly ask: (audience: string, retryBudget: () => number) => Promise<string>;
}

/** Where a pod finds the token of its service account, as cosign looks for it. */
const projected = '/var/run/sigstore/cosign/oidc-token';
/** bytes; tokens have 1 to 3 KB */
const mostTokenBytes = 65_536;

/** What the CI system of this run knows; for the one of GitHub there is code of its own. */
export function openCiSystem(
  env: NodeJS.ProcessEnv,
  { identityToken: given }: Pick<SignInputs, 'identityToken'>,
  parts: Asking,
  tokenFile = projected,
): Omit<Surroundings, 'asksForIdentity'> {
  const here = async () => {
    for (const system of systems(env, parts, tokenFile)) if (await system.isHere()) return system;
    throw noIdentity(env);
  };
  return {
    async identityToken(audience, retryBudget) {
      const { name, ask } = await here();
      const token = (await ask(audience, retryBudget)).trim();
      parts.mask.mask(token);
      return checkToken(token, audience, { what: `${name}'s identity token`, fresh: true });
    },
    async visibility() {
      const known = runVisibility(env, given);
      // Where nobody can sign keyless, advice on how to publish names would be wrong.
      if (known.from === 'unknown' && given === undefined) await here();
      return known;
    },
    tokenVisibility: async (claims) => visibilityOfToken(claims),
  };
}

function systems(env: NodeJS.ProcessEnv, parts: Asking, path: string): readonly System[] {
  return [
    { name: 'The pod', isHere: () => isFile(path), ask: () => fromFile(path) },
    {
      name: 'CircleCI',
      isHere: () => env.CIRCLECI === 'true',
      ask: (audience) => {
        const claims = JSON.stringify({ aud: audience });
        return printed(parts, 'CircleCI', 'circleci', ['run', 'oidc', 'get', '--claims', claims]);
      },
    },
    {
      name: 'Buildkite',
      isHere: () => env.BUILDKITE === 'true',
      ask: (audience) => {
        const asked = ['oidc', 'request-token', '--audience', audience];
        return printed(parts, 'Buildkite', 'buildkite-agent', asked);
      },
    },
    {
      name: 'Google',
      isHere: () => isGoogle(env),
      ask: (audience, retryBudget) => askGoogle(audience, env, { ...parts, retryBudget }),
    },
  ];
}

/** The token that a program of the CI system prints. @throws {Failure} `no-identity-token` */
async function printed(
  { programs }: Pick<Asking, 'programs'>,
  system: string,
  command: string,
  args: readonly string[],
): Promise<string> {
  const line = `\`${[command, ...args].join(' ')}\``;
  const fix = {
    circleci:
      'Run this in a job of CircleCI, where its own `circleci` is. In a container of your own, get the token before and hand it on: `export SIGSTORE_ID_TOKEN=$(circleci run oidc get --claims \'{"aud":"sigstore"}\')`. CIRCLE_OIDC_TOKEN is of no use: it is for another audience.',
    'buildkite-agent':
      'Run this in a job of Buildkite, where `buildkite-agent` is. In a container, get the token before and hand it on: `export SIGSTORE_ID_TOKEN=$(buildkite-agent oidc request-token --audience sigstore)`.',
  }[command];
  const failed = (why: string, cause?: unknown) =>
    new Failure(
      'no-identity-token',
      `\`key\` is empty, so this step signs keyless, and ${system} gives no identity token: ${line} ${why}.`,
      fix ?? '',
      { cause },
    );
  const end = await programs(command, args).catch((caught) => {
    if (caught instanceof Failure) throw caught;
    throw failed('cannot be run', caught);
  });
  if ('stopped' in end) throw failed(end.stopped);
  // What it prints may be a token, also where it fails: it is not quoted.
  if (end.exitCode !== 0) throw failed(`ended with ${end.exitCode}`);
  const token = end.stdout.toString('utf8').trim();
  if (token === '') throw failed('printed nothing');
  return token;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function fromFile(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw new Failure(
      'no-identity-token',
      `\`key\` is empty, so this step signs keyless, and the token in ${path} cannot be read.`,
      'Look at the permissions of the projected volume (`fsGroup` of the pod).',
      { cause },
    );
  });
  return bytes.subarray(0, mostTokenBytes).toString('utf8');
}

/**
 * GitLab says it in a variable. Elsewhere the token that was given may, and otherwise nothing does:
 * then the names count as private.
 */
function runVisibility(env: NodeJS.ProcessEnv, given: string | undefined): KnownVisibility {
  const said = env.GITLAB_CI === 'true' ? env.CI_PROJECT_VISIBILITY : undefined;
  if (said === 'public' || said === 'internal' || said === 'private')
    return { visibility: said, from: 'variable' };
  const unknown: KnownVisibility = { visibility: 'private', from: 'unknown' };
  if (given === undefined) return unknown;
  const [, claims = ''] = given.split('.');
  try {
    return visibilityOfToken(JSON.parse(Buffer.from(claims, 'base64url').toString())) ?? unknown;
  } catch {
    return unknown; // what is wrong with the token is told when it is looked at
  }
}

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
function noIdentity(env: NodeJS.ProcessEnv): Failure {
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
