import { type Digest, digestOf } from '../image/digest.ts';
import { cosignRepositoryName } from '../image/reference.ts';
import type { DerivedAhead } from '../keys/derive.ts';
import { letGoLarge } from '../memory.ts';
import type { LargeAttestation } from '../registry/read-attestations.ts';
import { makeAttestation } from '../signature/attestation.ts';
import type { FoundAttestation } from '../signature/found.ts';
import { type AttestationVerdict, judgeAttestation } from '../signature/judge-attestation.ts';
import { signEnvelope } from '../signature/make.ts';
import type { Predicate } from './predicate.ts';
import { type PreparedAttesting, prepareAttesting } from './prepare-writing.ts';
import type { AttestRequest } from './request.ts';
import { type SignReport, write } from './sign.ts';
import type { Kind } from './signer.ts';
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

/** What was judged. Of the predicate, which may have megabytes, its digest is all that is kept. */
type Told = Omit<AttestationVerdict, 'predicate'> & { readonly predicateDigest?: Digest };
type AttestationKind = Kind<FoundAttestation | LargeAttestation, Told>;

/** Attestations that say this predicate. */
export function attestationKind({ type, text, digest: wanted }: Predicate): AttestationKind {
  // Both formats of an image sign the same bytes.
  const statements = new WeakMap<object, Buffer>();
  const statement: AttestationKind['statement'] = (image) => {
    const { name, digest } = image;
    const known = statements.get(image);
    if (known !== undefined) return known;
    const made = makeAttestation({ name: cosignRepositoryName(name), digest }, type, text);
    statements.set(image, made);
    return made;
  };
  return {
    thing: 'attestation',
    statement,
    makeLegacy: (image, signer, witnesses) =>
      signEnvelope({ signer, witnesses, statement: statement(image), predicateType: type }),
    asFound: (made, at) =>
      'bundle' in made
        ? { format: 'bundle', bundle: made.bundle, ...at }
        : { format: 'legacy', envelope: made.payload, annotations: made.annotations, ...at },
    judge: (found, image, policy, trust) => {
      const judge = (one: FoundAttestation): Told => {
        letGoLarge(text.length);
        const { predicate, ...told } = judgeAttestation(
          one,
          image,
          { policy, types: [type] },
          trust,
        );
        return predicate === undefined ? told : { ...told, predicateDigest: digestOf(predicate) };
      };
      return 'use' in found ? found.use(judge) : judge(found);
    },
    saysSame: ({ predicateDigest }) => predicateDigest === wanted,
    place: (store) => ({
      found: (formats) => store.attestations([type], formats),
      attachBundle: (...written) => store.attachBundle(...written, type),
      attachLegacy: (...written) => store.attachLegacy(...written, 'attestation'),
      readBack: (attachment) => store.readBackAttestation(attachment),
    }),
  };
}
