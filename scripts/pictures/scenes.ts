import { startGithub } from '../../__tests__/sandbox/github.ts';
import { pushImage } from '../../__tests__/sandbox/images.ts';
import { startGithub as startSecrets } from '../../__tests__/sandbox/kms/github-secrets.ts';
import { startRegistry } from '../../__tests__/sandbox/registry.ts';
import { type RunOptions, type RunResult, runAction } from '../../__tests__/sandbox/runner.ts';
import { startSigstore } from '../../__tests__/sandbox/sigstore/sigstore.ts';

export interface Scene {
  readonly name: string;
  /** as the action wrote it, with well-known names in place of the sandbox's addresses */
  readonly markdown: string;
}

const workflow = 'acme/app/.github/workflows/release.yml@refs/heads/main';
const claims = {
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  repository_owner: 'acme',
  job_workflow_ref: workflow,
  workflow_ref: workflow,
};
const env = { GITHUB_ACTION_REPOSITORY: 'acme/sign-image', GITHUB_ACTION_REF: 'v1' };

/** What the built actions write, each run as a step of a job in the sandbox. */
export async function playScenes(): Promise<readonly Scene[]> {
  await using registry = await startRegistry({ referrersApi: true });
  await using production = await startRegistry({ referrersApi: true });
  const sigstore = await startSigstore({ claims });
  try {
    const known = (text: string) =>
      text
        .replaceAll(registry.host, 'ghcr.io')
        .replaceAll(production.host, 'registry.example.com')
        .replaceAll(sigstore.issuer, 'https://token.actions.githubusercontent.com');
    const push = (repository: string, tag: string) =>
      pushImage(registry.host, repository, { tag, seed: `${repository}:${tag}` });
    const app = await push('acme/app', '1.2.0');
    await push('acme/app', 'latest');
    const web = await push('acme/web', '1.2.0');
    const api = await push('acme/api', '2.0');
    const name = (repository: string) => `${registry.host}/acme/${repository}`;
    const root = { 'trusted-root': JSON.stringify(sigstore.trustedRoot) };
    const services = { ...root, 'signing-config': JSON.stringify(sigstore.signingConfig.v1_tsa) };
    const token = {
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    };
    const images = [`${name('app')}:1.2.0@${app.digest}`, `${name('web')}:1.2.0@${web.digest}`];
    const sign = await step({ inputs: { images: images.join('\n'), ...services }, env: token });
    const gate = {
      ...root,
      'certificate-identity': sigstore.certificateIdentity,
      'certificate-oidc-issuer': sigstore.issuer,
    };
    const entry = 'dist/verify.js';
    const pass = await step({ entry, inputs: { images: images.join('\n'), ...gate } });
    const other = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/master';
    const fail = await step({
      entry,
      inputs: {
        images: `${images[0]}\n${name('api')}:2.0@${api.digest}`,
        ...gate,
        'certificate-identity': other,
      },
    });
    const comment = await commentOf({
      inputs: { files: 'deploy/**', ...gate },
      workspace: { 'deploy/app.yaml': pods(images[0] ?? '', `${name('api')}:2.0@${api.digest}`) },
    });
    const attest = await step({
      entry: 'dist/attest.js',
      inputs: { images: images[0] ?? '', 'sbom-path': 'sbom.spdx.json', ...services },
      workspace: { 'sbom.spdx.json': sbom },
      env: token,
    });
    const audit = await step({
      entry,
      inputs: { files: 'cluster.json', fail: 'false', ...gate },
      workspace: {
        'cluster.json': workloads({
          app: images[0] ?? '',
          web: images[1] ?? '',
          api: `${name('api')}:2.0@${api.digest}`,
        }),
      },
    });
    const promote = await step({
      entry: 'dist/promote.js',
      inputs: { images: `${name('app')}:1.2.0`, to: `${production.host}/acme/app`, ...gate },
    });
    return [
      { name: 'sign', markdown: known(sign.summary) },
      { name: 'verify-pass', markdown: known(pass.summary) },
      { name: 'verify-fail', markdown: known(fail.summary) },
      { name: 'comment', markdown: known(comment) },
      { name: 'audit', markdown: known(audit.summary) },
      { name: 'attest', markdown: known(attest.summary) },
      { name: 'promote', markdown: known(promote.summary) },
      { name: 'keygen', markdown: (await keygen()).summary },
    ];
  } finally {
    await sigstore.close();
  }
}

/** What `kubectl get deployments -A -o json` prints of these. */
function workloads(images: Readonly<Record<string, string>>): string {
  const items = Object.entries(images).map(([name, image]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: { template: { spec: { containers: [{ name, image }] } } },
  }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

const sbom = JSON.stringify({
  spdxVersion: 'SPDX-2.3',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'acme/app',
  packages: [],
});

/** @throws Error for a step that wrote no summary */
async function step(options: RunOptions): Promise<RunResult> {
  const run = await runAction({ ...options, env: { ...env, ...options.env } });
  if (run.summary === '') throw new Error(`the step wrote no summary:\n${run.stdout}`);
  return run;
}

/** The comment that a gate keeps on a pull request. */
async function commentOf({ inputs = {}, workspace = {} }: RunOptions): Promise<string> {
  const token = 'ghs_tokenOfTheJobtokenOfTheJobtokenOfThe';
  const head = 'a'.repeat(40);
  const github = await startGithub({ token, head, permissions: { pullRequests: 'write' } });
  const repo = { repo: { full_name: 'acme/app' } };
  await step({
    entry: 'dist/verify.js',
    githubToken: token,
    inputs: { comment: 'true', ...inputs },
    workspace,
    env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url },
    event: { number: 7, pull_request: { number: 7, head: { sha: head, ...repo }, base: repo } },
  });
  const [written] = github.comments;
  await github.close();
  if (written === undefined) throw new Error('no comment was written');
  return written.body;
}

function pods(...images: readonly string[]): string {
  return images
    .map(
      (image, index) =>
        `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p${index}\nspec:\n  containers:\n    - name: c\n      image: ${image}\n`,
    )
    .join('---\n');
}

async function keygen(): Promise<RunResult> {
  const token = 'ghs_tokenOfAnAdministratortokenOfAnAdmin';
  await using github = await startSecrets({ token });
  return await step({
    entry: 'dist/keygen.js',
    inputs: { repository: 'acme/app', 'github-token': token },
    env: { GITHUB_API_URL: github.origin },
  });
}
