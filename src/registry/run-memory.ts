import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import { emptyConfig } from './referrer-manifest.ts';
import type { ReferrersIndex } from './referrers-index.ts';
import type { Repository } from './repository.ts';
import type { SharedTag } from './shared-tag.ts';

/**
 * Memory that many share: so many bytes at once, and who comes later waits for those before. More
 * than all of it is granted alone.
 */
export class ByteRoom {
  readonly #all: number;
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(bytes: number) {
    this.#all = bytes;
    this.#free = bytes;
  }

  /** Does some work that holds so many bytes until it is done. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#all);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes: taken, enter: resolve });
    this.#letIn();
    await promise;
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (
      let [next] = this.#waiting;
      next !== undefined && next.bytes <= this.#free;
      [next] = this.#waiting
    ) {
      this.#waiting.shift();
      this.#free -= next.bytes;
      next.enter();
    }
  }
}

/** The shared documents of one image: one writer for each of them in a run. */
export interface ImageTags {
  readonly index: ReferrersIndex;
  readonly referrers: SharedTag;
  readonly signatures: SharedTag;
  readonly attestations: SharedTag;
}

/** What a run has learned of one repository. */
export interface RepositoryMemory {
  /** does it have the referrers API? Asked once; undefined before */
  hasApi?: Promise<boolean> | undefined;
  /** what that has come to */
  apiKnown?: boolean;
  /** it has the API, and that does not list what it took */
  listsNothing?: boolean;
  /** the blob `{}` that every bundle's manifest points to; pushed once */
  emptyConfig?: Promise<void> | undefined;
  readonly images: Map<Digest, ImageTags>;
}

/**
 * What all stores of one run share, so that two signatures for one tag go through one writer and
 * ten images cost one probe. Make one for each run, and hand it to every `openStore`.
 */
export class RunMemory {
  /** for what is too large to be held for many images at once */
  readonly room = new ByteRoom(32 << 20);
  readonly #repositories = new Map<string, RepositoryMemory>();

  of({ registry, repository }: RepositoryName): RepositoryMemory {
    const key = `${registry}/${repository}`;
    const known = this.#repositories.get(key) ?? { images: new Map() };
    this.#repositories.set(key, known);
    return known;
  }
}

/**
 * Registries that have no referrers API. With it, each image needs a list of its own, so all ask at
 * once, and nobody waits for the first answer; here all but the first would ask for nothing.
 */
const knownWithoutApi: ReadonlySet<string> = new Set(['ghcr.io', 'docker.io']);

/**
 * The referrers of an image by the API, or undefined without the API. The first answer in a
 * repository decides that for all that are not answered yet; after it nobody asks an API that is
 * not there.
 */
export async function listReferrers(
  memory: RepositoryMemory,
  repository: Repository,
  image: Digest,
): Promise<readonly Descriptor[] | undefined> {
  const { hasApi } = memory;
  if (hasApi === undefined) {
    const answer = repository.listReferrers(image);
    memory.hasApi = answer.then((list) => list !== undefined);
    memory.hasApi.then(
      (has) => (memory.apiKnown = has),
      () => (memory.hasApi = undefined),
    );
    return answer;
  }
  const ask = () => repository.listReferrers(image);
  // Whether the first one failed is its own matter: then this one asks for itself.
  const first = hasApi.catch(() => true);
  const waits = memory.apiKnown === undefined && knownWithoutApi.has(repository.name.registry);
  if (memory.apiKnown === false || waits) return (await first) ? ask() : undefined;
  const own = ask();
  own.catch(() => {}); // of no matter where the first says that there is no API
  return Promise.race([own, first.then((has) => (has ? own : undefined))]);
}

/**
 * Pushes the empty config that every bundle's manifest points to, once for each repository of a
 * run.
 */
export async function pushEmptyConfig(
  memory: RepositoryMemory,
  repository: Repository,
): Promise<void> {
  memory.emptyConfig ??= repository.putBlob(emptyConfig).catch((caught: unknown) => {
    memory.emptyConfig = undefined;
    throw caught;
  });
  await memory.emptyConfig;
}
