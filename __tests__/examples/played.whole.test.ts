// Every example and template is played against the sandbox: our steps run as they ship, with
// exactly what the YAML gives them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forge } from '../attacks/forge.ts';
import { mailbox, ownLeaf, ownPki } from '../attacks/own-authority.ts';
import { startGithub } from '../sandbox/github.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { push } from './others.ts';
import { type PlayOptions, play } from './play.ts';
import { type Stage, setStage } from './stage.ts';
import { filesIn, ownAction, ownWorkflow, readWorkflow } from './workflow-file.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

/** Files of the repository that an example reads after actions/checkout. */
const workspace = () => ({
  'cosign.pub': stage.publicKey,
  'sigstore/signing_config.json': JSON.stringify(stage.sigstore.signingConfig.v1_tsa),
  'sigstore/trusted_root.json': JSON.stringify(stage.sigstore.trustedRoot),
});

/**
 * What each of our steps must say of its images: the status and the formats that were written, or
 * that they verified.
 */
const expected: Readonly<
  Record<string, { readonly options?: PlayOptions; readonly steps: readonly (readonly string[])[] }>
> = {
  'examples/attest-sbom.yml': {
    options: { as: 'publish.yml' },
    steps: [['signed bundle legacy'], ['signed bundle legacy'], ['verified']],
  },
  'examples/bake.yml': { steps: [['signed bundle legacy', 'signed bundle legacy']] },
  'examples/build-push-action.yml': { steps: [['signed bundle legacy']] },
  'examples/helm-chart.yml': {
    options: { ref: 'refs/tags/v1.4.2' },
    steps: [['signed bundle legacy'], ['verified']],
  },
  'examples/isolated-signing.yml': {
    options: { ref: 'refs/tags/v1.4.2' },
    steps: [['signed bundle legacy'], ['verified']],
  },
  'examples/key-in-environment.yml': {
    options: { ref: 'refs/tags/v1.4.2' },
    steps: [['signed bundle legacy']],
  },
  'examples/matrix-merge.yml': {
    options: { ref: 'refs/tags/v1.4.2' },
    steps: [['signed bundle legacy']],
  },
  'examples/migrate-2-after.yml': { steps: [['signed bundle legacy'], ['verified']] },
  'examples/private-repository-with-key.yml': { steps: [['signed bundle legacy'], ['verified']] },
  'examples/private-sigstore.yml': { steps: [['signed bundle legacy'], ['verified']] },
  'examples/push-and-pull-request.yml': { steps: [['signed bundle legacy']] },
  'examples/recursive-for-podman.yml': {
    steps: [['signed bundle legacy', 'signed bundle legacy', 'signed bundle legacy']],
  },
  'examples/ttl-sh.yml': { steps: [['signed bundle legacy']] },
  'workflow-templates/publish-and-sign-with-key.yml': { steps: [['signed bundle legacy']] },
  'workflow-templates/publish-and-sign.yml': { steps: [['signed bundle legacy']] },
};

/** Played in tests of their own below, or nothing of ours is in them. */
const elsewhere = [
  'examples/audit-cluster.yml',
  'examples/gate-by-cluster-policies.yml',
  'examples/gate-rendered.yml',
  'examples/migrate-1-before.yml',
  'examples/promote-action.yml',
  'examples/promote.yml',
  'examples/pull-request-gate.yml',
  'workflow-templates/verify-in-pull-requests-with-key.yml',
  'workflow-templates/verify-in-pull-requests.yml',
];

it('leaves out no example', () => {
  expect([...filesIn('examples'), ...filesIn('workflow-templates')].sort()).toEqual(
    [...Object.keys(expected), ...elsewhere].sort(),
  );
});

interface Entry {
  readonly status?: string;
  readonly verified?: boolean | null;
  readonly signatures: readonly { readonly format: string }[];
  readonly source?: { readonly file: string; readonly line: number };
}

