import { asFailure, Failure } from '../failure.ts';
import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { parseManifest } from '../image/manifest.ts';
import {
  cosignRepositoryName,
  formatRepository,
  parseReference,
  type RepositoryName,
} from '../image/reference.ts';
import type { Keeper, Presence } from '../registry/keeper.ts';
import { readLayers } from '../registry/read-signatures.ts';
import { isProof } from '../registry/referrer-kinds.ts';
import type { CopyRepository } from '../registry/repository.ts';
import type { JsonObject } from '../registry/tag-document.ts';
import { claimsOfSignature } from '../signature/claimed.ts';
import type { ArtifactTag, Content, Orphan } from './inventory-result.ts';
import type { InventoryRequest } from './request.ts';
import type { World } from './world.ts';

// What refers to an image that is gone may be taken away. Everything here errs on the other side: an
// answer that is not clear, a tag that holds something else, a signature that speaks of another
// repository, and nothing is touched.

/** An orphan as it was found, with what goes away beside its tags. */
export interface FoundOrphan extends Orphan {
  /** manifests without a tag that an orphaned list of referrers names, all of them signatures */
  readonly listed: readonly Digest[];
}

const atOnce = 8;
const mostSignatures = 1_000;
const mostListed = 1_000;
const maxManifest = 4 * 1024 * 1024;

/**
 * Looks at what refers to images that are missing.
 * @returns sorted by image; `kept` with a reason, where it is not certain that it is nobody's
 */
export async function findOrphans(
  {
    name,
    named,
    artifacts,
    subjects,
  }: Content & { readonly subjects: ReadonlyMap<Digest, Presence> },
  reader: CopyRepository,
  { env }: Pick<World, 'env'>,
): Promise<readonly FoundOrphan[]> {
  const missing = [...artifacts].filter(([subject]) => subjects.get(subject) === 'missing');
  const elsewhere = elsewhereReason(name, named, env.COSIGN_REPOSITORY);
  const found = await inParallel(missing.sort(bySubject), atOnce, async ([subject, tags]) => {
    const orphan = { subject, artifacts: tags.toSorted(byTag) };
    if (elsewhere !== undefined) return { ...orphan, ...kept(elsewhere), listed: [] };
    try {
      const held = await inParallel(orphan.artifacts, 4, (one) => holds(one, subject, reader));
      const reason = held.find((one) => typeof one === 'string');
      if (typeof reason === 'string') return { ...orphan, ...kept(reason), listed: [] };
      return { ...orphan, state: 'orphaned' as const, listed: held.flat() as Digest[] };
    } catch (caught) {
      const reason = `it could not be read: ${asFailure(caught).message}`;
      return { ...orphan, ...kept(reason), listed: [] };
    }
  });
  return withoutShared(found, named);
}

function kept(reason: string) {
  return { state: 'kept' as const, reason };
}

const bySubject = ([one]: readonly [Digest, unknown], [other]: readonly [Digest, unknown]) =>
  one < other ? -1 : 1;
const byTag = (one: ArtifactTag, other: ArtifactTag) => (one.tag < other.tag ? -1 : 1);
const isArtifact = (tag: string) => /^sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$/.test(tag);

/**
 * A repository of signatures has no images, and all in it would look orphaned.
 * @param given COSIGN_REPOSITORY
 */
function elsewhereReason(
  name: RepositoryName,
  named: Content['named'],
  given: string | undefined,
): string | undefined {
  if (given?.trim() === formatRepository(name))
    return 'COSIGN_REPOSITORY names this repository: it holds the signatures of images that lie elsewhere';
  if (controlOf(named) !== undefined) return undefined;
  return 'no tag of this repository names an image: it may hold the signatures of images that lie elsewhere';
}

/** An image that is there for certain: a registry that denies it cannot be believed. */
function controlOf(named: Content['named']): Digest | undefined {
  for (const [digest, tags] of named) if (tags.some((tag) => !isArtifact(tag))) return digest;
  return undefined;
}

