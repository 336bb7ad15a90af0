import { type Digest, hexOf } from '../image/digest.ts';
import { shown } from '../text/untrusted.ts';
import { readEvidence } from './evidence.ts';
import type { Evidence, Format, FoundAttestation, FoundSignature } from './found.ts';
import type { SignaturePolicy } from './policy.ts';
import { Refusal, shownError } from './refusal.ts';
import { checkSigner } from './signer-rules.ts';
import type { Trust } from './trust.ts';
import type { Conclusion, Verdict, VerdictCode } from './verdict.ts';
import { verifySigner } from './verified-signer.ts';

/**
 * Judges one signature: is it a genuine signature of this image, by a signer and with the
 * annotations that the policy asks for? Never throws, whatever the signature holds. The first step
 * that does not hold names the code. The verdict states only what was verified until then: so
 * "signed by" in a `wrong-identity` is as true as in a `verified`.
 * @param image digest of the manifest that must be signed
 */
export function judge(
  found: FoundSignature,
  image: Digest,
  policy: SignaturePolicy,
  trust: Trust,
): Verdict {
  const { format, digest, reference } = found;
  const told = conclude(policy, examine(found, image, policy, trust));
  return { format, digest, reference, annotations: {}, ...told };
}

type Facts = Omit<Verdict, keyof Conclusion>;

/**
 * The steps of a judgement, in their order; each yields what it has verified.
 * @throws {Refusal} at the first that does not hold
 */
function* examine(
  found: FoundSignature,
  image: Digest,
  policy: SignaturePolicy,
  trust: Trust,
): Generator<Partial<Facts>, void> {
  const evidence = readEvidence(readable(found));
  const signer = verifySigner(evidence, policy, trust);
  yield signer.facts;
  yield { annotations: evidence.claim.annotations };
  checkImage(evidence, image);
  if ('certificate' in signer) yield { identity: checkSigner(signer.certificate, policy.signers) };
  checkAnnotations(evidence, policy);
  checkFormat(found.format, policy);
  checkClaimedName(evidence, policy);
}

/**
 * Walks through the steps of a judgement to its end, or to the first that does not hold.
 * @param steps yields what it verifies, as soon as it has; throws a `Refusal`, or what a parser
 * trips over in hostile content
 * @returns how it ended, with all that was verified until then; never throws
 */
export function conclude<Told>(
  policy: SignaturePolicy,
  steps: Iterable<Partial<Told>>,
): Conclusion & Partial<Told> {
  let facts: Partial<Told> = {};
  try {
    for (const fact of steps) facts = { ...facts, ...fact };
    return { verified: true, code: 'verified', ...facts };
  } catch (error) {
    const { code, message } =
      error instanceof Refusal
        ? error
        : new Refusal('malformed', `The signature cannot be read: ${shownError(error)}.`);
    const expected = strangers.includes(code) ? { expected: policy } : {};
    return { ...facts, verified: false, code, reason: message, ...expected };
  }
}

/** A genuine signature of somebody else: whom was asked for has to be told beside who it was. */
const strangers: readonly VerdictCode[] = [
  'wrong-identity',
  'wrong-issuer',
  'wrong-claim',
  'wrong-key',
];

/**
 * What was found, if it could be fetched.
 * @throws {Refusal} what must be said where it could not
 */
export function readable<Found extends FoundSignature | FoundAttestation>(
  found: Found,
): Exclude<Found, { readonly problem: unknown }> {
  if ('problem' in found) throw new Refusal(found.problem.code, shown(found.problem.reason));
  return found as Exclude<Found, { readonly problem: unknown }>;
}

// Also the answer to a signature that was copied from another image.
export function checkImage({ claim }: Evidence, image: Digest): void {
  if (claim.sha256 !== hexOf(image)) {
    throw new Refusal(
      'wrong-subject',
      `It is a signature of sha256:${shown(claim.sha256)}, another image.`,
    );
  }
}

/**
 * A cluster that looks at one format refuses what is signed in the other one alone.
 * @throws {Refusal} `not-allowed`
 */
export function checkFormat(found: Format, { format }: SignaturePolicy): void {
  // Which formats an image has is known of all of its signatures together.
  if (format === undefined || format === 'bundle-if-any' || format === found) return;
  throw new Refusal(
    'not-allowed',
    `It is in the format ${found}, and the policy looks at ${format} alone: sign with \`format: both\`.`,
  );
}

// A copy below another name keeps its signatures: what they call the image says where it came from.
function checkClaimedName({ claim }: Evidence, { claimedName }: SignaturePolicy): void {
  if (claimedName === undefined) return;
  const { dockerReference } = claim;
  if (dockerReference === undefined)
    throw new Refusal(
      'not-allowed',
      'It is a bundle, and podman, CRI-O and OpenShift, whose policy this is, read only the legacy format.',
    );
  if (claimedName.fits(dockerReference)) return;
  throw new Refusal(
    'wrong-subject',
    `It calls the image "${shown(dockerReference)}"; expected is ${claimedName.expected}.`,
  );
}

function checkAnnotations({ claim }: Evidence, policy: SignaturePolicy): void {
  for (const [name, wanted] of Object.entries(policy.annotations)) {
    const signed = Object.hasOwn(claim.annotations, name) ? claim.annotations[name] : undefined;
    if (signed === wanted) continue;
    const instead = signed === undefined ? 'is not signed' : `is signed as "${shown(signed)}"`;
    throw new Refusal(
      'annotation-mismatch',
      `The annotation "${shown(name)}" ${instead}; wanted is "${shown(wanted)}".`,
    );
  }
}
