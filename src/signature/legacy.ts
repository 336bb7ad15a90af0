import type { TransparencyLogEntry } from '@sigstore/bundle';
import { decodeBase64 } from '../text/base64.ts';
import { shown } from '../text/untrusted.ts';
import { checkShape, type Shape } from './bundle-shape.ts';
import { SignedContent } from './content.ts';
import type { Evidence, OpenedEnvelope, SignedBy, SignedEvidence } from './found.ts';
import { isObject, parseJson, Refusal } from './refusal.ts';
import { readPayload } from './simple-signing.ts';
import { onlyFields, statementType } from './statement.ts';

/** Annotations of a `simplesigning` layer (cosign specs/SIGNATURE_SPEC.md). */
export const layerAnnotations = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

const limits = { maxBytes: 1 << 18, maxDepth: 8 };

/**
 * Takes a legacy signature apart: what the layer's annotations carry becomes what a bundle would
 * carry. The chain is not read here: below the trusted root no path is built from it.
 * @throws {Refusal} as `readEvidence`.
 */
export function readLayer(
  payload: Buffer,
  annotations: Readonly<Record<string, string>>,
): Evidence {
  const claim = readPayload(payload);
  const signature = annotation(annotations, layerAnnotations.signature);
  if (signature === undefined) throw new Refusal('malformed', 'The layer carries no signature.');
  return {
    claim,
    content: new SignedContent(decodeWrapped(signature, 'signature'), payload, payload),
    ...materialOf(annotations),
  };
}

/** A DSSE envelope as it lies in a layer (secure-systems-lab/dsse, envelope.md). */
const envelopeShape: Shape = {
  payloadType: 'text',
  payload: 'base64',
  signatures: { list: { keyid: 'text', sig: 'base64' }, most: 8 },
};

/**
 * Takes a DSSE layer apart, as cosign 1 and 2 attach attestations: the envelope holds the signature,
 * the annotations what proves when it was made and by whom.
 * @throws {Refusal} `wrong-predicate` where it holds no in-toto statement, `malformed`, `too-large`
 */
export function readEnvelopeLayer(
  bytes: Buffer,
  annotations: Readonly<Record<string, string>>,
  maxBytes: number,
): OpenedEnvelope {
  const envelope = parseJson(bytes, 'envelope', { maxBytes, maxDepth: 4 });
  checkShape(envelope, envelopeShape, 'envelope');
  const { payloadType, payload, signatures } = envelope as {
    readonly payloadType?: string;
    readonly payload?: string;
    readonly signatures?: readonly { readonly sig?: string }[];
  };
  if (payloadType !== statementType) {
    const type = payloadType === undefined ? 'nothing of a known type' : `"${shown(payloadType)}"`;
    throw new Refusal('wrong-predicate', `The envelope holds ${type}, not an in-toto statement.`);
  }
  const [signature, ...more] = signatures ?? [];
  if (signature === undefined || more.length > 0)
    throw new Refusal('malformed', 'The envelope does not carry exactly one signature.');
  const signed = decode(payload, 'payload');
  const sig = decode(signature.sig, 'signature');
  return {
    payload: signed,
    content: SignedContent.ofEnvelope(payloadType, signed, sig),
    ...materialOf(annotations),
    // cosign 2 has the whole envelope stamped.
    stamped: bytes,
  };
}

function materialOf(
  annotations: Readonly<Record<string, string>>,
): Pick<SignedEvidence, 'signedBy' | 'entries' | 'timestamps'> {
  const bundle = annotation(annotations, layerAnnotations.bundle);
  const timestamp = annotation(annotations, layerAnnotations.timestamp);
  return {
    signedBy: signerOf(
      annotation(annotations, layerAnnotations.certificate),
      annotation(annotations, layerAnnotations.chain),
    ),
    entries: bundle === undefined ? [] : [readEntry(bundle)],
    timestamps: timestamp === undefined ? [] : [readTimestamp(timestamp)],
  };
}

// cosign leaves an annotation out or writes it empty; both mean that there is none.
function annotation(
  annotations: Readonly<Record<string, string>>,
  name: string,
): string | undefined {
  return Object.hasOwn(annotations, name) && annotations[name] !== ''
    ? annotations[name]
    : undefined;
}

function decode(text: unknown, what: string): Buffer {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new Refusal('malformed', `The ${what} is not canonical base64.`);
  return bytes;
}

/**
 * `openssl base64` wraps what it writes, and `cosign attach signature` takes it as it is. Every
 * other verifier accepts it: Go's decoder skips CR and LF, and nothing else. The bytes that are
 * checked are the same.
 */
function decodeWrapped(text: unknown, what: string): Buffer {
  return decode(typeof text === 'string' ? text.replace(/[\r\n]/g, '') : text, what);
}

const onePem =
  /^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]{1,65536})-----END CERTIFICATE-----\s{0,8}$/;

// Exactly one block: with two, readers differ on which is the signer's.
function signerOf(pem: string | undefined, chain: string | undefined): SignedBy {
  if (pem === undefined) return { hint: undefined };
  const body = onePem.exec(pem)?.[1];
  if (body === undefined)
    throw new Refusal('malformed', 'The certificate of the layer is not exactly one PEM block.');
  const certificate = decodeWrapped(body, 'certificate');
  return chain === undefined ? { certificate } : { certificate, chain };
}

/** cosign's log entry: an entry of Rekor v1 with its promise (SET) and nothing else. */
function readEntry(json: string): TransparencyLogEntry {
  const entry = parseJson(Buffer.from(json), 'log entry', limits);
  const payload = isObject(entry) ? entry.Payload : undefined;
  if (!isObject(entry) || !isObject(payload))
    throw new Refusal('malformed', 'The log entry has no payload.');
  onlyFields(entry, ['SignedEntryTimestamp', 'Payload'], 'log entry');
  onlyFields(payload, ['body', 'integratedTime', 'logIndex', 'logID'], 'payload of the log entry');
  const { integratedTime, logIndex, logID } = payload;
  if (!isCount(integratedTime) || !isCount(logIndex))
    throw new Refusal('malformed', 'The log entry has no valid index or time.');
  if (typeof logID !== 'string' || !/^[0-9a-f]{64}$/.test(logID))
    throw new Refusal('malformed', 'The log entry names no log.');
  const canonicalizedBody = decode(payload.body, 'body of the log entry');
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex') },
    kindVersion: kindOf(canonicalizedBody),
    integratedTime: String(integratedTime),
    inclusionPromise: {
      signedEntryTimestamp: decodeWrapped(entry.SignedEntryTimestamp, 'promise of the log'),
    },
    inclusionProof: undefined,
    canonicalizedBody,
  };
}

function kindOf(body: Buffer): { kind: string; version: string } {
  const { kind, apiVersion } = Object(parseJson(body, 'body of the log entry', limits)) as Record<
    string,
    unknown
  >;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string')
    throw new Refusal('malformed', 'The log entry is of no kind.');
  return { kind, version: apiVersion };
}

function readTimestamp(json: string): Buffer {
  const timestamp = parseJson(Buffer.from(json), 'timestamp', limits);
  if (!isObject(timestamp)) throw new Refusal('malformed', 'The timestamp is not a JSON object.');
  onlyFields(timestamp, ['SignedRFC3161Timestamp'], 'timestamp');
  return decodeWrapped(timestamp.SignedRFC3161Timestamp, 'timestamp');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
