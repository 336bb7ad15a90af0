import { Failure } from '../failure.ts';
import type { InputSource, ServiceInputs, SignInputs } from './inputs.ts';

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
  return warningsFor(inputs);
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

/** User name and password go together. @throws {Failure} `bad-input` */
export function checkRegistryLogin({
  registry: { username, password },
}: Pick<CheckedInputs, 'registry'>): void {
  if ((username === undefined) === (password === undefined)) return;
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

/**
 * Credentials go to no host they were not meant for: with registry-username set, all images must be
 * on one registry.
 * @param registries the registry of every image, as parsed.
 * @throws {Failure} `bad-input` that lists them.
 */
export function checkOneRegistry(
  registries: readonly string[],
  username: string | undefined,
): void {
  const different = [...new Set(registries)];
  if (username === undefined || different.length < 2) return;
  throw new Failure(
    'bad-input',
    `registry-username and registry-password are for one registry, and the images are on ${different.length}: ${different.slice(0, 5).join(', ')}.`,
    'Use one step for each registry, or log in with docker/login-action for each and leave the two inputs out.',
  );
}
