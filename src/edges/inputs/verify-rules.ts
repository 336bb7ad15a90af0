import type { VerifyRequest } from '../../engine/request.ts';
import { Failure } from '../../failure.ts';
import type { Matcher } from '../../signature/policy.ts';
import { claimEntries } from '../claims.ts';
import { type Mistake, otherVariables } from './other-names.ts';
import { checkOpenness } from './patterns.ts';
import type { InputSource } from './read.ts';
import {
  checkRegistryLogin,
  checkTuf,
  noEffect,
  notOurs,
  notRead,
  ownTrust,
  registryWarnings,
} from './rules.ts';
import { checkClaims, checkEntries, checkIssuerNamed } from './signer-mistakes.ts';

// Which inputs of the gate go together. A gate must not guess: where two readings are possible,
// both are refused.

/** The inputs of sign-image/verify, read once: what is to be verified, and how it is reported. */
export interface VerifyInputs extends VerifyRequest {
  readonly changedOnly: boolean;
  readonly fail: boolean;
  readonly comment: boolean;
  readonly sarif?: string;
  readonly githubToken?: string;
  readonly warnings: readonly string[];
}

type CheckedInputs = Omit<VerifyInputs, 'warnings'>;

/** What was written, before exact texts and patterns became one list. */
interface GivenSigner {
  readonly identity: readonly string[];
  readonly identityRegexp: readonly Matcher[];
  readonly issuer: readonly string[];
  readonly issuerRegexp: readonly Matcher[];
}

/**
 * Checks inputs against each other, before anything is contacted.
 * @returns warnings, as sentences.
 * @throws {Failure} `bad-input`, `nothing-to-verify`
 */
export function checkVerifyInputs(
  inputs: CheckedInputs,
  given: GivenSigner,
  mistakes: readonly Mistake[],
  env: InputSource['env'],
): readonly string[] {
  // Left out silently, a condition that was misspelt would let through what it should have stopped.
  const wrong = mistakes.find(({ harmless }) => !harmless);
  if (wrong !== undefined) throw notOurs(wrong);
  const [variable] = otherVariables(env, true);
  if (variable !== undefined) throw notRead(variable);
  checkTargets(inputs);
  checkSigner(inputs, env);
  checkEntries('certificate-identity', given.identity);
  checkEntries('certificate-oidc-issuer', given.issuer);
  checkEntries('policy', inputs.policy);
  // Certificates of one's own name no issuer.
  if (inputs.own === undefined)
    checkIssuerNamed({ ...given, issuer: [...given.issuer, ...given.issuerRegexp] });
  checkOwn(inputs);
  checkClaims(inputs);
  checkAmbiguity(inputs, given);
  checkAttestations(inputs);
  checkRegistryLogin(inputs);
  checkTuf(inputs);
  const openness = inputs.identities.length === 0 ? [] : checkOpenness(inputs);
  const unread = otherVariables(env, ownTrust(inputs)).map((mistake) => {
    const { message, fix } = notRead(mistake);
    return `${message} ${fix}`;
  });
  return [
    ...mistakes.map(noEffect),
    ...unread,
    ...openness,
    ...registryWarnings(inputs.registry),
    ...baseWarnings(inputs, env),
  ];
}

function baseWarnings(
  { files, changedOnly }: CheckedInputs,
  { GITHUB_EVENT_NAME: event }: InputSource['env'],
): readonly string[] {
  if (event !== 'pull_request_target' || files.length === 0 || changedOnly) return [];
  return [
    'On pull_request_target the checkout is the base of the pull request, and `files` are judged as they are in the checkout. Add `changed-only: true` to judge what the pull request changes.',
  ];
}

function checkTargets({
  images,
  metadata,
  files,
  digest,
  changedOnly,
  onlyImages,
  skipImages,
}: CheckedInputs): void {
  for (const [name, globs] of Object.entries({
    'only-images': onlyImages,
    'skip-images': skipImages,
  })) {
    checkEntries(name, globs);
    if (globs.length > 0 && files.length === 0)
      throw bad(
        `Input ${name} is about the images that \`files\` name, and files is empty.`,
        `Add \`files:\` with globs, or remove \`${name}\`: what \`images\` names is always judged.`,
      );
  }
  if (changedOnly && files.length === 0) {
    throw bad(
      'Input changed-only is about `files`, and files is empty.',
      'Add `files:` with globs, or remove `changed-only`.',
    );
  }
  if (images.length > 0 || metadata !== undefined || files.length > 0) return;
  const what =
    digest === undefined
      ? 'inputs images, metadata and files are all empty'
      : 'there is a digest but no image name it belongs to';
  throw new Failure(
    'nothing-to-verify',
    `Nothing to verify: ${what}.`,
    'Name what is to be checked:\n```yaml\nwith:\n  images: ghcr.io/acme/app@sha256:…\n```',
  );
}

