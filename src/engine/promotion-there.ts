import { asFailure } from '../failure.ts';
import { type Copy, type Looked, lookAtTags, mayBeTagged, type There } from './promotion-end.ts';
import type { Move } from './promotion-plan.ts';
import type { Registries } from './registries.ts';
import type { PromoteRequest } from './request.ts';
import { verifyCopies } from './verify.ts';
import { isWhole } from './verify-result.ts';
import type { World } from './world.ts';

/** Whether the targets have what moves there, by its digest alone. */
export type Roots = ReadonlyMap<Move, Promise<boolean>>;

/** What verifies copies where they lie. */
export interface Verifying {
  readonly request: PromoteRequest;
  readonly world: World;
  readonly open: Registries['open'];
}

/** What was seen before it was known whether anything has to be copied. */
type Ahead = ReadonlyMap<Move, Looked>;

/**
 * Verifies what the targets have already, while it is looked what they lack. Of an image that they do
 * not have, nothing is asked.
 * @returns never rejects: whatever fails here is looked at again when all is copied
 */
export async function verifyAhead(roots: Roots, verifying: Verifying): Promise<Ahead> {
  const asked = await Promise.all(
    [...roots].map(async ([move, isThere]) => ({
      move,
      isThere: await isThere.catch(() => false),
    })),
  );
  return look(
    asked.filter(({ isThere }) => isThere),
    verifying,
  );
}

/**
 * Verifies the copies. What was seen ahead counts for an image that the gate lets pass there, and
 * that nothing was written of: a target that lacks a signature, or shows another one, is read again
 * after the copy, and that answer stands.
 */
export async function lookThere(
  copied: readonly Copy[],
  ahead: Ahead,
  verifying: Verifying,
): Promise<(copy: Copy) => Looked> {
  const stands = (copy: Copy) => {
    const seen = ahead.get(copy.move);
    return seen !== undefined && !hasWritten(copy) && mayBeTagged(copy, seen.there);
  };
  const rest = copied.filter((copy) => !stands(copy));
  const looked = await look(
    rest.filter(({ failure }) => failure === undefined),
    verifying,
  );
  const nothing: Looked = { there: new Map(), before: new Map() };
  const again = new Set(rest);
  return (copy) => (again.has(copy) ? looked : ahead).get(copy.move) ?? nothing;
}

function hasWritten({ tally }: Copy): boolean {
  return Object.values(tally).some((count) => count > 0);
}

async function look(copies: readonly Pick<Copy, 'move'>[], verifying: Verifying): Promise<Ahead> {
  const before = new Map(copies.map((copy) => [copy.move, lookAtTags(copy, verifying.open)]));
  const there = await verifyThere([...before.keys()], verifying);
  return new Map([...before].map(([move, named]) => [move, { there, before: named }]));
}

async function verifyThere(
  moves: readonly Move[],
  { request, world }: Omit<Verifying, 'open'>,
): Promise<There> {
  const arrived = moves.flatMap(({ digest, result, source, target }) =>
    digest === undefined ? [] : [{ name: target, digest, of: { ...result, name: source } }],
  );
  if (arrived.length === 0) return new Map();
  try {
    const results = await verifyCopies(arrived, request, request.toSignatureRepository, world);
    const whole = results.map((result) => ({ ...result, verified: isWhole(result, results) }));
    return new Map(whole.filter(({ asked }) => asked).map((result) => [result.image, result]));
  } catch (caught) {
    return asFailure(caught);
  }
}
