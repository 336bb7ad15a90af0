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
import { anyStatement, hubNames } from './write-kyverno-ivp.ts';
import type { Written } from './write-talos-flux.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

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
  // Without a log Kyverno takes the time from the timestamp only where it is given this chain.
  const stamps =
    anchors ?? (tlog || signed.publicRoot === undefined ? undefined : anchorsOf(signed.publicRoot));
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
    ...(signed.timestamp && stamps?.timestampChain ? { tsaCertChain: stamps.timestampChain } : {}),
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
