// What a pull request cannot do to the gate as it ships: bring in files through links and
// submodules, or the key and the policy that it is judged by.
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { type GithubOptions, type HeadFile, startGithub } from '../sandbox/github.ts';
import { startRegistry } from '../sandbox/registry.ts';
import type { RunOptions } from '../sandbox/runner.ts';
import { key, record, verify } from './gate.ts';

const token = 'ghs_tokenOfTheJobtokenOfTheJobtokenOfThe';
const head = 'a'.repeat(40);
const base = 'b'.repeat(40);
const registry = await startRegistry({ referrersApi: true });
const { reference: good } = await record(registry, 'keyed-legacy-nolog');
const ownKey = key('release.pub');
const otherKey = key('stranger.pub');
afterAll(() => registry.close());

const event = {
  number: 7,
  pull_request: {
    number: 7,
    head: { sha: head, repo: { full_name: 'acme/app' } },
    base: { sha: base, repo: { full_name: 'acme/app' } },
  },
  repository: { full_name: 'acme/app', private: false, visibility: 'public' },
};

const pod = `apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: "${good}"}]}\n`;
const evil = pod.replace(good, `${registry.host}/acme/evil:1`);
const file = (path: string, content: string, mode?: HeadFile['mode']): HeadFile => ({
  path,
  content,
  ...(mode === undefined ? {} : { mode }),
});
const link = (path: string, target: string) => file(path, target, '120000');
const submodule = (path: string) => file(path, 'c'.repeat(40), '160000');
const chosen = file('deploy/good.yaml', pod);

/** The gate on a pull request, and the places it reports. */
async function gate(
  github: Partial<GithubOptions>,
  inputs: Record<string, string> = {},
  options: RunOptions = {},
) {
  const fake = await startGithub({ token, head, ...github });
  onTestFinished(() => fake.close());
  const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: fake.url };
  const result = await verify(
    { key: ownKey, tlog: 'ignore', files: 'deploy/**', 'changed-only': 'true', ...inputs },
    { event, githubToken: token, ...options, env },
  );
  const entries = JSON.parse(result.outputs.results ?? '[]') as {
    verified: boolean;
    code?: string;
    source?: { file: string };
  }[];
  const places = entries.map(
    ({ verified, code, source }) => `${source?.file} ${verified ? 'verified' : code}`,
  );
  const notices = result.annotations.filter(({ kind }) => kind === 'notice');
  return { fake, result, places: places.sort(), notices: notices.map(({ message }) => message) };
}

const verified = 'deploy/good.yaml verified';

