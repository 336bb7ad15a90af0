import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { ReferrersIndex } from './referrers-index.ts';
import type { SharedTag } from './shared-tag.ts';

/** The two shared documents of one image: one writer for each of them in a run. */
export interface ImageTags {
  readonly index: ReferrersIndex;
  readonly referrers: SharedTag;
  readonly signatures: SharedTag;
}

/** What a run has learned of one repository. */
export interface RepositoryMemory {
  /** does it have the referrers API? Asked once; undefined before */
  hasApi?: Promise<boolean> | undefined;
  /** the blob `{}` that every bundle's manifest points to; pushed once */
  emptyConfig?: Promise<void> | undefined;
  readonly images: Map<Digest, ImageTags>;
}

/**
 * What all stores of one run share, so that two signatures for one tag go through one writer and ten images cost one probe.
 * Make one for each run, and hand it to every `openStore`.
 */
export class RunMemory {
  readonly #repositories = new Map<string, RepositoryMemory>();

  of({ registry, repository }: RepositoryName): RepositoryMemory {
    const key = `${registry}/${repository}`;
    const known = this.#repositories.get(key) ?? { images: new Map() };
    this.#repositories.set(key, known);
    return known;
  }
}
