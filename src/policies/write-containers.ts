import { formatRepository } from '../image/reference.ts';
import { anchorsOf } from './anchors.ts';
import { hasLegacy, headOf, repositoriesOf, type Signed } from './signed.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** A policy for podman, skopeo, CRI-O and bootc; or why there is none, as a sentence. */
export type ContainersPolicy =
  | { readonly policy: string; readonly registries: string }
  | { readonly reason: string };

/**
 * containers-policy.json(5) and the containers-registries.d(5) that makes its readers look for
 * signatures in the registry. They read the legacy format alone, and of Fulcio's certificates those
 * with an e-mail address: a workflow's identity they cannot ask for.
 */
export function containersPolicy(signed: Signed): ContainersPolicy {
  if (!hasLegacy(signed))
    return {
      reason:
        'podman and skopeo read the legacy format, and it was not written: sign with `format: both`.',
    };
  const requirement = requirementOf(signed);
  if ('reason' in requirement) return requirement;
  const scopes = repositoriesOf(signed).map(formatRepository);
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: Object.fromEntries(scopes.map((scope) => [scope, [requirement.rule]])) },
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
  };
}

function requirementOf(signed: Signed): { readonly rule: object } | { readonly reason: string } {
  const { signer, privateSigstore, publicRoot } = signed;
  const rule = { type: 'sigstoreSigned', signedIdentity: { type: 'matchRepository' } };
  if ('publicKeyPem' in signer) return { rule: { ...rule, keyData: base64(signer.publicKeyPem) } };
  if (!/^[^@\s/]+@[^@\s/]+$/.test(signer.identity)) {
    return {
      reason:
        'podman and skopeo know keys and e-mail addresses, and this signer is a workflow: sign with a key for them.',
    };
  }
  const root = privateSigstore === undefined ? publicRoot : privateSigstore.trustedRoot?.parsed;
  const anchors = root === undefined ? undefined : anchorsOf(root, signed.logId);
  const [rekorKey] = anchors?.rekorKeys ?? [];
  if (
    anchors === undefined ||
    anchors.authorities === '' ||
    rekorKey === undefined ||
    !signed.tlog
  ) {
    return {
      reason:
        'podman and skopeo want a log entry, and the certificates of the authority, which are not known here.',
    };
  }
  const fulcio = {
    caData: base64(anchors.authorities),
    oidcIssuer: signer.issuer,
    subjectEmail: signer.identity,
  };
  return { rule: { ...rule, fulcio, rekorPublicKeyData: base64(rekorKey) } };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
