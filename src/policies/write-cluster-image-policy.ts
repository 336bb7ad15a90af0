import type {
  CertificateAuthority,
  TransparencyLogInstance,
  TrustedRoot,
} from '@sigstore/protobuf-specs';
import { cosignRepositoryName, formatRepository, type RepositoryName } from '../image/reference.ts';
import { toBase64, toPem } from '../text/base64.ts';
import { anchorsOf, chains } from './anchors.ts';
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

/** The TrustRoot that policies of a Sigstore instance of one's own refer to. */
export const ownTrust = 'own-sigstore';

/**
 * A sigstore ClusterImagePolicy (policy.sigstore.dev/v1beta1), and the TrustRoot it refers to for a
 * Sigstore instance of one's own. policy-controller reads legacy signatures, and bundles of keyless
 * signers alone; it checks no annotations, which is said on top.
 */
export function clusterImagePolicy(signed: Signed): Written {
  const keyed = 'publicKeyPem' in signed.signer;
  if (keyed && !hasLegacy(signed))
    return {
      reason:
        'There is no ClusterImagePolicy: policy-controller finds signatures by key only in the legacy format, and only a bundle was written. `format: both` writes both.',
    };
  if (signed.signatureRepository !== undefined && !hasLegacy(signed))
    return {
      reason:
        'There is no ClusterImagePolicy: policy-controller reads bundles beside the image alone, and only a bundle was written, elsewhere. `format: both` writes both.',
    };
  if (!readsBundles(signed) && isStampedAlone(signed))
    return {
      reason:
        'There is no ClusterImagePolicy: in the legacy format policy-controller knows no public timestamp authority, and nothing else proves the time. A bundle beside the image would do: `format: both`.',
    };
  const notes = [
    ...(Object.keys(signed.annotations).length > 0
      ? ['policy-controller does not check annotations.']
      : []),
    ...(signed.privateSigstore !== undefined && signed.privateSigstore.trustedRoot === undefined
      ? [`The TrustRoot "${ownTrust}" must hold the trusted root of your Sigstore instance.`]
      : []),
  ];
  const policy: Yaml = {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: policyName(signed) },
    spec: {
      images: repositoriesOf(signed).flatMap(({ registry, repository }) => {
        // Tags are digests before they are matched.
        const name = cosignRepositoryName({ registry, repository });
        return [{ glob: `${name}@sha256:*` }];
      }),
      authorities: [
        {
          name: 'signer',
          ...authority(signed),
          ...attestations(signed),
          ...sourcesOf(signed.signatureRepository),
        },
      ],
    },
  };
  const root = signed.privateSigstore?.trustedRoot?.parsed;
  const text = yamlText(policy, [...headOf(signed, 'sigstore ClusterImagePolicy'), ...notes]);
  return {
    text:
      root === undefined || (keyed && !signed.tlog)
        ? text
        : `${text}---\n${yamlText(trustRoot(root))}`,
  };
}

/** Where the signatures of an authority lie; nothing where that is beside the image. */
export function sourcesOf(place: RepositoryName | undefined): Record<string, Yaml> {
  return place === undefined ? {} : { source: [{ oci: formatRepository(place) }] };
}

/** By a certificate of the public-good instance, with nothing but a timestamp to prove the time. */
function isStampedAlone({ signer, tlog, timestamp, privateSigstore }: Signed): boolean {
  return !('publicKeyPem' in signer) && !tlog && timestamp && privateSigstore === undefined;
}

/** Of both formats the legacy one, where policy-controller can check it. */
function readsBundles(signed: Signed): boolean {
  const isBeside = signed.formats.includes('bundle') && signed.signatureRepository === undefined;
  return !hasLegacy(signed) || (isStampedAlone(signed) && isBeside);
}

function attestations({ predicateType }: Signed): Record<string, Yaml> {
  return predicateType === undefined ? {} : { attestations: [{ name: 'document', predicateType }] };
}

function authority(signed: Signed): Record<string, Yaml> {
  const { signer, tlog, timestamp, privateSigstore } = signed;
  const own = privateSigstore !== undefined;
  const root = privateSigstore?.trustedRoot?.parsed;
  const url = own
    ? root === undefined
      ? undefined
      : anchorsOf(root, signed.logId).rekorUrl
    : publicGood.rekor;
  const log: Record<string, Yaml> = {
    ...(url === undefined ? {} : { url }),
    ...(own ? { trustRootRef: ownTrust } : {}),
  };
  if ('publicKeyPem' in signer)
    return { key: { data: signer.publicKeyPem }, ...(tlog ? { ctlog: log } : {}) };
  const fulcio = own ? root?.certificateAuthorities[0]?.uri || undefined : publicGood.fulcio;
  // Asked for timestamps, policy-controller looks at no log; so they are asked for only where the
  // log cannot tell the time. In the legacy format it knows no public timestamp authority.
  const bundles = readsBundles(signed);
  const stamped = timestamp && (!tlog || signed.rekorV2 === true) && (own || bundles);
  return {
    keyless: {
      ...(fulcio === undefined ? {} : { url: fulcio }),
      ...(own ? { trustRootRef: ownTrust } : {}),
      identities: [whoSigned(signer)],
    },
    ...(tlog ? { ctlog: log } : {}),
    ...(stamped ? { rfc3161timestamp: own ? { trustRootRef: ownTrust } : {} } : {}),
    ...(bundles ? { signatureFormat: 'bundle' } : {}),
  };
}

/** sigstore's TrustRoot with all that a trusted root has. */
export function trustRoot(root: TrustedRoot): Yaml {
  return {
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'TrustRoot',
    metadata: { name: ownTrust },
    spec: {
      sigstoreKeys: {
        certificateAuthorities: root.certificateAuthorities.map(certificateAuthority),
        tLogs: root.tlogs.map(log),
        ctLogs: root.ctlogs.map(log),
        timestampAuthorities: root.timestampAuthorities.map(certificateAuthority),
      },
    },
  };
}

function certificateAuthority(authority: CertificateAuthority): Yaml {
  return {
    subject: {
      organization: authority.subject?.organization ?? '',
      commonName: authority.subject?.commonName ?? '',
    },
    uri: authority.uri,
    certChain: toBase64(chains([authority])),
  };
}

function log({ baseUrl, publicKey }: TransparencyLogInstance): Yaml {
  const pem = toPem('PUBLIC KEY', publicKey?.rawBytes ?? new Uint8Array());
  return {
    baseURL: baseUrl,
    hashAlgorithm: 'sha-256',
    publicKey: toBase64(pem),
  };
}