/** Manifests that go with it; or why it is left alone. */
async function holds(
  { tag, digest }: ArtifactTag,
  subject: Digest,
  reader: CopyRepository,
): Promise<readonly Digest[] | string> {
  const fetched = await reader.getManifest(tag, maxManifest);
  if (fetched === undefined || fetched.digest !== digest) return `${tag} has just been changed`;
  const manifest = parseManifest(fetched.bytes, fetched.mediaType);
  const [, suffix] = /\.(sig|att|sbom)$/.exec(tag) ?? [];
  if (suffix === undefined) {
    if (manifest.kind !== 'index') return `${tag} is no list of referrers`;
    return listedIn(
      manifest.manifests.map((entry) => entry.digest),
      subject,
      tag,
      reader,
    );
  }
  if (manifest.kind === 'index') return `${tag} is an index`;
  const types = manifest.layers.map(({ mediaType }) => mediaType);
  const expected = {
    sig: (type: string) => type === mediaTypes.simpleSigning,
    att: (type: string) => type === mediaTypes.dsseEnvelope,
    sbom: (type: string) => /spdx|cyclonedx|syft|sbom/i.test(type) && !/tar/.test(type),
  }[suffix as 'sig' | 'att' | 'sbom'];
  if (types.length === 0 || !types.every(expected))
    return `${tag} holds something else than cosign puts there`;
  if (suffix !== 'sig') return [];
  const place = { digest, reference: `${formatRepository(reader.name)}:${tag}` };
  const layers = manifest.layers as readonly unknown[] as readonly JsonObject[];
  const signatures = await readLayers(reader, place, layers, mostSignatures);
  for (const signature of signatures) {
    const claims = claimsOfSignature(signature);
    if (!('about' in claims)) return `a signature under ${tag} cannot be read`;
    if (claims.dockerReference !== undefined && !isHere(claims.dockerReference, reader.name))
      return `a signature under ${tag} speaks of an image in another repository`;
  }
  return [];
}

/** Also of a promoted copy the signature names the source: nobody can tell the two apart. */
function isHere(dockerReference: string, name: RepositoryName): boolean {
  try {
    const { registry, repository } = parseReference(dockerReference);
    return cosignRepositoryName({ registry, repository }) === cosignRepositoryName(name);
  } catch {
    return false;
  }
}

async function listedIn(
  entries: readonly unknown[],
  subject: Digest,
  tag: string,
  reader: CopyRepository,
): Promise<readonly Digest[] | string> {
  if (entries.length > mostListed) return `${tag} lists more than ${mostListed} manifests`;
  const listed: Digest[] = [];
  const problems = await inParallel(entries, atOnce, async (digest) => {
    if (!isDigest(digest)) return `${tag} lists what is no sha256`;
    const fetched = await reader.getManifest(digest, maxManifest);
    if (fetched === undefined) return undefined;
    const manifest = parseManifest(fetched.bytes, fetched.mediaType);
    // Only a manifest that says itself that it is about the missing image belongs to it.
    if (manifest.kind === 'index' || manifest.subject?.digest !== subject)
      return `${tag} lists a manifest that is not about the missing image`;
    if (!isProof(manifest)) return `${tag} lists more than signatures and attestations`;
    listed.push(digest);
    return undefined;
  });
  return problems.find((problem) => problem !== undefined) ?? listed;
}

/**
 * Taking a manifest away by its digest takes every tag that names it: one that another tag names as
 * well stays.
 */
function withoutShared(
  found: readonly FoundOrphan[],
  named: Content['named'],
): readonly FoundOrphan[] {
  let orphans = found;
  for (;;) {
    const going = new Set(
      orphans.flatMap(({ state, artifacts }) =>
        state === 'orphaned' ? artifacts.map(({ tag }) => tag) : [],
      ),
    );
    const next = orphans.map((orphan): FoundOrphan => {
      if (orphan.state !== 'orphaned') return orphan;
      const digests = [...orphan.artifacts.map(({ digest }) => digest), ...orphan.listed];
      const other = digests.flatMap((one) => named.get(one) ?? []).find((tag) => !going.has(tag));
      return other === undefined
        ? orphan
        : { ...orphan, ...kept(`the tag ${other} names one of its manifests as well`) };
    });
    if (next.every((one, index) => one === orphans[index])) return next;
    orphans = next;
  }
}

