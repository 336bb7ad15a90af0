import { asFailure, Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { formatRepository, isSameRepository } from '../image/reference.ts';
import { readTargets } from '../image/targets.ts';
import { Copier, copyRoom, nothingCopied } from '../registry/copy.ts';
import { AttachedCopier } from '../registry/copy-attached.ts';
import { recalling } from '../registry/recall.ts';
import { RunMemory } from '../registry/run-memory.ts';
import { openReader } from '../registry/signature-reader.ts';
import { prepare, type Reading } from './prepare.ts';
import type { PromoteReport } from './promote-result.ts';
import { type Copy, finish } from './promotion-end.ts';
import { type Move, planMoves } from './promotion-plan.ts';
import { lookThere, type Roots, verifyAhead } from './promotion-there.ts';
import { openRegistries, type Registries } from './registries.ts';
import type { PromoteRequest } from './request.ts';
import { verify } from './verify.ts';
import type { NotJudged, VerifyResult } from './verify-result.ts';
import type { World } from './world.ts';

/** Images that are on their way at once; their blobs share the memory of the run. */
const atOnce = 24;
/**
 * To a source, at most: for every manifest of an image it is asked for four lists, nearly all of
 * them missing.
 */
const connections = 96;

/**
 * Verifies images, copies those that verify with everything signed about them, verifies the copies
 * by the same requirement, and only then moves their tags. An image that fails does not stop the
 * others; no tag is moved to what has not verified where it lies.
 * @throws {Failure} what ends the run before any image is copied
 */
export async function promote(request: PromoteRequest, world: World): Promise<PromoteReport> {
  const quiet = { ...world, tell: quietly(world.tell), files: withoutKeeping(world.files) };
  const targets = readTargets(request);
  const prepared = prepare(request, quiet, { around: recalling, atOnce: connections });
  const { results, notJudged } = await verify(request, quiet, prepared);
  const moves = planMoves(targets, [...results, ...notJudged.map(unjudged)], request.to);
  const { open } = openRegistries(targetSetting(request), world, openReader);
  const copierOf = openCopiers((prepared.reading as Reading).open, open, world);
  const known = lookForRoots(moves, copierOf);
  const verifying = { request, world: quiet, open };
  const ahead = verifyAhead(known, verifying);
  const copied = await copyAll(moves, { copierOf, known }, request, world);
  const looked = await lookThere(copied, await ahead, verifying);
  const finished = await inParallel(copied, atOnce, async (copy) => {
    const result = await finish(copy, looked(copy), open, world);
    world.tell({ kind: 'promoted', result });
    return result;
  });
  return { results: finished };
}

/** What a gate lets pass without an answer is not verified: it does not move. */
function unjudged({ reference, digest, reason }: NotJudged): VerifyResult {
  return {
    image: reference,
    references: [reference],
    ...(digest === undefined ? {} : { digest }),
    partOf: [],
    asked: true,
    verified: false,
    code: 'not-allowed',
    reason: `Nobody says who must have signed it${reason === undefined ? '.' : `: ${reason}`}`,
    signatures: [],
  };
}

/** What is told of one verification belongs to the other as well: the results say it once. */
function quietly(tell: World['tell']): World['tell'] {
  return (told) => {
    if (told.kind !== 'verified') tell(told);
  };
}

/** Predicates of attestations are kept by a gate, for later steps; here nobody reads them. */
function withoutKeeping(files: World['files']): World['files'] {
  return { ...files, keep: async () => ({ path: '', discard: async () => {} }) };
}

/** The login of the inputs is for the source: it is shown to no target. */
function targetSetting({ registry: { allowHttp, allowInsecure } }: PromoteRequest) {
  return { request: { allowHttp, allowInsecure }, targets: [], access: 'pull,push' as const };
}

type CopierOf = (pair: Pick<Move, 'source' | 'target'>) => Copier;

/** One copier for each pair of repositories; all of a run share their memory. */
function openCopiers(
  from: Registries['open'],
  to: Registries['open'],
  { deadline }: Pick<World, 'deadline'>,
): CopierOf {
  const room = copyRoom();
  const copiers = new Map<string, Copier>();
  return ({ source, target }) => {
    const key = `${formatRepository(source)} ${formatRepository(target)}`;
    const copier =
      copiers.get(key) ?? new Copier(from(source), to(target), { sleep: deadline.sleep }, room);
    copiers.set(key, copier);
    return copier;
  };
}

/** Whether the targets have the images that are first on their way. */
function lookForRoots(moves: readonly Move[], copierOf: CopierOf): Roots {
  return new Map(
    moves
      .slice(0, atOnce)
      .flatMap((move) =>
        move.digest === undefined ? [] : [[move, copierOf(move).isThere(move.digest)] as const],
      ),
  );
}

async function copyAll(
  moves: readonly Move[],
  { copierOf, known }: { readonly copierOf: CopierOf; readonly known: Roots },
  request: Pick<PromoteRequest, 'include' | 'signatureRepository' | 'toSignatureRepository'>,
  world: World,
): Promise<readonly Copy[]> {
  const { clock, deadline } = world;
  const memories = { source: new RunMemory(), target: new RunMemory() };
  let done = 0;
  return inParallel(moves, atOnce, async (move): Promise<Copy> => {
    const [tally, left] = [nothingCopied(), [] as string[]];
    const onLeft = (what: string, why: string) => left.push(`${what}: ${why}`);
    try {
      if (move.digest === undefined) return { move, tally, left };
      const tools = { clock, deadline, memories, include: new Set(request.include), onLeft };
      const attached = attachments(move, request).map(
        (pair) => new AttachedCopier(copierOf(pair), tools, tally),
      );
      const beside = async (digest: Digest, there: Promise<unknown>) => {
        await Promise.all(attached.map((one) => one.copy(digest, there)));
      };
      await copierOf(move).image(move.digest, tally, beside, known.get(move));
      return { move, tally, left };
    } catch (caught) {
      return { move, tally, left, failure: ofTargets(asFailure(caught)) };
    } finally {
      done++;
      world.tell({ kind: 'progress', words: `copied ${done} of ${moves.length}` });
    }
  });
}

/**
 * From where to where goes what is signed about an image: it lies beside the image, and in the
 * signature repository; nothing is copied onto itself.
 */
function attachments(
  { source, target }: Move,
  {
    signatureRepository,
    toSignatureRepository = target,
  }: Pick<PromoteRequest, 'signatureRepository' | 'toSignatureRepository'>,
): readonly Pick<Move, 'source' | 'target'>[] {
  const kept =
    signatureRepository === undefined || isSameRepository(signatureRepository, source)
      ? []
      : [signatureRepository];
  return [source, ...kept]
    .filter((place) => !isSameRepository(place, toSignatureRepository))
    .map((place) => ({ source: place, target: toSignatureRepository }));
}

/** What the registry advises is about what is written, which is at a target. */
function ofTargets(failure: Failure): Failure {
  if (failure.code !== 'immutable-tag') return failure;
  const fix = failure.fix.replace('`signature-repository:', '`to-signature-repository:');
  return new Failure(failure.code, failure.message, fix, { cause: failure });
}
