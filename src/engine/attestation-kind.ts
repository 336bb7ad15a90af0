import { type Digest, digestOf } from '../image/digest.ts';
import { cosignRepositoryName } from '../image/reference.ts';
import type { LargeAttestation } from '../registry/read-attestations.ts';
import { makeAttestation } from '../signature/attestation.ts';
import type { FoundAttestation } from '../signature/found.ts';
import { type AttestationVerdict, judgeAttestation } from '../signature/judge-attestation.ts';
import { signEnvelope } from '../signature/make.ts';
import type { Kind } from './signer.ts';

/** What is attested of every image. */
export interface Predicate {
  /** URI */
  readonly type: string;
  /** JSON text, which stands in the statement letter by letter */
  readonly text: string;
  /** of that text */
  readonly digest: Digest;
}

type AttestationKind = Kind<FoundAttestation | LargeAttestation, AttestationVerdict>;

/** Attestations that say this predicate. */
export function attestationKind({ type, text, digest: wanted }: Predicate): AttestationKind {
  const statement: AttestationKind['statement'] = ({ name, digest }) =>
    makeAttestation({ name: cosignRepositoryName(name), digest }, type, text);
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
      const judge = (one: FoundAttestation) =>
        judgeAttestation(one, image, { policy, types: [type] }, trust);
      return 'use' in found ? found.use(judge) : judge(found);
    },
    saysSame: ({ predicate }) => predicate !== undefined && digestOf(predicate) === wanted,
    place: (store) => ({
      found: (formats) => store.attestations([type], formats),
      attachBundle: (...written) => store.attachBundle(...written, type),
      attachLegacy: (...written) => store.attachLegacy(...written, 'attestation'),
      readBack: (attachment) => store.readBackAttestation(attachment),
    }),
  };
}