describe('what a link or a submodule of the pull request may bring in is unresolved', () => {
  const attacks: [file: string, changed: HeadFile[], unchanged?: HeadFile[]][] = [
    ['deploy/to-file.yaml', [link('deploy/to-file.yaml', '../x/a.yaml')]],
    // Its text is a manifest of a good image.
    ['deploy/text.yaml', [link('deploy/text.yaml', pod)]],
    ['deploy/folder', [link('deploy/folder', '../f')], [file('f/a.yaml', evil)]],
    ['deploy/out', [link('deploy/out', '/etc')]],
    ['deploy/loop', [link('deploy/loop', 'loop')]],
    ['deploy/module', [submodule('deploy/module')]],
    ['deploy/old.yaml', [file('o/a.yaml', evil)], [link('deploy/old.yaml', '../o/a.yaml')]],
    ['deploy/old', [file('p/y/a.yaml', evil)], [link('deploy/old', '../p')]],
    [
      'deploy/two',
      [file('q/z/a.yaml', evil)],
      [link('deploy/two', '../q/x/y'), link('q/x/y', '../z')],
    ],
    [
      'deploy/between',
      [link('r/x/y', '../z')],
      [link('deploy/between', '../r/x/y'), file('r/z/a.yaml', evil)],
    ],
    // Read under its own name it is no Dockerfile.
    [
      'deploy/Dockerfile',
      [file('deploy/notes.txt', 'x')],
      [link('deploy/Dockerfile', 'notes.txt')],
    ],
  ];

  it.each(sampled([false, true], ['false']))(
    'links and submodules (a large repository: %s)',
    async (isLarge) => {
      const files = [chosen, ...attacks.flatMap(([, changed]) => changed)];
      const unchanged = attacks.flatMap(([, , more = []]) => more);
      const { result, places } = await gate({ files, unchanged, isLarge });
      expect(result.code, result.stdout).toBe(1);
      expect(places.filter((place) => place !== verified)).toEqual(
        attacks.map(([path]) => `${path} unresolved`).sort(),
      );
    },
  );

  it('a link above the chosen folder', async () => {
    const { result, places } = await gate({ files: [link('deploy', 'x')] });
    expect(result.code, result.stdout).toBe(1);
    expect(places).toEqual(['deploy unresolved']);
  });

  itInWhole('and nothing else', async () => {
    const { result, places } = await gate({
      files: [chosen, link('docs/a.md', 'b.md'), submodule('vendor/x')],
      unchanged: [
        link('deploy/a.yaml', '../x/a.yaml'),
        file('x/a.yaml', evil),
        submodule('y'),
        link('deploy/prod/good.yaml', '../good.yaml'),
        file('docs/b.md', 'x'),
      ],
    });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(places).toEqual([verified]);
  });

  it('a link whose text is that of the checkout costs no request', async () => {
    const unchanged = [file('x/a.yaml', evil)];
    const { fake, result } = await gate(
      { files: [chosen], unchanged },
      {},
      {
        workspace: { 'deploy/good.yaml': pod },
      },
    );
    expect(result.code).toBe(0);
    expect(fake.requests.map(({ path }) => path.replace(/^.*acme\/app|\?.*$/g, '')).sort()).toEqual(
      [`/git/trees/${head}`, '/pulls/7', '/pulls/7/files'],
    );
  });
});

describe('a .env that the pull request changes', () => {
  const compose = `services:\n  a:\n    image: "\${IMAGE:-${good}}"\n`;
  const unchanged = [
    file('deploy/compose.yaml', compose),
    file('deploy/app/compose.yaml', compose.replaceAll('IMAGE', 'OTHER')),
    file('deploy/pod.yaml', evil),
    file('elsewhere/compose.yaml', evil),
  ];
  const app = 'deploy/app/compose.yaml verified';

  const changed: [string, HeadFile[], HeadFile[]?][] = [
    ['beside', [file('deploy/.env', 'IMAGE=evil\n')]],
    ['above', [file('.env', 'IMAGE=evil\n')]],
    ['as a link', [link('deploy/.env', '../vars')]],
    ['behind a link', [file('vars', 'IMAGE=evil\n')], [link('deploy/.env', '../vars')]],
    ['that is no text', [file('deploy/.env', 'IMAGE\0')]],
  ];
  it.each(sampled(changed, ['beside', 'behind a link']))(
    '%s: files that take variables from it are judged',
    async (_, changes, more = []) => {
      const { result, places } = await gate({
        files: changes,
        unchanged: [...unchanged, ...more],
      });
      expect(result.code, result.stdout).toBe(1);
      const files = new Set(places.map((place) => place.split(' ')[0]));
      files.delete('deploy/.env'); // chosen as well, and a link
      expect([...files]).toEqual(['deploy/app/compose.yaml', 'deploy/compose.yaml']);
      expect(places).toContain('deploy/compose.yaml unresolved');
    },
  );

  itInWhole('that sets other names: they are judged with their defaults', async () => {
    const files = [file('deploy/.env', 'PORT=1\n# IMAGE=x\n')];
    const { result, places } = await gate({ files, unchanged });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(places).toEqual([app, 'deploy/compose.yaml verified']);
  });

  itInWhole('that it deletes: the defaults count now', async () => {
    const files: HeadFile[] = [{ path: 'deploy/.env', status: 'removed' }];
    const { places } = await gate({ files, unchanged });
    expect(places).toEqual([app, 'deploy/compose.yaml verified']);
  });

  itInWhole('elsewhere: nothing is judged', async () => {
    const files = [file('other/.env', 'IMAGE=evil\n'), file('deploy/app/sub/.env', 'IMAGE=x\n')];
    const { result, places } = await gate({ files, unchanged });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: '' } });
    expect(places).toEqual([]);
  });

  itInWhole('one that it does not change counts as well, in the checkout and without', async () => {
    const options = { files: [unchanged[0]!], unchanged: [file('deploy/.env', 'IMAGE=x\n')] };
    for (const workspace of [{}, { 'deploy/.env': 'IMAGE=x\n', 'deploy/compose.yaml': compose }]) {
      const { places } = await gate(options, {}, { workspace });
      expect(places).toEqual(['deploy/compose.yaml unresolved']);
    }
  });
});

