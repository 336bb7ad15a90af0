import { asFailure, Failure } from '../failure.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { inOrder, inParallel } from '../image/in-parallel.ts';
import { isIndexType } from '../image/manifest.ts';
import { formatRepository, type RepositoryName } from '../image/reference.ts';
import { walkIndex } from '../image/walk.ts';
import { type Keeper, openKeeper } from '../registry/keeper.ts';
import { openReader } from '../registry/signature-reader.ts';
import { openInventoryJudge, type Present } from './inventory-judge.ts';
import type { Content, InventoryImage, InventoryReport } from './inventory-result.ts';
import { findOrphans, pruneOrphans } from './orphans.ts';
import { readingLimits } from './prepare.ts';
import { openRegistries, registryOptions } from './registries.ts';
import type { InventoryRequest } from './request.ts';
import { resignImages } from './resign.ts';
import type { World } from './world.ts';

/** Images, or tags, that are asked about at the same time. */
const atOnce = 24;
const artifact = /^sha256-([0-9a-f]{64})(\.(?:sig|att|sbom))?$/;

/**
 * Lists what is in a repository and what is signed about it; signs again with a new key what a key
 * asked for has signed; takes away what belongs to images that are gone. Images and orphans are told
 * as they are done.
 * @throws {Failure} what ends the run before the first image: of the list of tags, of the trusted
 * root, `bad-key`. What happens to an image is in its result.
 */
export async function inventory(request: InventoryRequest, world: World): Promise<InventoryReport> {
  const { repository } = request;
  const setting = {
    request: request.registry,
    targets: [{ reference: repository, source: 'images' as const }],
    limits: readingLimits(request.timeout).registries,
  };
  const options = registryOptions({ ...setting, access: 'pull' }, world);
  const keeper = openKeeper(repository, options);
  const { open } = openRegistries({ ...setting, access: 'pull' }, world, openReader);
  const judge = await openInventoryJudge(open(repository), request, world);
  const tags = await keeper.tags();
  world.tell({ kind: 'progress', words: `${tags.length} tags` });
  const content = await sortTags(tags, open(repository), world);
  const inside = request.recursive ? await lookInside(content, open(repository)) : new Map();
  const subjects = await presenceOf(content, inside, keeper);
  const images = await judgeAll({ ...content, inside, subjects }, judge, world);
  const orphans = await findOrphans({ ...content, subjects }, open(repository), world);
  const resigned = await resignImages(images, request, world);
  const deleting = () =>
    openKeeper(repository, registryOptions({ ...setting, access: 'pull,delete' }, world));
  const pruning = { keeper: deleting, reader: open(repository), named: content.named };
  const pruned = await pruneOrphans(orphans, pruning, request, world);
  return { images: resigned, orphans: pruned };
}

type Reader = ReturnType<ReturnType<typeof openRegistries>['open']>;

async function sortTags(tags: readonly string[], reader: Reader, world: World): Promise<Content> {
  const named = new Map<Digest, string[]>();
  const artifacts = new Map<Digest, { tag: string; digest: Digest }[]>();
  const indexes = new Set<Digest>();
  const failed: InventoryImage[] = [];
  let done = 0;
  await inParallel(tags, atOnce * 2, async (tag) => {
    if (++done % 100 === 0)
      world.tell({ kind: 'progress', words: `resolved ${done} of ${tags.length} tags` });
    let found: Awaited<ReturnType<Reader['head']>>;
    try {
      found = await reader.head(tag);
    } catch (caught) {
      failed.push(unread(`${formatRepository(reader.name)}:${tag}`, [tag], asFailure(caught)));
      return;
    }
    if (found === undefined) {
      failed.push(unread(`${formatRepository(reader.name)}:${tag}`, [tag], unseen(tag)));
      return;
    }
    const { digest, mediaType } = found;
    add(named, digest, tag);
    const [, hex] = artifact.exec(tag) ?? [];
    if (hex !== undefined) add(artifacts, `sha256:${hex}` as Digest, { tag, digest });
    else if (isIndexType(mediaType)) indexes.add(digest);
  });
  for (const list of named.values()) list.sort();
  failed.sort((one, other) => (one.image < other.image ? -1 : 1));
  return { name: reader.name, named, artifacts, indexes: [...indexes], failed };
}

function add<T>(map: Map<Digest, T[]>, digest: Digest, value: T): void {
  const list = map.get(digest);
  if (list === undefined) map.set(digest, [value]);
  else list.push(value);
}

