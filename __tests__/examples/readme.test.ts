// Every piece of YAML in README.md that has one of our steps is played: whole workflows as they
// are, steps and inputs inside a workflow that builds and pushes.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { command } from '../command/command.ts';
import { type FakeGithub, startGithub } from '../sandbox/github.ts';
import { startGithub as startSecrets } from '../sandbox/kms/github-secrets.ts';
import { type Played, play } from './play.ts';
import { type Stage, setStage } from './stage.ts';
import { type Interface, ownAction, read, type Step } from './workflow-file.ts';

const { inputs: ofSign = {} } = parse(read('action.yml')) as Interface;

/** What other tests play, by something that stands in it. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [
    /fulcio\.example\.com|tuf\.example\.com|airgapped|registry\.example\.com\/team/,
    'sign-action/keyless-readme.sampled.test.ts',
  ],
  [/awskms:|gcpkms:|azurekms:|hashivault:|openbao:|k8s:|pkcs11:|keygen@v1/, 'keys/ and keygen/'],
];

const blocks = [...read('README.md').matchAll(/^( *)```ya?ml\n([\s\S]*?)^ *```$/gm)].map(
  ([, indent = '', block = '']) => `\n${block}`.replaceAll(`\n${indent}`, '\n').slice(1),
);
const workflows = blocks.flatMap((block) => {
  const whole = elsewhere.some(([pattern]) => pattern.test(block))
    ? undefined
    : wholeWorkflow(block);
  return whole === undefined
    ? []
    : [
        [
          block
            .split('\n')
            .find((line) => /uses: OWNER|key|files/.test(line))
            ?.trim() ?? '',
          whole,
        ] as const,
      ];
});

/**
 * The workflow that a piece of YAML is, or is part of; undefined where nothing of ours is in it.
 */
function wholeWorkflow(block: string): string | undefined {
  const value = parse(block) as Record<string, unknown> | Step[] | null;
  if (value === null || typeof value !== 'object') return undefined;
  if (Array.isArray(value))
    return value.some(({ uses }) => ownAction(uses) !== undefined) ? around(value) : undefined;
  if ('jobs' in value) return block;
  const names = Object.keys(value);
  if (!names.every((name) => Object.hasOwn(ofSign, name))) return undefined;
  const usual = {
    images: 'ghcr.io/${{ github.repository }}',
    digest: '${{ steps.build.outputs.digest }}',
  };
  return around([{ uses: 'OWNER/sign-image@v1', with: { ...usual, ...value } }]);
}

/** The job that these steps stand in: logged in, with an image that was just pushed. */
function around(steps: readonly Step[]): string {
  const before = [
    { uses: 'actions/checkout@v7' },
    {
      uses: 'docker/build-push-action@v7',
      id: 'build',
      with: { push: true, tags: 'ghcr.io/${{ github.repository }}:latest' },
    },
  ];
  const permissions = { packages: 'write', 'id-token': 'write' };
  return stringify({
    on: 'push',
    jobs: { publish: { permissions, steps: [...before, ...steps] } },
  });
}

let stage: Stage;
let github: FakeGithub;
let digest: string;
let policy: string;
const manifest = () =>
  `kind: Pod\napiVersion: v1\nspec:\n  containers:\n    - image: ${stage.placed('ghcr.io')}/acme/app:1.2.0\n`;

/** What an ordinary repository has besides: a base image and a Helm chart of others. */
const others = {
  Dockerfile: 'FROM node:22\n',
  'deploy/chart/values.yaml': 'image:\n  repository: bitnami/redis\n  tag: ""\n',
  'deploy/chart/templates/pod.yaml': 'kind: Pod\nspec:\n  image: {{ .Values.image.repository }}\n',
};

/**
 * What the pieces that verify speak of: images of acme that the workflow release.yml has signed.
 */
async function release(): Promise<Played | undefined> {
  const names = ['acme/app:1.2', 'acme/app:1.2.0', 'acme/web:latest'].map(
    (name) => `ghcr.io/${name}`,
  );
  const workflow = {
    on: 'push',
    jobs: {
      publish: {
        permissions: { packages: 'write', 'id-token': 'write' },
        steps: [
          {
            uses: 'docker/build-push-action@v7',
            id: 'build',
            with: { push: true, tags: names.join('\n') },
          },
          {
            uses: 'OWNER/sign-image@v1',
            with: { images: names.join('\n'), digest: '${{ steps.build.outputs.digest }}' },
          },
        ],
      },
    },
  };
  const [played] = await play('examples/bake.yml', stage, {
    as: 'release.yml',
    seed: 'README',
    edit: () => stringify(workflow),
  });
  return played;
}

