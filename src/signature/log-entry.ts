import { createPublicKey } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { decodeBase64 } from '../text/base64.ts';
import { sameBytes } from './content.ts';
import { spki } from './key.ts';
import { isObject, parseJson, Refusal } from './refusal.ts';
import type { SignerFacts } from './verdict.ts';

const limits = { maxBytes: 1 << 18, maxDepth: 16 };

/** The signer's key or certificate, as DER (SPKI, X.509). */
export interface VerifierBytes {
  readonly kind: 'publicKey' | 'certificate';
  readonly der: Buffer;
}

/**
 * Checks of a log entry what @sigstore/verify does not: the numbers beside the proof are the proven
 * ones, and the entry was made with the very key or certificate that verifies here. Without the
 * latter, a signature could be shown with an entry that someone else's key made.
 * @throws {Refusal} `bad-log-entry`.
 */
export function checkEntry(entry: TransparencyLogEntry, signer: VerifierBytes): void {
  if (entry.logId.keyId.length !== 32) throw bad('names no log');
  checkProof(entry);
  const body = parseBody(entry);
  const found = verifierOf(body, `${entry.kindVersion.kind} ${entry.kindVersion.version}`);
  if (found === undefined) throw bad('does not say whose key it was made with');
  if (!isSame(found, signer)) throw bad('was made with another key or certificate');
}

/** What an entry proves, once @sigstore/verify has verified it and `checkEntry` has passed. */
export function factsOf(
  entry: TransparencyLogEntry,
): Pick<SignerFacts, 'logId' | 'tlogIndex' | 'integratedTime'> {
  const logId = entry.logId.keyId.toString('hex');
  const tlogIndex = Number(entry.logIndex);
  // The promise (SET) signs index and time. Without it, only the place in the tree is proven, and
  // the time is anybody's word.
  if (entry.inclusionPromise !== undefined)
    return { logId, tlogIndex, integratedTime: Number(entry.integratedTime) };
  return entry.inclusionProof?.logIndex === entry.logIndex ? { logId, tlogIndex } : { logId };
}

// The library proves the index of the proof against the checkpoint, and looks at none of the copies
// of those numbers around it.
function checkProof(entry: TransparencyLogEntry): void {
  const proof = entry.inclusionProof;
  if (proof === undefined) return;
  if (
    proof.checkpoint === undefined ||
    proof.rootHash.length !== 32 ||
    proof.hashes.some((hash) => hash.length !== 32)
  ) {
    throw bad('has an incomplete inclusion proof');
  }
  const [, size, root] = proof.checkpoint.envelope.split('\n', 3);
  if (size !== proof.treeSize || root !== proof.rootHash.toString('base64'))
    throw bad('has a proof for another tree than its checkpoint');
  // In Rekor v1 the outer index counts all shards of the log and is signed in the promise; in v2
  // there is one tree and one index.
  const isV2 = entry.kindVersion.kind === 'hashedrekord' && entry.kindVersion.version === '0.0.2';
  if (isV2 && proof.logIndex !== entry.logIndex) throw bad('states another index than its proof');
}

function parseBody(entry: TransparencyLogEntry): unknown {
  try {
    return parseJson(entry.canonicalizedBody, 'body of the log entry', limits);
  } catch (error) {
    throw new Refusal('bad-log-entry', 'The body of the log entry cannot be read.', {
      cause: error,
    });
  }
}

/** The key or certificate an entry was made with; undefined for a kind that is not known. */
function verifierOf(body: unknown, kind: string): VerifierBytes | undefined {
  switch (kind) {
    case 'hashedrekord 0.0.1':
      return fromPem(at(body, 'spec', 'signature', 'publicKey', 'content'));
    case 'dsse 0.0.1':
      return fromPem(at(body, 'spec', 'signatures', '0', 'verifier'));
    case 'intoto 0.0.2':
      return fromPem(at(body, 'spec', 'content', 'envelope', 'signatures', '0', 'publicKey'));
    case 'hashedrekord 0.0.2': {
      const verifier = at(body, 'spec', 'hashedRekordV002', 'signature', 'verifier');
      const key = at(verifier, 'publicKey', 'rawBytes');
      const certificate = at(verifier, 'x509Certificate', 'rawBytes');
      if ((key === undefined) === (certificate === undefined)) return undefined;
      const der = decodeBase64(key ?? certificate);
      return der && { kind: key === undefined ? 'certificate' : 'publicKey', der };
    }
    default:
      return undefined;
  }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (!isObject(current) && !Array.isArray(current)) return undefined;
    current = Object.hasOwn(current, name) ? (current as Record<string, unknown>)[name] : undefined;
  }
  return current;
}

const firstPem = /-----BEGIN (PUBLIC KEY|CERTIFICATE)-----([A-Za-z0-9+/=\s]+)-----END/;

/**
 * base64 of PEM, as Rekor v1 stores it: a public key, or a certificate. Of several, Rekor verified
 * with the first.
 */
export function fromPem(value: unknown): VerifierBytes | undefined {
  const [, label, body = ''] = firstPem.exec(decodeBase64(value)?.toString('latin1') ?? '') ?? [];
  if (label === undefined) return undefined;
  return {
    kind: label === 'CERTIFICATE' ? 'certificate' : 'publicKey',
    der: Buffer.from(body, 'base64'),
  };
}

/** True for the same certificate, or the same key in whatever spelling. */
export function isSame(candidate: VerifierBytes, signer: VerifierBytes): boolean {
  if (candidate.kind !== signer.kind) return false;
  if (sameBytes(candidate.der, signer.der)) return true;
  return signer.kind === 'publicKey' && sameBytes(normalKey(candidate.der), signer.der);
}

// One key can be spelled in several DER forms (PKCS#1, other parameters); OpenSSL's is the one that
// is compared.
function normalKey(der: Buffer): Buffer {
  try {
    return spki(createPublicKey({ key: der, format: 'der', type: 'spki' }));
  } catch {
    return Buffer.alloc(0);
  }
}

function bad(what: string): Refusal {
  return new Refusal('bad-log-entry', `The log entry ${what}.`);
}
