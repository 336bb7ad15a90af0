import { formatRepository } from '../image/reference.ts';
import {
  commandText,
  cosignVerify,
  isPasteable,
  quote,
  type ShellCommand,
} from './cosign-command.ts';
import { hasLegacy, type Signed, type SignedImage, whoSigned } from './signed.ts';
import type { ContainersPolicy, OpenShiftPolicies } from './write-containers.ts';
import { clusterPolicyVersions } from './write-kyverno-cluster.ts';
import { validatingPolicyVersions } from './write-kyverno-ivp.ts';
import type { Written } from './write-talos-flux.ts';

/** After this many images the commands repeat themselves with another digest only. */
const maxCommands = 20;

/** The policies that are there only where their readers can check the signatures. */
export interface Optional {
  readonly kyverno: Written;
  readonly sigstore?: Written;
  readonly containers?: ContainersPolicy;
  readonly openShift?: OpenShiftPolicies;
  readonly talos?: Written;
  readonly flux?: Written;
}

/** `verify.md`: the files of this folder, and the commands that check the images by hand. */
export function verifyText(signed: Signed, optional: Optional): string {
  const { images, signer } = signed;
  const commands = images
    .slice(0, maxCommands)
    .flatMap((image) => [cosignFor(signed, image) ?? [], githubFor(signed, image) ?? []].flat());
  const more = images.length - maxCommands;
  return `${[
    `# Verify what was ${signed.predicateType === undefined ? 'signed' : 'attested'}`,
    ...(signed.logOutage === true
      ? [
          '**The transparency log was down when this was signed.** Readers that ask for it refuse the images; what does not ask lets more through than it should. Sign again when it is back, and use the policies of that run.',
        ]
      : []),
    ...('publicKeyPem' in signer
      ? ['The public key, for `cosign.pub`:', fence('', signer.publicKeyPem.trimEnd())]
      : []),
    ...(signed.privateSigstore === undefined
      ? []
      : ['`trusted_root.json` is the trusted root of your Sigstore instance.']),
    '## By hand',
    ...commands.flatMap((command) => [fence('sh', commandText(command)), ...command.notes]),
    ...(more > 0 ? [`And ${more} more images, in the same way with their digests.`] : []),
    ...(Object.keys(signed.annotations).length > 0 && !hasLegacy(signed)
      ? [
          'Annotations are checked by `cosign verify` and by the verify action; `gh` does not look at them.',
        ]
      : []),
    '## In a pull request',
    'The verify action takes these policies of Kyverno, sigstore, OpenShift and podman as its input `policy`:',
    fence('yaml', pullRequest(signed, optional)),
    '## In a cluster or on a host',
    table(signed, optional),
    ...reasonsOf(optional),
    ...(isThere('policy', optional.containers)
      ? [
          'podman and skopeo check the manifest of the platform they pull: sign with `recursive: true` where the image has several. `containers-policy.json` refuses everything else; merge its `transports` into the policy you have.',
        ]
      : []),
  ].join('\n\n')}\n`;
}

function pullRequest({ privateSigstore }: Signed, { sigstore }: Optional): string {
  const file = isThere('text', sigstore)
    ? 'cluster-image-policy.yaml'
    : 'kyverno-image-validating-policy.yaml';
  return `policy: policies/${file}${privateSigstore === undefined ? '' : '\ntrusted-root: trusted_root.json'}`;
}

function cosignFor(signed: Signed, image: SignedImage): ShellCommand | undefined {
  const { signer, tlog, timestamp, annotations, privateSigstore, signatureRepository } = signed;
  const byTimestamp = timestamp && (!tlog || signed.rekorV2 === true);
  const keyed = 'publicKeyPem' in signer;
  return cosignVerify({
    image: nameOf(image),
    signer: keyed ? 'key' : cosignSigner(signer),
    tlog,
    byTimestamp,
    trustedRoot: privateSigstore !== undefined && (tlog || byTimestamp || !keyed),
    annotations,
    ...(signatureRepository === undefined
      ? {}
      : { place: signatureRepository, onlyBundles: !hasLegacy(signed) }),
    ...(signed.predicateType === undefined ? {} : { predicateType: signed.predicateType }),
    plainHttp: false,
  });
}

function cosignSigner(signer: { readonly identity: string; readonly issuer: string }) {
  const who = whoSigned(signer);
  return 'subjectRegExp' in who && /@refs\/tags\//.test(signer.identity)
    ? { identityRegexp: who.subjectRegExp, issuer: signer.issuer }
    : { identity: signer.identity, issuer: signer.issuer };
}

/**
 * `gh` reads bundles of workflows beside the image, and wants to know the repository that the workflow
 * ran for.
 */
function githubFor(
  { signer, formats, privateSigstore, predicateType, signatureRepository }: Signed,
  image: SignedImage,
): ShellCommand | undefined {
  if (
    signatureRepository !== undefined ||
    'publicKeyPem' in signer ||
    !formats.includes('bundle') ||
    signer.claims?.repository === undefined
  )
    return undefined;
  const words = [
    'gh attestation verify',
    quote(`oci://${nameOf(image)}`),
    '--bundle-from-oci',
    `--repo ${quote(signer.claims.repository)}`,
    `--predicate-type ${quote(predicateType ?? 'https://sigstore.dev/cosign/sign/v1')}`,
    `--cert-identity ${quote(signer.identity)}`,
    `--cert-oidc-issuer ${quote(signer.issuer)}`,
    ...(privateSigstore === undefined ? [] : ['--custom-trusted-root trusted_root.jsonl']),
  ];
  return isPasteable(words) ? { words, notes: [] } : undefined;
}