describe('a Dockerfile that a changed compose file builds', () => {
  const dockerfile = file('deploy/Dockerfile', `ARG BASE=${good}\nFROM \${BASE}\n`);
  const build = (base: string) =>
    file(
      'deploy/compose.yaml',
      `services:\n  a:\n    build: {context: ., args: {BASE: "${base}"}}\n`,
    );

  it('is read with the arguments, though it does not change', async () => {
    const attack = await gate({
      files: [build(`${registry.host}/acme/evil:1`)],
      unchanged: [dockerfile],
    });
    expect(attack.result.code, attack.result.stdout).toBe(1);
    expect(attack.places).toEqual([expect.stringMatching(/^deploy\/compose.yaml (?!verified)/)]);
    const honest = await gate({ files: [build(good), chosen], unchanged: [dockerfile] });
    expect(honest.result, honest.result.stdout).toMatchObject({ code: 0 });
    expect(honest.places).toEqual([verified]);
  });

  itInWhole('is told where no glob chooses it', async () => {
    const { notices } = await gate(
      { files: [build(good), chosen], unchanged: [dockerfile] },
      { files: 'deploy/*.yaml' },
    );
    expect(notices.join()).toContain('deploy/compose.yaml:3: `deploy/Dockerfile`');
  });
});

describe('what the pull request is judged by comes from its base', () => {
  const at = (...files: HeadFile[]) => ({ base: { sha: base, files } });
  const policy = (pem: string) =>
    `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec:\n  images: [{glob: "**"}]\n  authorities:\n    - key: {data: ${JSON.stringify(pem)}}\n`;
  const pub = (pem: string) => file('keys/cosign.pub', pem);

  it('a key that it changes', async () => {
    const changes = { files: [chosen, pub(ownKey)], ...at(pub(otherKey)) };
    const workspace = { 'keys/cosign.pub': ownKey };
    const attack = await gate(changes, { key: 'keys/cosign.pub' }, { workspace });
    expect(attack.result.code, attack.result.stdout).toBe(1);
    expect(attack.places).toEqual(['deploy/good.yaml wrong-key']);
    expect(attack.notices.join()).toContain('the pull request changes keys/cosign.pub');
  });

  itInWhole('also where the repository is checked out into a folder, or not at all', async () => {
    const changes = { files: [chosen, pub(otherKey)], ...at(pub(ownKey)) };
    const workspace = { 'src/keys/cosign.pub': otherKey };
    for (const inputs of [{ key: 'src/keys/cosign.pub' }, { key: './keys/cosign.pub' }]) {
      const { result } = await gate(changes, inputs, { workspace });
      expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    }
  });

  itInWhole('a key that it leaves as it is, without a word', async () => {
    const { result, notices } = await gate(
      { files: [chosen], unchanged: [pub(ownKey)], ...at(pub(ownKey)) },
      { key: 'keys/cosign.pub' },
      { workspace: { 'keys/cosign.pub': ownKey } },
    );
    expect(result.code, result.stdout).toBe(0);
    expect(notices).toEqual([]);
  });

  itInWhole('a key that the job made', async () => {
    const { result } = await gate(
      { files: [chosen], ...at() },
      { key: 'fetched/cosign.pub' },
      { workspace: { 'fetched/cosign.pub': ownKey } },
    );
    expect(result.code, result.stdout).toBe(0);
  });

  const behind: [string, Partial<GithubOptions>, Record<string, string>][] = [
    ['a key that it adds', { files: [chosen, pub(ownKey)], ...at() }, { key: 'keys/cosign.pub' }],
    [
      'a key behind a link',
      { files: [chosen, file('x/cosign.pub', ownKey)], ...at(link('keys', 'x')) },
      { key: 'keys/cosign.pub' },
    ],
    [
      'a trusted root that it adds',
      { files: [chosen, file('root.json', '{}')], ...at() },
      { 'trusted-root': 'root.json' },
    ],
  ];
  it.each(sampled(behind, ['a key behind a link']))('%s is refused', async (_, github, inputs) => {
    const workspace = { 'keys/cosign.pub': ownKey, 'root.json': '{}' };
    const { result } = await gate(github, inputs, { workspace });
    expect(result.code).toBe(1);
    expect(result.annotations[0]?.properties.title).toBe('sign-image: bad-input');
  });

  it.each(sampled(['policies/*.yaml', 'src/policies/a.yaml'], ['policies/*.yaml']))(
    'policy files that it changes: %s',
    async (entry) => {
      const [mine, others] = [policy(ownKey), policy(otherKey)].map((text) =>
        file('policies/a.yaml', text),
      );
      const workspace = { 'policies/a.yaml': policy(ownKey) };
      const inputs = { key: '', policy: entry };
      const files = [chosen, mine!, file('policies/b.yaml', policy(ownKey))];
      const attack = await gate({ files, ...at(others!) }, inputs, { workspace });
      expect(attack.result.code, attack.result.stdout).toBe(1);
      expect(attack.places).toEqual(['deploy/good.yaml wrong-key']);
      const honest = await gate({ files: [chosen, others!], ...at(mine!) }, inputs, { workspace });
      expect(honest.result, honest.result.stdout).toMatchObject({ code: 0 });
    },
  );

  it.each(sampled(['policies', 'src/policies'], ['policies']))(
    'policy files in %s, but for those that a line leaves out',
    async (folder) => {
      const [mine, others] = [
        file('policies/a.yaml', policy(ownKey)),
        file('policies/b.yaml', policy(otherKey)),
      ];
      const inputs = (out: string) => ({ key: '', policy: `${folder}/*.yaml${out}` });
      const changes = { files: [chosen], unchanged: [mine, others], ...at(mine, others) };
      const honest = await gate(changes, inputs(`\n!${folder}/b.yaml`));
      expect(honest.result, honest.result.stdout).toMatchObject({ code: 0 });
      const all = await gate(changes, inputs(''));
      expect(all.places).toEqual(['deploy/good.yaml wrong-key']);
    },
  );

  it('a key that a policy names by its path', async () => {
    const { reference } = await record(registry, 'keyed-legacy-nolog');
    const image = file('deploy/good.yaml', pod.replace(good, reference));
    const podman = JSON.stringify({
      default: [
        {
          type: 'sigstoreSigned',
          keyPath: 'keys/cosign.pub',
          signedIdentity: {
            type: 'exactRepository',
            dockerRepository: 'registry.example.com/acme/app',
          },
        },
      ],
    });
    const policyFile = file('policy.json', podman);
    const workspace = { 'keys/cosign.pub': ownKey, 'policy.json': podman };
    const inputs = { key: '', policy: 'policy.json' };
    const attack = await gate(
      { files: [image, pub(ownKey)], unchanged: [policyFile], ...at(pub(otherKey), policyFile) },
      inputs,
      { workspace },
    );
    expect(attack.result.code, attack.result.stdout).toBe(1);
    expect(attack.places).toEqual(['deploy/good.yaml wrong-key']);
    expect(attack.notices.join()).toContain('the pull request changes keys/cosign.pub');
  });
});
