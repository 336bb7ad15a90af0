import type { KeyObject } from 'node:crypto';
import type { RFC3161Timestamp } from '@sigstore/core';
import { type Digest, hexOf } from '../image/digest.ts';
import { shown } from '../text/untrusted.ts';
import { readCertificate, type SigningCertificate } from './certificate.ts';
import { findIssuer } from './chain.ts';
import { readEvidence } from './evidence.ts';
import type { Evidence, Format, FoundSignature, SignedEvidence } from './found.ts';
import { keyId, spki } from './key.ts';
import { factsOf } from './log-entry.ts';
import type { SignaturePolicy } from './policy.ts';
import { Refusal, shownError } from './refusal.ts';
import { checkSigner, namedSigner } from './signer-rules.ts';
import { parseTimestamp } from './timestamp.ts';
import type { Trust } from './trust.ts';
import type { Verdict, VerdictCode } from './verdict.ts';
import { verifyLog, verifyTimeAndChain } from './verification.ts';

/** What has been verified so far: the only things a verdict may state. */
export type Facts = { -readonly [Name in keyof Verdict]?: Verdict[Name] };

/**
 * Judges one signature: is it a genuine signature of this image, by a signer and with the
 * annotations that the policy asks for? Never throws, whatever the signature holds. The order is:
 * read and recognise as a signature; who may have issued the certificate; the signature itself;
 * transparency log; time and certificate chain; image; signer; annotations. The first that does not hold names the code. The verdict
 * states only what was verified until then: so "signed by" in a `wrong-identity` is as true as in a
 * `verified`.
 * @param image digest of the manifest that must be signed
 */
export function judge(
  found: FoundSignature,
  image: Digest,
  policy: SignaturePolicy,
  trust: Trust,
): Verdict {
  const facts: Facts = {};
  const settled = settle(policy, facts, () => {
    if ('problem' in found) throw new Refusal(found.problem.code, shown(found.problem.reason));
    const evidence = readEvidence(found);
    examine(evidence, image, policy, trust, facts);
    checkFormat(found.format, policy);
    checkClaimedName(evidence, policy);
  });
  const { format, digest, reference } = found;
  return { format, digest, reference, annotations: {}, ...settled };
}

/**
 * Does the work of a judgement.
 * @param facts what the work has verified, also where it ended early
 * @returns the part of a verdict that tells how it ended, with those facts; never throws
 */
