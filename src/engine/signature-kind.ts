import { cosignRepositoryName } from '../image/reference.ts';
import type { FoundSignature } from '../signature/found.ts';
import { judge } from '../signature/judge.ts';
import { signLegacy } from '../signature/make.ts';
import { makePayload } from '../signature/simple-signing.ts';
import { makeStatement } from '../signature/statement.ts';
import type { Verdict } from '../signature/verdict.ts';
import { sameAnnotations } from './existing.ts';
import type { Kind } from './signer.ts';

/** Signatures of images, which say these annotations besides. */
export function signatureKind(
  annotations: Readonly<Record<string, string>>,
): Kind<FoundSignature, Verdict> {
  const claim: NonNullable<Kind<FoundSignature, Verdict>['claim']> = ({ name, digest }) =>
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
    judge,
    saysSame: sameAnnotations(annotations),
    place: (store) => store,
  };
}
