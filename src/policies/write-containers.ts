import { formatRepository } from '../image/reference.ts';
import { toBase64 } from '../text/base64.ts';
import { anchorsOf } from './anchors.ts';
import {
  elsewhereFor,
  hasLegacy,
  headOf,
  policyName,
  repositoriesOf,
  type Signed,
} from './signed.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** A policy for podman, skopeo, CRI-O and bootc; or why there is none, as a sentence. */
export type ContainersPolicy =
  | { readonly policy: string; readonly registries: string; readonly openShift: OpenShiftPolicies }
  | { readonly reason: string };

/** The same for the nodes of OpenShift. */
export type OpenShiftPolicies =
  | { readonly cluster: string; readonly namespaced: string }
  | { readonly reason: string };

/** What says who signed, to a reader that knows keys and e-mail addresses. */
export type Root =
  | { readonly keyData: string; readonly rekorKey?: string }
  | { readonly pki: PkiRoot }
  | {
      readonly caData: string;
      readonly rekorKey: string;
      readonly email: string;
      readonly issuer: string;
    };

/** An authority of one's own: certificates in base64, and whom they must name. */
export interface PkiRoot {
  readonly roots: string;
  readonly intermediates?: string;
  readonly email?: string;
  readonly hostname?: string;
}

/** The same from PEM. */
export function pkiRoot(
  { roots, intermediates }: { readonly roots: string; readonly intermediates: string },
  { email, hostname }: Pick<PkiRoot, 'email' | 'hostname'>,
): PkiRoot {
  return {
    roots: toBase64(roots),
    ...(intermediates === '' ? {} : { intermediates: toBase64(intermediates) }),
    ...(email === undefined ? {} : { email }),
    ...(hostname === undefined ? {} : { hostname }),
  };
}

/**
 * containers-policy.json(5) and the containers-registries.d(5) that makes its readers look for
 * signatures in the registry. They read the legacy format alone, and of Fulcio's certificates those
 * with an e-mail address: a workflow's identity they cannot ask for.
 */
export function containersPolicy(signed: Signed): ContainersPolicy {
  const elsewhere = elsewhereFor(signed, 'podman, skopeo, CRI-O and OpenShift');
  if (elsewhere !== undefined) return elsewhere;
  if (!hasLegacy(signed))
    return {
      reason:
        'podman and skopeo read the legacy format, and it was not written: sign with `format: both`.',
    };
  const root = rootOf(signed);
  if ('reason' in root) return root;
  const rule = ruleOf(root);
  const scopes = repositoriesOf(signed).map(formatRepository);
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: Object.fromEntries(scopes.map((scope) => [scope, [rule]])) },
  };
  const registries: Yaml = {
    docker: Object.fromEntries(
      scopes.map((scope) => [scope, { 'use-sigstore-attachments': true }]),
    ),
  };
  return {
    policy: `${JSON.stringify(policy, null, 2)}\n`,
    registries: yamlText(
      registries,
      headOf(signed, 'Where podman and skopeo look for signatures:'),
    ),
    openShift: openShiftPolicies(signed, root),
  };
}

/** A requirement of policy.json. */
export function ruleOf(root: Root): object {
  const rule = { type: 'sigstoreSigned', signedIdentity: { type: 'matchRepository' } };
  if ('keyData' in root)
    return {
      ...rule,
      keyData: root.keyData,
      ...(root.rekorKey === undefined ? {} : { rekorPublicKeyData: root.rekorKey }),
    };
  if ('pki' in root) {
    const { roots, intermediates, email, hostname } = root.pki;
    const pki = {
      caRootsData: roots,
      ...(intermediates === undefined ? {} : { caIntermediatesData: intermediates }),
      ...(email === undefined ? {} : { subjectEmail: email }),
      ...(hostname === undefined ? {} : { subjectHostname: hostname }),
    };
    return { ...rule, pki };
  }
  const { caData, issuer, email, rekorKey } = root;
  const fulcio = { caData, oidcIssuer: issuer, subjectEmail: email };
  return { ...rule, fulcio, rekorPublicKeyData: rekorKey };
}

