import type { Signed } from './signed.ts';
import { clusterImagePolicy } from './write-cluster-image-policy.ts';
import { type ContainersPolicy, containersPolicy } from './write-containers.ts';
import { kyvernoClusterPolicy } from './write-kyverno-cluster.ts';
import { kyvernoImageValidatingPolicy } from './write-kyverno-ivp.ts';
import { fluxSources, talosConfig } from './write-talos-flux.ts';
import { verifyText } from './write-verify-md.ts';

export type { Signed, SignedImage } from './signed.ts';

/**
 * Writes ready admission policies for exactly what was signed: these repositories, this signer,
 * these annotations.
 * @returns file names (one of them in a folder) and their text; none where nothing was signed. Those
 * of policy-controller, podman, OpenShift, Talos and Flux are there only where these can check them;
 * `verify.md` says why not. Of attestations there are those that can ask for a predicate type.
 */
export function writePolicies(signed: Signed): Readonly<Record<string, string>> {
  if (signed.images.length === 0 || signed.formats.length === 0) return {};
  if (signed.authorities !== undefined) return ofOwnAuthority(signed, signed.authorities);
  const sigstore = clusterImagePolicy(signed);
  const kyverno = kyvernoClusterPolicy(signed);
  const ofKubernetes = {
    ...('text' in kyverno ? { 'kyverno-cluster-policy.yaml': kyverno.text } : {}),
    'kyverno-image-validating-policy.yaml': kyvernoImageValidatingPolicy(signed),
    ...('text' in sigstore ? { 'cluster-image-policy.yaml': sigstore.text } : {}),
  };
  if (signed.predicateType !== undefined)
    return { ...ofKubernetes, 'verify.md': verifyText(signed, { kyverno, sigstore }) };
  const containers = containersPolicy(signed);
  const openShift = 'policy' in containers ? containers.openShift : containers;
  const talos = talosConfig(signed);
  const flux = fluxSources(signed);
  return {
    ...ofKubernetes,
    ...filesOf(containers),
    ...('text' in talos ? { 'talos-image-verification.yaml': talos.text } : {}),
    ...('text' in flux ? { 'flux-verify.yaml': flux.text } : {}),
    'verify.md': verifyText(signed, { kyverno, sigstore, containers, openShift, talos, flux }),
  };
}

function filesOf(containers: ContainersPolicy): Readonly<Record<string, string>> {
  if (!('policy' in containers)) return {};
  const { policy, registries, openShift } = containers;
  return {
    'containers-policy.json': policy,
    'registries.d/sign-image.yaml': registries,
    ...('cluster' in openShift
      ? {
          'openshift-cluster-image-policy.yaml': openShift.cluster,
          'openshift-image-policy.yaml': openShift.namespaced,
        }
      : {}),
  };
}

/** Kyverno, policy-controller, Talos and Flux cannot be told an authority of one's own here. */
function ofOwnAuthority(
  signed: Signed,
  { roots, intermediates }: NonNullable<Signed['authorities']>,
): Readonly<Record<string, string>> {
  return {
    'ca-roots.pem': roots,
    ...(intermediates === '' ? {} : { 'ca-intermediates.pem': intermediates }),
    ...(signed.predicateType === undefined ? filesOf(containersPolicy(signed)) : {}),
  };
}
