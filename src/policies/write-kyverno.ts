import { formatRepository, type RepositoryName } from '../image/reference.ts';
import { anchorsOf } from './anchors.ts';
import {
  hasLegacy,
  headOf,
  policyName,
  publicGood,
  repositoriesOf,
  type Signed,
  whoSigned,
} from './signed.ts';
import type { Written } from './write-talos-flux.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

const onlyFrom18 = 'Before, it denies every Pod with an image that it does not speak of.';

/**
 * From which version of Kyverno the ClusterPolicy works, and what others do with it: for the head of
 * the file and for `verify.md`.
 */
export function clusterPolicyVersions(signed: Signed): string {
  const end =
    '1.20 is to take no new ClusterPolicy and 1.21 none at all: kyverno-image-validating-policy.yaml takes its place.';
  if ('publicKeyPem' in signed.signer && !hasLegacy(signed))
    return `Works with Kyverno 1.19: earlier ones take no key for bundles and refuse every image. ${end}`;
  return `Works with Kyverno 1.13 to 1.19: earlier ones do not know \`failureAction\` and only report. ${end}`;
}

/** The same of the ImageValidatingPolicy. */
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
const anyStatement =
  'Of bundles Kyverno counts any statement by this signer as a signature, an attestation too.';

/**
 * A Kyverno ClusterPolicy (kyverno.io/v1) with `verifyImages`. Type Cosign reads the legacy format,
 * and is the only one that checks annotations; SigstoreBundle reads bundles. So the legacy format
 * decides where both were written.
 */
export function kyvernoClusterPolicy(signed: Signed): Written {
  const { signatureRepository: place } = signed;
  if (place !== undefined && !hasLegacy(signed))
    return {
      reason:
        'There is no ClusterPolicy of Kyverno: it reads bundles beside the image alone, and only a bundle was written, elsewhere. `format: both` writes both.',
    };
  const type = hasLegacy(signed) ? 'Cosign' : 'SigstoreBundle';
  const annotated = Object.keys(signed.annotations).length > 0;
  const notes = [
    clusterPolicyVersions(signed),
    ...(type === 'SigstoreBundle' && signed.predicateType === undefined ? [anyStatement] : []),
    ...(annotated && type === 'SigstoreBundle'
      ? ['Kyverno does not check annotations of bundles, although they are stated below.']
      : []),
    ...(signed.privateSigstore !== undefined && type === 'SigstoreBundle'
      ? [
          'For bundles Kyverno takes its trusted root by TUF: start it with the TUF mirror of your Sigstore instance.',
        ]
      : []),
  ];
  const entry = {
    ...attestor(signed),
    ...(annotated ? { annotations: { ...signed.annotations } } : {}),
  };
  const images = repositoriesOf(signed).flatMap(kyvernoReferences);
  const attestors = [{ count: 1, entries: [entry] }];
  const { predicateType } = signed;
  const policy: Yaml = {
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: { name: policyName(signed) },
    spec: {
      webhookConfiguration: { timeoutSeconds: 30 },
      rules: [
        {
          name: predicateType === undefined ? 'signed' : 'attested',
          match: { any: [{ resources: { kinds: ['Pod'] } }] },
          verifyImages: [
            {
              type,
              failureAction: 'Enforce',
              imageReferences: images,
              ...(place === undefined ? {} : { repository: formatRepository(place) }),
              ...(predicateType === undefined
                ? { attestors }
                : { attestations: [{ type: predicateType, attestors }] }),
            },
          ],
        },
      ],
    },
  };
  return { text: yamlText(policy, [...headOf(signed, 'Kyverno ClusterPolicy'), ...notes]) };
}

function attestor(signed: Signed): Record<string, Yaml> {
  const { signer, tlog, privateSigstore } = signed;
  const anchors =
    privateSigstore?.trustedRoot === undefined
      ? undefined
      : anchorsOf(privateSigstore.trustedRoot.parsed, signed.logId);
  const [rekorKey] = anchors?.rekorKeys ?? [];
  const [ctKey] = anchors?.ctKeys ?? [];
  const log = {
    url: anchors?.rekorUrl ?? publicGood.rekor,
    ...(rekorKey === undefined ? {} : { pubkey: rekorKey }),
  };
  const rekor = tlog ? log : { ...log, ignoreTlog: true };
  if ('publicKeyPem' in signer) {
    // Without a time from the log or an authority Kyverno must not ask for one; of a key nothing
    // else hangs on this field.
    const untimed = !tlog || (signed.rekorV2 === true && !signed.timestamp);
    return {
      keys: {
        publicKeys: signer.publicKeyPem,
        rekor,
        ...(untimed ? { ctlog: { ignoreSCT: true } } : {}),
      },
    };
  }
  const certificates = {
    ...(ctKey === undefined ? {} : { pubkey: ctKey }),
    ...(signed.timestamp && anchors?.timestampChain
      ? { tsaCertChain: anchors.timestampChain }
      : {}),
  };
  return {
    keyless: {
      ...whoSigned(signer),
      ...callerOf(signed),
      rekor,
      ...(anchors === undefined ? {} : { roots: anchors.authorities }),
      ...(Object.keys(certificates).length === 0 ? {} : { ctlog: certificates }),
    },
  };
}

/**
 * For whom a reusable workflow signed: its identity is the same for every repository that calls it.
 * Kyverno knows this name and none of the numbers, and looks at it in the legacy format.
 */
function callerOf(signed: Signed): Record<string, Yaml> {
  const { signer } = signed;
  const repository = 'identity' in signer ? signer.claims?.repository : undefined;
  if (!('identity' in signer) || repository === undefined || !hasLegacy(signed)) return {};
  // Kyverno would read these as wildcards.
  if (signer.identity.includes(`/${repository}/.github/`) || /[*?]/.test(repository)) return {};
  return { additionalExtensions: { githubWorkflowRepository: repository } };
}

/**
 * Kyverno sees `registry/path:tag` or `registry/path@digest`; of Docker Hub without `library/`
 * where that was not written.
 */
function kyvernoReferences({ registry, repository }: RepositoryName): readonly string[] {
  const names =
    registry === 'docker.io'
      ? hubNames(repository).map((name) => `docker.io/${name}`)
      : [`${registry}/${repository}`];
  return names.flatMap((name) => [`${name}:*`, `${name}@*`]);
}

function hubNames(repository: string): readonly string[] {
  return repository.startsWith('library/')
    ? [repository, repository.slice('library/'.length)]
    : [repository];
}

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
  const lists = ['containers', 'initContainers', 'ephemeralContainers'];
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
        lists.map((list) => ({
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