/** Why a policy is not there, each sentence once. */
function reasonsOf(optional: Optional): readonly string[] {
  const { kyverno, sigstore, containers, openShift, talos, flux } = optional;
  const reasons = [kyverno, sigstore, containers, openShift, talos, flux].flatMap((one) =>
    one !== undefined && 'reason' in one ? [one.reason] : [],
  );
  return [...new Set(reasons)];
}

function table(signed: Signed, optional: Optional): string {
  const { kyverno, sigstore, containers, openShift, talos, flux } = optional;
  const rows = [
    ['`kyverno-image-validating-policy.yaml`', `Kyverno. ${validatingPolicyVersions(signed)}`],
    ...(isThere('text', kyverno)
      ? [
          [
            '`kyverno-cluster-policy.yaml`',
            `the same for older Kyverno; use one of the two. ${clusterPolicyVersions(signed)}`,
          ],
        ]
      : []),
    ...(isThere('text', sigstore)
      ? [
          [
            '`cluster-image-policy.yaml`',
            'policy-controller of sigstore, in namespaces labelled `policy.sigstore.dev/include=true`',
          ],
        ]
      : []),
    ...(isThere('policy', containers)
      ? [
          ['`containers-policy.json`', 'podman, skopeo: `/etc/containers/policy.json`'],
          ['`registries.d/sign-image.yaml`', 'podman, skopeo: `/etc/containers/registries.d/`'],
        ]
      : []),
    ...(isThere('cluster', openShift)
      ? [
          ['`openshift-cluster-image-policy.yaml`', 'OpenShift 4.20 and later, the whole cluster'],
          ['`openshift-image-policy.yaml`', 'the same for one namespace; use one of the two'],
        ]
      : []),
    ...(isThere('text', talos)
      ? [['`talos-image-verification.yaml`', 'Talos 1.13 and later, in the machine configuration']]
      : []),
    ...(isThere('text', flux)
      ? [
          [
            '`flux-verify.yaml`',
            'Flux, for artifacts that it pulls itself: take over `spec.verify`',
          ],
        ]
      : []),
  ];
  return ['| file | for |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

function isThere(part: string, policy: object | undefined): boolean {
  return policy !== undefined && part in policy;
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function nameOf({ name, digest }: SignedImage): string {
  return `${formatRepository(name)}@${digest}`;
}
