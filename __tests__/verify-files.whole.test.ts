// The pull-request gate as it ships: dist/verify.js in a child process, a workspace with files, the
// sandbox's registry and GitHub.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error a plain script, which the recordings come with
import { loadCase } from './fixtures/load.mjs';
import {
  type FakeComment,
  type GithubOptions,
  type HeadFile,
  startGithub,
} from './sandbox/github.ts';
import { pushImage } from './sandbox/images.ts';
import { startRegistry } from './sandbox/registry.ts';
import { type RunOptions, type RunResult, runAction } from './sandbox/runner.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const info = JSON.parse(readFileSync(join(fixtures, 'keyed-bundle-nolog/case.json'), 'utf8')) as {
  digest: string;
  verify: { key: string };
};
const key = readFileSync(join(fixtures, 'keys', info.verify.key), 'utf8');
const token = 'ghs_tokenOfTheJobtokenOfTheJobtokenOfThe';
const head = 'a'.repeat(40);

const registry = await startRegistry({ referrersApi: true });
/** a signed image, by its digest */
const { reference: good } = (await loadCase(
  join(fixtures, 'keyed-bundle-nolog'),
  registry.host,
  'acme/good',
)) as { reference: string };
const bad = `${(await pushImage(registry.host, 'acme/bad', { tag: '1' })).tagged}`;
afterAll(() => registry.close());

const pullRequestEvent = {
  number: 7,
  pull_request: {
    number: 7,
    head: { sha: head, repo: { full_name: 'acme/app' } },
    base: { repo: { full_name: 'acme/app' } },
  },
  repository: { full_name: 'acme/app', private: false, visibility: 'public' },
};

function gate(inputs: Record<string, string>, options: RunOptions = {}): Promise<RunResult> {
  return runAction({
    entry: 'dist/verify.js',
    githubToken: token,
    ...options,
    inputs: { key, tlog: 'ignore', ...inputs },
  });
}

/** The gate in a pull request, with GitHub beside it. */
async function inPullRequest(
  inputs: Record<string, string>,
  github: Partial<GithubOptions> = {},
  options: RunOptions = {},
) {
  const fake = await startGithub({ token, head, ...github });
  onTestFinished(() => fake.close());
  const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: fake.url, ...options.env };
  const run = () => gate(inputs, { event: pullRequestEvent, ...options, env });
  return { fake, run, result: await run() };
}

interface Entry {
  readonly reference: string;
  readonly verified: boolean;
  readonly code?: string;
  readonly source?: { readonly file: string; readonly line: number };
}
const entries = (result: RunResult) => JSON.parse(result.outputs.results ?? '[]') as Entry[];
const places = (result: RunResult) =>
  entries(result)
    .map(
      ({ verified, code, source }) =>
        `${source?.file}:${source?.line} ${verified ? 'verified' : code}`,
    )
    .sort();

const deployment = (...images: string[]) =>
  `apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n${images.map((image, index) => `        - name: c${index}\n          image: ${image}\n`).join('')}`;

