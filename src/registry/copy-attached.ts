import { asFailure, BundlesRefused, Failure } from '../failure.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, hexOf, isDigest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import type { ImageManifest } from '../image/manifest.ts';
import { type Copier, type CopyTally, nameOf, type SourceManifest } from './copy.ts';
import { beforeWriting } from './hidden.ts';
import { entryOf, isBlob, isProof, kindOf, layerKey } from './referrer-kinds.ts';
import { maxReferrers, tooLarge } from './referrers-index.ts';
import type { CopyRepository } from './repository.ts';
import type { RewriteTools } from './rewrite-pause.ts';
import { type ImageTags, listReferrers, type RunMemory } from './run-memory.ts';
import type { SharedTag } from './shared-tag.ts';
import { type LayerKind, signatureTag } from './signature-tag.ts';
import { openTags } from './store.ts';
import type { JsonObject } from './tag-document.ts';
import { bundleFailure, notListed } from './tag-failures.ts';

/** What goes over with an image. */
export type Included = 'signatures' | 'attestations' | 'all';

export interface AttachedTools extends RewriteTools {
  /** of the source, and of the target */
  readonly memories: { readonly source: RunMemory; readonly target: RunMemory };
  readonly include: ReadonlySet<Included>;
  /** told what stays behind, and why: the end of a sentence */
  readonly onLeft: (what: string, why: string) => void;
}

/** One manifest, and where what is attached to it lies. */
interface Attaching {
  readonly digest: Digest;
  readonly source: ImageTags;
  readonly target: ImageTags;
  readonly there: Promise<unknown>;
  readonly depth: number;
}

/** Referrers beside one image, and what refers to these: more is an attack or an accident. */
const mostReferrers = 1_000;
/** bytes beside one image, as declared */
const mostBytes = 4 * 1024 ** 3;
/** A bundle's manifest has about a thousand bytes; these are held until all are listed. */
const manifestBytes = 256 * 1024;
const mostManifestBytes = 8 * 1024 * 1024;
const mostLayers = 1_000;
/** an SBOM may be signed, and that signature is a referrer of the SBOM */
const maxDepth = 2;
const atOnce = 8;
/** For this long a registry may take to list what it took, in milliseconds. */
const lateListing = 3_000;

/**
 * Copies what is signed about an image, and with `all` everything else that refers to it, beside
 * what lies at the target: nothing there is lost. What a registry with the referrers API lists
 * arrives under the referrers tag of one without, and back.
 * @throws {Failure} `signature-lost`, `immutable-tag`, `registry-unsupported`, `too-large`, of the
 * registries
 */
export class AttachedCopier {
  readonly #copier: Copier;
  readonly #tools: AttachedTools;
  readonly #tally: CopyTally;
  readonly #done = new Set<Digest>();
  #left = mostReferrers;
  #bytes = mostBytes;
  #manifestBytes = mostManifestBytes;

  constructor(copier: Copier, tools: AttachedTools, tally: CopyTally) {
    this.#copier = copier;
    this.#tools = tools;
    this.#tally = tally;
  }

  /**
   * Copies what is attached to one manifest, once in a run. The source is read first: of a manifest
   * that nothing is attached to, the target is asked nothing.
   * @param there resolves when the target has the manifest: nothing is written before
   */
  async copy(digest: Digest, there: Promise<unknown> = Promise.resolve(), depth = 1) {
    if (this.#done.has(digest)) return;
    this.#done.add(digest);
    const [source, target] = [this.#tags('source', digest), this.#tags('target', digest)];
    const move = { digest, source, target, there, depth };
    await Promise.all([
      this.#referrers(move),
      this.#wants('signatures') && this.#layers('signature', move),
      this.#wants('attestations') && this.#layers('attestation', move),
      this.#wants('all') && this.#sbom(move),
    ]);
  }

  #wants(kind: Included): boolean {
    return this.#tools.include.has('all') || this.#tools.include.has(kind);
  }

  #tags(side: 'source' | 'target', digest: Digest): ImageTags {
    const repository = this.#copier[side];
    const { images } = this.#tools.memories[side].of(repository.name);
    const tags = images.get(digest) ?? openTags(repository, digest, mostLayers, this.#tools);
    images.set(digest, tags);
    return tags;
  }

  async #list(side: 'source' | 'target', digest: Digest, tags: ImageTags) {
    const repository = this.#copier[side];
    const memory = this.#tools.memories[side].of(repository.name);
    const [listed, tagged] = await Promise.all([
      listReferrers(memory, repository, digest),
      this.#entriesUnder(side, digest, tags.referrers),
    ]);
    return { hasApi: listed !== undefined, listed: listed ?? [], tagged };
  }

