import type { KeyObject } from 'node:crypto';
import type { RFC3161Timestamp } from '@sigstore/core';
import { shown } from '../text/untrusted.ts';
import { readCertificate, type SigningCertificate } from './certificate.ts';
import { findIssuer } from './chain.ts';
import type { SignedEvidence } from './found.ts';
import { keyId, spki } from './key.ts';
import { factsOf } from './log-entry.ts';
import type { SignaturePolicy } from './policy.ts';
import { Refusal } from './refusal.ts';
import { namedSigner } from './signer-rules.ts';
import { parseTimestamp } from './timestamp.ts';
import type { Trust } from './trust.ts';
import type { SignerFacts } from './verdict.ts';
import { type Issuers, verifyLog, verifyTimeAndChain } from './verification.ts';

/** Who has signed, beyond doubt, and what that proves. */
export type VerifiedSigner = (
  | { readonly key: KeyObject }
  | { readonly certificate: SigningCertificate }
) & { readonly facts: SignerFacts };

/**
 * Verifies what every Sigstore bundle has, whatever it signs: the signature, its log entries, the
 * time, and the certificate chain. A key is one that the policy names; whether a certificate is of
 * somebody it names is not looked at (`checkSigner`).
 * @throws {Refusal} Nothing has been verified then, and nothing may be stated.
 */
export function verifySigner(
  evidence: SignedEvidence,
  policy: SignaturePolicy,
  trust: Trust,
): VerifiedSigner {
  // Ignoring the log means not looking at it: a bad entry does no harm then, and a good one counts
  // for nothing.
  const seen = { ...evidence, entries: policy.tlog === 'ignore' ? [] : evidence.entries };
  if (!('certificate' in evidence.signedBy))
    return verifyKeyed(seen, evidence.signedBy.hint, policy, trust);
  // Where only keys count, it does not matter whose certificate it is; so keyed gates need no
  // trusted root to say so.
  if (policy.signers.every((rule) => 'key' in rule)) {
    throw new Refusal(
      'wrong-key',
      `It was signed with a certificate; expected ${namedSigner(policy.signers)}.`,
    );
  }
  const { certificate, chain } = evidence.signedBy;
  if (policy.authorities === undefined)
    return verifyCertified(seen, readCertificate(certificate), undefined, policy, trust);
  const own = readCertificate(certificate, 'own');
  const issuers = policy.authorities.issuersOf(own, chain, trust.material);
  return verifyCertified(seen, own, issuers, policy, trust);
}

function verifyKeyed(
  evidence: SignedEvidence,
  hint: string | undefined,
  policy: SignaturePolicy,
  trust: Trust,
): VerifiedSigner {
  const keys = policy.signers.flatMap((rule) => ('key' in rule ? [rule.key] : []));
  if (keys.length === 0) {
    throw new Refusal(
      'wrong-identity',
      `It was signed with a key; expected ${namedSigner(policy.signers)}.`,
    );
  }
  const key = keys.find((candidate) => evidence.content.verifySignature(candidate));
  if (key === undefined) throw notSignedByAny(keys, hint);
  if (policy.tlog === 'ignore' && policy.timestamp === undefined)
    return { key, facts: { keyId: keyId(key) } };
  if (policy.tlog === 'required')
    verifyLog(evidence, { key, bytes: { kind: 'publicKey', der: spki(key) } }, trust);
  const timestamps = readTimestamps(evidence, policy);
  verifyTimeAndChain(evidence, { key }, timestamps, trust);
  return { key, facts: { ...timeAndLog(evidence, timestamps), keyId: keyId(key) } };
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

/**
 * The rules for certificates, and their order, stand at the head of chain.ts.
 * @param issuers where authorities of one's own stand in the place of the trusted root's
 */
function verifyCertified(
  evidence: SignedEvidence,
  certificate: SigningCertificate,
  issuers: Issuers | undefined,
  policy: SignaturePolicy,
  trust: Trust,
): VerifiedSigner {
  if (issuers === undefined) findIssuer(certificate, trust);
  const { key, der } = certificate;
  if (!evidence.content.verifySignature(key)) {
    throw new Refusal(
      'bad-signature',
      'The signature was not made with the key of its certificate, or what is signed was changed.',
    );
  }
  // Valid now, as these authorities ask it, needs no other time.
  if (policy.authorities?.at !== undefined) return { certificate, facts: certifiedBy(certificate) };
  if (policy.tlog === 'required')
    verifyLog(evidence, { key, bytes: { kind: 'certificate', der } }, trust);
  const timestamps = readTimestamps(evidence, policy);
  const isPromised = evidence.entries.some((entry) => entry.inclusionPromise !== undefined);
  if (timestamps.length === 0 && !isPromised) {
    throw new Refusal(
      'no-timestamp',
      'Nothing proves when it was signed, so its certificate may have been out of date.',
    );
  }
  verifyTimeAndChain(evidence, { certificate, ...(issuers && { issuers }) }, timestamps, trust);
  const facts = { ...timeAndLog(evidence, timestamps), ...certifiedBy(certificate) };
  return { certificate, facts };
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

/** What the first log entry and the first timestamp prove; all of them have been verified. */
function timeAndLog(
  { entries: [entry] }: SignedEvidence,
  [timestamp]: readonly RFC3161Timestamp[],
): SignerFacts {
  return {
    ...(entry && factsOf(entry)),
    ...(timestamp && { timestamp: timestamp.signingTime.toISOString() }),
  };
}

function certifiedBy({ identity, issuer, pem, github, source }: SigningCertificate): SignerFacts {
  return {
    identity,
    ...(issuer === undefined ? {} : { issuer }),
    certificate: pem,
    ...(github && { github }),
    ...(source && { source }),
  };
}