beforeAll(async () => {
  stage = await setStage({ open: true });
  const released = await release();
  expect(released?.run.code, released?.run.shown).toBe(0);
  digest = released?.run.outputs.digest ?? '';
  const files = released?.run.files ?? new Map<string, Buffer>();
  policy = String([...files].find(([name]) => name.endsWith('/cluster-image-policy.yaml'))?.[1]);
  const token = stage.secrets.GITHUB_TOKEN ?? '';
  const permissions = { contents: 'read', pullRequests: 'write' } as const;
  github = await startGithub({
    token,
    head: '0'.repeat(40),
    permissions,
    files: Object.entries({ 'deploy/app.yaml': manifest(), ...others }).map(([path, content]) => ({
      path,
      content,
    })),
  });
});
afterAll(async () => void (await Promise.all([stage.close(), github.close()])));

describe('README.md, signing with a key', () => {
  const line = /^ *GITHUB_TOKEN=\$\(gh auth token\) npx sign-image@1 (keygen .*)$/m.exec(
    read('README.md'),
  )?.[1];

  it('makes a key pair with one command', async () => {
    const token = 'gho_tokenOfWhoeverTriesItOutTokenOfWhoever';
    await using secrets = await startSecrets({ token });
    const folder = await mkdtemp(join(tmpdir(), 'sign-image-readme-'));
    try {
      const env = { GITHUB_API_URL: secrets.origin, GITHUB_TOKEN: token };
      const run = await command(line?.split(' ') ?? [], { cwd: folder, env });
      expect(run.code, run.stderr).toBe(0);
      const at = '/repos/acme/app/actions/secrets/COSIGN_';
      expect(secrets.stored.has(`${at}PRIVATE_KEY`)).toBe(true);
      expect(await readFile(join(folder, 'cosign.pub'), 'utf8')).toBe(
        secrets.stored.get(`${at}PUBLIC_KEY`)?.value,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says how the gate takes what its step signs', async () => {
    const step = blocks.find((block) => block.includes('secrets.COSIGN_PRIVATE_KEY')) ?? '';
    const [, key = '', tlog = ''] =
      /^\| with a key \| `(key: cosign\.pub)`.*`(tlog: ignore)`/m.exec(read('README.md')) ?? [];
    const gate = (more: string) => [
      ...parse(step),
      {
        uses: 'OWNER/sign-image/verify@v1',
        with: { images: 'ghcr.io/${{ github.repository }}:latest', ...parse(`${key}\n${more}`) },
      },
    ];
    const tried = (more: string) =>
      play('README.md', stage, {
        seed: `key ${more}`,
        edit: () => around(gate(more)),
        workspace: { 'cosign.pub': stage.publicKey },
      });
    expect((await tried(tlog)).map(({ run }) => run.code)).toEqual([0, 0]);
    const [, without] = await tried('');
    expect(without?.run.shown).toContain('`tlog: ignore`');
  });
});

describe.concurrent('README.md', () => {
  it('has pieces to play', () => expect(workflows.length).toBeGreaterThan(0));

  it.each(workflows)('%s', async (_, workflow) => {
    const text = workflow.replaceAll('OWNER/REPO', 'acme/app').replaceAll('sha256:…', digest);
    const repo = { full_name: 'acme/app' };
    const pull = { number: 7, head: { sha: '0'.repeat(40), repo }, base: { repo } };
    const inPullRequest = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url };
    const played = await play('README.md', stage, {
      as: 'release.yml',
      edit: () => text,
      workspace: {
        'cosign.pub': stage.publicKey,
        'deploy/app.yaml': manifest(),
        ...others,
        'cluster/policies/app.yaml': policy,
        'sigstore/signing_config.json': JSON.stringify(stage.sigstore.signingConfig.v1_tsa),
        'sigstore/trusted_root.json': JSON.stringify(stage.sigstore.trustedRoot),
      },
      event: {
        number: 7,
        pull_request: pull,
        repository: { ...repo, private: false, visibility: 'public' },
      },
      ...(/pull_request|changed-only/.test(text) ? { env: inPullRequest } : {}),
    });
    expect(
      played.map(({ run }) => [run.code, run.outputs.verified]),
      played.map(({ run }) => run.shown).join('\n'),
    ).toEqual(played.map(() => [0, 'true']));
    expect(played.length).toBeGreaterThan(0);
  });
});
