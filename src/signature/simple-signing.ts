import type { Digest } from '../image/digest.ts';
import { shown } from '../text/untrusted.ts';
import { isObject, parseJson, Refusal } from './refusal.ts';
import { type Claim, onlyFields, sortedByBytes } from './statement.ts';

const cosignType = 'cosign container image signature';
const limits = { maxBytes: 1 << 18, maxDepth: 16 };

/** What a legacy signature is about. */
export interface SimpleSigning {
  /** `registry/repository` without tag: podman's `matchRepository` compares it */
  readonly dockerReference: string;
  readonly digest: Digest;
  readonly annotations: Readonly<Record<string, string>>;
}

// Go's encoding/json escapes these five inside strings; U+2028 and U+2029 by number to keep this
// file readable.
const goEscapes = /[<>&\u2028\u2029]/g;

/**
 * The payload of a legacy signature, byte for byte as cosign writes it (containers/image
 * docs/containers-signature.5.md): keys sorted, Go's escapes for `<`, `>`, `&`, and
 * `"optional":null` without annotations.
 */
export function makePayload({ dockerReference, digest, annotations }: SimpleSigning): Buffer {
  const json = JSON.stringify({
    critical: {
      identity: { 'docker-reference': dockerReference },
      image: { 'docker-manifest-digest': digest },
      type: cosignType,
    },
    optional: Object.keys(annotations).length > 0 ? sortedByBytes(annotations) : null,
  });
  return Buffer.from(
    json.replace(goEscapes, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/**
 * Reads such a payload, strictly. Annotations that are not strings (podman writes a timestamp) are
 * signed but cannot be asked for.
 * @throws {Refusal} `wrong-predicate` for another `critical.type`, `wrong-subject` without a sha256
 * digest, `malformed`, `too-large`.
 */
export function readPayload(payload: Buffer): Claim {
  const document = parseJson(payload, 'payload', limits);
  if (!isObject(document)) throw new Refusal('malformed', 'The payload is not a JSON object.');
  onlyFields(document, ['critical', 'optional'], 'payload');
  const { critical, optional } = document;
  if (!isObject(critical)) throw new Refusal('malformed', 'The payload has no "critical" part.');
  if (critical.type !== cosignType) {
    const type = typeof critical.type === 'string' ? `"${shown(critical.type)}"` : 'none';
    throw new Refusal('wrong-predicate', `The payload is of type ${type}, not "${cosignType}".`);
  }
  onlyFields(critical, ['identity', 'image', 'type'], 'critical part of the payload');
  return { ...readImage(critical), annotations: readOptional(optional) };
}

function readImage(
  critical: Readonly<Record<string, unknown>>,
): Pick<Claim, 'sha256' | 'dockerReference'> {
  const { identity, image } = critical;
  if (!isObject(identity) || typeof identity['docker-reference'] !== 'string') {
    throw new Refusal('malformed', 'The payload names no repository.');
  }
  onlyFields(identity, ['docker-reference'], 'identity in the payload');
  const digest = isObject(image) ? image['docker-manifest-digest'] : undefined;
  if (!isObject(image) || typeof digest !== 'string' || !digest.startsWith('sha256:')) {
    throw new Refusal('wrong-subject', 'The payload does not name an image by a sha256 digest.');
  }
  onlyFields(image, ['docker-manifest-digest'], 'image in the payload');
  return {
    sha256: digest.slice('sha256:'.length),
    dockerReference: identity['docker-reference'],
  };
}

function readOptional(optional: unknown): Record<string, string> {
  if (optional === null || optional === undefined) return {};
  if (!isObject(optional))
    throw new Refusal('malformed', 'The annotations of the payload are not a JSON object.');
  return Object.fromEntries(
    Object.entries(optional).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