const howToTrust = [
  'Say whose signature counts, in one of these ways:',
  '```yaml',
  'with:',
  '  certificate-identity: https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/heads/main',
  '  # or',
  '  key: cosign.pub',
  '  # or',
  '  policy: policies/*.yaml',
  '  # or, for images of well-known publishers',
  '  known-signers: true',
  '```',
].join('\n');

function checkAttestations({ signature, attestationTypes, annotations }: CheckedInputs): void {
  if (signature !== 'ignore') return;
  if (attestationTypes.length === 0)
    throw bad(
      '`signature: ignore` lets only attestations count, and input attestation-type is empty: the gate would ask for nothing.',
      'Say which the image must carry, for example `attestation-type: slsaprovenance1`, or remove `signature`.',
    );
  if (Object.keys(annotations).length > 0)
    throw bad(
      'Input annotations is about the signature of the image, and `signature: ignore` leaves it out.',
      'Remove one of the two.',
    );
}

/** Roots say which certificates count, and an identity whose. */
function checkOwn({ own, identities, key }: CheckedInputs): void {
  if (own === undefined || identities.length > 0) return;
  throw bad(
    key === undefined
      ? 'Input ca-roots says which certificates are trusted, and no certificate-identity says whose signature counts.'
      : 'Input ca-roots speaks of certificates, and with `key` a key must have signed.',
    'Name who must have signed, as the subject alternative name of the certificate says it, and nothing else: `certificate-identity: release@acme.example`. A policy names its own roots.',
  );
}

/** There is no "signed by anybody". */
function checkSigner(
  { key, identities, policy, knownSigners, ...inputs }: CheckedInputs,
  env: InputSource['env'],
): void {
  const asked = [
    key !== undefined && 'key',
    identities.length > 0 && 'certificate-identity',
    policy.length > 0 && 'policy',
  ].filter((name): name is string => name !== false);
  if (asked.length > 1) {
    throw bad(
      `Inputs ${asked.join(' and ')} are both set, and it is not clear whether one of them is enough or both must hold.`,
      'Keep one of them. To ask for both, use two steps; to accept either, write a policy file.',
    );
  }
  if (asked.length === 1) return;
  const claim = claimEntries(inputs)[0];
  if (knownSigners === true && claim === undefined) return;
  if (claim !== undefined) {
    throw bad(
      `Input ${claim.claim.input} narrows down an identity, and no certificate-identity is set.`,
      'Add the workflow that signs, for example `certificate-identity: https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/heads/main`.',
    );
  }
  throw bad(
    'Nothing says who must have signed: inputs key, certificate-identity and policy are all empty.',
    env.COSIGN_PUBLIC_KEY?.trim()
      ? 'The variable COSIGN_PUBLIC_KEY is set; write `key: env://COSIGN_PUBLIC_KEY` to use it.'
      : howToTrust,
  );
}

function checkAmbiguity(inputs: CheckedInputs, given: GivenSigner): void {
  if (given.identity.length > 0 && given.identityRegexp.length > 0)
    throw both('certificate-identity', 'certificate-identity-regexp');
  if (given.issuer.length > 0 && given.issuerRegexp.length > 0)
    throw both('certificate-oidc-issuer', 'certificate-oidc-issuer-regexp');
  const forIdentity = [
    (given.issuer.length > 0 || given.issuerRegexp.length > 0) && 'certificate-oidc-issuer',
    claimEntries(inputs)[0]?.claim.input,
  ].filter((name): name is string => typeof name === 'string');
  if (inputs.identities.length === 0 && forIdentity.length > 0) {
    const instead = inputs.key === undefined ? 'a policy file' : 'a key';
    throw bad(
      `Input ${forIdentity.join(' and ')} speaks of keyless signatures, and ${instead} says who must have signed.`,
      `Remove it${inputs.key === undefined ? ', and state it in the policy file' : '; a signature by key says nothing of issuer and repository'}.`,
    );
  }
}

function both(exact: string, pattern: string): Failure {
  return bad(
    `Inputs ${exact} and ${pattern} are both set.`,
    `Keep one of them: ${pattern} can have several lines, and so can ${exact}.`,
  );
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}
