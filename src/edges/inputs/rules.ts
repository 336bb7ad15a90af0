import type { RegistryRequest, ServiceRequest, WriteRequest } from '../../engine/request.ts';
import { Failure } from '../../failure.ts';
import { type Mistake, otherVariables } from './other-names.ts';
import type { InputSource } from './read.ts';

// Which inputs go together. Pure rules: a value in, a Failure or warnings out.

/** What signing and attesting are told alike, and what only GitHub Actions knows. */
export interface WriteInputs extends WriteRequest {
  readonly githubToken?: string;
}

/** The inputs of sign-image, read once. */
export interface SignInputs extends WriteInputs {
  /** those of input `annotations` */
  readonly annotations: Readonly<Record<string, string>>;
  readonly githubAnnotations: boolean;
  /** what a person should know although nothing is wrong enough to stop */
  readonly warnings: readonly string[];
}

type CheckedInputs = WriteInputs;

/**
 * Checks inputs against each other, before anything is contacted.
 * @returns warnings, as sentences.
 * @throws {Failure} `bad-input`
 */
export function checkSignInputs(
  inputs: CheckedInputs,
  mistakes: readonly Mistake[],
  env: InputSource['env'] = {},
  verb: 'sign' | 'attest' = 'sign',
): readonly string[] {
  const given = inputs.images.length > 0 || inputs.metadata !== undefined;
  // Tags beside the images that are signed are a slip of no consequence; everything else that is
  // left out silently changes what is signed, with what, or where it is published.
  const harmless = ({ harmless, right }: Mistake) => harmless || (given && right === 'images');
  const wrong = mistakes.find((mistake) => !harmless(mistake));
  if (wrong !== undefined) throw instead(inputs, wrong) ?? notOurs(wrong);
  const offline = inputs.key !== undefined && !inputs.tlog;
  const [variable] = otherVariables(env, offline || ownTrust(inputs));
  if (variable !== undefined) throw notRead(variable);
  checkTargets(inputs, verb);
  checkKey(inputs, env);
  checkLog(inputs);
  checkRegistryLogin(inputs);
  checkTuf(inputs);
  return [...mistakes.map(noEffect), ...warningsFor(inputs), ...registryWarnings(inputs.registry)];
}

/** What follows where the one input that matters was written under another name. */
function instead({ key, images }: CheckedInputs, { wrong, right }: Mistake): Failure | undefined {
  if (right === 'images' && images.length === 0)
    return new Failure(
      'bad-input',
      `Input images is empty; \`${wrong}\` is no input of this action.`,
      `Rename \`${wrong}\` to \`images\`.`,
    );
  // A key under another name would be no key, and the signature a public one.
  if (key !== undefined || (right !== 'key' && right !== 'key-password')) return undefined;
  return new Failure(
    'bad-input',
    `\`${wrong}\` is no input of this action, and without \`key\` the signature would be keyless.`,
    `Rename \`${wrong}\` to \`${right}\`, or take it out to sign keyless.`,
  );
}

/** True where inputs say what certificates and logs are trusted. */
export function ownTrust({
  services,
}: {
  readonly services: Pick<ServiceRequest, 'trustedRoot' | 'tufMirror'>;
}): boolean {
  return services.trustedRoot !== undefined || services.tufMirror !== undefined;
}

/** An input that the action does not have. */
export function notOurs({ wrong, fix }: Mistake): Failure {
  return new Failure(
    'bad-input',
    `\`${wrong}\` is no input of this action, so it has no effect.`,
    fix,
  );
}

/** A variable of cosign that means nothing here. */
export function notRead({ wrong, fix }: Mistake): Failure {
  return new Failure('bad-input', `The variable ${wrong} is set, and has no effect here.`, fix);
}

/** The same as a warning, where it does no harm. */
export function noEffect({ wrong, fix }: Mistake): string {
  return `\`${wrong}\` is no input of this action, so it has no effect. ${fix}`;
}

function checkTargets({ images, metadata, digest }: CheckedInputs, verb: string): void {
  if (images.length > 0 || metadata !== undefined) return;
  const example =
    '```yaml\nwith:\n  images: ghcr.io/${{ github.repository }}\n  digest: ${{ steps.build.outputs.digest }}\n```';
  if (digest !== undefined)
    throw new Failure(
      'bad-input',
      'There is a digest but no image name it belongs to: input images is empty.',
      `Add the name:\n${example}`,
    );
  throw new Failure(
    'bad-input',
    `Nothing to ${verb}: inputs images and metadata are both empty.`,
    `If the workflow has one of them, what it is taken from is empty: the \`id\` of that step is another one, or the step pushed nothing. Otherwise name what the job has pushed:\n${example}`,
  );
}

