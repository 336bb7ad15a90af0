import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { ImageManifest } from '../image/manifest.ts';
import type { SourceManifest } from './copy.ts';
import type { JsonObject } from './tag-document.ts';

/** As distribution-spec has it; what the source lists it as may be wrong (cosign up to 3.1.2). */
export function entryOf({ digest, bytes, parsed }: SourceManifest): JsonObject {
  const manifest = parsed as ImageManifest;
  const { annotations } = manifest;
  return {
    mediaType: manifest.mediaType,
    size: bytes.length,
    digest,
    ...(Object.keys(annotations).length > 0 && { annotations }),
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
  };
}

const bundleType = 'application/vnd.dev.sigstore.bundle';
const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1';
const signatureTypes: readonly unknown[] = [
  mediaTypes.cosignSignature,
  'application/vnd.cncf.notary.signature',
];

/** What a referrer says it is: enough to choose by, never to believe. */
export function kindOf(
  manifest: ImageManifest,
): 'signatures' | 'attestations' | 'bundle' | 'other' {
  const types = [manifest.artifactType, manifest.config.mediaType];
  if (types.some((type) => signatureTypes.includes(type))) return 'signatures';
  if (![...types, ...manifest.layers.map(({ mediaType }) => mediaType)].some(isBundle))
    return 'other';
  const said = manifest.annotations['dev.sigstore.bundle.predicateType'];
  if (said === undefined) return 'bundle';
  return said === signaturePredicate ? 'signatures' : 'attestations';
}

/** True for what nobody signs in turn. */
export function isProof(manifest: ImageManifest): boolean {
  return kindOf(manifest) !== 'other';
}

function isBundle(type: string | undefined): boolean {
  return type?.startsWith(bundleType) === true;
}

/** Two layers are one where they say the same, in whatever order. */
export function layerKey({ digest, annotations }: JsonObject): string {
  const pairs = Object.entries((annotations ?? {}) as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([digest, pairs]);
}

export function isBlob(layer: JsonObject): layer is JsonObject & { digest: Digest; size: number } {
  return isDigest(layer.digest) && Number.isSafeInteger(layer.size) && Number(layer.size) >= 0;
}
