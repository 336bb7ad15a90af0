import type { Signed } from './signed.ts';
import { clusterImagePolicy } from './write-cluster-image-policy.ts';
import { containersPolicy } from './write-containers.ts';
import { kyvernoClusterPolicy, kyvernoImageValidatingPolicy } from './write-kyverno.ts';
import { verifyText } from './write-verify-md.ts';

export type { Signed, SignedImage } from './signed.ts';

/**
 * Writes ready admission policies for exactly what was signed: these repositories, this signer,
 * these annotations.
 * @returns file names (one of them in a folder) and their text; none where nothing was signed.
 * `containers-policy.json` and `registries.d/sign-image.yaml` are there only where podman and
 * skopeo can check the signatures; `verify.md` says why not.
 */
export function writePolicies(signed: Signed): Readonly<Record<string, string>> {
  if (signed.images.length === 0 || signed.formats.length === 0) return {};
  const containers = containersPolicy(signed);
  return {
    'kyverno-cluster-policy.yaml': kyvernoClusterPolicy(signed),
    'kyverno-image-validating-policy.yaml': kyvernoImageValidatingPolicy(signed),
    'cluster-image-policy.yaml': clusterImagePolicy(signed),
    ...('policy' in containers
      ? {
          'containers-policy.json': containers.policy,
          'registries.d/sign-image.yaml': containers.registries,
        }
      : {}),
    'verify.md': verifyText(signed, containers),
  };
}
