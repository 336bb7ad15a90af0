import type { Descriptor } from '../image/descriptor.ts';
import { mediaTypes } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Format, FoundAttestation, FoundSignature } from '../signature/found.ts';
import { attestationsAmong, type LargeAttestation } from './read-attestations.ts';
import { type Broken, readLayers, readReferrers, tooMany } from './read-signatures.ts';
import { maxReferrers, ReferrersIndex, referrersTag, tooLarge } from './referrers-index.ts';
import type { Repository } from './repository.ts';
import { listReferrers, type RepositoryMemory, RunMemory } from './run-memory.ts';
import type { Reach, SignatureReading } from './signature-store.ts';
import { type LayerKind, SignatureManifest, signatureTag } from './signature-tag.ts';
import { emptyTag, type JsonObject, type TagKind, type TagLook } from './tag-document.ts';

/** The shared documents of an image, as far as a reader needs them. */
interface ReadTags {
  readonly index: Pick<ReferrersIndex, 'confirm'>;
  readonly referrers: TagLook;
  readonly signatures: TagLook;
  readonly attestations: TagLook;
}

interface ReaderOptions {
  /** shared by all readers and stores of a run; without it this one shares with nobody */
  readonly memory?: RunMemory | undefined;
  readonly maxSignatures?: number | undefined;
}

export const mostSignatures = 1_000;

/**
 * Opens the place where the signatures of `image` lie, for one who only reads; nothing is requested
 * before a method is called. What writes is not loaded.
 */
export function openReader(
  repository: Repository,
  image: Digest,
  options: ReaderOptions = {},
): SignatureReader {
  const { maxSignatures = mostSignatures } = options;
  const index = new ReferrersIndex(repository, image);
  const layers = (kind: LayerKind) =>
    openLook(signatureTag(image, kind), new SignatureManifest(maxSignatures, kind), repository);
  const tags: ReadTags = {
    index,
    referrers: openLook(referrersTag(image), index, repository),
    signatures: layers('signature'),
    attestations: layers('attestation'),
  };
  return new SignatureReader(repository, image, tags, options);
}

function openLook(name: string, kind: TagKind, repository: Repository): TagLook {
  return {
    async look() {
      const fetched = await repository.getManifest(name);
      if (fetched === undefined) return { content: emptyTag };
      const content = kind.parse(fetched);
      return 'foreign' in content ? { fetched, foreign: content.foreign } : { fetched, content };
    },
  };
}

/** Reads what lies beside one image. Nothing of it is believed. */
export class SignatureReader implements SignatureReading {
  readonly #repository: Repository;
  readonly #image: Digest;
  readonly #tags: ReadTags;
  readonly #memory: RepositoryMemory;
  readonly #most: number;
  readonly #room: RunMemory['room'];
  /** a read that failed is not remembered */
  readonly #once = new Map<string, Promise<unknown>>();

  constructor(
    repository: Repository,
    image: Digest,
    tags: ReadTags,
    { memory = new RunMemory(), maxSignatures = mostSignatures }: ReaderOptions,
  ) {
    this.#repository = repository;
    this.#image = image;
    this.#tags = tags;
    this.#most = maxSignatures;
    this.#room = memory.room;
    this.#memory = memory.of(repository.name);
  }