/**
 * An empty key means keyless, and so does a secret that this run does not get: what belongs to a
 * key must not end in a public log instead.
 */
function checkKey({ key, keyPassword }: CheckedInputs, env: InputSource['env']): void {
  if (key !== undefined) return;
  if (keyPassword && keyPassword !== env.COSIGN_PASSWORD)
    throw new Failure(
      'bad-input',
      'Input key-password is set and key is empty, so the signature would be keyless.',
      'Check the name of the secret in `key` (a run without access to it gets an empty text), or remove `key-password` to sign keyless.',
    );
  if (env.COSIGN_PRIVATE_KEY?.trim())
    throw new Failure(
      'bad-input',
      'The variable COSIGN_PRIVATE_KEY is set and key is empty, so the signature would be keyless.',
      'Write `key: env://COSIGN_PRIVATE_KEY`; or, to sign keyless, take the variable away from this step: `env: { COSIGN_PRIVATE_KEY: "" }`.',
    );
}

/**
 * A certificate is one of a key, and leads to a root. Where a secret is missing, the signature must
 * not become a keyless one, or one by the key alone.
 * @throws {Failure} `bad-input`
 */
export function checkCertificate({
  key,
  certificate,
  chain,
}: {
  readonly key: string | undefined;
  readonly certificate: string | undefined;
  readonly chain: string | undefined;
}): NonNullable<WriteRequest['own']> {
  const given = certificate === undefined ? 'certificate-chain' : 'certificate';
  if (key === undefined)
    throw new Failure(
      'bad-input',
      `Input ${given} is set and key is empty, so the signature would be keyless.`,
      `Give the key of the certificate in \`key\` (a run without access to a secret gets an empty text), or remove \`${given}\` to sign keyless.`,
    );
  if (certificate === undefined)
    throw new Failure(
      'bad-input',
      'Input certificate-chain is set and certificate is empty, so the signature would name the key alone.',
      'Give the certificate of the key in `certificate`, or remove `certificate-chain`.',
    );
  if (chain === undefined)
    throw new Failure(
      'bad-input',
      'Input certificate is set and certificate-chain is empty, so nothing leads from the certificate to a root.',
      'Give in `certificate-chain` first the authority that issued the certificate, then who issued that one, and the root last.',
    );
  return { certificate, chain };
}

function checkLog({ tlog, tlogFallback, format, services, own }: CheckedInputs): void {
  if (!tlog && tlogFallback !== undefined)
    throw new Failure(
      'bad-input',
      'Input tlog-fallback says what to do while the log is down, and tlog: false says to use none.',
      'Remove one of the two.',
    );
  const hasTime = services.timestampUrl !== undefined || services.signingConfig !== undefined;
  if (!tlog && own !== undefined && !hasTime)
    throw new Failure(
      'bad-input',
      'Input certificate is set beside `tlog: false`, and no timestamp authority is named: nothing would prove when the certificate was used, and no verifier would accept the signature.',
      'Name a timestamp authority, for example `timestamp-url: https://timestamp.example.com/api/v1/timestamp`, or remove `tlog: false`.',
    );
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
      'Name the registry that the password belongs to, for example:\n```yaml\nwith:\n  registry: ghcr.io\n```\nThe step sends it to no other one, whatever image names `files` or `metadata` bring.',
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
  readonly services: Pick<ServiceRequest, 'tufMirror' | 'tufRoot'>;
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
  tlog,
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
      services.rekorVersion !== undefined && !tlog,
      'rekor-version has no effect with tlog: false, which uses no log.',
    ],
  ];
  return cases.filter(([holds]) => holds).map(([, sentence]) => sentence);
}

/** A `registry` that has no effect. @returns warnings, as sentences */
export function registryWarnings({ host, username }: RegistryRequest): readonly string[] {
  return host === undefined || username !== undefined
    ? []
    : [
        `Input registry has no effect: it says what registry-username and registry-password are for, and both are empty. A secret is empty in pull requests from forks and when its name is misspelt.`,
      ];
}
