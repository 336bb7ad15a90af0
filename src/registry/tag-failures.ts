import { Failure } from '../failure.ts';
import type { TagKind } from './tag-document.ts';

/** Failure `signature-lost`: what was written under a shared tag could not be seen to stay. */
export function signatureLost(reference: string, cause: Failure): Failure {
  return new Failure(
    'signature-lost',
    `The signature was written to ${reference}, but could not be seen to stay there: ${cause.message}`,
    'Run the job again: what is there already is not written twice. If it stays, let fewer jobs sign one image at once, or give the step more time (`timeout: 10m`).',
    { cause },
  );
}

/** Failure `signature-lost`: the referrers API does not show what the registry has accepted. */
export function notListed(reference: string): Failure {
  return new Failure(
    'signature-lost',
    `The registry accepted ${reference} and does not list it among the referrers of the image.`,
    'Verifiers would not find this signature there: use the other format as well (`format: both`), and report it to the operator of the registry.',
  );
}

/**
 * Failure `immutable-tag`: which format needs this tag to be movable, and what can be done without.
 * `cause` says what the registry answered.
 */
export function immutableTag(reference: string, kind: TagKind, cause: Failure): Failure {
  const needs =
    kind.otherFormat === 'bundle'
      ? 'The legacy signature needs a tag that can be moved: all signatures of an image lie under it. On a registry with the referrers API the bundle needs no tag: `format: bundle`.'
      : 'This registry has no referrers API, so every bundle of an image is listed under one tag, which has to be movable as soon as there is a second.';
  return new Failure(
    'immutable-tag',
    cause.message,
    `${needs} Otherwise exempt tags that start with "sha256-" from immutability in the settings of the registry. What ${reference} holds now stays valid.`,
    { cause },
  );
}

/**
 * Failure `registry-unsupported`: what lies under the tag is not ours to write. `reason` is half a
 * sentence.
 */
export function foreignTag(reference: string, kind: TagKind, reason: string): Failure {
  return new Failure(
    'registry-unsupported',
    `${reference} cannot be used as ${kind.title} of this image: ${reason}. Nothing was written there, so that nothing is lost.`,
    `Remove that tag if it is a leftover; if the registry always answers so, use the other format in this step: \`format: ${kind.otherFormat}\`.`,
  );
}

/**
 * The bytes themselves. @throws {Failure} `too-large` for a signature of ours that readers would
 * refuse.
 */
export function refuseLarge(what: string, bytes: Buffer, limit: number): Buffer {
  if (bytes.length <= limit) return bytes;
  throw new Failure(
    'too-large',
    `The ${what} has ${bytes.length} bytes, more than ${limit}.`,
    'Sign with fewer or shorter `annotations`.',
  );
}
