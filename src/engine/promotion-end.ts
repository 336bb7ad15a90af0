import { asFailure, Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { formatRepository } from '../image/reference.ts';
import type { CopyTally } from '../registry/copy.ts';
import type { CopyRepository } from '../registry/repository.ts';
import type { MovedTag, PromoteResult } from './promote-result.ts';
import type { Move } from './promotion-plan.ts';
import type { VerifyResult } from './verify-result.ts';
import type { World } from './world.ts';

/** A move, and how far it came. */
export interface Copy {
  readonly move: Move;
  readonly tally: CopyTally;
  readonly left: readonly string[];
  /** why it was not copied */
  readonly failure?: Failure;
}

/** What the gate says of the copies, by their names at the targets; or why it says nothing. */
export type There = ReadonlyMap<string, VerifyResult> | Failure;

/** Why an image is not promoted: what happened, and what is where. */
interface Obstacle {
  readonly code: string;
  readonly reason: string;
  readonly cause?: Failure | undefined;
  readonly judged?: VerifyResult | undefined;
}

type Open = (name: Move['target']) => CopyRepository;

/** What tags name before they are moved. */
export type TagsBefore = ReadonlyMap<string, Promise<Digest | undefined>>;

/** Looks what the tags of a copy name, beside its verification. Nothing for what was not copied. */
export function lookAtTags({ move, failure }: Copy, open: Open): TagsBefore {
  if (failure !== undefined || move.digest === undefined) return new Map();
  return new Map(
    move.tags.map((tag) => {
      const named = open(move.target)
        .head(tag)
        .then((found) => found?.digest);
      named.catch(() => {}); // told where the tag is moved
      return [tag, named];
    }),
  );
}

/**
 * Ends a move: its tags go to the copy, but only where it was copied whole and the gate has verified
 * it there.
 */
export async function finish(
  copy: Copy,
  there: There,
  { open, before }: { readonly open: Open; readonly before: TagsBefore | undefined },
  world: Pick<World, 'deadline'>,
): Promise<PromoteResult> {
  const { move, tally, left } = copy;
  const { result, digest } = move;
  const target = formatRepository(move.target);
  const head = {
    source: result.image,
    references: result.references,
    image: digest === undefined ? target : `${target}@${digest}`,
    ...(digest === undefined ? {} : { digest }),
    copied: tally,
    left,
  };
  const obstacle = obstacleOf(copy, there, head.image);
  if (digest === undefined || obstacle !== undefined)
    return { ...head, ...failed(obstacle as Obstacle), verified: false, tags: [] };
  const tagged = { names: move.tags, before: before ?? lookAtTags(copy, open) };
  const { moved, tags, failure } = await moveTags(open(move.target), tagged, digest, world);
  if (failure !== undefined) {
    const unmoved = move.tags.filter((tag) => !tags.some((one) => one.tag === tag));
    const names = unmoved.map((tag) => `:${tag}`).join(', ');
    const reason = `${head.image} was copied and verifies there, and ${names} could not be moved to it: ${failure.message}`;
    return {
      ...head,
      ...failed({ code: failure.code, reason, cause: failure }),
      verified: true,
      tags,
    };
  }
  const isNew = moved || Object.values(tally).some((count) => count > 0);
  return { ...head, status: isNew ? 'promoted' : 'already-promoted', verified: true, tags };
}

/** Undefined only for what was copied whole, and verified where it lies now. */
function obstacleOf(
  { move: { result, digest, target }, left, failure }: Copy,
  there: There,
  image: string,
): Obstacle | undefined {
  const place = formatRepository(target);
  const inside = 'something inside it does not verify.';
  if (digest === undefined)
    return {
      code: result.code ?? 'not-verified',
      reason: `${result.image} does not verify, so nothing of it was copied to ${place}: ${result.reason ?? inside}`,
      cause: result.failure,
      judged: result,
    };
  if (failure !== undefined)
    return {
      code: failure.code,
      reason: `The copy to ${place} stopped: ${failure.message} No tag was moved there. What has arrived lies there without a name, and the next run goes on from it.`,
      cause: failure,
    };
  if (there instanceof Failure)
    return {
      code: there.code,
      reason: `${image} was copied, and could not be verified there: ${there.message} No tag was moved.`,
      cause: there,
    };
  const found = there.get(image);
  if (found?.verified === true) return lostOf(result, found, image, left.length);
  return {
    code: found?.code ?? 'not-verified',
    reason: `${image} was copied, and does not verify there, though it does at ${result.image}: ${found?.reason ?? inside} No tag was moved.`,
    cause: found?.failure,
    judged: found,
  };
}

/**
 * A registry that answers a list once with nothing would have a signature stay behind unseen. What
 * was left behind knowingly is told.
 */
function lostOf(
  { image: source, signatures }: VerifyResult,
  found: VerifyResult,
  image: string,
  leftBehind: number,
): Obstacle | undefined {
  const good = (all: VerifyResult['signatures'], kind: 'bundle' | 'legacy') =>
    all.filter(({ verified, format }) => verified && format === kind);
  const bundles = new Set(good(found.signatures, 'bundle').map(({ digest }) => digest));
  const lost =
    good(signatures, 'bundle').filter(({ digest }) => !bundles.has(digest)).length +
    Math.max(0, good(signatures, 'legacy').length - good(found.signatures, 'legacy').length);
  if (lost === 0 || leftBehind > 0) return undefined;
  const reason = `${image} was copied, and ${lost} of the signatures that verify at ${source} are not found there. No tag was moved.`;
  const fix =
    'Run the job again: what is there already is not written twice. If it stays, the registry does not show what it has accepted.';
  return { code: 'signature-lost', reason, cause: new Failure('signature-lost', reason, fix) };
}

function failed({ code, reason, cause, judged }: Obstacle) {
  return {
    status: 'failed' as const,
    code,
    reason,
    ...(cause === undefined
      ? {}
      : { failure: new Failure(cause.code, reason, cause.fix, { cause }) }),
    ...(judged === undefined ? {} : { judged }),
  };
}

/** Moves every tag that can be moved; the first failure is told with those that were. */
async function moveTags(
  repository: CopyRepository,
  { names, before }: { readonly names: readonly string[]; readonly before: TagsBefore },
  digest: Digest,
  world: Pick<World, 'deadline'>,
) {
  const tags: MovedTag[] = [];
  let moved = false;
  let failure: Failure | undefined;
  await inParallel(names, 4, async (tag) => {
    try {
      const was = await moveTag(repository, { tag, before: await before.get(tag) }, digest, world);
      moved ||= was.moved;
      tags.push({ tag, ...(was.before === undefined ? {} : { before: was.before }) });
    } catch (caught) {
      failure ??= asFailure(caught);
    }
  });
  return { moved, tags, failure };
}

/** Puts the very bytes that have verified under a tag, and looks whether it names them. */
async function moveTag(
  repository: CopyRepository,
  { tag, before }: { readonly tag: string; readonly before: Digest | undefined },
  digest: Digest,
  { deadline }: Pick<World, 'deadline'>,
): Promise<{ readonly moved: boolean; readonly before?: Digest }> {
  if (before === digest) return { moved: false };
  const fetched = await repository.getManifest(digest);
  if (fetched === undefined) throw unseen(repository, digest);
  await repository.putManifest(tag, fetched.bytes, fetched.mediaType);
  for (const pause of [250, 500, 1000, 2000]) {
    if ((await repository.getManifest(tag))?.digest === digest)
      return { moved: true, ...(before === undefined ? {} : { before }) };
    await deadline.sleep(pause); // registries may answer a tag from a cache
  }
  throw unseen(repository, tag);
}

function unseen({ name }: CopyRepository, what: string): Failure {
  return new Failure(
    'registry-error',
    `The registry accepted it, and ${formatRepository(name)}${what.includes(':') ? '@' : ':'}${what} does not answer with it.`,
    'Somebody else may push to this tag at the same time. Run the job again; if it stays, ask the operator of the registry.',
  );
}
