import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { type JsonObject, writeDocument } from './tag-document.ts';

/** Says "this image is signed" (cosign 3). */
const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

/** The bytes of the OCI empty config (image-spec, manifest.md#guidance-for-an-empty-descriptor). */
export const emptyConfig = Buffer.from('{}');

/** The manifest of a bundle, and the entry that lists it in a referrers index. */
export interface ReferrerManifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly entry: JsonObject;
}

/**
 * Builds the manifest that ties a Sigstore bundle to an image, byte for byte as cosign 3 does
 * (OCI 1.1 referrer; the `artifactType` inside the config descriptor is what `cosign clean`
 * looks for). Unlike cosign up to 3.1.2, the entry for the referrers tag carries the bundle's media
 * type and the annotations (distribution-spec, "Pushing Manifests with Subject"): Kyverno, buildx
 * and gh find signatures by them.
 * @param created is written in whole seconds, UTC
 * @param predicateType of the statement in the bundle
 */
export function referrerManifest(
  subject: Descriptor,
  bundle: Uint8Array,
  created: Date,
  predicateType = signPredicateType,
): ReferrerManifest {
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': predicateType,
    'org.opencontainers.image.created': created.toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  const bytes = writeDocument({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: {
      mediaType: mediaTypes.ociEmpty,
      size: emptyConfig.length,
      digest: digestOf(emptyConfig),
      artifactType: mediaTypes.bundle,
    },
    layers: [{ mediaType: mediaTypes.bundle, size: bundle.byteLength, digest: digestOf(bundle) }],
    annotations,
    subject: { mediaType: subject.mediaType, size: subject.size, digest: subject.digest },
    artifactType: mediaTypes.bundle,
  });
  const digest = digestOf(bytes);
  const entry = {
    mediaType: mediaTypes.ociManifest,
    size: bytes.length,
    digest,
    annotations,
    artifactType: mediaTypes.bundle,
  };
  return { digest, bytes, entry };
}
