import type { Digest } from './digest.ts';

/**
 * Media types this product writes or reads (OCI image-spec 1.1, Docker image manifest v2.2,
 * Sigstore).
 */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  simpleSigning: 'application/vnd.dev.cosign.simplesigning.v1+json',
  dsseEnvelope: 'application/vnd.dsse.envelope.v1+json',
  cosignSignature: 'application/vnd.dev.cosign.artifact.sig.v1+json',
} as const;

/**
 * What a registry calls a piece of content (OCI image-spec, descriptor.md). Fields that we do not
 * know are carried along untouched.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string;
  };
}

/**
 * `linux/amd64`, `linux/arm64/v8` (containerd's notation). Whatever a registry sends, the name is
 * short and fit for a log line.
 */
export function formatPlatform(platform: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part): part is string => part !== undefined && part !== '')
    .map((part) => part.replace(/[^\w.-]/g, '_').slice(0, 40))
    .join('/');
}

/** What stands in the place of a platform's name, and in the annotation that says so. */
export const attestationManifest = 'attestation-manifest';

/** True for an entry of an index that is BuildKit's provenance or SBOM of another entry. */
export function isAttestationManifest({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === attestationManifest;
}

/**
 * What an entry of an index is for: its platform's name, or `attestation-manifest` for BuildKit's
 * provenance and SBOM manifests (these carry the annotation `vnd.docker.reference.type` and the
 * platform unknown/unknown); undefined where the index does not say.
 */
export function platformName(descriptor: Descriptor): string | undefined {
  if (isAttestationManifest(descriptor)) return attestationManifest;
  return descriptor.platform == null ? undefined : formatPlatform(descriptor.platform);
}