const told = (results: string | undefined) =>
  (JSON.parse(results ?? '[]') as Entry[]).map(({ status, verified, signatures }) =>
    status === undefined
      ? verified
        ? 'verified'
        : 'refused'
      : [status, ...signatures.map(({ format }) => format)].join(' '),
  );

describe.concurrent.each(Object.entries(expected))('%s', (path, { options, steps }) => {
  it('does what it says', async () => {
    const played = await play(path, stage, { workspace: workspace(), ...options });
    const runs = played.map(({ run }) => ({
      code: run.code,
      verified: run.outputs.verified,
      results: told(run.outputs.results),
    }));
    expect(runs, played.map(({ run }) => run.shown).join('\n')).toEqual(
      steps.map((results) => ({ code: 0, verified: 'true', results })),
    );
    expect(runs).toHaveLength(oursIn(path));
  });
});

/**
 * How many steps of ours a workflow has, those of the reusable workflows that it calls included.
 */
function oursIn(path: string): number {
  const jobs = Object.values(readWorkflow(path).jobs);
  return jobs.reduce((sum, { uses, steps = [] }) => {
    const called = ownWorkflow(uses);
    return (
      sum +
      (called === undefined
        ? steps.filter((step) => ownAction(step.uses) !== undefined).length
        : oursIn(called))
    );
  }, 0);
}

/** The code that the last of our steps failed with: a step's own, or that of the first image. */
async function failureOf(path: string, options: PlayOptions): Promise<string> {
  const played = await play(path, stage, { workspace: workspace(), ...options });
  const run = played.at(-1)?.run;
  expect(run?.code, run?.shown).toBe(1);
  const [result] = JSON.parse(run?.outputs.results || '[]') as {
    code?: string;
    error?: { code: string };
  }[];
  const title = run?.annotations.find(({ kind }) => kind === 'error')?.properties.title;
  return result?.code ?? result?.error?.code ?? title?.replace(/^.*: /, '') ?? '';
}

describe.concurrent('the twins that must fail', () => {
  it.each([
    ['build-push-action', 'id-token: write', 'id-token: none', 'no-identity-token'],
    ['build-push-action', 'packages: write', 'packages: none', 'registry-denied'],
    ['helm-chart', 'github.workflow_ref', 'github.repository', 'wrong-identity'],
    [
      'helm-chart',
      'oci://ghcr.io/${{ github.repository_owner }}/charts/app',
      'oci://acme/app',
      'bad-reference',
    ],
    [
      'isolated-signing',
      'github-repository: ${{ github.repository }}',
      'github-repository: acme/other',
      'wrong-claim',
    ],
  ])('%s with %j replaced by %j', async (name, from, to, code) => {
    const edit = (text: string) => text.replace(from, () => to);
    expect(await failureOf(`examples/${name}.yml`, { edit, seed: `twin ${name}` })).toBe(code);
  });

  it.each([
    ['attestation-type: spdx', 'attestation-type: cyclonedx', 'no-attestation'],
    ['sbom-path: sbom.spdx.json', 'sbom-path: bom.json', 'bad-predicate'],
  ])('attest-sbom with %j replaced by %j', async (from, to, code) => {
    const edit = (text: string) => text.replace(from, () => to);
    const options = { edit, as: 'publish.yml', seed: `twin attest-sbom ${code}` };
    expect(await failureOf('examples/attest-sbom.yml', options)).toBe(code);
  });

  it('private-repository-with-key with another public key in the repository', async () => {
    const files = { workspace: { ...workspace(), 'cosign.pub': stage.strangersKey } };
    expect(await failureOf('examples/private-repository-with-key.yml', files)).toBe('wrong-key');
  });
});