/**
 * OpenShift's ClusterImagePolicy and ImagePolicy (config.openshift.io/v1), which its nodes make into
 * such a file. The namespace of the second is the one that it is applied in.
 */
function openShiftPolicies(signed: Signed, root: Root): OpenShiftPolicies {
  const scopes = repositoriesOf(signed).map(formatRepository);
  const strange = scopes.find((scope) => !/^(localhost(:\d+)?|[^/]*\.[^/]*)\//.test(scope));
  if (strange !== undefined)
    return { reason: `OpenShift takes no registry without a dot in its name: ${strange}.` };
  const document = (kind: string) =>
    yamlText(
      {
        apiVersion: 'config.openshift.io/v1',
        kind,
        metadata: { name: policyName(signed) },
        spec: {
          scopes,
          policy: {
            rootOfTrust: rootOfTrust(root),
            signedIdentity: { matchPolicy: 'MatchRepository' },
          },
        },
      },
      [
        ...headOf(signed, `OpenShift ${kind}`),
        'For OpenShift 4.20 and later (not the ClusterImagePolicy of sigstore, which has the same name).',
        'Nodes check the manifest of the platform they pull: sign with `recursive: true` where the image has several.',
      ],
    );
  return { cluster: document('ClusterImagePolicy'), namespaced: document('ImagePolicy') };
}

/** The same of OpenShift's policies. */
export function rootOfTrust(root: Root): Yaml {
  if ('keyData' in root)
    return {
      policyType: 'PublicKey',
      publicKey: {
        keyData: root.keyData,
        ...(root.rekorKey === undefined ? {} : { rekorKeyData: root.rekorKey }),
      },
    };
  if ('pki' in root) {
    const { roots, intermediates, email, hostname } = root.pki;
    return {
      policyType: 'PKI',
      pki: {
        caRootsData: roots,
        ...(intermediates === undefined ? {} : { caIntermediatesData: intermediates }),
        pkiCertificateSubject: {
          ...(email === undefined ? {} : { email }),
          ...(hostname === undefined ? {} : { hostname }),
        },
      },
    };
  }
  return {
    policyType: 'FulcioCAWithRekor',
    fulcioCAWithRekor: {
      fulcioCAData: root.caData,
      rekorKeyData: root.rekorKey,
      fulcioSubject: { oidcIssuer: root.issuer, signedEmail: root.email },
    },
  };
}

function ownRoot(
  authorities: NonNullable<Signed['authorities']>,
  identity: string,
): Root | { readonly reason: string } {
  if (/^[^@\s/]+@[^@\s/]+$/.test(identity))
    return { pki: pkiRoot(authorities, { email: identity }) };
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(identity))
    return { pki: pkiRoot(authorities, { hostname: identity }) };
  return {
    reason:
      'podman, skopeo and OpenShift know e-mail addresses and host names in certificates, and this signer is neither.',
  };
}

function rootOf(signed: Signed): Root | { readonly reason: string } {
  const { signer, authorities, privateSigstore, publicRoot } = signed;
  if ('publicKeyPem' in signer) return { keyData: toBase64(signer.publicKeyPem) };
  if (authorities !== undefined) return ownRoot(authorities, signer.identity);
  if (!/^[^@\s/]+@[^@\s/]+$/.test(signer.identity)) {
    return {
      reason:
        'podman, skopeo and OpenShift know keys and e-mail addresses, and this signer is a workflow: sign with a key for them.',
    };
  }
  const trusted = privateSigstore === undefined ? publicRoot : privateSigstore.trustedRoot?.parsed;
  const anchors = trusted === undefined ? undefined : anchorsOf(trusted, signed.logId);
  const [rekorKey] = anchors?.rekorKeys ?? [];
  if (
    anchors === undefined ||
    anchors.authorities === '' ||
    rekorKey === undefined ||
    !signed.tlog
  ) {
    return {
      reason:
        'podman, skopeo and OpenShift ask for a log entry, and for the certificates of the authority, which are not known here.',
    };
  }
  return {
    caData: toBase64(anchors.authorities),
    rekorKey: toBase64(rekorKey),
    email: signer.identity,
    issuer: signer.issuer,
  };
}
