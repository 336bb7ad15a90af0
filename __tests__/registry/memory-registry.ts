import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../src/failure.ts';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf, parseDigest } from '../../src/image/digest.ts';
import type { RepositoryName } from '../../src/image/reference.ts';
import type { FetchedManifest, Repository } from '../../src/registry/repository.ts';

/** Behaviours of real registries. */
export interface RegistryTraits {
  /** as in a reference; default `registry.test` */
  readonly registry?: string;
  /** answers /v2/<name>/referrers/ */
  readonly referrersApi?: boolean;
  /** gives an ETag and honours If-Match and If-None-Match (distribution 2.8 does neither) */
  readonly ifMatch?: boolean;
  /** answers every conditional write of an existing tag with 412, whatever it says */
  readonly alwaysMoved?: boolean;
  /** a tag that exists cannot be written again (ECR, Harbor) */
  readonly immutableTags?: boolean;
  /** answers a tag that looks like a digest with the manifest of that digest (GitLab) */
  readonly tagAnswersImage?: boolean;
  /** this many listings do not show what was pushed last (eventual consistency) */
  readonly lateListings?: number;
}

interface Version {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly mediaType: string;
}

const maxManifest = 4 * 1024 * 1024;

/**
 * One repository of a registry, in memory. It refuses what a real one refuses: manifests whose
 * blobs or children are missing, bytes under another digest, a media type that the body
 * contradicts, answers larger than the caller wants.
 */
export class MemoryRegistry {
  readonly name: RepositoryName;
  readonly blobs = new Map<Digest, Buffer>();
  readonly manifests = new Map<Digest, Version>();
  /** every document that ever stood under a tag, the newest last */
  readonly history = new Map<string, Version[]>();
  /** every request, as "GET manifest <reference>" */
  readonly log: string[] = [];
  /** the conditions of every write of a tag */
  readonly conditions: unknown[] = [];
  /** may throw in place of the answer: ("PUT manifest", reference) */
  trouble: (request: string, reference: string) => void = () => {};
  readonly #traits: RegistryTraits;
  #lateListings: number;

  constructor(traits: RegistryTraits = {}) {
    this.#traits = traits;
    this.name = { registry: traits.registry ?? 'registry.test', repository: 'acme/app' };
    this.#lateListings = traits.lateListings ?? 0;
  }

  /** A client without delays: every request is answered by the registry as it stands. */
  client(): Repository {
    const answer = async <T>(request: string, reference: string, work: () => T): Promise<T> => {
      this.log.push(`${request} ${reference}`);
      await Promise.resolve();
      this.trouble(request, reference);
      return work();
    };
    return {
      name: this.name,
      head: (reference) => answer('HEAD manifest', reference, () => this.#head(reference)),
      getManifest: (reference) => answer('GET manifest', reference, () => this.read(reference)),
      getBlob: (digest, maxBytes) => answer('GET blob', digest, () => this.#blob(digest, maxBytes)),
      putBlob: async (content) => {
        const bytes = await content;
        return answer(
          'PUT blob',
          digestOf(bytes),
          () => void this.blobs.set(digestOf(bytes), Buffer.from(bytes)),
        );
      },
      putManifest: (reference, bytes, mediaType, condition) =>
        answer('PUT manifest', reference, () =>
          this.write(reference, Buffer.from(bytes), mediaType, condition),
        ),
      listReferrers: (digest) => answer('GET referrers', digest, () => this.#referrers(digest)),
    };
  }

  read(
    reference: string,
    version = this.history.get(reference)?.at(-1),
  ): FetchedManifest | undefined {
    const isDigestLike = /^sha256-[0-9a-f]{64}$/.test(reference);
    const found = reference.startsWith('sha256:')
      ? this.manifests.get(reference as Digest)
      : (version ??
        (this.#traits.tagAnswersImage && isDigestLike
          ? this.manifests.get(reference.replace('-', ':') as Digest)
          : undefined));
    if (found === undefined) return undefined;
    if (found.bytes.length > maxManifest)
      throw failure('too-large', `manifest of ${found.bytes.length} bytes`);
    return {
      ...found,
      bytes: Buffer.from(found.bytes),
      ...(this.#traits.ifMatch && { etag: `"${found.digest}"` }),
    };
  }

  write(
    reference: string,
    bytes: Buffer,
    mediaType: string,
    condition: { ifMatch?: string; ifNoneMatch?: '*' } = {},
  ): boolean {
    const digest = digestOf(bytes);
    this.#refuseUnfit(bytes, mediaType);
    if (reference.startsWith('sha256:')) {
      if (reference !== digest) throw failure('registry-error', 'DIGEST_INVALID');
      this.manifests.set(digest, { digest, bytes, mediaType });
      return true;
    }
    this.conditions.push(condition);
    const current = this.history.get(reference)?.at(-1);
    if (this.#traits.immutableTags && current !== undefined)
      throw failure('immutable-tag', `${reference} cannot be moved`);
    if (this.#traits.alwaysMoved && condition.ifMatch !== undefined) return false;
    if (
      this.#traits.ifMatch &&
      condition.ifMatch !== undefined &&
      condition.ifMatch !== `"${current?.digest}"`
    )
      return false;
    if (this.#traits.ifMatch && condition.ifNoneMatch === '*' && current !== undefined)
      return false;
    this.put(reference, bytes, mediaType);
    return true;
  }

  /** Puts a document under a tag without asking whether it is fit. */
  put(tag: string, bytes: Buffer, mediaType: string): void {
    const version = { digest: digestOf(bytes), bytes, mediaType };
    this.manifests.set(version.digest, version);
    this.history.set(tag, [...(this.history.get(tag) ?? []), version]);
  }

  /** The document under a tag, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any document
  json(reference: string): any {
    const found = this.read(reference);
    return found && JSON.parse(found.bytes.toString('utf8'));
  }

  /** Pushes a recorded case of __tests__/fixtures and answers the image's descriptor. */
  load(name: string): Descriptor {
    const folder = join(import.meta.dirname, '../fixtures', name);
    const info = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
    for (const file of readdirSync(join(folder, 'blobs'))) {
      const bytes = readFileSync(join(folder, 'blobs', file));
      this.blobs.set(digestOf(bytes), bytes);
    }
    const index: Record<string, { mediaType: string; digest: string }> = JSON.parse(
      readFileSync(join(folder, 'manifests/index.json'), 'utf8'),
    );
    for (const [reference, { mediaType, digest }] of Object.entries(index)) {
      const bytes = readFileSync(join(folder, 'manifests', `${digest.replace(':', '-')}.json`));
      if (reference.startsWith('sha256:'))
        this.manifests.set(digestOf(bytes), { digest: digestOf(bytes), bytes, mediaType });
      else this.put(reference, bytes, mediaType);
    }
    const image = this.read(info.digest) as FetchedManifest;
    return {
      mediaType: image.mediaType,
      digest: parseDigest(info.digest),
      size: image.bytes.length,
    };
  }

  /** Pushes a small image and answers its descriptor. */
  pushImage(text = 'app'): Descriptor {
    const config = Buffer.from(
      JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Labels: { text } } }),
    );
    this.blobs.set(digestOf(config), config);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
        layers: [],
      }),
    );
    this.write(digestOf(bytes), bytes, mediaTypes.ociManifest);
    return { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  }

  #head(reference: string): Descriptor | undefined {
    const found = this.read(reference);
    return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length };
  }

