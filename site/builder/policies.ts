// Who must have signed, in the words of a step, a command and a cluster: the writers of the engine
// say it, and nothing here does.
import { gateStep } from '../../src/edges/report/gate-step.ts';
import { githubIssuer } from '../../src/edges/report/token-words.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { commandText, cosignVerify } from '../../src/policies/cosign-command.ts';
import type { Signed } from '../../src/policies/signed.ts';
import { whoSigned } from '../../src/policies/signed.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { clusterImagePolicy } from '../../src/policies/write-cluster-image-policy.ts';
import { containersPolicy } from '../../src/policies/write-containers.ts';
import { fluxSources, talosConfig } from '../../src/policies/write-talos-flux.ts';
import { byKey, type Choice, type Cluster } from './choices.ts';
import { namesOf } from './workflows.ts';

/** What images are signed as, of a branch or of a version tag that stands for all. */
const version = 'v1.2.3';

/** The tag that docker/metadata-action gives the image. */
function tagOf({ registry, release, branch }: Choice): string {
  if (registry === 'ttlsh') return '1h';
  return release === 'tags' ? version : branch.replace(/[^\w.-]/g, '-');
}

/** The identity that the workflow signs with. */
function identityOf(choice: Choice): string {
  const ref = choice.release === 'tags' ? `refs/tags/${version}` : `refs/heads/${choice.branch}`;
  return `https://github.com/${choice.repository}/.github/workflows/${namesOf(choice).publish.file}@${ref}`;
}

/** What the workflow will have signed, as the writers of policies want it. */
export function signedBy(choice: Choice): Signed {
  const { registry, repository } = parseReference(choice.image);
  return {
    images: [
      {
        name: { registry, repository },
        // No policy asks for it: the next image has another one.
        digest: parseDigest(`sha256:${'0'.repeat(64)}`),
        references: [choice.image],
      },
    ],
    signer: byKey(choice)
      ? { publicKeyPem: choice.publicKey }
      : {
          identity: identityOf(choice),
          issuer: githubIssuer,
          claims: { repository: choice.repository },
        },
    formats: choice.registry === 'gitlab' ? ['legacy'] : ['bundle', 'legacy'],
    tlog: !byKey(choice),
    timestamp: false,
    annotations: {},
  };
}

/** The step of a workflow that lets only this signer's image through. */
export function verifyStep(choice: Choice): string {
  const image = `${choice.image}:${tagOf(choice)}`;
  const signer = byKey(choice)
    ? { keyId: 'cosign.pub' }
    : { identity: identityOf(choice), issuer: githubIssuer };
  const step = gateStep(
    [{ image, references: [image], status: 'signed', signatures: [], signer, annotations: {} }],
    {
      env: { GITHUB_ACTION_REPOSITORY: `${choice.owner}/sign-image`, GITHUB_ACTION_REF: 'v1' },
      tlog: !byKey(choice),
      privateSigstore: false,
      ...(byKey(choice) ? { publicKey: 'cosign.pub' } : {}),
      ...(choice.platforms === 'several' ? { sameInputs: { recursive: 'true' } } : {}),
    },
  );
  return `${step ?? ''}\n`;
}

/** The same as a command of cosign. */
export function cosignText(choice: Choice): string {
  const who = whoSigned({ identity: identityOf(choice), issuer: githubIssuer });
  const command = cosignVerify({
    image: `${choice.image}:${tagOf(choice)}`,
    signer: byKey(choice)
      ? 'key'
      : 'subjectRegExp' in who
        ? { identityRegexp: who.subjectRegExp, issuer: who.issuer }
        : { identity: who.subject, issuer: who.issuer },
    tlog: !byKey(choice),
    byTimestamp: false,
    trustedRoot: false,
    annotations: {},
    plainHttp: false,
  });
  return command === undefined ? '' : `${commandText(command)}\n`;
}

/** A file of a policy; or, as a sentence, why there is none. */
export type PolicyFiles =
  | { readonly files: Readonly<Record<string, string>> }
  | { readonly reason: string };

const fileNames: Readonly<Record<Exclude<Cluster, 'none'>, readonly string[]>> = {
  'kyverno-validating': ['kyverno-image-validating-policy.yaml'],
  'kyverno-cluster': ['kyverno-cluster-policy.yaml'],
  'policy-controller': ['cluster-image-policy.yaml'],
  openshift: ['openshift-cluster-image-policy.yaml'],
  podman: ['containers-policy.json', 'registries.d/sign-image.yaml'],
  talos: ['talos-image-verification.yaml'],
  flux: ['flux-verify.yaml'],
};

/** The files for a cluster that admits exactly what the workflow signs. */
export function policyFor(choice: Choice): PolicyFiles {
  const cluster = clusterOf(choice);
  if (cluster === 'none') return { files: {} };
  if (byKey(choice) && choice.publicKey === '')
    return { reason: 'Paste the public key above: a policy has it inside.' };
  const signed = signedBy(choice);
  const written = writePolicies(signed);
  const files = fileNames[cluster].flatMap((name) => {
    const text = written[name];
    return text === undefined ? [] : [[name, text] as const];
  });
  return files.length > 0
    ? { files: Object.fromEntries(files) }
    : { reason: reasonOf(cluster, signed) };
}

/** A gate by policies needs one, also where no cluster is chosen. */
export function clusterOf({ cluster, gate }: Pick<Choice, 'cluster' | 'gate'>): Cluster {
  return cluster === 'none' && gate === 'policies' ? 'kyverno-validating' : cluster;
}

/** Kinds that the verify action reads, by the folder of policies. */
const unread: readonly Cluster[] = ['talos', 'flux'];

/**
 * The path of the policy in the repository, for a gate by policies; or, as a sentence, why the gate
 * cannot have it.
 */
export function policyPath(
  choice: Choice,
): { readonly path: string } | { readonly reason: string } {
  const cluster = clusterOf(choice);
  if (unread.includes(cluster))
    return {
      reason: 'The gate reads no policies of Talos and Flux: choose a gate by who signed.',
    };
  const policy = policyFor(choice);
  if ('reason' in policy) return policy;
  return { path: `policies/${Object.keys(policy.files)[0]}` };
}

function reasonOf(cluster: Cluster, signed: Signed): string {
  const containers = containersPolicy(signed);
  const openShift = 'policy' in containers ? containers.openShift : containers;
  const of: Partial<Record<Cluster, object>> = {
    'policy-controller': clusterImagePolicy(signed),
    openshift: openShift,
    podman: containers,
    talos: talosConfig(signed),
    flux: fluxSources(signed),
  };
  const found = of[cluster];
  return found !== undefined && 'reason' in found ? String(found.reason) : '';
}
