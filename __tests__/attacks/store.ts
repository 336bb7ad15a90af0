import type { Digest } from '../../src/image/digest.ts';
import { type RegistryOptions, type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import type { Asked } from '../sandbox/registry-http.ts';
import { sha256 as digestOf } from '../sandbox/registry-store.ts';
import type { Json } from './material.ts';

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  layer: 'application/vnd.dev.cosign.simplesigning.v1+json',
  signature: 'application/vnd.dev.cosign.artifact.sig.v1+json',
} as const;

export interface PlantedImage {
  readonly digest: Digest;
  /** registry/repository */
  readonly reference: string;
}

/** A registry with many repositories, each with an attacker of its own. */
export class Stage {
  readonly registry: SandboxRegistry;
  readonly #shelves = new Map<string, SignatureStore>();

  private constructor(registry: SandboxRegistry) {
    this.registry = registry;
    const of = ({ path }: Asked) =>
      this.#shelves.get(/^\/v2\/([a-z]+\/[a-z0-9-]+)\//.exec(path)?.[1] ?? '');
    registry.set({
      override: (asked, usual) => of(asked)?.override?.(asked, usual),
      faults: (asked, index) => of(asked)?.faults?.(asked, index),
    });
  }

  static async start(options: RegistryOptions = { referrersApi: true }): Promise<Stage> {
    return new Stage(await startRegistry(options));
  }

  store(): SignatureStore {
    const store = new SignatureStore(this.registry, `attacks/case-${this.#shelves.size}`);
    this.#shelves.set(store.repository, store);
    return store;
  }

  close(): Promise<void> {
    return this.registry.close();
  }
}

/**
 * One repository of the sandbox registry, where an attacker may put anything: nothing is checked.
 */
export class SignatureStore {
  readonly registry: SandboxRegistry;
  readonly repository: string;
  readonly image: PlantedImage;
  /** how the registry behaves for this repository */
  override: RegistryOptions['override'];
  faults: RegistryOptions['faults'];
  readonly #layers: Json[] = [];

  constructor(registry: SandboxRegistry, repository: string) {
    this.registry = registry;
    this.repository = repository;
    this.image = this.newImage('app');
  }

  newImage(text: string): PlantedImage {
    const digest = this.manifest({
      config: this.blob(JSON.stringify({ os: 'linux', architecture: 'amd64', text }), types.config),
      layers: [],
    });
    return { digest: digest as Digest, reference: `${this.registry.host}/${this.repository}` };
  }

  blob(bytes: Uint8Array | string, mediaType: string): Json {
    return {
      mediaType,
      digest: this.registry.store.addBlob(this.repository, bytes),
      size: Buffer.byteLength(bytes),
    };
  }

  /** Plants a manifest or, with `mediaType`, anything; answers its digest. */
  manifest(
    content: Json | Buffer | string,
    tag?: string,
    mediaType: string = types.manifest,
  ): string {
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    const bytes = isText ? content : JSON.stringify({ schemaVersion: 2, mediaType, ...content });
    return this.registry.store.addManifest(this.repository, bytes, mediaType, tag);
  }

  /**
   * Puts a bundle there as a referrer of the image; `edit` changes its manifest. Answers the
   * manifest's digest.
   */
  bundle(bundle: Json | Buffer | string, edit: (manifest: Json) => void = () => {}): string {
    const bytes =
      typeof bundle === 'string' || Buffer.isBuffer(bundle) ? bundle : JSON.stringify(bundle);
    const manifest: Json = {
      artifactType: types.bundle,
      config: this.blob('{}', types.empty),
      layers: [this.blob(bytes, types.bundle)],
      subject: {
        mediaType: types.manifest,
        digest: this.image.digest,
        size: this.#sizeOf(this.image.digest),
      },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
      },
    };
    edit(manifest);
    return this.manifest(manifest);
  }

  /**
   * Adds a legacy layer and writes the `.sig` tag anew; `edit` changes the manifest. Answers the
   * manifest's digest.
   */
  layer(
    { payload, annotations }: { payload: Buffer; annotations: Json },
    edit: (manifest: Json) => void = () => {},
  ): string {
    this.#layers.push({ ...this.blob(payload, types.layer), annotations });
    const config = JSON.stringify({
      rootfs: { type: 'layers', diff_ids: this.#layers.map(({ digest }) => digest) },
    });
    const manifest: Json = {
      config: this.blob(config, types.config),
      layers: structuredClone(this.#layers),
    };
    edit(manifest);
    return this.manifest(manifest, `${this.referrersTag}.sig`);
  }

  /** Lists these under the referrers tag. */
  tag(entries: readonly unknown[], more: Json = {}): string {
    return this.manifest({ manifests: entries, ...more }, this.referrersTag, types.index);
  }

  /** A manifest as a list of referrers names it. */
  entry(digest: string, more: Json = {}): Json {
    return {
      mediaType: types.manifest,
      digest,
      size: this.#sizeOf(digest),
      artifactType: types.bundle,
      ...more,
    };
  }

  get referrersTag(): string {
    return this.image.digest.replace(':', '-');
  }

  /** Puts other bytes under the digest of a blob or manifest: the registry lies. */
  swap(digest: string, bytes: Uint8Array | string): void {
    const content = this.registry.store.open(this.repository);
    const manifest = content.manifests.get(digest);
    if (manifest === undefined) content.blobs.set(digest, Buffer.from(bytes));
    else content.manifests.set(digest, { ...manifest, bytes: Buffer.from(bytes) });
  }

  #sizeOf(digest: string): number {
    return this.registry.store.find(this.repository)?.manifests.get(digest)?.bytes.length ?? 0;
  }
}

export { digestOf, types };
