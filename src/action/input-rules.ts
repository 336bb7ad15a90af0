import { Failure } from '../failure.ts';
import type { Target } from '../image/targets.ts';
import type { InputSource, RegistryInputs, ServiceInputs, SignInputs } from './inputs.ts';

// Which inputs go together. Pure rules: a value in, a Failure or warnings out.

/**
 * Input names of other tools that people write here by habit → ours. The runner passes undeclared
 * inputs on, after a warning of its own.
 */
const otherNames: Readonly<Record<string, string>> = {
  image: 'images',
  tags: 'images',
  tag: 'images',
  'image-ref': 'images',
  'subject-name': 'images',
  'image-digest': 'digest',
  'subject-digest': 'digest',
  'private-key': 'key',
  'cosign-key': 'key',
  'cosign-private-key': 'key',
  'cosign-password': 'key-password',
  username: 'registry-username',
  password: 'registry-password',
};

type CheckedInputs = Omit<SignInputs, 'warnings'>;

/** An input name that is set and does not exist, and the one that was meant. */
interface Mistake {
  readonly wrong: string;
  readonly right: string;
}

/** Well-known wrong input names that this step sets, with the right ones. */
export function commonMistakes(source: InputSource): readonly Mistake[] {
  const set = Object.entries(otherNames).filter(([wrong]) =>
    source.env[`INPUT_${wrong.toUpperCase()}`]?.trim(),
  );
  return set.map(([wrong, right]) => ({ wrong, right }));
}

/**
 * Checks inputs against each other, before anything is contacted.
 * @returns warnings, as sentences.
 * @throws {Failure} `bad-input`
 */
export function checkSignInputs(
  inputs: CheckedInputs,
  mistakes: readonly Mistake[],
  env: InputSource['env'] = {},
): readonly string[] {
  checkTargets(inputs, mistakes);
  checkKey(inputs, mistakes, env);
  checkLog(inputs);
  checkRegistryLogin(inputs);
  checkTuf(inputs);
  return [...warningsFor(inputs), ...registryWarnings(inputs.registry)];
}

function checkTargets(
  { images, metadata, digest }: CheckedInputs,
  mistakes: readonly Mistake[],
): void {
  if (images.length > 0 || metadata !== undefined) return;
  const example =
    '```yaml\nwith:\n  images: ghcr.io/${{ github.repository }}\n  digest: ${{ steps.build.outputs.digest }}\n```';
  const mistake = mistakes.find(({ right }) => right === 'images');
  if (mistake !== undefined)
    throw new Failure(
      'bad-input',
      `Input images is empty; \`${mistake.wrong}\` is no input of this action.`,
      `Rename \`${mistake.wrong}\` to \`images\`.`,
    );
  if (digest !== undefined)
    throw new Failure(
      'bad-input',
      'There is a digest but no image name it belongs to: input images is empty.',
      `Add the name:\n${example}`,
    );
  throw new Failure(
    'bad-input',
    'Nothing to sign: inputs images and metadata are both empty.',
    `Name what the job has pushed:\n${example}`,
  );
}

/**
 * An empty key means keyless, and so does a secret that this run does not get: what belongs to a
 * key must not end in a public log instead.
 */
function checkKey(
  { key, keyPassword }: CheckedInputs,
  mistakes: readonly Mistake[],
  env: InputSource['env'],
): void {
  if (key !== undefined) return;
  if (keyPassword && keyPassword !== env.COSIGN_PASSWORD)
    throw new Failure(
      'bad-input',
      'Input key-password is set and key is empty, so the signature would be keyless.',
      'Check the name of the secret in `key` (a run without access to it gets an empty text), or remove `key-password` to sign keyless.',
    );
  const mistake = mistakes.find(({ right }) => right === 'key' || right === 'key-password');
  if (mistake !== undefined)
    throw new Failure(
      'bad-input',
      `Input \`${mistake.wrong}\` is no input of this action, and without \`key\` the signature would be keyless.`,
      `Rename \`${mistake.wrong}\` to \`${mistake.right}\`, or take it out to sign keyless.`,
    );
}

