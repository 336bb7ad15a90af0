import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { BlobStreams } from './blob-streams.ts';

/** A manifest as the registry sent it. `bytes` hash to `digest`: the client has checked. */
export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** For `If-Match` on the next write of the same tag, where the registry gives one. */
  readonly etag?: string;
}

/**
 * One repository of one registry, over the OCI distribution API 1.1. Every method throws Failure
 * `registry-denied`, `registry-error`, `network`, `timeout` or `too-large`.
 */
export interface Repository {
  readonly name: RepositoryName;
  /** HEAD of a manifest by tag or digest; undefined where there is none. */
  head(reference: string): Promise<Descriptor | undefined>;
  /**
   * GET of a manifest by tag or digest; undefined where there is none. Bytes under a digest are
   * checked against it. At most `maxBytes` (4 MiB).
   */
  getManifest(reference: string, maxBytes?: number): Promise<FetchedManifest | undefined>;
  /**
   * GET of a blob, checked against the digest; at most `maxBytes`. Failure `registry-error` where
   * it is missing.
   */
  getBlob(digest: Digest, maxBytes: number): Promise<Buffer>;
  /**
   * POST + PUT of a blob; the POST does not wait for bytes that are still being made. Rejects with
   * what `bytes` rejects with.
   */
  putBlob(bytes: Uint8Array | Promise<Uint8Array>): Promise<void>;
  /**
   * PUT of a manifest under a tag or digest. With `ifMatch` or `ifNoneMatch`, answers `false` when
   * the registry says the tag has moved (412); Failure `immutable-tag` where the registry refuses
   * to move a tag. `once`: the client must not try again by itself after a failure, because what it
   * would write may be out of date by then; the caller reads again first (docs/lossless-writes.md).
   */
  putManifest(
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
    condition?: { ifMatch?: string; ifNoneMatch?: '*'; once?: boolean },
  ): Promise<boolean>;
  /**
   * All pages of the referrers API, or undefined where the registry has no such API (decided by its
   * answer, never by `OCI-Subject`).
   */
  listReferrers(digest: Digest): Promise<readonly Descriptor[] | undefined>;
}

/** A repository that images are copied from or to. */
export interface CopyRepository extends Repository {
  readonly blobs: Pick<BlobStreams, 'has' | 'read' | 'begin'>;
}
