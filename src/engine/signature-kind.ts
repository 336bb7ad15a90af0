import { cosignRepositoryName } from '../image/reference.ts';
import type { FoundSignature } from '../signature/found.ts';
import { judge } from '../signature/judge.ts';
import { signLegacy } from '../signature/make.ts';
import { makePayload, readPayload } from '../signature/simple-signing.ts';
import { makeStatement } from '../signature/statement.ts';
import type { Verdict } from '../signature/verdict.ts';
import { sameAnnotations } from './existing.ts';
import type { Kind } from './signer.ts';

/** A verdict, and of a good legacy signature what it calls the image. */
type Told = Verdict & { readonly dockerReference?: string };

/** Signatures of images, which say these annotations besides. */
export function signatureKind(
  annotations: Readonly<Record<string, string>>,
): Kind<FoundSignature, Told> {
  const isSame = sameAnnotations(annotations);
  const claim: NonNullable<Kind<FoundSignature, Told>['claim']> = ({ name, digest }) =>
    makePayload({ dockerReference: cosignRepositoryName(name), digest, annotations });
  return {
    thing: 'signature',
    statement: ({ digest }) => makeStatement(digest, annotations),
    claim,
    makeLegacy: (image, signer, witnesses) =>
      signLegacy({ signer, witnesses: Object.values(witnesses), payload: claim(image) }),
    asFound: (made, at) =>
      'bundle' in made
        ? { format: 'bundle', bundle: made.bundle, ...at }
        : { format: 'legacy', ...made, ...at },
    judge: (found, image, policy, trust) => {
      const verdict = judge(found, image, policy, trust);
      if (!verdict.verified || !('payload' in found)) return verdict;
      const { dockerReference } = readPayload(found.payload);
      return dockerReference === undefined ? verdict : { ...verdict, dockerReference };
    },
    // Two repositories may hold one image, and share the place of their signatures.
    saysSame: (told, { name }) =>
      isSame(told) &&
      (told.dockerReference === undefined || told.dockerReference === cosignRepositoryName(name)),
    place: (store) => store,
  };
}