function checkLog({ tlog, format, services }: CheckedInputs): void {
  if (!tlog && services.rekorUrl !== undefined)
    throw new Failure(
      'bad-input',
      'Input rekor-url names a log, and tlog: false says to use none.',
      'Remove one of the two.',
    );
  // A Rekor v2 entry has no signed entry timestamp, and the legacy format has no other place for a
  // log entry.
  if (tlog && services.rekorVersion === 2 && (format === 'legacy' || format === 'both'))
    throw new Failure(
      'bad-input',
      `format: ${format} needs a log that legacy verifiers understand, and rekor-version: 2 is not one.`,
      'Use `format: bundle`, or a Rekor v1 log.',
    );
}

/**
 * User name and password go together, and the workflow says which registry they are for. A name
 * that comes out of a file or of a build never says it: whoever writes a pull request could name a
 * registry of their own there, and would be sent the password.
 * @throws {Failure} `bad-input`
 */
export function checkRegistryLogin({
  images,
  registry: { host, username, password },
}: Pick<CheckedInputs, 'images' | 'registry'>): void {
  if (username !== undefined && password !== undefined) {
    if (host !== undefined || images.length > 0) return;
    throw new Failure(
      'bad-input',
      'Inputs registry-username and registry-password are set, and nothing in the workflow says which registry they are for: input images is empty.',
      'Name the registry that the password belongs to, for example:\n```yaml\nwith:\n  registry: ghcr.io\n```\nIt is sent to no other one, whatever image names `files` or `metadata` bring.',
    );
  }
  if (username === undefined && password === undefined) return;
  const [there, missing] =
    username === undefined
      ? ['registry-password', 'registry-username']
      : ['registry-username', 'registry-password'];
  throw new Failure(
    'bad-input',
    `Input ${there} is set and ${missing} is empty.`,
    `Set both, or neither and run docker/login-action before. A secret is empty in pull requests from forks and when its name is misspelt.`,
  );
}

/** Another TUF repository needs its first root. @throws {Failure} `bad-input` */
export function checkTuf({
  services,
}: {
  readonly services: Pick<ServiceInputs, 'tufMirror' | 'tufRoot'>;
}): void {
  if (services.tufRoot !== undefined && services.tufMirror === undefined)
    throw new Failure(
      'bad-input',
      'Input tuf-root is set without tuf-mirror.',
      'Add `tuf-mirror` with the address of the TUF repository that this root belongs to.',
    );
}

function warningsFor({
  key,
  keyPassword,
  identityToken,
  services,
}: CheckedInputs): readonly string[] {
  const cases: readonly (readonly [boolean, string])[] = [
    [
      key !== undefined && identityToken !== undefined,
      'An identity token is given and not used: with `key` the key signs, not an identity.',
    ],
    [
      key === undefined && Boolean(keyPassword),
      'COSIGN_PASSWORD is set and `key` is empty, so this signs keyless. If a key was meant, its secret is missing in this run.',
    ],
    [
      services.rekorVersion !== undefined && services.rekorUrl === undefined,
      'rekor-version has no effect without rekor-url: the signing config says which version its log speaks.',
    ],
  ];
  return cases.filter(([holds]) => holds).map(([, sentence]) => sentence);
}

/** A `registry` that has no effect. @returns warnings, as sentences */
export function registryWarnings({ host, username }: RegistryInputs): readonly string[] {
  return host === undefined || username !== undefined
    ? []
    : [
        `Input registry has no effect: it says what registry-username and registry-password are for, and both are empty. A secret is empty in pull requests from forks and when its name is misspelt.`,
      ];
}

/**
 * The registry that the login of the inputs goes to: input `registry`, else the one that all
 * entries of `images` are on. What `files` and `metadata` name has no say.
 * @returns undefined without a login
 * @throws {Failure} `bad-input` that lists them, where `images` lie on several
 */
export function loginRegistry(
  { host, username }: Pick<RegistryInputs, 'host' | 'username'>,
  targets: readonly Pick<Target, 'reference' | 'source'>[],
): string | undefined {
  if (username === undefined) return undefined;
  if (host !== undefined) return host;
  const named = targets.filter(({ source }) => source === 'images');
  const different = [...new Set(named.map(({ reference }) => reference.registry))];
  if (different.length < 2) return different[0];
  throw new Failure(
    'bad-input',
    `registry-username and registry-password are for one registry, and the images are on ${different.length}: ${different.slice(0, 5).join(', ')}.`,
    'Name the one that they are for in `registry`, and log in to the others with docker/login-action before this step.',
  );
}
