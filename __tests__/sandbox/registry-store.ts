import { createHash, randomBytes } from 'node:crypto';

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** when it came, by the store's clock */
  readonly at: number;
}

/**
 * A repository's content. A tag keeps its history, newest last, so that a registry with stale reads
 * can answer from it.
 */
export interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, { digest: string; at: number }[]>;
}

/**
 * An upload that has begun. `state` changes with every PATCH: a client must use the newest
 * Location.
 */
export interface Upload {
  readonly repository: string;
  bytes: Buffer;
  state: string;
}

/** sha256 of these bytes as a digest. */
export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * What a registry holds. The methods check nothing: tests use them to look inside, and to plant
 * what no honest registry would take.
 */
export class RegistryStore {
  readonly repositories = new Map<string, StoredRepository>();
  readonly uploads = new Map<string, Upload>();
  /** Milliseconds; a test may put its own clock here instead of waiting. */
  now: () => number = () => performance.now();

  find(name: string): StoredRepository | undefined {
    return this.repositories.get(name);
  }

  /** The repository of this name, made when it is not there. */
  open(name: string): StoredRepository {
    const found = this.repositories.get(name);
    if (found !== undefined) return found;
    const made: StoredRepository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, made);
    return made;
  }

  /** Stores a blob; answers its digest. */
  addBlob(name: string, bytes: string | Uint8Array): string {
    const digest = sha256(bytes);
    this.open(name).blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  /** Stores a manifest, under a tag too if one is given; answers its digest. */
  addManifest(name: string, bytes: string | Uint8Array, mediaType: string, tag?: string): string {
    const repository = this.open(name);
    const digest = sha256(bytes);
    const at = this.now();
    if (!repository.manifests.has(digest))
      repository.manifests.set(digest, { bytes: Buffer.from(bytes), mediaType, at });
    if (tag !== undefined)
      repository.tags.set(tag, [...(repository.tags.get(tag) ?? []), { digest, at }]);
    return digest;
  }

  /** The digest a tag names now, or named `msAgo` milliseconds ago. */
  tagged(name: string, tag: string, msAgo = 0): string | undefined {
    const then = this.now() - msAgo;
    return this.find(name)
      ?.tags.get(tag)
      ?.findLast((entry) => msAgo === 0 || entry.at <= then)?.digest;
  }

  /** The manifest under a tag or digest, read as JSON; undefined where there is none. */
  json(name: string, reference: string): unknown {
    const digest = reference.startsWith('sha256:') ? reference : this.tagged(name, reference);
    const manifest = digest === undefined ? undefined : this.find(name)?.manifests.get(digest);
    return manifest === undefined ? undefined : JSON.parse(manifest.bytes.toString('utf8'));
  }

  /** Manifests of a repository whose subject is this digest, in the order they came. */
  referrers(
    name: string,
    subject: string,
  ): { digest: string; manifest: StoredManifest; json: Record<string, unknown> }[] {
    return [...(this.find(name)?.manifests ?? [])].flatMap(([digest, manifest]) => {
      const json = parseObject(manifest.bytes);
      const named = json?.subject as { digest?: unknown } | undefined;
      return json !== undefined && named?.digest === subject ? [{ digest, manifest, json }] : [];
    });
  }

  /** Begins an upload; answers its id. */
  beginUpload(repository: string): string {
    const id = randomBytes(16).toString('hex');
    this.uploads.set(id, {
      repository,
      bytes: Buffer.alloc(0),
      state: randomBytes(12).toString('base64url'),
    });
    return id;
  }

  /**
   * Whether everything that manifests name is there: the digests that are missing, by who names
   * them. Subjects may be missing (spec).
   */
  dangling(): string[] {
    return [...this.repositories].flatMap(([name, { blobs, manifests, tags }]) => [
      ...[...manifests].flatMap(([digest, { bytes }]) =>
        namedBy(bytes)
          .filter((needed) => !blobs.has(needed) && !manifests.has(needed))
          .map((needed) => `${name}@${digest} names ${needed}`),
      ),
      ...[...tags.keys()]
        .filter((tag) => !manifests.has(this.tagged(name, tag) ?? ''))
        .map((tag) => `${name}:${tag} names nothing`),
    ]);
  }
}

/** These bytes as a JSON object, or undefined. */
export function parseObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function namedBy(bytes: Buffer): string[] {
  const { config, layers, manifests } = (parseObject(bytes) ?? {}) as Record<string, unknown>;
  const list = [config, layers, manifests].flat() as ({ digest?: string } | undefined)[];
  return list.flatMap((entry) => (typeof entry?.digest === 'string' ? [entry.digest] : []));
}
