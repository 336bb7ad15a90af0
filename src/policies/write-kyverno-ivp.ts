import { formatRepository, type RepositoryName } from '../image/reference.ts';
import { anchorsOf } from './anchors.ts';
import {
  hasLegacy,
  headOf,
  imageLists,
  policyName,
  publicGood,
  repositoriesOf,
  type Signed,
  whoSigned,
} from './signed.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

const onlyFrom18 = 'Before, it denies every Pod with an image that it does not speak of.';

/** From which version of Kyverno the ImageValidatingPolicy works, as `clusterPolicyVersions`. */
export function validatingPolicyVersions(signed: Signed): string {
  const { signer, formats, tlog, signatureRepository } = signed;
  if (signatureRepository !== undefined && !hasLegacy(signed))
    return `Works ${'publicKeyPem' in signer && !tlog ? 'after Kyverno 1.19.0, which refuses every bundle by key without a log entry' : 'from Kyverno 1.19'}: earlier ones look for bundles beside the image alone.`;
  if (!('publicKeyPem' in signer) || !formats.includes('bundle'))
    return `Works from Kyverno 1.18. ${onlyFrom18}`;
  return tlog
    ? `Works from Kyverno 1.19: 1.17 and 1.18 crash at a bundle by key with a log entry. Before 1.18 it denies every Pod with an image that it does not speak of.`
    : `Works from Kyverno 1.18, but not with 1.19.0, which refuses every bundle by key without a log entry. ${onlyFrom18}`;
}

/** What Kyverno does with bundles that the gate does not. */
export const anyStatement =
  'Of bundles Kyverno counts any statement by this signer as a signature, an attestation too.';

/**
 * Kyverno's newer policy (policies.kyverno.io/v1): reads both formats, bundles first, and
 * checks annotations in both.
 */
export function kyvernoImageValidatingPolicy(signed: Signed): string {
  const globs = repositoriesOf(signed).flatMap(imageGlobs);
  const attestors = [{ name: 'signer', cosign: cosignAttestor(signed) }];
  const { predicateType: type } = signed;
  const check = { attestors: ['signer'], comparison: '> 0' };
  const policy =
    type === undefined
      ? validatingPolicy(policyName(signed), globs, attestors, [check])
      : validatingPolicy(
          policyName(signed),
          globs,
          attestors,
          [{ ...check, attestation: 'document' }],
          [{ name: 'document', intoto: { type } }],
        );
  return yamlText(policy, [
    ...headOf(signed, 'Kyverno ImageValidatingPolicy'),
    validatingPolicyVersions(signed),
    ...(type === undefined && signed.formats.includes('bundle') ? [anyStatement] : []),
  ]);
}

/** How many of these attestors must have signed, as CEL compares: `> 0`. */
interface ValidatingCheck {
  readonly attestors: readonly string[];
  readonly comparison: string;
  /** counts attestations of this name in place of signatures */
  readonly attestation?: string;
}

/** An ImageValidatingPolicy for Pods that holds every list of containers against every check. */
export function validatingPolicy(
  name: string,
  globs: readonly string[],
  attestors: readonly Yaml[],
  checks: readonly ValidatingCheck[],
  attestations: readonly Yaml[] = [],
): Yaml {
  const expression = (
    list: string,
    { attestors: names, comparison, attestation }: ValidatingCheck,
  ) => {
    const by = `[${names.map((one) => `attestors.${one}`).join(', ')}]`;
    const counted =
      attestation === undefined
        ? `verifyImageSignatures(image, ${by})`
        : `verifyAttestationSignatures(image, attestations.${attestation}, ${by})`;
    return `images.${list}.map(image, ${counted}).all(count, count ${comparison})`;
  };
  return {
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ImageValidatingPolicy',
    metadata: { name },
    spec: {
      validationActions: ['Deny'],
      failurePolicy: 'Fail',
      webhookConfiguration: { timeoutSeconds: 30 },
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['pods', 'pods/ephemeralcontainers'],
          },
        ],
      },
      matchImageReferences: globs.map((glob) => ({ glob })),
      attestors,
      ...(attestations.length === 0 ? {} : { attestations }),
      validations: checks.flatMap((check) =>
        imageLists.map((list) => ({
          expression: expression(list, check),
          message: `The image is not ${check.attestation === undefined ? 'signed' : 'attested'} as the policy asks.`,
        })),
      ),
    },
  };
}

/** Where the signatures of an attestor lie; nothing where that is beside the image. */
export function sourceOf(place: RepositoryName | undefined): Record<string, Yaml> {
  return place === undefined ? {} : { source: { repository: formatRepository(place) } };
}

function cosignAttestor(signed: Signed): Record<string, Yaml> {
  const { signer, tlog, privateSigstore, annotations } = signed;
  const root = privateSigstore?.trustedRoot;
  const keyed = 'publicKeyPem' in signer;
  const anchors = root === undefined ? undefined : anchorsOf(root.parsed, signed.logId);
  // With this chain Kyverno takes the time from the timestamp; Rekor v2 has none.
  const stamped = tlog && signed.rekorV2 === true && signed.timestamp && anchors?.timestampChain;
  const ctlog = tlog
    ? { url: anchors?.rekorUrl ?? publicGood.rekor, ...(stamped ? { tsaCertChain: stamped } : {}) }
    : { insecureIgnoreTlog: true, ...(keyed ? { insecureIgnoreSCT: true } : {}) };
  return {
    ...(keyed
      ? { key: { data: signer.publicKeyPem } }
      : { keyless: { identities: [whoSigned(signer)] } }),
    ctlog,
    ...sourceOf(signed.signatureRepository),
    ...(root === undefined
      ? {}
      : { trustedRoot: { value: JSON.stringify(JSON.parse(root.json)) } }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...annotations } }),
  };
}

/**
 * Globs for the images as they are written in a workload: with tag, digest or neither, Docker Hub
 * under each of its names.
 */
function imageGlobs({ registry, repository }: RepositoryName): readonly string[] {
  const hub = hubNames(repository);
  const names =
    registry === 'docker.io'
      ? [...hub, ...hub.flatMap((name) => [`docker.io/${name}`, `index.docker.io/${name}`])]
      : [`${registry}/${repository}`];
  return names
    .map((name) => name.replace(/[[\]{}?*\\]/g, '\\$&'))
    .flatMap((name) => [name, `${name}:*`, `${name}@*`]);
}

/** The names of a repository on Docker Hub: an official image has two. */
export function hubNames(repository: string): readonly string[] {
  return repository.startsWith('library/')
    ? [repository, repository.slice('library/'.length)]
    : [repository];
}
