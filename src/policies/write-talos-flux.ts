import type { RepositoryName } from '../image/reference.ts';
import {
  elsewhereFor,
  hasLegacy,
  headOf,
  policyName,
  quotedPattern,
  repositoriesOf,
  type Signed,
  whoSigned,
} from './signed.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** The text of a file; or why there is none, as a sentence. */
export type Written = { readonly text: string } | { readonly reason: string };

/**
 * An ImageVerificationConfig for the machines of Talos, which verify with cosign's own code. What
 * no rule speaks of they pull unverified.
 */
export function talosConfig(signed: Signed): Written {
  const elsewhere = elsewhereFor(signed, 'Talos and Flux');
  if (elsewhere !== undefined) return elsewhere;
  const { signer, privateSigstore } = signed;
  if (privateSigstore !== undefined && !('publicKeyPem' in signer))
    return {
      reason: 'Talos knows certificates of the public-good instance only: sign with a key for it.',
    };
  const verifier: Readonly<Record<string, Yaml>> =
    'publicKeyPem' in signer
      ? { publicKey: { certificate: signer.publicKeyPem } }
      : { keyless: keylessOfTalos(signer) };
  const rules = repositoriesOf(signed)
    .flatMap(namesInTalos)
    .map((image) => ({ image, ...verifier }));
  return {
    text: yamlText({ apiVersion: 'v1alpha1', kind: 'ImageVerificationConfig', rules }, [
      ...headOf(signed, 'Talos ImageVerificationConfig'),
      'For Talos 1.13 and later: a document of the machine configuration, `talosctl patch mc --patch @talos-image-verification.yaml`.',
      'The first rule that fits decides. Images without a rule are pulled unverified: end the list with `image: "**"` and `deny: true`, or with rules for them.',
      ...annotationsNote(signed, 'Talos'),
    ]),
  };
}

function keylessOfTalos(signer: { readonly identity: string; readonly issuer: string }): Yaml {
  const who = whoSigned(signer);
  return 'subject' in who
    ? { issuer: who.issuer, subject: who.subject }
    : { issuer: who.issuer, subjectRegex: who.subjectRegExp };
}

/** Docker Hub by both of its names: which one is matched depends on the version. */
function namesInTalos({ registry, repository }: RepositoryName): readonly string[] {
  const hosts = registry === 'docker.io' ? ['docker.io', 'index.docker.io'] : [registry];
  return hosts.map((host) => `${host}/${repository}`);
}

/**
 * OCIRepository objects of Flux (source.toolkit.fluxcd.io/v1) with `spec.verify`: for artifacts that
 * Flux itself pulls, charts and manifests.
 */
export function fluxSources(signed: Signed): Written {
  const elsewhere = elsewhereFor(signed, 'Talos and Flux');
  if (elsewhere !== undefined) return elsewhere;
  const { signer, privateSigstore } = signed;
  const keyed = 'publicKeyPem' in signer;
  const root = privateSigstore?.trustedRoot;
  if (privateSigstore !== undefined && root === undefined && !keyed)
    return {
      reason: 'Flux needs the trusted root of your Sigstore instance, which is not known here.',
    };
  const name = policyName(signed);
  const own = root !== undefined && !keyed;
  const verify: Yaml = {
    provider: 'cosign',
    ...(keyed ? { secretRef: { name: `${name}-keys` } } : { matchOIDCIdentity: [matcher(signer)] }),
    ...(own ? { trustedRootSecretRef: { name: `${name}-root` } } : {}),
  };
  const secret = (suffix: string, stringData: Readonly<Record<string, string>>): Yaml => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-${suffix}` },
    stringData,
  });
  const repositories = repositoriesOf(signed);
  const sources = repositories.map(
    (repository, index): Yaml => ({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'OCIRepository',
      metadata: { name: index === 0 ? name : `${name}-${index + 1}` },
      spec: {
        interval: '10m',
        url: `oci://${repository.registry}/${repository.repository}`,
        verify,
      },
    }),
  );
  const documents = [
    ...sources,
    ...(keyed ? [secret('keys', { 'cosign.pub': signer.publicKeyPem })] : []),
    ...(own ? [secret('root', { 'trusted_root.json': root.json })] : []),
  ];
  const [first = {}, ...rest] = documents;
  const notes = [
    ...headOf(signed, 'Flux OCIRepository'),
    'For artifacts that Flux itself pulls (charts, manifests); images of Pods it does not verify. Take over `verify`.',
    own
      ? 'For Flux 2.9 and later: earlier ones know no trusted root of your own.'
      : hasLegacy(signed)
        ? 'For Flux 2.6 and later.'
        : 'For Flux 2.8 and later: earlier ones read only the legacy format.',
    ...annotationsNote(signed, 'Flux'),
  ];
  return { text: [yamlText(first, notes), ...rest.map((one) => yamlText(one))].join('---\n') };
}

/** Flux matches a part of the text with its patterns, so they have both anchors. */
function matcher(signer: { readonly identity: string; readonly issuer: string }): Yaml {
  const who = whoSigned(signer);
  return {
    issuer: `^${quotedPattern(who.issuer)}$`,
    subject: 'subject' in who ? `^${quotedPattern(who.subject)}$` : who.subjectRegExp,
  };
}

function annotationsNote({ annotations }: Signed, who: string): readonly string[] {
  return Object.keys(annotations).length === 0 ? [] : [`${who} does not check annotations.`];
}
