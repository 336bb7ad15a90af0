import { Failure } from '../failure.ts';
import { type Descriptor, platformName } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { describe } from './manifest.ts';
import {
  formatReference,
  formatRepository,
  type ImageReference,
  type RepositoryName,
} from './reference.ts';
import { walkIndex } from './walk.ts';

/** What resolving needs of a repository. */
export interface ManifestSource {
  head(reference: string): Promise<Descriptor | undefined>;
  getManifest(
    reference: string,
  ): Promise<{ digest: Digest; mediaType: string; bytes: Buffer } | undefined>;
}

/** One thing that gets signed, or verified: a manifest of a repository, known by its digest. */
export interface Image {
  readonly name: RepositoryName;
  readonly digest: Digest;
  /** Settles when the registry has answered; rejects with what resolving throws. */
  readonly subject: Promise<Descriptor>;
  /** as the user wrote it, tags included */
  readonly references: readonly string[];
  /** `linux/amd64` …, for what was found inside an index */
  readonly platform?: string;
  /** `registry/repository@digest` of the index it was found in */
  readonly partOf?: string;
}

/** `registry/repository@digest`: the one name of an image, whatever it was asked for with. */
export function imageName({ name, digest }: Pick<Image, 'name' | 'digest'>): string {
  return `${formatRepository(name)}@${digest}`;
}

/**
 * What the user named: a reference and, where it is known before asking the registry, the digest.
 */
export interface ImageTarget {
  readonly reference: ImageReference;
  readonly digest?: Digest;
  readonly references: readonly string[];
}

export interface ResolveTools {
  readonly open: (name: RepositoryName) => ManifestSource;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly recursive: boolean;
  /**
   * what the descriptor of an image comes from. A signer reads the manifest: it signs nothing that is
   * none, and says of it what the bytes say. Who only needs to know the digest asks for the headers.
   */
  readonly describedBy: 'bytes' | 'headers';
  /** told once for each reference that names only a tag: a tag can move between push and signing */
  readonly onTagOnly: (reference: string, digest: Digest) => void;
}

/**
 * How often a manifest that was just pushed, and is not known yet, is looked for again, and the
 * pauses between, in milliseconds.
 */
const pauses = [250, 500, 1000, 2000];

/**
 * Resolves one target to the images it stands for. A tag is resolved once, here; from then on only
 * the digest counts. Where the digest is known the answer is immediate and
 * `subject` is under way, so that other requests can run beside it.
 * @returns the image itself first; with `recursive`, then every manifest inside the index, each
 * once.
 * @throws {Failure} `image-not-found`, `bad-manifest`, or what the source throws.
 */
export async function resolveTarget(
  target: ImageTarget,
  tools: ResolveTools,
): Promise<readonly Image[]> {
  const source = tools.open(target.reference);
  const wanted = target.digest ?? target.reference.tag ?? 'latest';
  if (tools.recursive) return resolveRecursive(source, wanted, target, tools);
  const ask = tools.describedBy === 'bytes' ? read(source) : glance(source);
  const answer = patiently(() => ask(wanted), target, tools).then((found) =>
    signable(found, target),
  );
  if (target.digest !== undefined) {
    answer.catch(() => {}); // awaited by whoever uses the image; until then it must not end the process
    return [imageOf(target, target.digest, answer)];
  }
  const { digest } = await answer;
  tools.onTagOnly(nameOf(target), digest);
  return [imageOf(target, digest, answer)];
}

/**
 * Headers, where they name a manifest. A page for people, an error in JSON, or a "not found" that
 * only a HEAD gets (proxies do that) is looked into.
 */
function glance(source: ManifestSource): ManifestSource['head'] {
  const look = read(source);
  return async (reference) => {
    const found = await source.head(reference);
    return found?.mediaType.startsWith('application/vnd.') ? found : look(reference);
  };
}

/** @throws {Failure} `bad-manifest` from the answered function, for what is none */
function read(source: ManifestSource): ManifestSource['head'] {
  return async (reference) => {
    const manifest = await source.getManifest(reference);
    return manifest && describe(manifest);
  };
}

async function resolveRecursive(
  source: ManifestSource,
  wanted: string,
  target: ImageTarget,
  tools: ResolveTools,
): Promise<Image[]> {
  const root = await patiently(() => source.getManifest(wanted), target, tools);
  if (target.digest === undefined) tools.onTagOnly(nameOf(target), root.digest);
  const children = await walkIndex(
    (digest) => patiently(() => source.getManifest(digest), target, tools),
    root,
  );
  const own = describe(root);
  const partOf = `${formatRepository(target.reference)}@${root.digest}`;
  return [
    imageOf(target, root.digest, Promise.resolve(own)),
    ...children.map((child) => {
      const platform = platformName(child);
      const { mediaType, digest, size } = child;
      return {
        ...imageOf(target, digest, Promise.resolve({ mediaType, digest, size })),
        partOf,
        ...(platform === undefined ? {} : { platform }),
      };
    }),
  ];
}

/**
 * Asks again for a while when the answer is "no such manifest": some registries know a pushed
 * manifest only after some seconds.
 */
async function patiently<T>(
  ask: () => Promise<T | undefined>,
  target: ImageTarget,
  tools: ResolveTools,
): Promise<T> {
  for (const pause of pauses) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await tools.sleep(pause);
  }
  const { digest } = target;
  const named = nameOf(target);
  throw new Failure(
    'image-not-found',
    `The registry has no image ${digest === undefined || named.includes('@') ? named : `${named.replace(/:[^/]*$/, '')}@${digest}`}.`,
    'Run this step after the push, and pass the digest that the push printed, not the image id: `digest: ${{ steps.build.outputs.digest }}`.',
  );
}

/**
 * Docker's schema 1 signs itself inside the manifest: its digest is not the hash of its bytes, so
 * nobody could check what was signed.
 */
function signable(manifest: Descriptor, target: ImageTarget): Descriptor {
  if (!manifest.mediaType.startsWith('application/vnd.docker.distribution.manifest.v1+'))
    return manifest;
  throw new Failure(
    'bad-manifest',
    `${nameOf(target)} is an image in Docker's schema 1, whose digest does not cover its bytes.`,
    'Build and push the image again with a current tool (docker/build-push-action), and sign that.',
  );
}

function imageOf(
  target: ImageTarget,
  digest: Digest,
  subject: Promise<Descriptor>,
  platform?: string,
): Image {
  const { registry, repository } = target.reference;
  return {
    name: { registry, repository },
    digest,
    subject,
    references: target.references,
    ...(platform === undefined ? {} : { platform }),
  };
}

function nameOf(target: ImageTarget): string {
  return target.references[0] ?? formatReference(target.reference);
}

/**
 * The same digest in the same repository is one image, whatever names and indexes led to it; all
 * its names are kept.
 */
export function uniqueImages(images: readonly Image[]): readonly Image[] {
  const unique = new Map<string, Image>();
  for (const image of images) {
    const key = imageName(image);
    const known = unique.get(key);
    unique.set(
      key,
      known === undefined
        ? image
        : {
            ...(known.partOf === undefined ? known : image),
            references: [...new Set([...known.references, ...image.references])],
          },
    );
  }
  return [...unique.values()];
}
