import { Failure } from '../failure.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { isIndexType, type ParsedManifest, parseManifest } from '../image/manifest.ts';
import { walkIndex } from '../image/walk.ts';
import { shown } from '../text/untrusted.ts';
import type { BlobPlace } from './blob-streams.ts';
import { type BlobFate, type CopyTools, copyBlob, heldBytes } from './copy-blob.ts';
import { beforeWriting } from './hidden.ts';
import type { CopyRepository, FetchedManifest } from './repository.ts';
import { ByteRoom } from './run-memory.ts';

/** What a copy has done, for the report. */
export interface CopyTally {
  /** manifests written */
  manifests: number;
  /** blobs sent through this machine, and their bytes */
  blobs: number;
  bytes: number;
  /** blobs that the registry took over by itself */
  mounted: number;
  /** signatures and attestations added under tags that are shared */
  entries: number;
}

export const nothingCopied = (): CopyTally => ({
  manifests: 0,
  blobs: 0,
  bytes: 0,
  mounted: 0,
  entries: 0,
});

/** A manifest of the source, read and checked. */
export interface SourceManifest extends FetchedManifest {
  readonly parsed: ParsedManifest;
}

/**
 * Copies what is attached to a manifest. What it reads may be read at once; it writes nothing before
 * `there` tells that the target has the manifest.
 */
export type Beside = (digest: Digest, there: Promise<unknown>) => Promise<void>;

/** Which manifests the target has, for those who wait to attach something to them. */
class Arrivals {
  readonly #waited = new Map<Digest, PromiseWithResolvers<void>>();
  #ended: { readonly reason: unknown } | undefined;

  /** Resolves when it has arrived; rejects when it will not. Need not be awaited. */
  of(digest: Digest): Promise<void> {
    return this.#at(digest).promise;
  }

  arrived(digest: Digest): void {
    this.#at(digest).resolve();
  }

  /** Nothing more arrives, for this reason. */
  end(reason: unknown): void {
    this.#ended = { reason };
    for (const { reject } of this.#waited.values()) reject(reason);
  }

  #at(digest: Digest): PromiseWithResolvers<void> {
    const waited = this.#waited.get(digest) ?? Promise.withResolvers<void>();
    waited.promise.catch(() => {}); // told by the copy itself
    this.#waited.set(digest, waited);
    if (this.#ended !== undefined) waited.reject(this.#ended.reason);
    return waited;
  }
}

/** As many manifests, and as many blobs of each, are under way at once. */
const atOnce = 8;
/** What a blob that passes through holds of the room: its pieces on both connections. */
const passingBytes = 2 * 1024 * 1024;
const roomBytes = 16 * 1024 * 1024;

/**
 * Copies from one repository to another. Make one for each pair in a run: what several images have
 * in common is copied once.
 */
export class Copier {
  readonly source: CopyRepository;
  readonly target: CopyRepository;
  /** failures of writes of manifests: not of what these point to */
  readonly refused = new WeakSet<object>();
  readonly #tools: CopyTools;
  readonly #room: ByteRoom;
  readonly #blobs = new Map<Digest, Promise<BlobFate>>();

  /** @param room shared by all copiers of a run: `copyRoom` */
  constructor(source: CopyRepository, target: CopyRepository, tools: CopyTools, room: ByteRoom) {
    this.source = source;
    this.target = target;
    this.#tools = tools;
    this.#room = room;
  }

  /**
   * Copies a manifest with everything in it, byte for byte, under its digest. What refers to others
   * comes after them, so that what the target has is whole.
   * @param beside copies what is attached to each manifest of it
   * @throws {Failure} `image-not-found`, `bad-manifest`, `registry-error`, of the registries, and
   * what `beside` rejects with
   */
  async image(root: Digest, tally: CopyTally, beside: Beside = async () => {}): Promise<void> {
    const known = this.isThere(root);
    const arrivals = new Arrivals();
    // What the target has already has been there whole.
    known.then((isThere) => isThere && arrivals.arrived(root)).catch(() => {});
    const attached: Promise<void>[] = [];
    const attach = (work: Promise<void>) => {
      work.catch(() => {}); // awaited when the image has settled
      attached.push(work);
    };
    attach(beside(root, arrivals.of(root)));
    const each = (digest: Digest) => beside(digest, arrivals.of(digest));
    const copied = this.#image(root, known, tally, arrivals, (inside) =>
      attach(inParallel(inside, atOnce, each).then(() => {})),
    );
    await copied.catch((caught) => arrivals.end(caught));
    await Promise.allSettled(attached); // nothing is written any more when a failure is told
    await Promise.all([copied, ...attached]);
  }

