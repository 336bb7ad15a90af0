import { isBase64 } from '../text/base64.ts';
import { shown } from '../text/untrusted.ts';
import { isObject, Refusal } from './refusal.ts';

/**
 * What may stand in a piece of JSON: a kind of value, an object of named fields (all optional
 * here), or a list with a largest length. `base64` must be the one canonical spelling: lenient
 * decoders skip what they do not know, and readers would then differ. `count` is a proto3 int64:
 * canonical decimal digits (as a string, or a safe integer), never negative.
 */
export type Shape = 'text' | 'base64' | 'count' | Fields | List;
interface Fields {
  readonly [field: string]: Shape;
}
interface List {
  readonly list: Shape;
  readonly most: number;
}

/**
 * The protobuf JSON of a bundle (sigstore/protobuf-specs, sigstore_bundle.proto), versions 0.1 to
 * 0.3. Go's reader refuses unknown fields too.
 */
export const bundleShape: Shape = {
  mediaType: 'text',
  verificationMaterial: {
    publicKey: { hint: 'text' },
    certificate: { rawBytes: 'base64' },
    x509CertificateChain: { certificates: { list: { rawBytes: 'base64' }, most: 8 } },
    tlogEntries: {
      most: 8,
      list: {
        logIndex: 'count',
        logId: { keyId: 'base64' },
        kindVersion: { kind: 'text', version: 'text' },
        integratedTime: 'count',
        inclusionPromise: { signedEntryTimestamp: 'base64' },
        inclusionProof: {
          logIndex: 'count',
          rootHash: 'base64',
          treeSize: 'count',
          hashes: { list: 'base64', most: 64 },
          checkpoint: { envelope: 'text' },
        },
        canonicalizedBody: 'base64',
      },
    },
    timestampVerificationData: {
      rfc3161Timestamps: { list: { signedTimestamp: 'base64' }, most: 8 },
    },
  },
  messageSignature: { messageDigest: { algorithm: 'text', digest: 'base64' }, signature: 'base64' },
  dsseEnvelope: {
    payload: 'base64',
    payloadType: 'text',
    signatures: { list: { sig: 'base64', keyid: 'text' }, most: 8 },
  },
};

/**
 * Checks that `value` has this shape and nothing else.
 * @throws {Refusal} `malformed`, naming the field.
 */
export function checkShape(value: unknown, shape: Shape, path: string): void {
  if (typeof shape === 'string') {
    checkValue(value, shape, path);
    return;
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) throw new Refusal('malformed', `The field ${path} is not a list.`);
    if (value.length > shape.most)
      throw new Refusal(
        'malformed',
        `The field ${path} has ${value.length} entries; at most ${shape.most} are read.`,
      );
    value.forEach((item: unknown, index) => {
      checkShape(item, shape.list, `${path}[${index}]`);
    });
    return;
  }
  if (!isObject(value)) throw new Refusal('malformed', `The field ${path} is not a JSON object.`);
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(shape, name) ? (shape as Fields)[name] : undefined;
    if (field === undefined)
      throw new Refusal('malformed', `The field ${path} has an unknown field "${shown(name)}".`);
    checkShape(item, field, `${path}.${name}`);
  }
}

function isList(shape: Fields | List): shape is List {
  return typeof shape.most === 'number';
}

function checkValue(value: unknown, shape: 'text' | 'base64' | 'count', path: string): void {
  if (
    shape === 'count'
      ? isCount(value)
      : typeof value === 'string' && (shape === 'text' || isBase64(value))
  )
    return;
  const wanted = { text: 'text', base64: 'canonical base64', count: 'a whole number' }[shape];
  throw new Refusal('malformed', `The field ${path} is not ${wanted}.`);
}

// Beyond 2^53 a number would be compared rounded, and two different indexes would be equal.
function isCount(value: unknown): boolean {
  if (typeof value === 'string')
    return /^(?:0|[1-9]\d{0,15})$/.test(value) && Number.isSafeInteger(Number(value));
  return (
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
  );
}