export function settle<F extends Facts>(
  policy: SignaturePolicy,
  facts: F,
  work: () => void,
): F & Pick<Verdict, 'verified' | 'code' | 'reason' | 'expected'> {
  try {
    work();
    return { verified: true, code: 'verified', ...facts };
  } catch (error) {
    const refusal =
      error instanceof Refusal
        ? error
        : new Refusal('malformed', `The signature cannot be read: ${shownError(error)}.`);
    return {
      ...facts,
      verified: false,
      code: refusal.code,
      reason: refusal.message,
      ...(strangers.includes(refusal.code) ? { expected: policy } : {}),
    };
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
 * Holds a signature of an image against a policy.
 * @param facts gets what was verified, also when this throws
 * @returns who signed
 * @throws {Refusal}
 */
export function examine(
  evidence: Evidence,
  image: Digest,
  policy: SignaturePolicy,
  trust: Trust,
  facts: Facts,
): VerifiedSigner {
  const signer = verifySigned(evidence, policy, trust, facts);
  facts.annotations = evidence.claim.annotations;
  checkImage(evidence, image);
  if ('certificate' in signer) checkSigner(signer.certificate, policy.signers);
  checkAnnotations(evidence, policy);
  return signer;
}

/** Who has signed, beyond doubt. */
export type VerifiedSigner =
  | { readonly key: KeyObject }
  | { readonly certificate: SigningCertificate };

/**
 * Verifies what every Sigstore bundle has, whatever it signs: the signature, its log entries, the
 * time, and the certificate chain. Whether the signer is one that the policy asks for is known of a
 * key only.
 * @param facts gets what was verified, also when this throws
 * @throws {Refusal}
 */
export function verifySigned(
  evidence: SignedEvidence,
  policy: SignaturePolicy,
  trust: Trust,
  facts: Facts,
): VerifiedSigner {
  // Ignoring the log means not looking at it: a bad entry does no harm then, and a good one counts
  // for nothing.
  const entries = policy.tlog === 'ignore' ? [] : evidence.entries;
  const seen = { ...evidence, entries };
  if (!('certificate' in evidence.signedBy)) {
    const key = examineKeyed(seen, evidence.signedBy.hint, policy, trust, facts);
    facts.keyId = keyId(key);
    return { key };
  }
  // Where only keys count, it does not matter whose certificate it is; so keyed gates need no
  // trusted root to say so.
  if (policy.signers.every((rule) => 'key' in rule)) {
    throw new Refusal(
      'wrong-key',
      `It was signed with a certificate; expected ${namedSigner(policy.signers)}.`,
    );
  }
  const certificate = readCertificate(evidence.signedBy.certificate);
  examineCertified(seen, certificate, policy, trust, facts);
  return { certificate };
}

function examineKeyed(
  evidence: SignedEvidence,
  hint: string | undefined,
  policy: SignaturePolicy,
  trust: Trust,
  facts: Facts,
): KeyObject {
  const keys = policy.signers.flatMap((rule) => ('key' in rule ? [rule.key] : []));
  if (keys.length === 0) {
    throw new Refusal(
      'wrong-identity',
      `It was signed with a key; expected ${namedSigner(policy.signers)}.`,
    );
  }
  const key = keys.find((candidate) => evidence.content.verifySignature(candidate));
  if (key === undefined) throw notSignedByAny(keys, hint);
  if (policy.tlog === 'ignore' && policy.timestamp === undefined) return key;
  if (policy.tlog === 'required')
    verifyLog(evidence, { key, bytes: { kind: 'publicKey', der: spki(key) } }, trust);
  const timestamps = readTimestamps(evidence, policy);
  verifyTimeAndChain(evidence, { key }, timestamps, trust);
  stateTimeAndLog(evidence, timestamps, facts);
  return key;
}

// A signature does not tell whose it is: only the hint, which proves nothing, can say whether the
// key or the content is to blame.
function notSignedByAny(keys: readonly KeyObject[], hint: string | undefined): Refusal {
  const ids = keys.map(keyId);
  const wanted = ids.length === 1 ? `key ${ids[0]}` : `any of the keys ${ids.join(', ')}`;
  if (hint !== undefined && ids.includes(hint)) {
    return new Refusal(
      'bad-signature',
      `It says to be signed with key ${hint}, but the signature does not verify: it was changed.`,
    );
  }
  const claimed = hint === undefined ? '' : `; it says to be signed with key ${shown(hint)}`;
  return new Refusal('wrong-key', `The signature was not made with ${wanted}${claimed}.`);
}

function examineCertified(
  evidence: SignedEvidence,
  certificate: SigningCertificate,
  policy: SignaturePolicy,
  trust: Trust,
  facts: Facts,
): void {
  findIssuer(certificate, trust);
  if (!evidence.content.verifySignature(certificate.key)) {
    throw new Refusal(
      'bad-signature',
      'The signature was not made with the key of its certificate, or what is signed was changed.',
    );
  }
  if (policy.tlog === 'required') {
    verifyLog(
      evidence,
      { key: certificate.key, bytes: { kind: 'certificate', der: certificate.der } },
      trust,
    );
  }
  const timestamps = readTimestamps(evidence, policy);
  if (
    timestamps.length === 0 &&
    !evidence.entries.some((entry) => entry.inclusionPromise !== undefined)
  ) {
    throw new Refusal(
      'no-timestamp',
      'Nothing proves when it was signed, so its certificate may have been out of date.',
    );
  }
  verifyTimeAndChain(evidence, { certificate }, timestamps, trust);
  stateTimeAndLog(evidence, timestamps, facts);
  facts.identity = certificate.identity;
  facts.issuer = certificate.issuer;
  facts.certificate = certificate.pem;
  if (certificate.github !== undefined) facts.github = certificate.github;
  if (certificate.source !== undefined) facts.source = certificate.source;
}

function readTimestamps(
  { timestamps }: SignedEvidence,
  policy: SignaturePolicy,
): readonly RFC3161Timestamp[] {
  if (policy.timestamp === 'required' && timestamps.length === 0) {
    throw new Refusal(
      'no-timestamp',
      'It carries no timestamp of an authority, and one is required.',
    );
  }
  return timestamps.map(parseTimestamp);
}

function stateTimeAndLog(
  { entries }: SignedEvidence,
  timestamps: readonly RFC3161Timestamp[],
  facts: Facts,
): void {
  const [entry] = entries;
  if (entry !== undefined) {
    const { logId, tlogIndex, integratedTime } = factsOf(entry);
    facts.logId = logId;
    if (tlogIndex !== undefined) facts.tlogIndex = tlogIndex;
    if (integratedTime !== undefined) facts.integratedTime = integratedTime;
  }
  const [timestamp] = timestamps;
  if (timestamp !== undefined) facts.timestamp = timestamp.signingTime.toISOString();
}

// Also the answer to a signature that was copied from another image.
function checkImage({ claim }: Evidence, image: Digest): void {
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
