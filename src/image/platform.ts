import type { Descriptor } from './descriptor.ts';

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
