import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { formatRepository, parseReference, type RepositoryName } from '../image/reference.ts';
import { type Destination, placeOf, type Target } from '../image/targets.ts';
import { isWhole, type VerifyResult } from './verify-result.ts';

/** One image on its way to one target. */
export interface Move {
  readonly result: VerifyResult;
  readonly source: RepositoryName;
  readonly target: RepositoryName;
  /** that shall name it there; empty: it is found by its digest alone */
  readonly tags: readonly string[];
  /** absent where the image did not verify: then it does not move */
  readonly digest?: Digest;
}

/**
 * Who goes where. Nothing is asked of any registry here.
 * @param targets what was asked for, @param results what became of it at the source
 * @throws {Failure} `bad-input` where two images would get one tag, or two repositories go into one
 */
export function planMoves(
  targets: readonly Target[],
  results: readonly VerifyResult[],
  to: readonly Destination[],
): readonly Move[] {
  const asked = results.filter((result) => result.asked);
  const moves = asked.flatMap((result) =>
    to.map((destination): Move => {
      const source = repositoryOf(result);
      const own =
        'tag' in destination && destination.tag !== undefined ? [destination.tag] : undefined;
      return {
        result,
        source,
        target: placeOf(destination, source),
        tags: own ?? tagsOf(result, targets),
        ...(result.digest !== undefined && isWhole(result, results)
          ? { digest: result.digest }
          : {}),
      };
    }),
  );
  refuseMixing(moves);
  return joined(moves);
}

function repositoryOf({ image }: VerifyResult): RepositoryName {
  const { registry, repository } = parseReference(image);
  return { registry, repository };
}

/** The tags that it was asked for with; `latest` where the name alone stood for it. */
function tagsOf({ references }: VerifyResult, targets: readonly Target[]): readonly string[] {
  const tags = references.flatMap((text) => {
    const { tag, digest } = parseReference(text);
    if (tag !== undefined) return tag;
    const named = targets.find((target) => target.references.includes(text));
    return digest === undefined && named?.digest === undefined ? 'latest' : [];
  });
  return [...new Set(tags)];
}

/**
 * One tag cannot name two images; and policies may ask of the one repository what they do not ask of
 * the other, so that at the target nobody could tell which requirement is the right one.
 */
function refuseMixing(moves: readonly Move[]): void {
  const tagged = new Map<string, Move>();
  const filled = new Map<string, string>();
  for (const move of moves) {
    const target = formatRepository(move.target);
    const source = formatRepository(move.source);
    const other = filled.get(target);
    if (other !== undefined && other !== source)
      throw new Failure(
        'bad-input',
        `Both ${other} and ${source} would go to ${target}.`,
        'Keep their names apart: `to: registry.example.com/prod/` puts each under its own name. Or use two steps.',
      );
    filled.set(target, source);
    for (const tag of move.tags) {
      const first = tagged.get(`${target}:${tag}`);
      if (first !== undefined && first.result.digest !== move.result.digest)
        throw new Failure(
          'bad-input',
          `${first.result.references[0] ?? first.result.image} and ${move.result.references[0] ?? move.result.image} are two images, and both would be ${target}:${tag}.`,
          'Leave the tag out of `to`, so that each keeps its own, or promote one image in this step.',
        );
      tagged.set(`${target}:${tag}`, move);
    }
  }
}

/** Two lines of `to` may name one repository with two tags: that is one copy. */
function joined(moves: readonly Move[]): readonly Move[] {
  const byPlace = Map.groupBy(
    moves,
    ({ result, target }) => `${result.image} ${formatRepository(target)}`,
  );
  return [...byPlace.values()].map((same) => ({
    ...(same[0] as Move),
    tags: [...new Set(same.flatMap(({ tags }) => tags))],
  }));
}