describe('the reusable workflow sign-image.yml with a key, for a registry other than ghcr.io', () => {
  const caller = (registry: string) => `
on: push
jobs:
  sign:
    permissions: {}
    uses: OWNER/sign-image/.github/workflows/sign-image.yml@v1
    with:
      images: registry.example.com/acme/app:1.0
      tlog: false${registry}
    secrets:
      key: \${{ secrets.COSIGN_PRIVATE_KEY }}
      key-password: \${{ secrets.COSIGN_PASSWORD }}
      registry-password: \${{ secrets.PRODUCTION_PASSWORD }}
`;

  it('needs no permission at all', async () => {
    await push(stage, ['registry.example.com/acme/app:1.0'], 'reusable');
    const [step] = await play('caller.yml', stage, {
      edit: () => caller('\n      registry: registry.example.com'),
    });
    expect([step?.run.code, told(step?.run.outputs.results)], step?.run.shown).toEqual([
      0,
      ['signed bundle legacy'],
    ]);
  });

  it('takes the key by the names that keygen gives it where all secrets are inherited', async () => {
    await push(stage, ['registry.example.com/acme/app:1.0'], 'reusable inherit');
    const [step] = await play('caller.yml', stage, {
      edit: () =>
        caller('\n      registry: registry.example.com').replace(
          /secrets:[\s\S]*$/,
          'secrets: inherit\n',
        ),
      secrets: { 'registry-password': stage.secrets.PRODUCTION_PASSWORD ?? '' },
    });
    expect([step?.run.code, told(step?.run.outputs.results)], step?.run.shown).toEqual([
      0,
      ['signed bundle legacy'],
    ]);
  });

  it('shows the gate at the commit that ran, not at a tag', async () => {
    await push(stage, ['registry.example.com/acme/app:1.0'], 'reusable commit');
    const [step] = await play('caller.yml', stage, {
      edit: () => caller('\n      registry: registry.example.com'),
    });
    expect(step?.run.summary).toMatch(/uses: OWNER\/sign-image\/verify@fedcba98[0-9a-f]{32}\n/);
  });

  it('says that it signs keyless where the secret of the caller is empty', async () => {
    await push(stage, ['registry.example.com/acme/app:1.0'], 'reusable keyless');
    const edit = () =>
      caller('\n      registry: registry.example.com')
        .replace('permissions: {}', 'permissions:\n      id-token: write')
        .replace('tlog: false', 'tlog: true')
        .replace('secrets.COSIGN_PRIVATE_KEY', "''");
    const [step] = await play('caller.yml', stage, { edit });
    expect(step?.run.shown).toContain(
      'key-password is set and key is empty, so the signature would be keyless',
    );
    const [keyless] = await play('caller.yml', stage, {
      edit: () => edit().replace(/\n *key-password: .*/, ''),
    });
    expect(keyless?.run.code, keyless?.run.shown).toBe(0);
    expect(keyless?.run.shown).toMatch(
      /`key` is empty, so this step signs keyless as workflow sign-image\.yml of OWNER\/sign-image /,
    );
  });

  it('hands no password to a registry that it was not given for', async () => {
    const { registry } = stage.registries['registry.example.com'] ?? {};
    const before = registry?.requests.length ?? 0;
    expect(await failureOf('caller.yml', { edit: () => caller('') })).toBe('registry-denied');
    expect(
      registry?.requests.slice(before).filter(({ authorization }) => authorization === 'basic'),
    ).toEqual([]);
  });
});