  #blob(digest: Digest, maxBytes: number): Buffer {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw failure('registry-error', `BLOB_UNKNOWN ${digest}`);
    if (bytes.length > maxBytes) throw failure('too-large', `blob of ${bytes.length} bytes`);
    return Buffer.from(bytes);
  }

  #referrers(digest: Digest): Descriptor[] | undefined {
    if (!this.#traits.referrersApi) return undefined;
    const all = [...this.manifests.values()].flatMap((version) => {
      const manifest = JSON.parse(version.bytes.toString('utf8'));
      if (manifest.subject?.digest !== digest) return [];
      const { mediaType, digest: own, bytes } = version;
      return [
        {
          mediaType,
          digest: own,
          size: bytes.length,
          artifactType: manifest.artifactType ?? manifest.config?.mediaType,
          annotations: manifest.annotations,
        },
      ];
    });
    return this.#lateListings-- > 0 ? all.slice(0, -1) : all;
  }

  #refuseUnfit(bytes: Buffer, mediaType: string): void {
    if (bytes.length > maxManifest) throw failure('registry-error', 'SIZE_INVALID');
    const manifest = JSON.parse(bytes.toString('utf8'));
    if (manifest.mediaType !== mediaType)
      throw failure('registry-error', 'MANIFEST_INVALID: media type');
    const blobs = mediaType === mediaTypes.ociIndex ? [] : [manifest.config, ...manifest.layers];
    for (const { digest, size } of blobs) {
      const blob = this.blobs.get(digest);
      if (blob === undefined) throw failure('registry-error', `MANIFEST_BLOB_UNKNOWN ${digest}`);
      if (blob.length !== size) throw failure('registry-error', `SIZE_INVALID ${digest}`);
    }
    for (const { digest } of manifest.manifests ?? []) {
      if (!this.manifests.has(digest))
        throw failure('registry-error', `MANIFEST_UNKNOWN ${digest}`);
    }
  }
}

function failure(code: ConstructorParameters<typeof Failure>[0], message: string): Failure {
  return new Failure(code, message, 'test');
}

/** Time that passes only when somebody sleeps. */
export function testTools({ deadline = 60_000 }: { deadline?: number } = {}) {
  const clock = { now: 0, slept: [] as number[] };
  const remaining = () => Math.max(0, deadline - clock.now);
  const sleep = async (milliseconds: number) => {
    if (milliseconds >= remaining()) throw failure('timeout', 'the time is up');
    clock.slept.push(milliseconds);
    clock.now += milliseconds;
    await new Promise((resolve) => setImmediate(resolve));
  };
  const tools = {
    clock: { now: () => clock.now },
    deadline: { remaining, sleep },
    random: () => 0.5,
  };
  return { clock, tools };
}