  /**
   * Reads at the target while the image may still be on its way. Where that is refused, it is asked
   * again once the image is there and was read: a refusal then is one.
   */
  #atTarget<T>(image: Digest, there: Promise<unknown>, read: () => Promise<T>): Promise<T> {
    return beforeWriting(read, async () => {
      await there;
      await this.#copier.target.head(image);
      return read();
    });
  }

  /** What lies under the tag and cannot be read goes nowhere: whoever promotes has to know. */
  async #entriesUnder(
    side: 'source' | 'target',
    image: Digest,
    tag: SharedTag,
  ): Promise<readonly JsonObject[]> {
    const look = await tag.look();
    if (!('foreign' in look)) return look.content.entries;
    const isImage = look.fetched.digest === image; // GitLab's answer says nothing about signatures
    if (side === 'source' && !isImage)
      this.#leave(`${repositoryOf(this.#copier.source)}:${tag.name}`, look.foreign);
    return [];
  }

  async #referrers({ digest, source, target, there, depth }: Attaching) {
    const { listed, tagged } = await this.#list('source', digest, source);
    const digests = new Set([...listed, ...tagged].map((entry) => entry.digest));
    if (digests.size === 0) return;
    if (digests.size > maxReferrers)
      throw tooLarge(`has ${digests.size} entries, more than ${maxReferrers}`);
    const [here, found] = await Promise.all([
      this.#atTarget(digest, there, () => this.#list('target', digest, target)),
      inParallel([...digests].filter(isDigest), atOnce, (referrer) =>
        this.#referrer(digest, referrer, there),
      ),
    ]);
    const copied = found.filter((referrer) => referrer !== undefined);
    const inner = copied.filter(({ parsed }) => !isProof(parsed as ImageManifest));
    await Promise.all([
      this.#listThem(digest, target, here, copied),
      depth < maxDepth &&
        inParallel(inner, atOnce, (read) => this.copy(read.digest, undefined, depth + 1)),
    ]);
  }

  /** Copies one referrer. @returns it, where it goes over and has to be listed */
  async #referrer(
    subject: Digest,
    digest: Digest,
    there: Promise<unknown>,
  ): Promise<SourceManifest | undefined> {
    if (this.#left-- <= 0)
      throw tooLarge(`is longer than ${mostReferrers} with all that is signed`);
    const isThere = this.#copier.isThere(digest);
    let read: SourceManifest;
    try {
      read = await this.#copier.read(digest, manifestBytes);
    } catch (caught) {
      const failure = asFailure(caught);
      // Whoever may write at the source could else stop every copy: it is no part of the image.
      if (!['bad-manifest', 'image-not-found', 'too-large'].includes(failure.code)) throw caught;
      this.#leave(nameOf(this.#copier.source, digest), failure.message);
      return undefined;
    }
    this.#manifestBytes -= read.bytes.length;
    if (this.#manifestBytes < 0)
      throw tooLarge(`has manifests of more than ${mostManifestBytes} bytes`);
    if (read.parsed.kind === 'index' || read.parsed.subject?.digest !== subject) {
      const why =
        read.parsed.kind === 'index' ? 'it is an index' : 'its manifest is about another image';
      this.#leave(nameOf(this.#copier.source, digest), why);
      return undefined;
    }
    if (!this.#isIncluded(read.parsed)) return undefined;
    const { config, layers } = read.parsed;
    this.#bytes -= [config, ...layers].reduce((sum, { size }) => sum + size, 0);
    if (this.#bytes < 0) throw tooLarge(`names more than ${mostBytes} bytes`);
    await there;
    try {
      await this.#copier.manifest(read, this.#tally, isThere);
    } catch (caught) {
      const isManifest = caught instanceof Failure && this.#copier.refused.has(caught);
      const failure = isManifest ? bundleFailure(caught) : caught;
      if (!(failure instanceof BundlesRefused)) throw caught;
      this.#leave(nameOf(this.#copier.source, digest), failure.message);
      return undefined;
    }
    return read;
  }

  #isIncluded(manifest: ImageManifest): boolean {
    const { include } = this.#tools;
    if (include.has('all')) return true;
    const kind = kindOf(manifest);
    if (kind === 'bundle') return true; // it does not say which of the two it is
    return kind !== 'other' && include.has(kind);
  }

  /** By the API where it lists them; else, and where there is none, under the referrers tag. */
  async #listThem(
    subject: Digest,
    target: ImageTags,
    here: {
      readonly hasApi: boolean;
      readonly tagged: readonly JsonObject[];
      readonly listed: readonly Descriptor[];
    },
    copied: readonly SourceManifest[],
  ): Promise<void> {
    const known = new Set([...here.listed, ...here.tagged].map(({ digest }) => digest));
    let missing = copied.filter(({ digest }) => !known.has(digest));
    if (here.hasApi && missing.length > 0) missing = await this.#unlisted(subject, missing);
    const entries = missing.map(entryOf);
    if (entries.length === 0) return;
    for (const { digest } of entries) target.index.confirm(digest as Digest);
    const { seen, kept } = target.referrers.add(entries);
    try {
      await Promise.all([seen, kept]);
      this.#tally.entries += entries.length;
    } catch (caught) {
      // No API, and a tag that cannot be used: what is copied by digest is found by nobody. Whether
      // the image verifies there all the same is for the gate to say.
      const failure = asFailure(caught);
      if (failure.code !== 'registry-unsupported')
        throw here.hasApi ? notListed(nameOf(this.#copier.target, subject), caught) : caught;
      for (const { digest } of copied)
        this.#leave(nameOf(this.#copier.source, digest), failure.message);
    }
  }

  /** Those that the API of the target does not list, also after a while. */
  async #unlisted(subject: Digest, copied: readonly SourceManifest[]) {
    const { clock, deadline, random = Math.random } = this.#tools;
    const end = clock.now() + lateListing;
    for (let times = 0; ; times++) {
      const listed = (await this.#copier.target.listReferrers(subject)) ?? [];
      const known = new Set(listed.map(({ digest }) => digest));
      const missing = copied.filter(({ digest }) => !known.has(digest));
      const wait = Math.min(1_000, 100 * 2 ** times) * (1 + random());
      if (missing.length === 0 || clock.now() + wait >= end) return missing;
      await deadline.sleep(wait);
    }
  }

  /** The layers of `sha256-….sig` or `.att`, joined with those that are there. */
  async #layers(kind: LayerKind, { digest: image, source, target, there: subject }: Attaching) {
    const tag = kind === 'signature' ? 'signatures' : 'attestations';
    const there = await source[tag].look();
    const name = `${repositoryOf(this.#copier.source)}:${signatureTag(image, kind)}`;
    if ('foreign' in there) return this.#leave(name, there.foreign);
    if (there.content.digest === undefined) return;
    const here = await this.#atTarget(image, subject, () => target[tag].look());
    if ('foreign' in here)
      throw new Failure(
        'registry-unsupported',
        `${repositoryOf(this.#copier.target)}:${signatureTag(image, kind)} is in the way: ${here.foreign}.`,
        'Remove that tag if it is a leftover. Nothing was written there.',
      );
    const known = new Set(here.content.entries.map(layerKey));
    const missing = there.content.entries.filter((layer) => !known.has(layerKey(layer)));
    const sound = missing.filter(isBlob);
    if (sound.length < missing.length) this.#leave(name, 'one of its layers is no descriptor');
    if (sound.length === 0) return;
    this.#bytes -= sound.reduce((sum, { size }) => sum + Number(size), 0);
    if (this.#bytes < 0) throw tooLarge(`names more than ${mostBytes} bytes`);
    const ready = inParallel(sound, atOnce, (layer) =>
      this.#copier.blob({ digest: layer.digest, size: layer.size }, this.#tally),
    );
    const { seen, kept } = target[tag].add(sound, Promise.all([subject, ready]));
    await Promise.all([seen, kept]);
    this.#tally.entries += sound.length;
  }

  /** `sha256-….sbom` is one document, unsigned: another one that lies at the target stays. */
  async #sbom({ digest: image, there: subject, depth }: Attaching): Promise<void> {
    const { source, target } = this.#copier;
    const tag = `sha256-${hexOf(image)}.sbom`;
    const there = await source.getManifest(tag);
    if (there === undefined) return;
    const look = () => target.getManifest(tag);
    const [here] = await Promise.all([this.#atTarget(image, subject, look), subject]);
    if (here !== undefined && here.digest !== there.digest)
      return this.#leave(
        `${repositoryOf(source)}:${tag}`,
        'the target has another one, which stays',
      );
    let read: SourceManifest;
    try {
      read = await this.#copier.read(there.digest);
    } catch (caught) {
      if (asFailure(caught).code !== 'bad-manifest') throw caught;
      return this.#leave(`${repositoryOf(source)}:${tag}`, asFailure(caught).message);
    }
    if (read.parsed.kind === 'index')
      return this.#leave(`${repositoryOf(source)}:${tag}`, 'it is an index');
    await this.#copier.manifest(read, this.#tally);
    if (
      here === undefined &&
      !(await target.putManifest(tag, read.bytes, read.parsed.mediaType, { ifNoneMatch: '*' }))
    )
      this.#leave(`${repositoryOf(source)}:${tag}`, 'somebody has just written another one');
    if (depth < maxDepth) await this.copy(there.digest, undefined, depth + 1);
  }

  #leave(what: string, why: string): void {
    this.#tools.onLeft(what, why);
  }
}

function repositoryOf({ name }: CopyRepository): string {
  return `${name.registry}/${name.repository}`;
}