describe('the reusable workflows with a certificate of one\u2019s own authority', () => {
  const caller = `
on: push
jobs:
  sign:
    permissions:
      contents: read
    uses: OWNER/sign-image/.github/workflows/sign-image.yml@v1
    with:
      images: ttl.sh/reusable-own:1h
      certificate: ca/release.pem
      certificate-chain: ca/chain.pem
    secrets:
      key: \${{ secrets.RELEASE_KEY }}
  verify:
    needs: sign
    permissions:
      contents: read
    uses: OWNER/sign-image/.github/workflows/verify-image.yml@v1
    with:
      images: ttl.sh/reusable-own:1h
      certificate-identity: ${mailbox}
      ca-roots: ca/root.pem
      ca-intermediates: ca/issuing.pem
`;
  const [pki, stranger, key] = [ownPki(), ownPki(), newEcKey()];
  const day = 86_400_000;
  const period = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
  const pemOf = ({ der }: { readonly der: Buffer }) => pem('CERTIFICATE', der);
  const files = {
    'ca/release.pem': pem('CERTIFICATE', new Forge().certificate(key, ownLeaf(pki, period))),
    'ca/chain.pem': pemOf(pki.step) + pemOf(pki.root),
    'ca/root.pem': pemOf(pki.root),
    'ca/issuing.pem': pemOf(pki.step),
  };
  const secrets = { RELEASE_KEY: key.export({ type: 'pkcs8', format: 'pem' }).toString() };

  it.each([
    ['sign, and verify by its root', {}, [0, 0]],
    ['refuse by the root of another', { 'ca/root.pem': pemOf(stranger.root) }, [0, 1]],
    ['sign nothing with a chain of another', { 'ca/chain.pem': pemOf(stranger.root) }, [1]],
  ])('%s', async (seed, change, codes) => {
    await push(stage, ['ttl.sh/reusable-own:1h'], seed);
    const workspace = { ...files, ...change };
    const played = await play('caller.yml', stage, { edit: () => caller, workspace, secrets });
    const shown = played.map(({ run }) => run.shown).join('\n');
    expect(played.map(({ run }) => run.code).slice(0, codes.length), shown).toEqual(codes);
    if (codes.length === 2)
      expect(told(played[1]?.run.outputs.results)).toEqual([codes[1] ? 'refused' : 'verified']);
  });
});

describe('the reusable workflow verify-image.yml', () => {
  const caller = (files: string) => `
on: pull_request
jobs:
  verify:
    permissions:
      contents: read
    uses: OWNER/sign-image/.github/workflows/verify-image.yml@v1
    with:
      files: ${JSON.stringify(files)}
      key: cosign.pub
      tlog: ignore
`;
  const pod = (image: string) => `kind: Pod\napiVersion: v1\nspec:\n  image: ${image}\n`;

  it.each(['**/*.y*ml', '**/*.y*ml\n# the last line'])(
    'judges the files of the caller for %j, and nothing that it has checked out itself',
    async (files) => {
      const name = 'ttl.sh/reusable-verify:1h';
      await push(stage, [name], `reusable verify ${files}`);
      const workspace = { 'cosign.pub': stage.publicKey, 'a.yml': pod(stage.placed(name)) };
      const [refused] = await play('gate.yml', stage, { edit: () => caller(files), workspace });
      const results = JSON.parse(refused?.run.outputs.results ?? '[]') as Entry[];
      expect(results.map(({ source, verified }) => [source?.file, verified])).toEqual([
        ['a.yml', false],
      ]);
    },
  );
});

describe('workflows for pushes and pull requests', () => {
  it.each([
    'examples/push-and-pull-request.yml',
    'workflow-templates/publish-and-sign.yml',
    'workflow-templates/publish-and-sign-with-key.yml',
  ])('%s pushes and signs nothing in a pull request', async (path) => {
    const requests = stage.registries['ghcr.io']?.registry.requests.length;
    expect(await play(path, stage, { env: { GITHUB_EVENT_NAME: 'pull_request' } })).toEqual([]);
    expect(stage.registries['ghcr.io']?.registry.requests.length).toBe(requests);
  });
});