describe('files', () => {
  it('each reference is judged where it stands, each image once', async () => {
    const workspace = {
      Dockerfile: `FROM ${good} AS base\nFROM base\nCOPY --from=${bad} a b\n`,
      'deploy/app.yaml': deployment(good, bad, '"{{ .Values.image }}"'),
      'deploy/README.md': 'Nothing here\n',
    };
    const before = registry.requests.length;
    const result = await gate({ files: '**/Dockerfile, deploy/**' }, { workspace });
    expect(result.code, result.stdout).toBe(1);
    expect(places(result)).toEqual([
      'Dockerfile:1 verified',
      'Dockerfile:3 unsigned',
      'deploy/app.yaml:10 unsigned',
      'deploy/app.yaml:12 unresolved',
      'deploy/app.yaml:8 verified',
    ]);
    expect(result.outputs).toMatchObject({ verified: 'false', images: JSON.stringify([good]) });
    const asked = registry.requests
      .slice(before)
      .filter(({ method, path }) => method === 'HEAD' && /manifests/.test(path));
    expect(asked.map(({ path }) => path).sort()).toEqual(
      [...new Set(asked.map(({ path }) => path))].sort(),
    );
    const errors = result.annotations
      .filter(({ kind }) => kind === 'error')
      .map(({ properties }) => `${properties.file}:${properties.line}`);
    expect(errors.sort()).toEqual(['Dockerfile:3', 'deploy/app.yaml:10', 'deploy/app.yaml:12']);
    expect(
      result.annotations.find(
        ({ kind, message }) => kind === 'notice' && message.includes('deploy/README.md'),
      ),
    ).toBeDefined();
  });

  it('pass when all of them verify', async () => {
    const result = await gate(
      { files: 'deploy/*.{yml,yaml}' },
      { workspace: { 'deploy/a.yaml': deployment(good), 'deploy/b.yml': deployment(good) } },
    );
    expect(result, result.stdout).toMatchObject({
      code: 0,
      outputs: { verified: 'true', images: JSON.stringify([good]), failed: '[]' },
    });
    expect(places(result)).toEqual(['deploy/a.yaml:8 verified', 'deploy/b.yml:8 verified']);
  });

  it.each<[string, Record<string, string>, string]>([
    ['no file fits', { 'a.txt': 'x' }, 'No file of the workspace fits'],
    [
      'no image in any file',
      { 'deploy/a.yaml': 'apiVersion: v1\nkind: ConfigMap\n' },
      'name no image',
    ],
  ])('%s: an error', async (_, workspace, message) => {
    const result = await gate({ files: 'deploy/**' }, { workspace });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false' } });
    expect(result.annotations[0]).toMatchObject({
      kind: 'error',
      properties: { title: 'sign-image: nothing-to-verify' },
    });
    expect(result.annotations[0]?.message).toContain(message);
  });

  it('files that are made to be read slowly do not keep the others from being judged', async () => {
    const workspace = {
      'a/Dockerfile': `FROM ${good}\nRUN${' '.repeat(1_000_000)}x\n`,
      'b/Dockerfile': `FROM ${good}\n${'ONBUILD '.repeat(120_000)}\n`,
      'c/Dockerfile': `FROM ${good}\n${`RUN${' '.repeat(60_000)}\\\n`.repeat(16)}x\n`,
      'd/Dockerfile': `FROM ${good}\n`,
    };
    const result = await gate({ files: '**/Dockerfile' }, { workspace });
    expect(result.code, result.stdout).toBe(1);
    expect(places(result)).toEqual([
      'a/Dockerfile:1 verified',
      'a/Dockerfile:2 unresolved',
      'b/Dockerfile:1 verified',
      'b/Dockerfile:2 unresolved',
      'c/Dockerfile:1 verified',
      'd/Dockerfile:1 verified',
    ]);
  });

  it('what cannot be read is not passed', async () => {
    const result = await gate(
      { files: 'deploy/**' },
      { workspace: { 'deploy/a.yaml': deployment(good), 'deploy/b.yaml': 'a: 1\na: 2\n' } },
    );
    expect(result.code).toBe(1);
    expect(places(result)).toEqual(['deploy/a.yaml:8 verified', 'deploy/b.yaml:2 unresolved']);
  });
});