/** The manifests inside the indexes that tags name, and where they lie. */
async function lookInside(
  { indexes, name }: Content,
  reader: Reader,
): Promise<ReadonlyMap<Digest, readonly string[]>> {
  const inside = new Map<Digest, string[]>();
  const read = async (digest: Digest) => {
    const found = await reader.getManifest(digest);
    if (found !== undefined) return found;
    throw new Failure(
      'image-not-found',
      `The registry has no manifest ${formatRepository(name)}@${digest}, which a tag or an index names.`,
      'Push the image again, or remove the tag.',
    );
  };
  await inParallel(indexes, atOnce, async (index) => {
    for (const { digest } of await walkIndex(read, await read(index)))
      add(inside, digest, `${formatRepository(name)}@${index}`);
  });
  return inside;
}

/** Images that tags of signatures speak of, and no other tag names: are they there? */
async function presenceOf(
  { named, artifacts }: Content,
  inside: ReadonlyMap<Digest, unknown>,
  keeper: Keeper,
) {
  const asked = [...artifacts.keys()].filter((digest) => !named.has(digest) && !inside.has(digest));
  const answers = await inParallel(asked.sort(), atOnce, async (digest) => {
    const presence = await keeper.presence(digest);
    return [digest, presence] as const;
  });
  return new Map(answers);
}

async function judgeAll(
  {
    name,
    named,
    failed,
    inside,
    subjects,
  }: Content & {
    readonly inside: ReadonlyMap<Digest, readonly string[]>;
    readonly subjects: ReadonlyMap<Digest, unknown>;
  },
  judge: (image: Present) => Promise<InventoryImage>,
  world: World,
): Promise<readonly InventoryImage[]> {
  const tagged = [...named]
    .map(([digest, tags]) => ({ digest, tags: tags.filter((tag) => !artifact.test(tag)) }))
    .filter(({ tags }) => tags.length > 0)
    .sort((one, other) => ((one.tags[0] ?? '') < (other.tags[0] ?? '') ? -1 : 1));
  const known = new Set(tagged.map(({ digest }) => digest));
  const untagged = [
    ...inside.keys(),
    ...[...subjects].flatMap(([digest, presence]) => (presence === 'missing' ? [] : [digest])),
  ]
    .filter((digest) => isDigest(digest) && !known.has(digest))
    .sort()
    .map((digest) => ({ digest, tags: [] as string[] }));
  const all = [...tagged, ...untagged];
  for (const image of failed) world.tell({ kind: 'listed', image });
  const tell = inOrder(
    all.map(({ digest }) => digest),
    (image: InventoryImage) => world.tell({ kind: 'listed', image }),
  );
  let done = 0;
  const judged = await inParallel(
    all,
    atOnce,
    async ({ digest, tags }): Promise<InventoryImage> => {
      const partOf = inside.get(digest) ?? [];
      const presence = subjects.get(digest);
      const result = await judgeOne({ name, digest, tags, partOf, presence }, judge);
      world.tell({ kind: 'progress', words: `read ${++done} of ${all.length} images` });
      tell(digest, result);
      return result;
    },
  );
  return [...failed, ...judged];
}

async function judgeOne(
  { presence, ...image }: Present & { readonly name: RepositoryName; readonly presence: unknown },
  judge: (image: Present) => Promise<InventoryImage>,
): Promise<InventoryImage> {
  const reference = `${formatRepository(image.name)}@${image.digest}`;
  if (typeof presence === 'object' && presence !== null && 'unclear' in presence)
    return {
      ...unread(reference, image.tags, undefined),
      digest: image.digest,
      code: 'unresolved',
      reason: `Nobody can say whether this image is there, and what refers to it is left alone: ${String(presence.unclear)}`,
    };
  try {
    return await judge(image);
  } catch (caught) {
    const failure = asFailure(caught);
    return {
      ...unread(reference, image.tags, failure),
      digest: image.digest,
      partOf: image.partOf,
    };
  }
}

function unseen(tag: string): Failure {
  return new Failure(
    'image-not-found',
    `The tag ${tag} is listed, and the registry does not show what it names: it has just been removed, or this login may not see it.`,
    'Run the command again; if it stays, ask the operator of the registry.',
  );
}

/** An error is never "unsigned". */
function unread(
  image: string,
  tags: readonly string[],
  failure: Failure | undefined,
): InventoryImage {
  return {
    image,
    tags,
    partOf: [],
    signatures: [],
    attestations: [],
    ...(failure === undefined ? {} : { code: failure.code, reason: failure.message, failure }),
  };
}
