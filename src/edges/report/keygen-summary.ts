import type { KeygenInputs, SecretPlace } from '../inputs/keygen.ts';
import { type StepFailure, stepBlock } from './failure-blocks.ts';
import { ownUses } from './own-repository.ts';
import type { PageSetting } from './pages.ts';
import { code, details, lines, pre } from './summary-html.ts';

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
export function keygenSummary(
  { publicKey, secrets }: KeygenResult,
  inputs: KeygenInputs,
  setting: PageSetting,
): string {
  const { env } = setting;
  return [
    '## 🔑 A new key pair is stored',
    lines(`Secrets of ${placeInWords(inputs.place)}`, ...secrets.map(code)),
    lines('The private key is in no file, log or output; it can be used, and not read.'),
    details('The public key, <code>cosign.pub</code>', pre(publicKey.trim()), true),
    details('Sign with it', pre(signStep(inputs, env))),
    details('Verify with it', pre(verifyStep(env))),
    details(
      'Admit only what it signed (sigstore policy-controller)',
      pre(clusterPolicy(publicKey)),
    ),
  ].join('\n\n');
}

/** The summary of a run that failed. */
export function keygenFailureSummary(failure: StepFailure, setting: PageSetting): string {
  return `## ❌ No key pair was stored\n\n${stepBlock(failure, setting)}`;
}

function placeInWords(place: SecretPlace): string {
  if (place.kind === 'organization') return `organisation ${code(place.organization)}`;
  const repository = `repository ${code(`${place.owner}/${place.repo}`)}`;
  return place.kind === 'environment'
    ? `environment ${code(place.environment)} of ${repository}`
    : repository;
}

function signStep({ names, place }: KeygenInputs, env: PageSetting['env']): string {
  const environment =
    place.kind === 'environment' ? `# in a job with \`environment: ${place.environment}\`\n` : '';
  return `${environment}- uses: ${ownUses(env)}
  with:
    images: ghcr.io/OWNER/APP
    digest: \${{ steps.build.outputs.digest }}
    key: \${{ secrets.${names.privateKey} }}
    key-password: \${{ secrets.${names.password} }}`;
}

const verifyStep = (env: PageSetting['env']) => `- uses: ${ownUses(env, 'verify')}
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
