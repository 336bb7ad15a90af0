import { Failure } from '../failure.ts';
import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { FoundAttestation, FoundSignature } from '../signature/found.ts';
import { attestationsAmong, type LargeAttestation } from './read-attestations.ts';
import {
  type Broken,
  maxAttestationBytes,
  maxBundleBytes,
  maxPayloadBytes,
  readerWithEarlyBlob,
  readLayers,
  readReferrers,
} from './read-signatures.ts';
import { emptyConfig, referrerManifest } from './referrer-manifest.ts';
import { ReferrersIndex, referrersTag } from './referrers-index.ts';
import type { Repository } from './repository.ts';
import type { RewriteTools } from './rewrite-pause.ts';
import {
  type ByteRoom,
  type ImageTags,
  pushEmptyConfig,
  type RepositoryMemory,
  RunMemory,
} from './run-memory.ts';
import { SharedTag } from './shared-tag.ts';
import { mostSignatures, SignatureReader } from './signature-reader.ts';
import type { Attachment, LayerAnnotations, SignatureStore } from './signature-store.ts';
import {
  type LayerKind,
  SignatureManifest,
  signatureLayer,
  signatureTag,
} from './signature-tag.ts';
import type { JsonObject } from './tag-document.ts';
import { bundleFailure, notListed, refuseLarge } from './tag-failures.ts';

export type { Attachment, LayerAnnotations, Reach, SignatureStore } from './signature-store.ts';

export interface StoreOptions extends RewriteTools {
  /** shared by all stores of a run; without it this store shares with nobody */
  readonly memory?: RunMemory;
  readonly maxSignatures?: number;
  /** told once for a repository whose referrers API does not list what it took */
  readonly onUnlisted?: (repository: string) => void;
}

/**
 * Opens the place where the signatures of `image` lie; nothing is requested before a method is
 * called.
 */
export function openStore(
  repository: Repository,
  image: Digest,
  options: StoreOptions,
): SignatureStore {
  return new Store(repository, image, options);
}

/**
 * How to read an attachment back: its entries in the shared document or list, and the blob of a
 * bundle.
 */
interface Attached {
  readonly entries: readonly JsonObject[];
  readonly blob?: { readonly digest: Digest; readonly size: number };
  /** with the referrers API: settles when a reader finds it */
  readonly listing?: () => Promise<void>;
}

/** For this long a registry may take to show what it has accepted, in milliseconds. */
const lateShowing = 10_000;
/** After this long without being listed by the API, a bundle is listed under the tag as well. */
const lateListing = 3_000;

class Store implements SignatureStore {
  readonly #repository: Repository;
  readonly #image: Digest;
  readonly #tools: StoreOptions;
  readonly #memory: RepositoryMemory;
  readonly #tags: ImageTags;
  readonly #most: number;
  readonly #room: ByteRoom;
  readonly #attached = new WeakMap<Attachment, Attached>();
  readonly #reader: SignatureReader;

