import type { Digest } from '../image/digest.ts';
import type { JsonObject } from './tag-document.ts';

/** What became of the entries that were added. */
export interface Addition {
  /** digest of the document in which all of them were first seen, read after the write */
  readonly seen: Promise<Digest>;
  /** settles when they have been seen to stay; rejects with Failure `signature-lost` */
  readonly kept: Promise<void>;
}

/** Looks in a row that found the entries, although others keep changing the document. */
const enoughLooks = 12;

/** Entries of ours on their way into a shared document, until they are seen to stay. */
export class PendingEntries implements Addition {
  readonly entries: readonly JsonObject[];
  /** settles when what the entries point to is in the registry; nothing is written before */
  readonly ready: Promise<unknown>;
  /** a write that may have arrived held them */
  sent = false;
  readonly #seen = Promise.withResolvers<Digest>();
  readonly #kept = Promise.withResolvers<void>();
  /**
   * a document that holds them and has stood since it was written or first seen, and when a whole
   * pause will have gone by
   */
  #standing: { readonly digest: Digest; readonly until: number } | undefined;
  #looks = 0;

  constructor(entries: readonly JsonObject[], ready: Promise<unknown>) {
    this.entries = entries;
    this.ready = ready;
    // Whoever does not wait for one of them must not bring the process down.
    for (const promise of [ready, this.seen, this.kept]) promise.catch(() => {});
  }

  get seen(): Promise<Digest> {
    return this.#seen.promise;
  }

  get kept(): Promise<void> {
    return this.#kept.promise;
  }

  /** when the document that stands now will have stood for a whole pause */
  get due(): number | undefined {
    return this.#standing?.until;
  }

  /**
   * A write that holds them was acknowledged: from now on this document stands, and the pause runs
   * beside the read-back.
   */
  written(digest: Digest, until: number): void {
    this.sent = true;
    this.#standing = { digest, until };
  }

  /** Something was missing in the document, so nothing has stood. */
  overwritten(): void {
    this.#standing = undefined;
    this.#looks = 0;
  }

  /** A read has shown them. */
  found(digest: Digest): void {
    this.#seen.resolve(digest);
  }

  /**
   * A look has found everything in its place.
   * @param lookedAt when the look began @param pauseEnd when a document that is first seen now will
   * have stood long enough
   * @returns true when they are kept: the same bytes a whole pause apart, so nobody wrote in
   * between, and whoever writes from now on has read them (docs/lossless-writes.md)
   */
  stayed(digest: Digest, lookedAt: number, pauseEnd: () => number): boolean {
    this.#looks++;
    const whole = this.#standing?.digest === digest && lookedAt >= this.#standing.until;
    if (whole || this.#looks >= enoughLooks) {
      this.#kept.resolve();
      return true;
    }
    if (this.#standing?.digest !== digest) this.#standing = { digest, until: pauseEnd() };
    return false;
  }

  reject(reason: unknown): void {
    this.#seen.reject(reason);
    this.#kept.reject(reason);
  }
}
