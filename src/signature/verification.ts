import type { KeyObject } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { RFC3161Timestamp } from '@sigstore/core';
import {
  type SignedEntity,
  type TrustMaterial,
  VerificationError,
  Verifier,
} from '@sigstore/verify';
import type { SigningCertificate } from './certificate.ts';
import { issuersOf } from './chain.ts';
import { stampedAs } from './content.ts';
import type { SignedEvidence } from './found.ts';
import { checkEntry, type VerifierBytes } from './log-entry.ts';
import { checkOldEntry, isOldEntry } from './old-log-entry.ts';
import type { OwnAuthorities } from './policy.ts';
import { Refusal, shownError } from './refusal.ts';
import type { Trust } from './trust.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * Verifies every log entry of a signature with @sigstore/verify (promise, inclusion proof,
 * checkpoint, body) and with `checkEntry`; old ones of attestations with `checkOldEntry`. At least one is required. This comes before the time is
 * taken from an entry's promise, so that an altered entry is called that.
 * @throws {Refusal} `no-log-entry`, `bad-log-entry`.
 */
export function verifyLog(
  evidence: SignedEvidence,
  signer: { key: KeyObject; bytes: VerifierBytes },
  trust: Trust,
): void {
  const { entries } = evidence;
  if (entries.length === 0)
    throw new Refusal('no-log-entry', 'It is in no transparency log, and a log entry is required.');
  if (trust.material === undefined)
    throw new Refusal('bad-log-entry', 'There is no trusted root to check its log entry with.');
  const old = entries.filter(isOldEntry);
  const current = entries.filter((entry) => !old.includes(entry));
  for (const entry of old) checkOldEntry(entry, evidence, signer.bytes, trust.material.tlogs);
  if (current.length === 0) return;
  for (const entry of current) checkEntry(entry, signer.bytes);
  const material = withKey(trust.material, signer.key);
  const entity = {
    signature: evidence.content,
    key: publicKey,
    tlogEntries: current,
    timestamps: [],
  };
  run(
    new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 1, timestampThreshold: 0 }),
    entity,
    'bad-log-entry',
  );
}

/** Who may have issued a certificate, where that is not the trusted root. */
export type Issuers = ReturnType<OwnAuthorities['issuersOf']>;

/**
 * Verifies the timestamps, the certificate chain at each of the proven times, and the SCT, with
 * @sigstore/verify. The log entries must have been verified before. For a key, which has no period
 * of its own, only timestamps and log are checked.
 * @throws {Refusal} `bad-timestamp`, `untrusted-certificate`, `bad-log-entry` for an entry of a log
 * that was not in use at that time.
 */
export function verifyTimeAndChain(
  evidence: SignedEvidence,
  signer:
    | { readonly key: KeyObject }
    | { readonly certificate: SigningCertificate; readonly issuers?: Issuers },
  timestamps: readonly RFC3161Timestamp[],
  trust: Trust,
): void {
  if (trust.material === undefined)
    throw new Refusal('untrusted-certificate', 'There is no trusted root to check it with.');
  const certified = 'certificate' in signer;
  const key = certified ? signer.certificate.key : signer.key;
  const { content, stamped } = evidence;
  const promised = evidence.entries.filter((entry) => entry.inclusionPromise !== undefined);
  const entity: SignedEntity = {
    signature: stamped === undefined ? content : stampedAs(content, stamped),
    key: certified ? { $case: 'certificate', certificate: signer.certificate.x509 } : publicKey,
    tlogEntries: [],
    timestamps: [
      ...promised.map((tlogEntry) => ({ $case: 'transparency-log' as const, tlogEntry })),
      ...timestamps.map((timestamp) => ({ $case: 'timestamp-authority' as const, timestamp })),
    ],
  };
  const issuers =
    'certificate' in signer
      ? (signer.issuers ?? {
          authorities: issuersOf(signer.certificate, trust.material),
          logged: true,
        })
      : undefined;
  const thresholds = {
    ctlogThreshold: issuers?.logged === true ? 1 : 0,
    tlogThreshold: 0,
    timestampThreshold: certified ? 1 : 0,
  };
  const material =
    issuers === undefined
      ? trust.material
      : { ...trust.material, certificateAuthorities: issuers.authorities };
  run(
    new Verifier(withKey(material, key), thresholds),
    entity,
    certified ? 'untrusted-certificate' : 'bad-timestamp',
  );
  for (const entry of evidence.entries) checkLogWasInUse(entry, timestamps, trust.material);
}

const publicKey = { $case: 'public-key' as const, hint: '' };

// The key comes from the policy (or from a certificate whose chain is checked next), never by the
// hint in the bundle.
function withKey(material: TrustMaterial, key: KeyObject): TrustMaterial {
  return { ...material, publicKey: () => ({ publicKey: key, validFor: () => true }) };
}

// The library holds the promise's time against the period of the log's key. An entry with a proof
// alone has no time; the timestamps have.
function checkLogWasInUse(
  entry: TransparencyLogEntry,
  timestamps: readonly RFC3161Timestamp[],
  material: TrustMaterial,
): void {
  const logs = material.tlogs.filter((log) => log.logID.equals(entry.logId.keyId));
  for (const { signingTime } of timestamps) {
    if (logs.some(({ validFor }) => validFor.start <= signingTime && signingTime <= validFor.end))
      continue;
    throw new Refusal(
      'bad-log-entry',
      'Its log entry is of a log that was not in use when it was signed.',
    );
  }
}

/**
 * `otherwise` is the code for an error that @sigstore/verify does not type: hostile content it
 * trips over where this check was at work.
 */
function run(verifier: Verifier, entity: SignedEntity, otherwise: VerdictCode): void {
  try {
    verifier.verify(entity);
  } catch (error) {
    const code = error instanceof VerificationError ? codeOf(error.code, otherwise) : otherwise;
    const cause =
      error instanceof Error && error.cause instanceof Error ? ` (${shownError(error.cause)})` : '';
    throw new Refusal(
      code,
      `${sentences[code] ?? 'It does not verify'}: ${shownError(error)}${cause}.`,
      { cause: error },
    );
  }
}

function codeOf(code: string, otherwise: VerdictCode): VerdictCode {
  if (code.startsWith('TLOG_')) return 'bad-log-entry';
  if (code === 'TIMESTAMP_ERROR') return 'bad-timestamp';
  if (code === 'CERTIFICATE_ERROR') return 'untrusted-certificate';
  if (code === 'SIGNATURE_ERROR') return 'bad-signature';
  return otherwise;
}

const sentences: Partial<Record<VerdictCode, string>> = {
  'bad-log-entry': 'Its log entry does not hold',
  'bad-timestamp': 'Its timestamp does not hold',
  'untrusted-certificate': 'Its certificate is not trusted',
  'bad-signature': 'The signature does not hold',
};
