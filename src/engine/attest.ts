import type { DerivedAhead } from '../keys/derive.ts';
import { attestationKind } from './attestation-kind.ts';
import { type PreparedAttesting, prepareAttesting } from './prepare-writing.ts';
import type { AttestRequest } from './request.ts';
import { type SignReport, write } from './sign.ts';
import type { World } from './world.ts';

/**
 * Attests one predicate of images, and tells each as it is done. The predicate is read, and refused,
 * before anything is contacted.
 * @param prepared what `prepareAttesting` began for this request
 * @throws {Failure} what ends a run before the first image: of `prepareAttesting` and `sign`. What
 * happens to an image is in its result.
 */
export async function attest(
  request: AttestRequest,
  world: World,
  derived?: DerivedAhead,
  prepared?: PreparedAttesting,
): Promise<SignReport> {
  const { predicate, atOnce, ...writing } = prepared ?? (await prepareAttesting(request, world));
  const written = {
    kind: attestationKind(predicate),
    annotations: {},
    attested: { predicateType: predicate.type, predicateDigest: predicate.digest },
    atOnce,
  };
  return write(request, world, written, writing, derived);
}