describe('examples/promote.yml', () => {
  const version = 'latest';

  it('copies what the release workflow signed, and verifies it where it went', async () => {
    const release = await play('examples/build-push-action.yml', stage, {
      as: 'release.yml',
      seed: 'released',
    });
    expect(release.map(({ run }) => run.code)).toEqual([0]);
    const played = await play('examples/promote.yml', stage, { inputs: { version } });
    expect(played.map(({ run }) => [run.code, told(run.outputs.results)])).toEqual([
      [0, ['verified']],
      [0, ['verified']],
    ]);
    const [staging, production] = played.map(({ run }) => run.outputs);
    expect(production?.digest).toBe(staging?.digest);
    expect(production?.image).toBe(
      `${stage.placed('registry.example.com')}/acme/app@${staging?.digest}`,
    );
  });

  it('stops before anything is copied when somebody else signed', async () => {
    await play('examples/build-push-action.yml', stage, { as: 'fork.yml', seed: 'not released' });
    expect(await failureOf('examples/promote.yml', { inputs: { version } })).toBe('wrong-identity');
  });
});

describe('examples/promote-action.yml', () => {
  const version = 'latest';

  it('promotes what the release workflow signed, and moves the tag to it', async () => {
    await play('examples/build-push-action.yml', stage, { as: 'release.yml', seed: 'to promote' });
    const [played] = await play('examples/promote-action.yml', stage, { inputs: { version } });
    expect(played?.run.code, played?.run.said).toBe(0);
    const [result] = JSON.parse(played?.run.outputs.results ?? '[]');
    expect(result).toMatchObject({ verified: true, tags: [{ tag: version }], left: [] });
    const { registry } = stage.registries['registry.example.com'] ?? {};
    expect(registry?.store.tagged('acme/app', version)).toBe(result.digest);
  });

  it('copies nothing when somebody else signed', async () => {
    await play('examples/build-push-action.yml', stage, { as: 'fork.yml', seed: 'by a fork' });
    const [played] = await play('examples/promote-action.yml', stage, { inputs: { version } });
    expect(played?.run.code).toBe(1);
    expect(JSON.parse(played?.run.outputs.results ?? '[]')).toMatchObject([
      { status: 'failed', code: 'wrong-identity', tags: [] },
    ]);
  });
});

/** A repository as most are: base images, a service container and a Helm chart of others. */
const ordinary = (image: string): Readonly<Record<string, string>> => ({
  'deploy/app.yaml': `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: app\n      image: ${image}\n`,
  Dockerfile:
    'ARG VERSION\nFROM node:${VERSION} AS build\nFROM gcr.io/distroless/nodejs22\nCOPY --from=build /app /app\n',
  'compose.yaml': 'services:\n  db:\n    image: postgres:${POSTGRES}\n',
  '.github/workflows/ci.yml':
    'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    container: node:22\n    services:\n      db:\n        image: postgres:16\n    steps:\n      - run: npm test\n',
  'deploy/chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\nappVersion: "1.16.0"\n',
  'deploy/chart/values.yaml':
    'image:\n  repository: ghcr.io/acme/app\n  tag: ""\nredis:\n  image:\n    repository: bitnami/redis\n',
  'deploy/chart/templates/deployment.yaml':
    'kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"\n',
});

describe.concurrent('the gate of what is rendered', () => {
  let good: string;
  let bad: string;
  beforeAll(async () => {
    const released = async (as: string) => {
      const edit = (text: string) => text.replaceAll('ghcr.io', 'ttl.sh');
      const [step] = await play('examples/build-push-action.yml', stage, { as, edit, seed: as });
      return step?.run.outputs.image ?? '';
    };
    [good, bad] = await Promise.all([released('release.yml'), released('fork.yml')]);
  });

  it('examples/gate-rendered.yml judges what charts and overlays become', async () => {
    const path = 'examples/gate-rendered.yml';
    const pod = (image: string) =>
      `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: app\n      image: ${image}\n`;
    const template = pod('{{ .Values.image }}');
    for (const [chart, code] of [
      [good, 0],
      [bad, 1],
    ] as const) {
      const rendered: Readonly<Record<string, string>> = {
        'rendered/overlay-production.yaml': pod(good),
        'rendered/chart-values-production.yaml': `---\n# Source: app/templates/pod.yaml\n${pod(chart)}`,
      };
      const [gate] = await play(path, stage, {
        workspace: { 'charts/app/templates/pod.yaml': template },
        scripts: {
          'Render what the cluster would get': async (_, __, ___, files) => {
            Object.assign(files, rendered);
            return {};
          },
        },
      });
      expect([gate?.run.code, gate?.run.outputs.verified], gate?.run.shown).toEqual([
        code,
        String(code === 0),
      ]);
      const places = (JSON.parse(gate?.run.outputs.results ?? '[]') as Entry[]).map(
        ({ verified, source }) => `${source?.file}:${source?.line} ${verified}`,
      );
      expect(places.sort()).toEqual([
        `rendered/chart-values-production.yaml:8 ${code === 0}`,
        'rendered/overlay-production.yaml:6 true',
      ]);
    }
  });
});

