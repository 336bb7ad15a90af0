import type { Digest } from '../image/digest.ts';
import { readAttestation } from './attestation.ts';
import { parseBundle } from './bundle.ts';
import { readCertificate } from './certificate.ts';
import { openBundle, readEvidence } from './evidence.ts';
import type { FoundAttestation, FoundSignature, SignedEvidence } from './found.ts';
import { maxAttestationBytes } from './judge-attestation.ts';
import { readEnvelopeLayer } from './legacy.ts';
import { Refusal, shownError } from './refusal.ts';
import { signPredicateType } from './statement.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * What a signature or an attestation says of itself. Nothing of it is proven: whoever may push can
 * write all of it.
 */
export interface Claimed {
  /** of the certificate that it carries */
  readonly identity?: string;
  readonly issuer?: string;
  /** what it calls its key; absent where it names none */
  readonly keyHint?: string;
  /** the log entry that it carries: index, and hex of the log's id */
  readonly log?: { readonly index: string; readonly logId: string };
  /** it carries a timestamp */
  readonly timestamp: boolean;
  /** the predicate type of an attestation; absent for a signature */
  readonly type?: string;
  /** hex of sha256 of what it says it is about */
  readonly about: readonly string[];
  /** what simple signing calls the image */
  readonly dockerReference?: string;
}

/** What it says; or why it cannot be read. */
export type Reading = Claimed | { readonly code: VerdictCode; readonly reason: string };

/** Reads what a signature of an image says of itself. Never throws. */
export function claimsOfSignature(found: FoundSignature): Reading {
  return reading(found, () => {
    if ('problem' in found) throw new Refusal(found.problem.code, found.problem.reason);
    const { claim, ...evidence } = readEvidence(found);
    const { sha256, dockerReference } = claim;
    return {
      ...materialOf(evidence),
      about: [sha256],
      ...(dockerReference === undefined ? {} : { dockerReference }),
    };
  });
}

/**
 * Reads what a bundle, or a layer of an `.att` manifest, says of itself. A bundle may hold a
 * signature: then it has no type. Never throws.
 */
export function claimsOfAttestation(found: FoundAttestation): Reading {
  return reading(found, () => {
    if ('problem' in found) throw new Refusal(found.problem.code, found.problem.reason);
    if ('statement' in found) throw new Refusal('malformed', 'It lies inside an image.');
    const { payload, ...evidence } =
      'bundle' in found
        ? openBundle(parseBundle(found.bundle, maxAttestationBytes))
        : readEnvelopeLayer(found.envelope, found.annotations, maxAttestationBytes);
    const { predicateType, subjects } = readAttestation(payload);
    const type = predicateType === signPredicateType ? {} : { type: predicateType };
    return { ...materialOf(evidence), ...type, about: subjects };
  });
}

function reading(
  { reference }: { readonly reference: string; readonly digest: Digest },
  read: () => Claimed,
): Reading {
  try {
    return read();
  } catch (caught) {
    if (caught instanceof Refusal) return { code: caught.code, reason: caught.message };
    return { code: 'malformed', reason: `${reference} cannot be read: ${shownError(caught)}.` };
  }
}

function materialOf({
  signedBy,
  entries,
  timestamps,
}: Omit<SignedEvidence, 'content'>): Omit<Claimed, 'about'> {
  const [entry] = entries;
  return {
    ...signerOf(signedBy),
    ...(entry === undefined
      ? {}
      : { log: { index: entry.logIndex, logId: entry.logId.keyId.toString('hex') } }),
    timestamp: timestamps.length > 0,
  };
}

function signerOf(
  signedBy: SignedEvidence['signedBy'],
): Pick<Claimed, 'identity' | 'issuer' | 'keyHint'> {
  if (!('certificate' in signedBy))
    return signedBy.hint === undefined ? {} : { keyHint: signedBy.hint };
  const { identity, issuer } = readCertificate(signedBy.certificate);
  return { identity, ...(issuer === undefined ? {} : { issuer }) };
}
