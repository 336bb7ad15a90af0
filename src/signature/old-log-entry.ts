import { createHash } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { json } from '@sigstore/core';
import type { TrustMaterial } from '@sigstore/verify';
import { sameBytes } from './content.ts';
import type { SignedEvidence } from './found.ts';
import { verifies } from './key.ts';
import { fromPem, isSame, type VerifierBytes } from './log-entry.ts';
import { isObject, parseJson, Refusal } from './refusal.ts';

const limits = { maxBytes: 1 << 18, maxDepth: 8 };

/** True for the kind of entry that cosign wrote beside attestations until 2023. */
export function isOldEntry({ kindVersion: { kind, version } }: TransparencyLogEntry): boolean {
  return kind === 'intoto' && version === '0.0.1';
}

/**
 * Verifies an entry of the kind `intoto` 0.0.1 (sigstore/rekor, pkg/types/intoto/v0.0.1), which
 * @sigstore/verify does not know: the log's promise over it, that it is of this whole envelope, and
 * of this key or certificate. The envelope holds payload and signature, so it binds both.
 * @throws {Refusal} `bad-log-entry`
 */
export function checkOldEntry(
  entry: TransparencyLogEntry,
  { stamped: envelope }: SignedEvidence,
  signer: VerifierBytes,
  logs: TrustMaterial['tlogs'],
): void {
  if (entry.inclusionPromise === undefined || entry.inclusionProof !== undefined)
    throw bad('carries something else than the promise of its log');
  // Bundles are newer than these entries, and their envelope is spelled in no certain way.
  if (envelope === undefined) throw bad('is of the old kind intoto 0.0.1, and beside a bundle');
  checkPromise(entry, entry.inclusionPromise.signedEntryTimestamp, logs);
  const spec = specOf(entry);
  const { content, publicKey } = spec;
  const hash = isObject(content) ? content.hash : undefined;
  if (!isObject(hash) || hash.algorithm !== 'sha256' || typeof hash.value !== 'string')
    throw bad('does not say which envelope it is of');
  if (!sameBytes(Buffer.from(hash.value), Buffer.from(sha256(envelope))))
    throw bad('is of another envelope');
  const made = fromPem(publicKey);
  if (made === undefined) throw bad('does not say whose key it was made with');
  if (!isSame(made, signer)) throw bad('was made with another key or certificate');
}

function checkPromise(
  { integratedTime, logIndex, logId, canonicalizedBody }: TransparencyLogEntry,
  promise: Buffer,
  logs: TrustMaterial['tlogs'],
): void {
  const time = new Date(Number(integratedTime) * 1000);
  const signed = json.canonicalize({
    body: canonicalizedBody.toString('base64'),
    integratedTime: Number(integratedTime),
    logIndex: Number(logIndex),
    logID: logId.keyId.toString('hex'),
  });
  const holds = logs.some(
    ({ logID, publicKey, validFor }) =>
      logID.equals(logId.keyId) &&
      validFor.start <= time &&
      time <= validFor.end &&
      verifies(publicKey, Buffer.from(signed), promise),
  );
  if (!holds) throw bad('has a promise that no log of the trusted root has made');
}

function specOf(entry: TransparencyLogEntry): Readonly<Record<string, unknown>> {
  let body: unknown;
  try {
    body = parseJson(entry.canonicalizedBody, 'body of the log entry', limits);
  } catch (cause) {
    throw new Refusal('bad-log-entry', 'The body of the log entry cannot be read.', { cause });
  }
  if (!isObject(body) || body.kind !== 'intoto' || body.apiVersion !== '0.0.1')
    throw bad('is of another kind than it says');
  if (!isObject(body.spec)) throw bad('says nothing');
  return body.spec;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function bad(what: string): Refusal {
  return new Refusal('bad-log-entry', `The log entry ${what}.`);
}