  constructor(repository: Repository, image: Digest, options: StoreOptions) {
    this.#repository = repository;
    this.#image = image;
    this.#tools = options;
    this.#most = options.maxSignatures ?? mostSignatures;
    const memory = options.memory ?? new RunMemory();
    this.#room = memory.room;
    this.#memory = memory.of(repository.name);
    this.#tags = this.#memory.images.get(image) ?? openTags(repository, image, this.#most, options);
    this.#memory.images.set(image, this.#tags);
    // It looks through the tags of the writer, which must remember every entry that was ever read.
    this.#reader = new SignatureReader(repository, image, this.#tags, {
      memory,
      maxSignatures: this.#most,
    });
  }

  found(...asked: Parameters<SignatureStore['found']>): ReturnType<SignatureStore['found']> {
    return this.#reader.found(...asked);
  }

  attestations(
    ...asked: Parameters<SignatureStore['attestations']>
  ): ReturnType<SignatureStore['attestations']> {
    return this.#reader.attestations(...asked);
  }

  async attachBundle(
    subject: Descriptor,
    pending: Buffer | Promise<Buffer>,
    created: Date,
    predicateType?: string,
  ): Promise<Attachment> {
    if (subject.digest !== this.#image)
      throw new Error(
        `the subject ${subject.digest} is not the image ${this.#image} of this store`,
      );
    const made = Promise.resolve(pending).then((bytes) =>
      refuseLarge(
        'bundle',
        bytes,
        predicateType === undefined ? maxBundleBytes : maxAttestationBytes,
      ),
    );
    const pushed = Promise.all([
      pushEmptyConfig(this.#memory, this.#repository),
      this.#repository.putBlob(made),
    ]);
    pushed.catch(() => {}); // awaited below, after what is needed first
    const [listed, bundle] = await Promise.all([this.#reader.listed(), made]);
    const { digest, bytes, entry } = referrerManifest(subject, bundle, created, predicateType);
    const place = { format: 'bundle' as const, digest, reference: this.#reference(`@${digest}`) };
    const attached = { entries: [entry], blob: { digest: digestOf(bundle), size: bundle.length } };
    await pushed;
    this.#tags.index.confirm(digest);
    const written = this.#push(digest, bytes, [emptyConfig, bundle]);
    try {
      if (listed === undefined) {
        const { seen, kept } = this.#tags.referrers.add([entry], written);
        await seen;
        return this.#attachment({ ...place, kept }, attached);
      }
      await written;
    } catch (caught) {
      throw bundleFailure(caught);
    }
    const listing = () => this.#becomesListed(digest, entry);
    return this.#attachment({ ...place, kept: Promise.resolve() }, { ...attached, listing });
  }

  async attachLegacy(
    claiming: Buffer | Promise<Buffer>,
    pending: LayerAnnotations | Promise<LayerAnnotations>,
    kind: LayerKind = 'signature',
  ): Promise<Attachment> {
    const limit = kind === 'signature' ? maxPayloadBytes : maxAttestationBytes;
    const claim = Promise.resolve(claiming).then((payload) =>
      refuseLarge('payload', payload, limit),
    );
    const tag = kind === 'signature' ? this.#tags.signatures : this.#tags.attestations;
    // The config depends on the digests of the layers only, so it is pushed while the signature is
    // still being made.
    const layer = claim.then((payload) => [signatureLayer(payload, {}, kind)]);
    const pushed = Promise.all([this.#repository.putBlob(claim), tag.prepare(layer)]);
    pushed.catch(() => {}); // awaited by the writer of the tag
    const [payload, annotations] = await Promise.all([claim, pending]);
    const entries = [signatureLayer(payload, annotations, kind)];
    const { seen, kept } = tag.add(entries, pushed);
    const reference = this.#reference(`:${signatureTag(this.#image, kind)}`);
    return this.#attachment({ format: 'legacy', digest: await seen, reference, kept }, { entries });
  }

  async readBack(attachment: Attachment): Promise<readonly FoundSignature[]> {
    return this.#readAgain(attachment, 'signature');
  }

  async readBackAttestation(
    attachment: Attachment,
  ): Promise<readonly (FoundAttestation | LargeAttestation)[]> {
    const found = await this.#readAgain(attachment, 'attestation');
    const [repository, room] = [this.#repository, this.#room];
    return attestationsAmong(found, { repository, room, types: undefined });
  }

  async #readAgain(
    attachment: Attachment,
    kind: LayerKind,
  ): Promise<readonly (FoundSignature | Broken)[]> {
    const attached = this.#attached.get(attachment);
    if (attached === undefined)
      throw new Error(`${attachment.reference} was not attached by this store`);
    const { entries, blob } = attached;
    const read = () => {
      if (blob === undefined)
        return readLayers(
          this.#repository,
          attachment,
          entries,
          this.#most,
          kind === 'signature' ? mediaTypes.simpleSigning : mediaTypes.dsseEnvelope,
        );
      // An attestation may be large, and waits for room.
      return readReferrers(
        blob.size > maxBundleBytes ? this.#repository : readerWithEarlyBlob(this.#repository, blob),
        this.#image,
        [entries],
        this.#most,
      );
    };
    // The tags were read after the write, or there would be no attachment.
    const [found] = await Promise.all([this.#eventually(read), attached.listing?.()]);
    return found;
  }

  /**
   * A blob that several jobs push at one moment (the empty config is everybody's) can be unknown to
   * distribution 2.8 for some milliseconds: the manifest is tried again, and from the second time
   * on after its blobs. It stands under its digest, so nothing is overwritten.
   */
  async #push(digest: Digest, bytes: Buffer, blobs: readonly Buffer[]): Promise<void> {
    const { random = Math.random, deadline } = this.#tools;
    for (let times = 0; ; times++) {
      try {
        await this.#repository.putManifest(digest, bytes, mediaTypes.ociManifest);
        return;
      } catch (caught) {
        if (!(caught instanceof Failure && caught.code === 'registry-error') || times === 3)
          throw caught;
      }
      await deadline.sleep(50 * 2 ** times * (1 + random()));
      if (times > 0) await Promise.all(blobs.map((blob) => this.#repository.putBlob(blob)));
    }
  }

  /** Registries may take a while to show what they have accepted. */
  async #eventually<Found extends FoundSignature>(read: () => Promise<Found[]>): Promise<Found[]> {
    let found: Found[] = [];
    await this.#repeat(lateShowing, async () => {
      found = await read();
      return found.every(
        (signature) => !('problem' in signature) || signature.problem.code !== 'registry-error',
      );
    });
    return found;
  }

  /**
   * Waits until the referrers API lists what the registry has accepted. Some have the API and list
   * nothing: then the referrers tag is written as well, where verifiers look too.
   * @throws {Failure} `signature-lost` where neither shows it
   */
  async #becomesListed(digest: Digest, entry: JsonObject): Promise<void> {
    const isListed = () => this.#lists(digest);
    if (await this.#repeat(this.#memory.listsNothing ? 0 : lateListing, isListed)) return;
    if (!this.#memory.listsNothing) this.#tools.onUnlisted?.(this.#reference(''));
    this.#memory.listsNothing = true;
    const { seen, kept } = this.#tags.referrers.add([entry]);
    try {
      await Promise.all([seen, kept]);
    } catch (caught) {
      if (await this.#repeat(lateShowing - lateListing, isListed)) return;
      throw notListed(this.#reference(`@${digest}`), caught);
    }
  }

  /** Asks until the answer is yes, with growing pauses, for so long. The last answer is returned. */
  async #repeat(milliseconds: number, ask: () => Promise<boolean>): Promise<boolean> {
    const { clock, random = Math.random, deadline } = this.#tools;
    const end = clock.now() + Math.min(milliseconds, deadline.remaining());
    for (let times = 0; ; times++) {
      if (await ask()) return true;
      const wait = Math.min(2_000, 100 * 2 ** times) * (1 + random());
      if (clock.now() + wait >= end) return false;
      await deadline.sleep(wait);
    }
  }

  async #lists(digest: Digest): Promise<boolean> {
    const listed = await this.#repository.listReferrers(this.#image);
    return listed?.some((entry) => entry.digest === digest) ?? false;
  }

  #attachment(attachment: Attachment, attached: Attached): Attachment {
    this.#attached.set(attachment, attached);
    return attachment;
  }

  #reference(suffix: string): string {
    const { registry, repository } = this.#repository.name;
    return `${registry}/${repository}${suffix}`;
  }
}

export function openTags(
  repository: Repository,
  image: Digest,
  most: number,
  tools: RewriteTools,
): ImageTags {
  const index = new ReferrersIndex(repository, image);
  const layers = (kind: LayerKind) =>
    new SharedTag(signatureTag(image, kind), new SignatureManifest(most, kind), repository, tools);
  return {
    index,
    referrers: new SharedTag(referrersTag(image), index, repository, tools),
    signatures: layers('signature'),
    attestations: layers('attestation'),
  };
}
