import { Failure } from '../failure.ts';
import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, hexOf, isDigest } from '../image/digest.ts';
import { isJsonObject } from '../text/json.ts';
import type { FetchedManifest, Repository } from './repository.ts';
import {
  type JsonObject,
  objectsOf,
  type RenderedTag,
  readDocument,
  type TagContent,
  type TagKind,
  writeDocument,
} from './tag-document.ts';

/**
 * More referrers of one image than this are an attack or an accident; either way nobody should page
 * through them.
 */
export const maxReferrers = 10_000;
const maxBytes = 4 * 1024 * 1024;
const proofs = 64;

/**
 * The tag where referrers are listed by registries' clients when the registry has no referrers API
 * (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag(image: Digest): string {
  return `sha256-${hexOf(image)}`;
}

/** The index under the referrers tag of one image, for the protocol of shared-tag.ts. */
export class ReferrersIndex implements TagKind {
  readonly title = 'the referrers tag';
  readonly otherFormat = 'legacy';
  readonly holds = 'bundle';
  readonly #repository: Repository;
  readonly #image: Digest;
  /** manifests known to have our image as their subject */
  readonly #ours = new Set<unknown>();

  constructor(repository: Repository, image: Digest) {
    this.#repository = repository;
    this.#image = image;
  }

  /**
   * Tells that this manifest was seen (or made) with our image as its subject, so that nobody needs
   * to ask the registry.
   */
  confirm(manifest: Digest): void {
    this.#ours.add(manifest);
  }

  parse(fetched: FetchedManifest): TagContent | { foreign: string } {
    // GitLab answers a digest-like tag with the image itself. An image that is an index would even
    // parse as a list of referrers.
    if (fetched.digest === this.#image)
      return { foreign: 'the registry answers it with the image itself' };
    const document = readDocument(fetched.bytes);
    const entries = document && objectsOf(document, 'manifests');
    const mediaType = document?.mediaType ?? fetched.mediaType;
    if (document === undefined || entries === undefined || mediaType !== mediaTypes.ociIndex) {
      return { foreign: 'what lies there is not an OCI image index' };
    }
    if (document.layers !== undefined || document.config !== undefined)
      return { foreign: 'what lies there is an image and an index at once' };
    refuseTooMany(entries.length);
    const { manifests: _entries, ...rest } = document;
    return {
      digest: fetched.digest,
      ...(fetched.etag !== undefined && { etag: fetched.etag }),
      rest,
      entries,
    };
  }

  /**
   * An index of somebody's own (a multi-platform image pushed under such a tag) must not be written
   * to. It is one of referrers when a manifest in it names our image as its subject; entries whose
   * manifests are gone prove nothing either way.
   */
  doubt(content: TagContent): Promise<string | undefined> | undefined {
    const known =
      content.entries.length === 0 || content.entries.some((entry) => this.#ours.has(entry.digest));
    return known ? undefined : this.#lookIntoEntries(content);
  }

  async #lookIntoEntries(content: TagContent): Promise<string | undefined> {
    let others = 0;
    for (const { digest } of content.entries.slice(0, proofs)) {
      if (!isDigest(digest)) continue;
      const fetched = await this.#repository.getManifest(digest);
      if (fetched === undefined) continue;
      const subject = readDocument(fetched.bytes)?.subject;
      if (isJsonObject(subject) && subject.digest === this.#image) {
        this.confirm(digest);
        return undefined;
      }
      others++;
    }
    return others > 0 ? 'it lists manifests that are not about this image' : undefined;
  }

  key(entry: JsonObject): string {
    return isDigest(entry.digest) ? entry.digest : JSON.stringify(entry);
  }

  says(entry: JsonObject, wanted: JsonObject): boolean {
    if (entry.digest !== wanted.digest || entry.artifactType !== wanted.artifactType) return false;
    const told = isJsonObject(entry.annotations) ? entry.annotations : {};
    return Object.entries(wanted.annotations ?? {}).every(([name, value]) => told[name] === value);
  }

  render(rest: JsonObject | undefined, entries: readonly JsonObject[]): RenderedTag {
    refuseTooMany(entries.length);
    const base = rest ?? { schemaVersion: 2, mediaType: mediaTypes.ociIndex };
    const bytes = writeDocument({ ...base, mediaType: mediaTypes.ociIndex, manifests: entries });
    if (bytes.length > maxBytes)
      throw tooLarge(`would have ${bytes.length} bytes, more than ${maxBytes}`);
    return { bytes, mediaType: mediaTypes.ociIndex };
  }
}

function refuseTooMany(count: number): void {
  if (count > maxReferrers) throw tooLarge(`has ${count} entries, more than ${maxReferrers}`);
}

/** Failure `too-large` for a list of referrers. */
export function tooLarge(what: string): Failure {
  return new Failure(
    'too-large',
    `The list of what refers to this image ${what}.`,
    'Remove old referrers of the image, or sign a fresh build.',
  );
}
