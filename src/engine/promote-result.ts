import type { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { CopyTally } from '../registry/copy.ts';
import type { VerifyResult } from './verify-result.ts';

/** What became of one image at one target: an element of the promote action's output `results`. */
export interface PromoteResult {
  /** `registry/repository@sha256:…` that was verified; as it was written where it has no digest */
  readonly source: string;
  readonly references: readonly string[];
  /** `registry/repository@sha256:…` at the target; without the digest where none is known */
  readonly image: string;
  readonly digest?: Digest;
  readonly status: 'promoted' | 'already-promoted' | 'failed';
  /** at the target, by the requirement of the source */
  readonly verified: boolean;
  /** the tags that name it at the target now */
  readonly tags: readonly MovedTag[];
  readonly copied: CopyTally;
  /** what refers to the image and did not go over, as sentences */
  readonly left: readonly string[];
  readonly code?: string;
  /** what happened, and what is where; absent where all is well */
  readonly reason?: string;
  /** for the log and its way out; not part of the output */
  readonly failure?: Failure;
  /** what the gate said, where that is why; not part of the output */
  readonly judged?: VerifyResult;
}

export interface MovedTag {
  readonly tag: string;
  /** what it named before; absent for a new one, and for one that named the image already */
  readonly before?: Digest;
}

/** What became of a request to promote. */
export interface PromoteReport {
  /** in the order of the images, each in the order of the targets */
  readonly results: readonly PromoteResult[];
}