describe('changed-only', () => {
  const inputs = { files: 'deploy/**', 'changed-only': 'true' };
  const changed = (path: string, content?: string, status?: HeadFile['status']): HeadFile => ({
    path,
    ...(content === undefined ? {} : { content }),
    ...(status === undefined ? {} : { status }),
  });

  it('judges the changed files alone, over all pages; renamed ones, and not the deleted', async () => {
    const wrong = deployment(bad);
    const others = Array.from({ length: 230 }, (_, index) =>
      changed(`docs/${index}.md`, `${index}`),
    );
    const files = [
      ...others,
      changed('deploy/new.yaml', deployment(good), 'renamed'),
      changed('deploy/gone.yaml'),
      changed('src/x.yaml', wrong),
    ];
    const workspace = {
      'deploy/new.yaml': deployment(good),
      'deploy/old.yaml': wrong,
      'src/x.yaml': wrong,
    };
    const { result, fake } = await inPullRequest(inputs, { files }, { workspace });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(places(result)).toEqual(['deploy/new.yaml:8 verified']);
    expect(fake.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'GET 200',
      'GET 200',
      'GET 200',
      'GET 200',
      'GET 200',
    ]);
  });

  it('judges the content of the head, not of a checkout that is something else', async () => {
    const files = [changed('deploy/a.yaml', deployment(bad))];
    for (const [event, workspace] of [
      ['pull_request_target', { 'deploy/a.yaml': deployment(good) }],
      ['pull_request', { 'deploy/a.yaml': deployment(good) }],
      ['pull_request', {}],
    ] as const) {
      const { result } = await inPullRequest(
        inputs,
        { files },
        { workspace, env: { GITHUB_EVENT_NAME: event } },
      );
      expect(result.code).toBe(1);
      expect(places(result)).toEqual(['deploy/a.yaml:8 unsigned']);
    }
  });

  it('a pull request without image references passes, says so, and verifies nothing', async () => {
    const { result } = await inPullRequest(inputs, {
      files: [changed('docs/a.md', 'x'), changed('deploy/gone.yaml')],
    });
    expect(result, result.stdout).toMatchObject({
      code: 0,
      outputs: { verified: '', images: '[]', failed: '[]', results: '[]' },
    });
    expect(result.annotations).toMatchObject([
      { kind: 'notice', message: expect.stringContaining('changes no image reference') },
    ]);
  });

  it('a head that has moved on does not decide', async () => {
    const { result } = await inPullRequest(inputs, {
      head: 'b'.repeat(40),
      files: [changed('docs/a.md', 'x')],
    });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false' } });
    expect(result.annotations[0]).toMatchObject({
      kind: 'error',
      properties: { title: 'sign-image: github-error' },
    });
  });

  it('more files than GitHub lists: all files are judged, where the checkout is that of the head', async () => {
    const workspace = { 'deploy/a.yaml': deployment(bad) };
    const { result } = await inPullRequest(
      inputs,
      { files: [changed('docs/a.md', 'x')], changedFiles: 4000 },
      { workspace },
    );
    expect(places(result)).toEqual(['deploy/a.yaml:8 unsigned']);
    expect(result.annotations.map(({ kind }) => kind)).toContain('notice');
    const target = await inPullRequest(
      inputs,
      { files: [changed('docs/a.md', 'x')], changedFiles: 4000 },
      { workspace, env: { GITHUB_EVENT_NAME: 'pull_request_target' } },
    );
    expect(target.result).toMatchObject({ code: 1, outputs: { results: '[]' } });
  });

  it('outside of a pull request all files are judged, and a notice says so', async () => {
    const result = await gate(inputs, { workspace: { 'deploy/a.yaml': deployment(bad) } });
    expect(places(result)).toEqual(['deploy/a.yaml:8 unsigned']);
    expect(result.annotations).toContainEqual(
      expect.objectContaining({
        kind: 'notice',
        message: expect.stringContaining('started by push'),
      }),
    );
  });

  it('without permission the step fails and says which one', async () => {
    const { result } = await inPullRequest(inputs, { permissions: { pullRequests: 'none' } });
    expect(result.code).toBe(1);
    expect(result.annotations[0]?.message).toContain('pull-requests: read');
  });

  it('a gateway that fails for a moment does not matter', async () => {
    const { result } = await inPullRequest(inputs, { files: [], badGateways: 1 });
    expect(result.code).toBe(0);
  });
});

describe('comment', () => {
  const inputs = { files: 'deploy/**', comment: 'true' };
  const workspace = { 'deploy/a.yaml': deployment(good, bad) };
  const write = { permissions: { pullRequests: 'write' as const } };

  it('is written once, and kept up to date', async () => {
    const { fake, run, result } = await inPullRequest(inputs, write, { workspace });
    expect(result.code).toBe(1);
    expect(fake.comments).toHaveLength(1);
    expect(fake.comments[0]?.body).toMatch(
      /^<!-- sign-image\/verify [0-9a-f]{16} -->\n\n### ❌ 1 of 2 images does not verify/,
    );
    expect(fake.comments[0]?.body).toContain('<code>deploy/a.yaml:10</code>');
    await run();
    expect(fake.comments).toHaveLength(1);
    expect(fake.requests.filter(({ method }) => method !== 'GET')).toHaveLength(1);
  });

  it('is found again behind hundreds of others, and never taken from another author', async () => {
    const first = await inPullRequest(inputs, write, { workspace });
    const body = `${first.fake.comments[0]?.body.split('\n')[0]}\n\nall verified`;
    const others = Array.from(
      { length: 250 },
      (_, id): FakeComment => ({ id, body: 'hello', user: { login: 'mona', type: 'User' } }),
    );
    const planted: FakeComment = { id: 900, body, user: { login: 'mallory', type: 'User' } };
    const own: FakeComment = { id: 901, body, user: { login: 'github-actions[bot]', type: 'Bot' } };
    const { fake } = await inPullRequest(
      inputs,
      { ...write, comments: [planted, ...others, own] },
      { workspace },
    );
    expect(fake.comments).toHaveLength(252);
    expect(fake.comments[0]?.body).toBe(body);
    expect(fake.comments.at(-1)?.body).toContain('does not verify');
  });

  it("with the token of a person it is that person's comment", async () => {
    const writer = { login: 'octocat', type: 'User' as const };
    const { fake, run } = await inPullRequest(
      inputs,
      { ...write, token: 'ghp_person', writer },
      { workspace, githubToken: 'ghp_person' },
    );
    await run();
    expect(fake.comments).toMatchObject([{ user: writer }]);
  });

  it('without permission, as on forks, there is a notice, and the answer of the gate stays', async () => {
    const { result } = await inPullRequest(
      { files: 'deploy/b.yaml', comment: 'true' },
      {},
      { workspace: { 'deploy/b.yaml': deployment(good) } },
    );
    expect(result).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(result.annotations).toMatchObject([
      { kind: 'notice', message: expect.stringContaining('pull-requests: write') },
    ]);
  });

  it('outside of a pull request there is a notice', async () => {
    const result = await gate(
      { files: 'deploy/**', comment: 'true' },
      { workspace: { 'deploy/b.yaml': deployment(good) } },
    );
    expect(result.code).toBe(0);
    expect(result.annotations).toMatchObject([
      { kind: 'notice', message: expect.stringContaining('does not belong to a pull request') },
    ]);
  });

  it('says so too when nothing could be verified', async () => {
    const { fake, result } = await inPullRequest({ ...inputs, files: 'none/**' }, write, {
      workspace,
    });
    expect(result.code).toBe(1);
    expect(fake.comments[0]?.body).toContain('### ❌ Nothing was verified');
  });
});

