import type { Digest } from '../image/digest.ts';
import { hexOf } from '../image/digest.ts';
import { shown } from '../text/untrusted.ts';
import {
  type AttestationStatement,
  maxStatementBytes,
  readAttestation,
  readPredicate,
} from './attestation.ts';
import { parseBundle } from './bundle.ts';
import { openBundle, readEvidence } from './evidence.ts';
import type { FoundAttestation } from './found.ts';
import {
  checkFormat,
  examine,
  type Facts,
  settle,
  type VerifiedSigner,
  verifySigned,
} from './judge.ts';
import { readEnvelopeLayer } from './legacy.ts';
import type { SignaturePolicy } from './policy.ts';
import { checkProvenance, type Provenance, readProvenance } from './provenance.ts';
import { Refusal } from './refusal.ts';
import { checkSigner } from './signer-rules.ts';
import { signPredicateType } from './statement.ts';
import type { Trust } from './trust.ts';
import type { Verdict } from './verdict.ts';

/** A statement in base64, and what proves it. */
export const maxAttestationBytes = Math.ceil(maxStatementBytes / 3) * 4 + (1 << 20);

/** What was found out about one attestation. */
export interface AttestationVerdict extends Omit<Verdict, 'annotations'> {
  /** predicate type, as the statement says it; absent where that could not be read */
  readonly type?: string;
  /** the predicate's JSON, byte for byte as it was signed; only of what verified */
  readonly predicate?: Buffer;
  /** it is genuine, and does not say what a policy asks for; not part of the output */
  readonly unfit?: true;
  /** of SLSA provenance that verified */
  readonly provenance?: Provenance;
}

/** Why a predicate, read strictly, is not what a policy asks for: the end of a sentence. */
export type PredicateCheck = (predicate: unknown) => string | undefined;

/** What an attestation must be to count. */
export interface AttestationPolicy {
  /** whose it must be; annotations and the name of the image are asked of signatures only */
  readonly policy: SignaturePolicy;
  /** URIs of predicate types: it must be of one of them */
  readonly types: readonly string[];
  /** what it must say */
  readonly check?: PredicateCheck;
}

type AttestationFacts = Facts & {
  -readonly [Name in keyof AttestationVerdict]?: AttestationVerdict[Name];
};

/**
 * Judges one attestation: does a signer that the policy asks for say something of one of these types
 * about this image? Never throws. The order is: the envelope, and of the statement all but the
 * predicate; the type; all that a signature must prove (signature, log, time, certificate); the
 * subject; the signer; the predicate. So a predicate is read only of what the right signer has
 * signed.
 * @param image digest of the manifest that it must be about
 */
export function judgeAttestation(
  found: FoundAttestation,
  image: Digest,
  { policy, types, check }: AttestationPolicy,
  trust: Trust,
): AttestationVerdict {
  const facts: AttestationFacts = {};
  const { claimedName: _, ...bare } = policy;
  const asked = { ...bare, annotations: {} };
  const settled = settle(asked, facts, () => {
    if ('problem' in found) throw new Refusal(found.problem.code, shown(found.problem.reason));
    const { statement, signer } = attested(found, asked, types, trust, facts);
    delete facts.annotations;
    checkSubject(statement, image);
    if ('certificate' in signer) checkSigner(signer.certificate, asked.signers);
    checkFormat(found.format, asked);
    readTold(statement, signer, facts, check);
  });
  const { format, digest, reference } = found;
  return { format, digest, reference, ...settled };
}

/** The statement, once its type is right and somebody has signed it. */
function attested(
  found: Exclude<FoundAttestation, { readonly problem: unknown }>,
  policy: SignaturePolicy,
  types: readonly string[],
  trust: Trust,
  facts: AttestationFacts,
): { readonly statement: AttestationStatement; readonly signer: VerifiedSigner } {
  if ('statement' in found) {
    const statement = ofType(readAttestation(found.statement), types, facts);
    const { signature } = found;
    if ('problem' in signature)
      throw new Refusal(signature.problem.code, shown(signature.problem.reason));
    return {
      statement,
      signer: examine(readEvidence(signature), found.digest, policy, trust, facts),
    };
  }
  const { payload, ...evidence } =
    'bundle' in found
      ? openBundle(parseBundle(found.bundle, maxAttestationBytes))
      : readEnvelopeLayer(found.envelope, found.annotations, maxAttestationBytes);
  const statement = ofType(readAttestation(payload), types, facts);
  return { statement, signer: verifySigned(evidence, policy, trust, facts) };
}

function ofType(
  statement: AttestationStatement,
  types: readonly string[],
  facts: AttestationFacts,
): AttestationStatement {
  const { predicateType } = statement;
  if (predicateType === signPredicateType) {
    facts.type = signPredicateType;
    throw new Refusal('wrong-predicate', 'It is a signature, not an attestation.');
  }
  facts.type = types.includes(predicateType) ? predicateType : shown(predicateType);
  if (types.includes(predicateType)) return statement;
  throw new Refusal(
    'wrong-predicate',
    `It is an attestation of type "${shown(predicateType)}"; expected ${types.map((type) => `"${shown(type)}"`).join(' or ')}.`,
  );
}

// Also the answer to an attestation that was copied from another image.
function checkSubject({ subjects }: AttestationStatement, image: Digest): void {
  if (subjects.includes(hexOf(image))) return;
  const [first, ...more] = subjects;
  const about =
    first === undefined
      ? 'something that is not named by sha256'
      : `sha256:${shown(first)}${more.length > 0 ? ` and ${more.length} more` : ''}`;
  throw new Refusal('wrong-subject', `It is about ${about}, not about this image.`);
}

function readTold(
  statement: AttestationStatement,
  signer: VerifiedSigner,
  facts: AttestationFacts,
  check: PredicateCheck | undefined,
): void {
  const predicate = readPredicate(statement.predicate);
  const unfit = check?.(predicate);
  if (unfit !== undefined) {
    facts.unfit = true;
    throw new Refusal('not-allowed', `It does not say what is asked: ${unfit}.`);
  }
  const provenance = readProvenance(statement.predicateType, predicate);
  if (provenance !== undefined) {
    if ('certificate' in signer)
      checkProvenance(provenance, {
        identity: signer.certificate.identity,
        ...signer.certificate.source,
        run: signer.certificate.run,
      });
    facts.provenance = provenance;
  }
  facts.predicate = Buffer.from(statement.predicate);
}
