import {
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
  type Bundle,
  bundleFromJSON,
  bundleToJSON,
} from '@sigstore/bundle';
import { bundleShape, checkShape } from './bundle-shape.ts';
import { isObject, parseJson, Refusal, shownError } from './refusal.ts';

/** Bundles with more bytes than this are not read: a signature's has about ten thousand. */
export const maxBundleBytes = 1 << 18;

const mediaTypes: readonly unknown[] = [
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
];

/** The JSON bytes of a bundle, as they lie in the registry (protobuf JSON, no spaces). */
export function bundleBytes(bundle: Bundle): Buffer {
  return Buffer.from(JSON.stringify(bundleToJSON(bundle)));
}

/**
 * Reads a Sigstore bundle, strictly (@sigstore/bundle alone takes unknown fields, sloppy base64,
 * repeated keys, two contents at once, and media types that only begin right). Versions 0.1 to 0.3.
 * @throws {Refusal} `malformed` or `too-large`.
 */
export function parseBundle(bytes: Uint8Array, maxBytes = maxBundleBytes): Bundle {
  const json = parseJson(bytes, 'bundle', { maxBytes, maxDepth: 16 });
  checkShape(json, bundleShape, 'bundle');
  if (!isObject(json) || !mediaTypes.includes(json.mediaType)) {
    throw new Refusal(
      'malformed',
      'The bundle is of no media type that is known here (Sigstore bundle 0.1 to 0.3).',
    );
  }
  exactlyOne(json, ['dsseEnvelope', 'messageSignature'], 'content');
  const material = isObject(json.verificationMaterial) ? json.verificationMaterial : {};
  exactlyOne(material, ['publicKey', 'certificate', 'x509CertificateChain'], 'key or certificate');
  try {
    return bundleFromJSON(json);
  } catch (error) {
    throw new Refusal('malformed', `The bundle is incomplete: ${shownError(error)}.`, {
      cause: error,
    });
  }
}

// A protobuf "oneof": with two of them, which one counts depends on the reader.
function exactlyOne(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  what: string,
): void {
  const count = names.filter((name) => Object.hasOwn(object, name)).length;
  if (count !== 1)
    throw new Refusal(
      'malformed',
      `The bundle has ${count === 0 ? 'no' : 'more than one'} ${what}.`,
    );
}