  async #image(
    root: Digest,
    known: Promise<boolean>,
    tally: CopyTally,
    arrivals: Arrivals,
    onInside: (digests: readonly Digest[]) => void,
  ): Promise<void> {
    const top = await this.read(root);
    const inside = await walkIndex((digest) => this.read(digest), top);
    onInside(inside.map(({ digest }) => digest));
    const wrote: boolean[] = [];
    const leaves = inside.filter((entry) => !isIndexEntry(entry));
    await inParallel(leaves, atOnce, async (entry) => {
      wrote.push(await this.#leaf(entry, tally));
      arrivals.arrived(entry.digest);
    });
    // An index comes after what is in it: the innermost are last in the list.
    for (const entry of inside.filter(isIndexEntry).toReversed()) {
      wrote.push(await this.#put(await this.#readEntry(entry), tally));
      arrivals.arrived(entry.digest);
    }
    if (!(await known)) wrote.push(await this.#whole(top, tally));
    if (wrote.includes(true)) await this.#confirm(root);
    arrivals.arrived(root);
  }

  /** Registries may know what they took after some seconds only. */
  async #confirm(root: Digest): Promise<void> {
    for (const pause of [250, 500, 1000, 2000]) {
      if ((await this.target.head(root)) !== undefined) return;
      await this.#tools.sleep(pause);
    }
    throw new Failure(
      'registry-error',
      `The registry accepted ${nameOf(this.target, root)}, and does not show it.`,
      'Run the job again; if it stays, ask the operator of the registry.',
    );
  }

  /** Reads and checks a manifest of the source. @throws {Failure} `image-not-found`, `bad-manifest` */
  async read(digest: Digest, maxBytes?: number): Promise<SourceManifest> {
    const fetched = await this.source.getManifest(digest, maxBytes);
    if (fetched === undefined) throw missing(this.source, digest);
    return { ...fetched, parsed: parseManifest(fetched.bytes, fetched.mediaType) };
  }

  /** Whether the target has it: to be asked beside reading it, and handed to `manifest`. */
  isThere(digest: Digest): Promise<boolean> {
    const answer = this.#isThere(digest);
    answer.catch(() => {});
    return answer;
  }

  /** Copies one manifest that is no index, with its blobs; nothing where it is there. */
  async manifest(
    read: SourceManifest,
    tally: CopyTally,
    isThere: Promise<boolean> = this.isThere(read.digest),
  ): Promise<void> {
    if (!(await isThere)) await this.#whole(read, tally);
  }

  /** Copies one blob, once in a run. */
  async blob(blob: BlobPlace, tally: CopyTally): Promise<void> {
    const known = this.#blobs.get(blob.digest);
    if (known !== undefined) return void (await known);
    const held = blob.size <= heldBytes ? Math.max(blob.size, 16_384) : passingBytes;
    const fresh = this.#room.with(held, () =>
      copyBlob(blob, this.source, this.target, this.#tools),
    );
    this.#blobs.set(blob.digest, fresh);
    fresh.catch(() => this.#blobs.delete(blob.digest));
    const fate = await fresh;
    if (fate === 'mounted') tally.mounted++;
    if (fate !== 'sent') return;
    tally.blobs++;
    tally.bytes += blob.size;
  }

  /** A platform image: what the target has of it is not read from the source at all. */
  async #leaf(entry: Descriptor, tally: CopyTally): Promise<boolean> {
    if (await this.#isThere(entry.digest)) return false;
    return this.#whole(await this.#readEntry(entry), tally);
  }

  async #readEntry(entry: Descriptor): Promise<SourceManifest> {
    const read = await this.read(entry.digest);
    if (read.bytes.length !== entry.size || read.parsed.mediaType !== entry.mediaType)
      throw new Failure(
        'bad-manifest',
        `${nameOf(this.source, entry.digest)} has ${read.bytes.length} bytes of the type "${shown(read.parsed.mediaType, 100)}", and its index says ${entry.size} of "${shown(entry.mediaType, 100)}".`,
        'Build and push the image again.',
      );
    return read;
  }

  async #whole(read: SourceManifest, tally: CopyTally): Promise<true> {
    const { parsed } = read;
    if (parsed.kind === 'manifest') {
      const blobs = new Map([parsed.config, ...parsed.layers].map((blob) => [blob.digest, blob]));
      await inParallel([...blobs.values()], atOnce, async (blob) => {
        if (await this.#isElsewhere(blob)) return;
        await this.blob(blob, tally);
      });
    }
    return this.#write(read, tally);
  }

  async #isThere(digest: Digest): Promise<boolean> {
    const found = await beforeWriting(
      () => this.target.head(digest),
      () => undefined,
    );
    return found !== undefined;
  }

  /** Layers of Windows' base images may lie with their vendor alone, under `urls`. */
  async #isElsewhere({ mediaType, digest }: Descriptor): Promise<boolean> {
    return (
      /\.(nondistributable|foreign)\./.test(mediaType) &&
      (await this.source.blobs.has(digest)) === false
    );
  }

  async #put(read: SourceManifest, tally: CopyTally): Promise<boolean> {
    return !(await this.#isThere(read.digest)) && this.#write(read, tally);
  }

  /**
   * A blob that was pushed a moment ago, by us or by others, may be unknown to the registry for some
   * milliseconds. The manifest stands under its digest, so nothing is overwritten.
   */
  async #write({ digest, bytes, parsed }: SourceManifest, tally: CopyTally): Promise<true> {
    const { sleep, random = Math.random } = this.#tools;
    for (let times = 0; ; times++) {
      try {
        await this.target.putManifest(digest, bytes, parsed.mediaType);
        tally.manifests++;
        return true;
      } catch (caught) {
        if (caught instanceof Failure) this.refused.add(caught);
        const passes = caught instanceof Failure && caught.code === 'registry-error';
        if (!passes || times === 3) throw caught;
      }
      await sleep(50 * 2 ** times * (1 + random()));
    }
  }
}

/** Memory for all that passes through in a run. */
export function copyRoom(): ByteRoom {
  return new ByteRoom(roomBytes);
}

function isIndexEntry({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType);
}

export function nameOf({ name }: Pick<CopyRepository, 'name'>, digest: string): string {
  return `${name.registry}/${name.repository}@${digest}`;
}

function missing(source: CopyRepository, digest: Digest): Failure {
  return new Failure(
    'image-not-found',
    `The registry has no manifest ${nameOf(source, digest)}, which belongs to the image.`,
    'An image is copied whole. Push the platform that is missing, or build and push the image again.',
  );
}