/**
 * Takes orphans away, unless it is a dry run. Right before each the registry is asked once more: the
 * image must still be missing, an image that is there must be shown, and every tag must name what was
 * looked at.
 */
export async function pruneOrphans(
  orphans: readonly FoundOrphan[],
  { keeper: open, reader, named }: Pruning,
  { prune, dryRun }: Pick<InventoryRequest, 'prune' | 'dryRun'>,
  { tell }: Pick<World, 'tell'>,
): Promise<readonly Orphan[]> {
  const isAsked = prune && !dryRun && orphans.some(({ state }) => state === 'orphaned');
  const keeper = isAsked ? open() : undefined;
  const current =
    keeper === undefined ? orphans : withoutShared(orphans, await anew(keeper, reader, named));
  const control = controlOf(named);
  let refusal: Failure | undefined;
  const results: Orphan[] = [];
  // One after another: what is taken away is looked at right before.
  for (const { listed, ...orphan } of current) {
    const result =
      keeper === undefined || orphan.state !== 'orphaned'
        ? orphan
        : await pruneOne({ ...orphan, listed }, { keeper, reader, control, refusal });
    refusal ??= result.failure?.code === 'registry-denied' ? result.failure : undefined;
    results.push(result);
    tell({ kind: 'orphan', orphan: result });
  }
  return results;
}

interface Pruning extends Pick<Content, 'named'> {
  /** opened only where something is taken away: it asks for the right to */
  readonly keeper: () => Keeper;
  readonly reader: CopyRepository;
}

/** Tags that have come since the list was read may name what is about to go. */
async function anew(
  keeper: Keeper,
  reader: CopyRepository,
  named: Content['named'],
): Promise<Content['named']> {
  const known = new Set([...named.values()].flat());
  const fresh = (await keeper.tags()).filter((tag) => !known.has(tag));
  const all = new Map(named);
  await inParallel(fresh, atOnce, async (tag) => {
    const digest = (await reader.head(tag))?.digest;
    if (digest !== undefined) all.set(digest, [...(all.get(digest) ?? []), tag]);
  });
  return all;
}

async function pruneOne(
  { listed, ...orphan }: FoundOrphan,
  tools: Pick<Pruning, 'reader'> & {
    readonly keeper: Keeper;
    readonly control: Digest | undefined;
    readonly refusal: Failure | undefined;
  },
): Promise<Orphan> {
  const { keeper, reader, control, refusal } = tools;
  try {
    if (refusal !== undefined) throw refusal;
    const [there, shown] = await Promise.all([
      keeper.presence(orphan.subject),
      control === undefined ? 'missing' : keeper.presence(control),
    ]);
    if (shown !== 'present')
      return {
        ...orphan,
        ...kept(`the registry does not show ${control} either, which a tag names`),
      };
    if (there === 'present') return { ...orphan, ...kept('the image is there again') };
    if (there !== 'missing')
      return { ...orphan, ...kept(`it is not certain that the image is gone: ${there.unclear}`) };
    const named = await inParallel(orphan.artifacts, 4, async ({ tag, digest }) => {
      const found = await reader.head(tag);
      return found === undefined || found.digest === digest;
    });
    if (named.includes(false))
      return { ...orphan, ...kept('one of its tags has just been changed') };
    for (const { tag, digest } of orphan.artifacts) {
      if ((await keeper.remove(tag)) === 'unsupported') await keeper.remove(digest);
      if ((await reader.head(tag)) !== undefined) throw stays(reader.name, tag);
    }
    for (const digest of listed) await keeper.remove(digest);
    return { ...orphan, state: 'pruned' };
  } catch (caught) {
    const failure = asFailure(caught);
    return { ...orphan, state: 'failed', reason: failure.message, failure };
  }
}

function stays(name: RepositoryName, tag: string): Failure {
  return new Failure(
    'registry-error',
    `The registry accepted the removal of ${formatRepository(name)}:${tag}, and still shows it.`,
    'Run the command again; if it stays, ask the operator of the registry.',
  );
}
