import { BundlesRefused, Failure } from '../failure.ts';
import { RegistryRefusal } from './answers.ts';
import type { TagKind } from './tag-document.ts';

/** Failure `signature-lost`: what was written under a shared tag could not be seen to stay. */
export function signatureLost(reference: string, { holds }: TagKind, cause: Failure): Failure {
  return new Failure(
    'signature-lost',
    `The ${holds} was written to ${reference}, but could not be seen to stay there: ${cause.message}`,
    'Run the job again: what is there already is not written twice. If it stays, let fewer jobs write beside one image at once, or give the step more time (`timeout: 10m`).',
    { cause },
  );
}

/** Failure `signature-lost`: the referrers API does not show what the registry has accepted. */
export function notListed(reference: string, cause: unknown): Failure {
  return new Failure(
    'signature-lost',
    `The registry accepted ${reference} and does not list it among the referrers of the image; nor could it be listed under the referrers tag.`,
    'Verifiers would not find this bundle there: use the other format as well (`format: both`), and tell the people who run the registry.',
    { cause },
  );
}

/**
 * Failure `immutable-tag`: which format needs this tag to be movable, and what can be done without.
 * `cause` says what the registry answered.
 */
export function immutableTag(reference: string, kind: TagKind, cause: Failure): Failure {
  const needs =
    kind.otherFormat === 'bundle'
      ? `The legacy ${kind.holds} needs a tag that can be moved: all ${kind.holds}s of an image lie under it. On a registry with the referrers API the bundle needs no tag: \`format: bundle\`.`
      : 'This registry has no referrers API, so every bundle of an image is listed under one tag, which has to be movable as soon as there is a second.';
  return new Failure(
    'immutable-tag',
    cause.message,
    `${needs} Otherwise keep signatures in a repository whose tags can be moved (\`signature-repository: ghcr.io/acme/signatures\`, which verifiers have to be told), or exempt tags that start with "sha256-" from immutability in the settings of the registry. What ${reference} holds now stays valid.`,
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
 * How a registry may refuse a manifest of a kind that it does not know (an artifact with a subject,
 * or an index): by its status, whatever its words. A blob that it does not have yet, or a name that
 * it does not like, is another matter.
 */
const unknownKind: ReadonlySet<number> = new Set([400, 405, 406, 415, 501]);

/**
 * What a failed write of a bundle means: BundlesRefused where the registry refuses this kind of
 * manifest; else the failure itself.
 */
export function bundleFailure(caught: unknown): unknown {
  if (!(caught instanceof RegistryRefusal)) return caught;
  const { status, said, explained } = caught.answered;
  const isOther = said.some((text) => /BLOB_UNKNOWN|NAME_INVALID|DIGEST_INVALID/.test(text));
  if (!unknownKind.has(status) || isOther || (explained && status !== 405)) return caught;
  return new BundlesRefused(
    `This registry does not take Sigstore bundles. ${caught.message}`,
    'Write the legacy format alone, which needs nothing new of a registry: `format: legacy`. (`format: auto` goes on with it by itself.)',
    { cause: caught },
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
