import type { KeygenInputs, SecretPlace } from './keygen-inputs.ts';
import { code, details, errorBlock, pre, table } from './summary-html.ts';

/** What was made, without anything secret. */
export interface KeygenResult {
  /** PEM */
  readonly publicKey: string;
  /** names of secrets that were written and seen */
  readonly secrets: readonly string[];
}

/**
 * The job summary of keygen: where the secrets are, the public key, and what to write into
 * workflows and the cluster.
 */
export function keygenSummary({ publicKey, secrets }: KeygenResult, inputs: KeygenInputs): string {
  const rows = secrets.map((name) => [code(name), placeInWords(inputs.place)]);
  return [
    '## 🔑 A new key pair is stored',
    table(['Secret', 'Where'], rows),
    '<p>The private key is in no file, log or output; it can be used, and not read.</p>',
    details('The public key, <code>cosign.pub</code>', pre(publicKey.trim()), true),
    details('Sign with it', pre(signStep(inputs))),
    details('Verify with it', pre(verifyStep)),
    details(
      'Admit only what it signed (sigstore policy-controller)',
      pre(clusterPolicy(publicKey)),
    ),
  ].join('\n\n');
}

/** The summary of a run that failed. */
export function keygenFailureSummary(failure: {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}): string {
  return `## ❌ No key pair was stored\n\n${errorBlock(failure)}`;
}

function placeInWords(place: SecretPlace): string {
  if (place.kind === 'organization') return `organisation ${code(place.organization)}`;
  const repository = `repository ${code(`${place.owner}/${place.repo}`)}`;
  return place.kind === 'environment'
    ? `environment ${code(place.environment)} of ${repository}`
    : repository;
}

function signStep({ names, place }: KeygenInputs): string {
  const environment =
    place.kind === 'environment' ? `# in a job with \`environment: ${place.environment}\`\n` : '';
  return `${environment}- uses: OWNER/sign-image@v1
  with:
    images: ghcr.io/OWNER/APP
    digest: \${{ steps.build.outputs.digest }}
    key: \${{ secrets.${names.privateKey} }}
    key-password: \${{ secrets.${names.password} }}`;
}

const verifyStep = `- uses: OWNER/sign-image/verify@v1
  with:
    images: ghcr.io/OWNER/APP@sha256:…
    key: cosign.pub`;

function clusterPolicy(publicKey: string): string {
  const indented = publicKey.trim().replace(/^/gm, '            ');
  return `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: signed-by-our-key
spec:
  images:
    - glob: ghcr.io/OWNER/**
  authorities:
    - name: key
      key:
        data: |
${indented}`;
}
