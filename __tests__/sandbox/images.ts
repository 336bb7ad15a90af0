import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type ClientOptions, RegistryClient } from './registry-client.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A manifest that was pushed. */
export interface PushedManifest {
  readonly digest: string;
  readonly mediaType: string;
  /** bytes of the manifest */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PushedImage extends PushedManifest {
  /** host/repository@digest */
  readonly reference: string;
  /** host/repository:tag, when a tag was asked for */
  readonly tagged?: string;
  /**
   * what an index lists, at every depth: images, attestation manifests, nested indexes; empty for a
   * single image
   */
  readonly platforms: readonly PushedManifest[];
}

export interface ImageOptions extends ClientOptions {
  readonly tag?: string;
  /** other seed, other digest; same seed, same digest */
  readonly seed?: string | number;
  /** merged into the image's config */
  readonly config?: Readonly<Record<string, unknown>>;
  /** an index of so many platform images; 0 or absent: a single image */
  readonly platforms?: number;
  /** an attestation manifest beside each platform image, as BuildKit makes them */
  readonly attestations?: boolean;
  /** Docker's media types (manifest list) instead of OCI's */
  readonly docker?: boolean;
  /** so many further indexes around the index */
  readonly nested?: number;
}

const architectures: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
  { os: 'linux', architecture: 's390x' },
  { os: 'linux', architecture: 'ppc64le' },
  { os: 'linux', architecture: 'riscv64' },
  { os: 'linux', architecture: '386' },
  { os: 'linux', architecture: 'arm', variant: 'v6' },
];

/**
 * Pushes a small image, or an index of some, as docker buildx would. The same options give the same
 * digests.
 * @throws Error with the registry's answer when it refuses.
 */
export async function pushImage(
  host: string,
  repository: string,
  options: ImageOptions = {},
): Promise<PushedImage> {
  const oven: Oven = {
    client: new RegistryClient(host, options),
    repository,
    options,
    seed: String(options.seed ?? 1),
  };
  const { platforms = 0 } = options;
  const pushed =
    platforms === 0
      ? { ...(await pushSingle(oven, 0, options.tag)), platforms: [] }
      : await pushIndex(oven, platforms);
  const tagged =
    options.tag === undefined ? {} : { tagged: `${host}/${repository}:${options.tag}` };
  return { ...pushed, reference: `${host}/${repository}@${pushed.digest}`, ...tagged };
}

interface Oven {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly options: ImageOptions;
  readonly seed: string;
}

async function pushSingle(oven: Oven, number: number, tag?: string): Promise<PushedManifest> {
  const { docker = false, config = {} } = oven.options;
  const platform = architectures[number % architectures.length]!;
  const tar = tarOf('etc/seed', `${oven.seed} ${number}\n`);
  const layer = gzipSync(tar);
  layer[9] = 255; // the operating system in gzip's header: the same bytes everywhere
  const configBytes = bytesOf({
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    os: platform.os,
    created: '2024-01-01T00:00:00Z',
    config: {
      Entrypoint: ['/app'],
      Env: ['PATH=/usr/bin'],
      Labels: { seed: oven.seed },
      ...config,
    },
    rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
    history: [{ created: '2024-01-01T00:00:00Z', created_by: 'COPY seed /etc/seed' }],
  });
  const types = docker ? dockerTypes : ociTypes;
  const manifest = bytesOf({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: await pushBlob(oven, types.config, configBytes),
    layers: [await pushBlob(oven, types.layer, layer)],
  });
  return { ...(await pushManifest(oven, types.manifest, manifest, tag)), platform };
}

async function pushIndex(
  oven: Oven,
  count: number,
): Promise<PushedManifest & { platforms: PushedManifest[] }> {
  const { docker = false, attestations = false, nested = 0, tag } = oven.options;
  const images: PushedManifest[] = [];
  for (let number = 0; number < count; number++) images.push(await pushSingle(oven, number));
  const attested: PushedManifest[] = [];
  if (attestations) for (const image of images) attested.push(await pushAttestation(oven, image));
  const mediaType = docker ? dockerTypes.index : ociTypes.index;
  const all = [...images, ...attested];
  const wrap = (children: readonly PushedManifest[], last: boolean) =>
    pushManifest(
      oven,
      mediaType,
      bytesOf({ schemaVersion: 2, mediaType, manifests: children.map(entryOf) }),
      last ? tag : undefined,
    );
  let index = await wrap(all, nested === 0);
  const inner: PushedManifest[] = [];
  for (let depth = 1; depth <= nested; depth++) {
    inner.push(index);
    index = await wrap([index], depth === nested);
  }
  return { ...index, platforms: [...inner.reverse(), ...all] };
}

/**
 * BuildKit's attestation manifest: an image of platform unknown/unknown with an in-toto statement
 * as its layer.
 */
async function pushAttestation(oven: Oven, image: PushedManifest): Promise<PushedManifest> {
  const predicateType = 'https://slsa.dev/provenance/v0.2';
  const [, hex = ''] = image.digest.split(':');
  const statement = bytesOf({
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType,
    subject: [{ name: `pkg:docker/${oven.repository}`, digest: { sha256: hex } }],
    predicate: { builder: { id: '' }, buildType: 'https://mobyproject.org/buildkit@v1' },
  });
  const config = bytesOf({
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: [sha256(statement)] },
  });
  const layer = await pushBlob(oven, 'application/vnd.in-toto+json', statement);
  const manifest = bytesOf({
    schemaVersion: 2,
    mediaType: ociTypes.manifest,
    config: await pushBlob(oven, ociTypes.config, config),
    layers: [{ ...layer, annotations: { 'in-toto.io/predicate-type': predicateType } }],
  });
  return {
    ...(await pushManifest(oven, ociTypes.manifest, manifest)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.digest': image.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  };
}

const ociTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

const dockerTypes = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
};

function entryOf({ mediaType, digest, size, annotations, platform }: PushedManifest) {
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  };
}

async function pushBlob({ client, repository }: Oven, mediaType: string, bytes: Buffer) {
  const digest = sha256(bytes);
  await client.pushBlob(repository, digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

async function pushManifest(
  { client, repository }: Oven,
  mediaType: string,
  bytes: Buffer,
  tag?: string,
): Promise<PushedManifest> {
  const digest = sha256(bytes);
  await client.pushManifest(repository, tag ?? digest, bytes, mediaType);
  return { digest, mediaType, size: bytes.length };
}

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A ustar archive with one file. */
function tarOf(name: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  const content = Buffer.from(text);
  const field = (at: number, value: string) => header.write(value, at, 'latin1');
  field(0, name);
  field(100, '0000644\0');
  field(108, '0000000\0');
  field(116, '0000000\0');
  field(124, `${content.length.toString(8).padStart(11, '0')}\0`);
  field(136, '00000000000\0');
  field(148, '        ');
  field(156, '0');
  field(257, 'ustar\x0000');
  field(
    148,
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  );
  return Buffer.concat([
    header,
    content,
    Buffer.alloc(512 - (content.length % 512)),
    Buffer.alloc(1024),
  ]);
}
