import { type Digest, hexOf } from '../image/digest.ts';
import { letGoLarge } from '../memory.ts';
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
import { checkFormat, checkImage, conclude, readable } from './judge.ts';
import { readEnvelopeLayer } from './legacy.ts';
import type { SignaturePolicy } from './policy.ts';
import { checkProvenance, type Provenance, readProvenance } from './provenance.ts';
import { Refusal } from './refusal.ts';
import { checkSigner } from './signer-rules.ts';
import { signPredicateType } from './statement.ts';
import type { Trust } from './trust.ts';
import type { Conclusion, Verdict } from './verdict.ts';
import { type VerifiedSigner, verifySigner } from './verified-signer.ts';

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

/**
 * Judges one attestation: does a signer that the policy asks for say something of one of these types
 * about this image? Never throws.
 * @param image digest of the manifest that it must be about
 */
export function judgeAttestation(
  found: FoundAttestation,
  image: Digest,
  asked: AttestationPolicy,
  trust: Trust,
): AttestationVerdict {
  const { claimedName: _, ...bare } = asked.policy;
  const policy = { ...bare, annotations: {} };
  const { format, digest, reference } = found;
  const told = conclude(policy, examine(found, image, { ...asked, policy }, trust));
  return { format, digest, reference, ...told };
}

/** Of a judgement: what `conclude` walks through. */
type Steps<End> = Generator<Partial<Omit<AttestationVerdict, keyof Conclusion>>, End>;

/**
 * The steps of a judgement, in their order; each yields what it has verified. A predicate is read
 * only of what the right signer has signed.
 * @throws {Refusal} at the first that does not hold
 */
function* examine(
  found: FoundAttestation,
  image: Digest,
  asked: AttestationPolicy,
  trust: Trust,
): Steps<void> {
  const what = readable(found);
  const proving =
    'statement' in what ? signedBeside(what, asked, trust) : signedItself(what, asked, trust);
  const { statement, signer } = yield* proving;
  checkSubject(statement, image);
  if ('certificate' in signer)
    yield { identity: checkSigner(signer.certificate, asked.policy.signers) };
  checkFormat(found.format, asked.policy);
  letGoLarge(statement.predicate.length); // what the statement was read from
  yield* readTold(statement, signer, asked.check);
}

/** A statement whose type is asked for, and who has signed it. */
interface Signed {
  readonly statement: AttestationStatement;
  readonly signer: VerifiedSigner;
}

type Readable = Exclude<FoundAttestation, { readonly problem: unknown }>;

/** A statement in a bundle or an envelope of its own. */
function* signedItself(
  found: Exclude<Readable, { readonly statement: unknown }>,
  { policy, types }: AttestationPolicy,
  trust: Trust,
): Steps<Signed> {
  const { payload, ...evidence } =
    'bundle' in found
      ? openBundle(parseBundle(found.bundle, maxAttestationBytes))
      : readEnvelopeLayer(found.envelope, found.annotations, maxAttestationBytes);
  const statement = readAttestation(payload);
  yield* checkType(statement, types);
  const signer = verifySigner(evidence, policy, trust);
  yield signer.facts;
  return { statement, signer };
}

/** A statement in a manifest that is signed as an image is. */
function* signedBeside(
  found: Extract<Readable, { readonly statement: unknown }>,
  { policy, types }: AttestationPolicy,
  trust: Trust,
): Steps<Signed> {
  const statement = readAttestation(found.statement);
  yield* checkType(statement, types);
  const evidence = readEvidence(readable(found.signature));
  const signer = verifySigner(evidence, policy, trust);
  yield signer.facts;
  checkImage(evidence, found.digest);
  if ('certificate' in signer) checkSigner(signer.certificate, policy.signers);
  return { statement, signer };
}

function* checkType(
  { predicateType }: AttestationStatement,
  types: readonly string[],
): Steps<void> {
  const isAsked = types.includes(predicateType) && predicateType !== signPredicateType;
  yield { type: isAsked ? predicateType : shown(predicateType) };
  if (isAsked) return;
  if (predicateType === signPredicateType)
    throw new Refusal('wrong-predicate', 'It is a signature, not an attestation.');
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

function* readTold(
  { predicateType, predicate: text }: AttestationStatement,
  signer: VerifiedSigner,
  check: PredicateCheck | undefined,
): Steps<void> {
  const predicate = readPredicate(text);
  const unfit = check?.(predicate);
  if (unfit !== undefined) {
    yield { unfit: true };
    throw new Refusal('not-allowed', `It does not say what is asked: ${unfit}.`);
  }
  const provenance = readProvenance(predicateType, predicate);
  if (provenance !== undefined) {
    if ('certificate' in signer) {
      const { identity, source, run } = signer.certificate;
      checkProvenance(provenance, { identity, ...source, run });
    }
    yield { provenance };
  }
  yield { predicate: Buffer.from(text) };
}
