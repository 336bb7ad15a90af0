import type { DerivedAhead } from '../keys/derive.ts';
import { attestationKind } from './attestation-kind.ts';
import { readPredicateInput } from './predicate.ts';
import type { AttestRequest } from './request.ts';
import { type SignReport, write } from './sign.ts';
import type { World } from './world.ts';

/** Bytes of predicates that are worked on at the same time: each is held several times over. */
const mostAtOnce = 16 << 20;

/**
 * Attests one predicate of images, and tells each as it is done. The predicate is read, and refused,
 * before anything is contacted.
 * @throws {Failure} what ends a run before the first image: of `readPredicateInput` and `sign`. What
 * happens to an image is in its result.
 */
export async function attest(
  request: AttestRequest,
  world: World,
  derived?: DerivedAhead,
): Promise<SignReport> {
  const predicate = await readPredicateInput(request, world.files);
  const atOnce = Math.floor(mostAtOnce / Buffer.byteLength(predicate.text));
  const written = {
    kind: attestationKind(predicate),
    annotations: {},
    attested: { predicateType: predicate.type, predicateDigest: predicate.digest },
    atOnce: Math.max(1, Math.min(24, atOnce)),
  };
  return write(request, world, written, derived);
}
