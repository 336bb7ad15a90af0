import type { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { Claimed } from '../signature/claimed.ts';
import type { Format } from '../signature/found.ts';
import type { VerdictCode } from '../signature/verdict.ts';

/**
 * How far a signature can be believed. `verified`: by whom the run asks for. `genuine`: somebody
 * else's, and certificate, time and log hold by the trusted root. `claimed`: nobody checked it, it
 * only says so. `rejected`: it is broken, or about another image.
 */
export type Standing = 'verified' | 'genuine' | 'claimed' | 'rejected';

/** A signature or an attestation that lies beside an image. */
export interface InventorySignature {
  readonly format: Format;
  readonly digest: Digest;
  readonly reference: string;
  readonly standing: Standing;
  /** why it is rejected */
  readonly code?: VerdictCode;
  readonly reason?: string;
  /** proven; only of what is verified or genuine */
  readonly identity?: string;
  readonly issuer?: string;
  readonly keyId?: string;
  readonly tlogIndex?: number;
  readonly logId?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** by the key that images are signed again with */
  readonly isNew?: true;
  /** predicate type of an attestation, as it says it */
  readonly type?: string;
  /** what it says of itself; nothing of it is proven */
  readonly claims?: Omit<Claimed, 'about' | 'type'>;
}

/** A tag that holds what is signed about an image. */
export interface ArtifactTag {
  readonly tag: string;
  /** of what the tag names */
  readonly digest: Digest;
}

/**
 * What became of what refers to an image that is gone. `orphaned`: nothing names it any more, and
 * `prune` may take it away. `kept`: it is left alone, for a reason.
 */
export interface Orphan {
  /** the image that is gone */
  readonly subject: Digest;
  readonly artifacts: readonly ArtifactTag[];
  readonly state: 'orphaned' | 'kept' | 'pruned' | 'failed';
  /** why it is kept, or could not be taken away */
  readonly reason?: string;
  readonly failure?: Failure;
}

/** One image of the repository, and what lies beside it. */
export interface InventoryImage {
  /** `registry/repository@sha256:…`; with the tag where no digest is known */
  readonly image: string;
  readonly digest?: Digest;
  /** sorted; empty for what is known by its signatures, or as a part of an index, alone */
  readonly tags: readonly string[];
  /** `image` of the indexes that it lies in */
  readonly partOf: readonly string[];
  readonly signatures: readonly InventorySignature[];
  readonly attestations: readonly InventorySignature[];
  /** what the run has done, or would do, about a new key */
  readonly resign?: 'would-sign' | 'signed' | 'already-signed' | 'not-verified' | 'failed';
  /** why nothing, or not all, is known of it, or why it could not be signed again */
  readonly code?: string;
  readonly reason?: string;
  readonly failure?: Failure;
}

/** What became of a request for an inventory. */
export interface InventoryReport {
  readonly images: readonly InventoryImage[];
  readonly orphans: readonly Orphan[];
}

/** What the tags of a repository name. */
export interface Content {
  readonly name: RepositoryName;
  /** tags by what they name */
  readonly named: ReadonlyMap<Digest, readonly string[]>;
  /** tags that hold what is signed about an image, by that image */
  readonly artifacts: ReadonlyMap<Digest, readonly ArtifactTag[]>;
  /** indexes among them */
  readonly indexes: readonly Digest[];
  /** tags that could not be resolved */
  readonly failed: readonly InventoryImage[];
}