describe('sarif', () => {
  it('has a result for each place, below the workspace', async () => {
    const workspace = { 'deploy/a b.yaml': deployment(good, bad, '$IMAGE') };
    const result = await gate({ files: 'deploy/**', sarif: 'out/images.sarif' }, { workspace });
    const log = JSON.parse(String(result.files.get('work/out/images.sarif')));
    expect(log).toMatchObject({
      version: '2.1.0',
      runs: [{ tool: { driver: { name: 'sign-image verify' } } }],
    });
    const [run] = log.runs;
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual([
      'unsigned',
      'unresolved',
    ]);
    const place = ({
      ruleId,
      locations,
    }: {
      ruleId: string;
      locations: {
        physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } };
      }[];
    }) =>
      `${locations[0]?.physicalLocation.artifactLocation.uri}:${locations[0]?.physicalLocation.region.startLine} ${ruleId}`;
    expect(run.results.map(place)).toEqual([
      'deploy/a%20b.yaml:10 unsigned',
      'deploy/a%20b.yaml:12 unresolved',
    ]);
  });

  it('is written where nothing is wrong, so that old alerts are closed', async () => {
    const result = await gate(
      { files: 'deploy/**', sarif: 'images.sarif' },
      { workspace: { 'deploy/a.yaml': deployment(good) } },
    );
    expect(JSON.parse(String(result.files.get('work/images.sarif'))).runs[0].results).toEqual([]);
  });

  it('does not leave the workspace', async () => {
    const result = await gate(
      { files: 'deploy/**', sarif: '../out.sarif' },
      { workspace: { 'deploy/a.yaml': deployment(good) } },
    );
    expect(result.code).toBe(1);
    expect(result.annotations[0]?.message).toContain('Input sarif names a file outside');
  });
});

/** Requests for one image and its signatures, where nothing is asked twice. */
const requestsOfOne = 6;

describe('the size of a real repository', () => {
  it('300 files with 500 references to 60 images cost the requests for 60 images, none twice', async () => {
    const images = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const { reference } = await loadCase(
          join(fixtures, 'keyed-bundle-nolog'),
          registry.host,
          `acme/many${index}`,
        );
        return reference as string;
      }),
    );
    const at = (index: number) => images[index % images.length] ?? '';
    const workspace = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => {
        const text =
          index < 200 ? deployment(at(index), at(index + 7)) : `FROM ${at(index)}\nRUN true\n`;
        return [
          index < 200 ? `deploy/${index % 20}/app${index}.yaml` : `images/${index}/Dockerfile`,
          text,
        ];
      }),
    );
    const before = registry.requests.length;
    const result = await gate({ files: '**/*.yaml, **/Dockerfile' }, { workspace });
    expect(result, result.stdout.slice(-3000)).toMatchObject({
      code: 0,
      outputs: { verified: 'true' },
    });
    expect(entries(result)).toHaveLength(500);
    expect(JSON.parse(result.outputs.images ?? '[]')).toHaveLength(60);
    const asked = registry.requests.slice(before).map(({ method, path }) => `${method} ${path}`);
    expect(asked.length).toBe(new Set(asked).size);
    expect(asked.length).toBeLessThanOrEqual(60 * requestsOfOne);
  });
});