  async found(
    formats: readonly Format[] = ['bundle', 'legacy'],
    reach: Reach = 'all',
  ): Promise<readonly FoundSignature[]> {
    const [referrers, layers] = await Promise.all([
      formats.includes('bundle')
        ? this.#remember(`referrers, ${reach}`, () => this.#foundReferrers(reach))
        : [],
      formats.includes('legacy')
        ? this.#remember('signature layers', () => this.#foundLayers('signature'))
        : [],
    ]);
    const found = [...referrers, ...layers].filter(({ format }) => formats.includes(format));
    if (found.length > this.#most) throw tooMany(found.length, this.#most);
    return found;
  }

  async attestations(
    types?: readonly string[],
    formats: readonly Format[] = ['bundle', 'legacy'],
  ): Promise<readonly (FoundAttestation | LargeAttestation)[]> {
    const [referrers, layers] = await Promise.all([
      formats.includes('bundle')
        ? this.#remember('referrers, all', () => this.#foundReferrers('all'))
        : [],
      formats.includes('legacy')
        ? this.#remember('attestation layers', () => this.#foundLayers('attestation'))
        : [],
    ]);
    const found = [...referrers.filter(({ format }) => format === 'bundle'), ...layers];
    if (found.length > this.#most) throw tooMany(found.length, this.#most);
    return attestationsAmong(found, { repository: this.#repository, room: this.#room, types });
  }

  /** The referrers API's answer, or undefined without the API. */
  listed(): Promise<readonly Descriptor[] | undefined> {
    return this.#remember('listed', () =>
      listReferrers(this.#memory, this.#repository, this.#image),
    );
  }

  async #foundReferrers(reach: Reach): Promise<(FoundSignature | Broken)[]> {
    // Where it is not known yet whether there is an API, the tag is read beside asking: most
    // registries that people push to have none.
    const besideAsking = reach === 'all' || this.#memory.hasApi === undefined;
    const listing = this.listed();
    const early = besideAsking ? this.#lookAtIndex() : undefined;
    early?.catch(() => {}); // awaited where it counts
    const listed = listing.then((entries = []) => {
      if (entries.length > maxReferrers)
        throw tooLarge(`has ${entries.length} entries, more than ${maxReferrers}`);
      return entries as readonly unknown[] as readonly JsonObject[];
    });
    // Where both count, neither waits for the other: with a slow list the tag would cost a round
    // trip more.
    const tagged =
      reach === 'all' && early !== undefined
        ? early
        : listing.then((entries) =>
            this.#isTagRead(entries, early)
              ? (early ?? this.#lookAtIndex())
              : { entries: [], broken: [] },
          );
    const [found, { broken }] = await Promise.all([
      readReferrers(
        this.#repository,
        this.#image,
        [listed, tagged.then(({ entries }) => entries)],
        this.#most,
      ),
      tagged,
    ]);
    for (const signature of found)
      if (!('problem' in signature)) this.#tags.index.confirm(signature.digest);
    return [...broken, ...found];
  }

  /** Without the API, or with one that lists nothing, the tag is where bundles are listed. */
  #isTagRead(entries: readonly Descriptor[] | undefined, early: unknown): boolean {
    return (
      entries === undefined ||
      this.#memory.listsNothing === true ||
      (entries.length === 0 && early !== undefined)
    );
  }

  async #lookAtIndex(): Promise<{
    entries: readonly JsonObject[];
    broken: readonly FoundSignature[];
  }> {
    const look = await this.#tags.referrers.look();
    if (!('foreign' in look)) return { entries: look.content.entries, broken: [] };
    // GitLab's answer says nothing about signatures; anything else under this tag is worth telling.
    if (look.fetched.digest === this.#image) return { entries: [], broken: [] };
    return {
      entries: [],
      broken: [
        this.#malformed('bundle', look.fetched.digest, referrersTag(this.#image), look.foreign),
      ],
    };
  }

  async #foundLayers(kind: LayerKind): Promise<(FoundSignature | Broken)[]> {
    const tag = signatureTag(this.#image, kind);
    const isSignature = kind === 'signature';
    const look = await this.#tags[isSignature ? 'signatures' : 'attestations'].look();
    if ('foreign' in look)
      return [this.#malformed('legacy', look.fetched.digest, tag, look.foreign)];
    const { digest, entries } = look.content;
    return digest === undefined
      ? []
      : readLayers(
          this.#repository,
          { digest, reference: this.#reference(`:${tag}`) },
          entries,
          this.#most,
          isSignature ? mediaTypes.simpleSigning : mediaTypes.dsseEnvelope,
        );
  }

  #malformed(format: Format, digest: Digest, tag: string, reason: string): FoundSignature {
    return {
      format,
      digest,
      reference: this.#reference(`:${tag}`),
      problem: { code: 'malformed', reason },
    };
  }

  #remember<T>(name: string, work: () => Promise<T>): Promise<T> {
    const known = this.#once.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const fresh = work();
    this.#once.set(name, fresh);
    fresh.catch(() => this.#once.delete(name));
    return fresh;
  }

  #reference(suffix: string): string {
    const { registry, repository } = this.#repository.name;
    return `${registry}/${repository}${suffix}`;
  }
}