describe('the gate of pull requests', () => {
  let open: Stage;
  beforeAll(async () => {
    open = await setStage({ open: true });
  });
  afterAll(() => open.close());
  const released = async (publish: string, as: string) => {
    const [step] = await play(publish, open, { as, seed: `${publish} ${as}` });
    expect(step?.run.code, step?.run.shown).toBe(0);
    return step?.run.outputs.image ?? '';
  };

  it.each([
    ['examples/pull-request-gate.yml', 'examples/build-push-action.yml', 'release.yml'],
    // The two templates name the same workflow: the one that publishes keeps its file name.
    [
      'workflow-templates/verify-in-pull-requests.yml',
      'workflow-templates/publish-and-sign.yml',
      'publish-and-sign.yml',
    ],
  ])(
    '%s works as it stands in an ordinary repository with %s: lets pass what %s signed, refuses the rest at its line, lists the others, and keeps one comment',
    async (path, publish, as) => {
      const comments: string[] = [];
      for (const [signer, code] of [
        [as, 0],
        ['fork.yml', 1],
      ] as const) {
        const workspace = ordinary(await released(publish, signer));
        const github = await startGithub({
          token: open.secrets.GITHUB_TOKEN ?? '',
          head: '0'.repeat(40),
          files: Object.entries(workspace).map(([file, content]) => ({ path: file, content })),
          permissions: { contents: 'read', pullRequests: 'write' },
        });
        const repo = { full_name: 'acme/app' };
        const pull = { number: 7, head: { sha: '0'.repeat(40), repo }, base: { repo } };
        const [gate, ...more] = await play(path, open, {
          workspace,
          event: {
            number: 7,
            pull_request: pull,
            repository: { ...repo, private: false, visibility: 'public' },
          },
          env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url },
        });
        expect(more).toEqual([]);
        const results = JSON.parse(gate?.run.outputs.results ?? '[]') as {
          code?: string;
          reference: string;
        }[];
        const judged = results.filter((result) => result.code !== 'not-judged');
        expect(gate?.run.code, gate?.run.shown).toBe(code);
        expect(told(JSON.stringify(judged))).toEqual([code === 0 ? 'verified' : 'refused']);
        const others = results.filter((result) => !judged.includes(result));
        expect(others.map(({ reference }) => reference)).toEqual(
          expect.arrayContaining(['gcr.io/distroless/nodejs22', 'node:${VERSION}']),
        );
        const errors = gate?.run.annotations
          .filter(({ kind }) => kind === 'error')
          .map(({ properties }) => `${properties.file}:${properties.line}`);
        expect(errors).toEqual(code === 0 ? [] : ['deploy/app.yaml:6']);
        comments.push(...github.comments.map(({ body }) => body));
        await github.close();
      }
      expect(comments).toEqual([
        expect.stringContaining('1 image verified'),
        expect.stringContaining('deploy/app.yaml:6'),
      ]);
      for (const comment of comments) expect(comment).toMatch(/not judged.*gcr\.io\/distroless/s);
      // Who signed is shown beside who was expected; nothing there trusts the stranger.
      expect(comments[1]).toContain('fork.yml');
      expect(comments[1]).not.toMatch(/with:|certificate-identity(-regexp)?: /);
    },
  );

  it('workflow-templates/verify-in-pull-requests-with-key.yml takes the key of the base, never one that the pull request brings', async () => {
    const image = await released('workflow-templates/publish-and-sign-with-key.yml', 'any.yml');
    const sha = '1'.repeat(40);
    const files = { 'deploy/app.yaml': ordinary(image)['deploy/app.yaml'] ?? '' };
    for (const [ofBase, brought, code] of [
      [open.publicKey, open.strangersKey, 0],
      [open.strangersKey, open.publicKey, 1],
    ] as const) {
      const changed = { ...files, 'cosign.pub': brought };
      const github = await startGithub({
        token: open.secrets.GITHUB_TOKEN ?? '',
        head: '0'.repeat(40),
        files: Object.entries(changed).map(([path, content]) => ({ path, content })),
        base: { sha, files: [{ path: 'cosign.pub', content: ofBase }] },
        permissions: { contents: 'read', pullRequests: 'write' },
      });
      const repo = { full_name: 'acme/app' };
      const pull = { number: 7, head: { sha: '0'.repeat(40), repo }, base: { sha, repo } };
      const [gate] = await play('workflow-templates/verify-in-pull-requests-with-key.yml', open, {
        workspace: changed,
        event: {
          number: 7,
          pull_request: pull,
          repository: { ...repo, private: false, visibility: 'public' },
        },
        env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url },
      });
      expect(gate?.run.code, gate?.run.shown).toBe(code);
      expect(told(gate?.run.outputs.results)).toEqual([code === 0 ? 'verified' : 'refused']);
      await github.close();
    }
  });

  it('examples/gate-by-cluster-policies.yml holds what changes against the policies of the base', async () => {
    const policy = `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: released}
spec:
  validationActions: [Deny]
  matchImageReferences: [{glob: "*"}]
  attestors:
    - name: release
      cosign:
        keyless:
          identities:
            - issuer: ${open.sigstore.issuer}
              subject: https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main
  validations:
    - expression: images.containers.all(image, verifyImageSignatures(image, [attestors.release]) > 0)
`;
    const policies = {
      'cluster/policies/released.yaml': policy,
      'cluster/policies/kustomization.yaml': 'resources: [released.yaml]\n',
      'cluster/policies/drafts/half.yaml': '{{ nothing }}',
    };
    const sha = '1'.repeat(40);
    const listed = (files: Readonly<Record<string, string>>) =>
      Object.entries(files).map(([path, content]) => ({ path, content }));
    for (const [signer, code] of [
      ['release.yml', 0],
      ['fork.yml', 1],
    ] as const) {
      const image = await released('examples/build-push-action.yml', signer);
      const changed = {
        'apps/app.yaml': ordinary(image)['deploy/app.yaml'] ?? '',
        // What it brings itself does not judge it.
        'cluster/policies/released.yaml': policy.replace('release.yml', 'fork.yml'),
      };
      const github = await startGithub({
        token: open.secrets.GITHUB_TOKEN ?? '',
        head: '0'.repeat(40),
        files: listed(changed),
        unchanged: listed(policies).filter(({ path }) => !(path in changed)),
        base: { sha, files: listed(policies) },
        permissions: { contents: 'read', pullRequests: 'write' },
      });
      const repo = { full_name: 'acme/app' };
      const pull = { number: 7, head: { sha: '0'.repeat(40), repo }, base: { sha, repo } };
      const [gate] = await play('examples/gate-by-cluster-policies.yml', open, {
        workspace: { ...policies, ...changed },
        event: {
          number: 7,
          pull_request: pull,
          repository: { ...repo, private: false, visibility: 'public' },
        },
        env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url },
      });
      expect(gate?.run.code, gate?.run.shown).toBe(code);
      expect(told(gate?.run.outputs.results)).toEqual([code === 0 ? 'verified' : 'refused']);
      await github.close();
    }
  });
});
