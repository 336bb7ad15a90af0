import { asFailure, Failure } from '../failure.ts';
import { inParallel } from '../image/in-parallel.ts';
import { formatRepository, isSameRepository } from '../image/reference.ts';
import { imageName } from '../image/resolve.ts';
import { readTargets } from '../image/targets.ts';
import { Copier, copyRoom, nothingCopied } from '../registry/copy.ts';
import { AttachedCopier } from '../registry/copy-attached.ts';
import { recalling, type SharedLooks, sharedLooks } from '../registry/recall.ts';
import { RunMemory } from '../registry/run-memory.ts';
import { openReader } from '../registry/signature-reader.ts';
import { prepare, type Reading, type ReadingOptions } from './prepare.ts';
import type { PromoteReport } from './promote-result.ts';
import { type Copy, finish, lookAtTags, type There } from './promotion-end.ts';
import { type Move, planMoves } from './promotion-plan.ts';
import { openRegistries, type Registries } from './registries.ts';
import type { PromoteRequest } from './request.ts';
import { verify, verifyCopies } from './verify.ts';
import { isWhole, type NotJudged, type VerifyResult } from './verify-result.ts';
import type { World } from './world.ts';

/** Images that are on their way at once; their blobs share the memory of the run. */
const atOnce = 24;
/**
 * To a source, at most: for every manifest of an image it is asked for four lists, nearly all of
 * them missing.
 */
const connections = 96;
/** Questions to a target at once before anything is written there: as many as a gate asks. */
const lookingAtOnce = 64;

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
  const looks = openTargets(request, world);
  const present = verifyPresent(moves, looks, request, quiet);
  const open = looks.view();
  const copied = await copyAll(moves, { from: prepared.reading as Reading, open }, request, world);
  const before = new Map(copied.map((copy) => [copy, lookAtTags(copy, open)]));
  const known = await present;
  const isKnown = (copy: Copy) => isUntouched(copy) && known.get(placeOf(copy))?.verified === true;
  const rest = new Set(copied.filter((copy) => !isKnown(copy)));
  const verified = await verifyThere([...rest], request, quiet);
  const finished = await inParallel(copied, atOnce, async (copy) => {
    const there = rest.has(copy) ? verified : known;
    const result = await finish(copy, there, { before: before.get(copy), open }, world);
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

/** The targets, as those see them who compare, copy and verify. */
function openTargets(request: PromoteRequest, world: World): SharedLooks {
  const setting = targetSetting(request);
  const looking = { ...setting, limits: { atOnce: lookingAtOnce } };
  return sharedLooks(
    openRegistries(looking, world, openReader).open,
    openRegistries(setting, world, openReader).open,
  );
}

/**
 * Verifies, beside the copying, what the targets have already: a second run has nothing else to do.
 * What it finds counts only for an image that verifies and that nothing was written of. Everything
 * else is verified when it has been copied.
 */
async function verifyPresent(
  moves: readonly Move[],
  looks: SharedLooks,
  request: PromoteRequest,
  world: World,
): Promise<Exclude<There, Failure>> {
  const look = looks.view();
  const asked = await inParallel(moves, lookingAtOnce, async (move) => {
    if (move.digest === undefined) return [];
    const found = await look(move.target)
      .head(move.digest)
      .catch(() => undefined); // told by whoever copies
    return found === undefined ? [] : [{ move }];
  });
  const there = await verifyThere(asked.flat(), request, world, { around: () => looks.view() });
  return there instanceof Failure ? new Map() : there;
}

function isUntouched({ failure, tally }: Copy): boolean {
  return failure === undefined && Object.values(tally).every((count) => count === 0);
}

function placeOf({ move: { target, digest } }: Copy): string {
  return digest === undefined ? '' : imageName({ name: target, digest });
}

async function copyAll(
  moves: readonly Move[],
  { from, open }: { readonly from: Pick<Reading, 'open'>; readonly open: Registries['open'] },
  request: Pick<PromoteRequest, 'include' | 'signatureRepository' | 'toSignatureRepository'>,
  world: World,
): Promise<readonly Copy[]> {
  const { clock, deadline } = world;
  const [room, memories] = [copyRoom(), { source: new RunMemory(), target: new RunMemory() }];
  const copiers = new Map<string, Copier>();
  const copierOf = ({ source, target }: Pick<Move, 'source' | 'target'>) => {
    const key = `${formatRepository(source)} ${formatRepository(target)}`;
    const copier =
      copiers.get(key) ??
      new Copier(from.open(source), open(target), { sleep: deadline.sleep }, room);
    copiers.set(key, copier);
    return copier;
  };
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
      await copierOf(move).image(move.digest, tally, async (digest, there) => {
        await Promise.all(attached.map((one) => one.copy(digest, there)));
      });
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

async function verifyThere(
  copied: readonly Pick<Copy, 'move' | 'failure'>[],
  request: PromoteRequest,
  world: World,
  how: ReadingOptions = {},
): Promise<There> {
  const arrived = copied.flatMap(({ move, failure }) =>
    move.digest === undefined || failure !== undefined
      ? []
      : [{ name: move.target, digest: move.digest, of: { ...move.result, name: move.source } }],
  );
  if (arrived.length === 0) return new Map();
  try {
    const results = await verifyCopies(arrived, request, request.toSignatureRepository, world, how);
    const whole = results.map((result) => ({ ...result, verified: isWhole(result, results) }));
    return new Map(whole.filter(({ asked }) => asked).map((result) => [result.image, result]));
  } catch (caught) {
    return asFailure(caught);
  }
}
