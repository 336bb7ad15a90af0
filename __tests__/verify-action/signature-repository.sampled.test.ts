// Where signatures lie says nothing of whether they count: attacks on the gate as it ships, each
// beside its honest twin.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { itInWhole } from '../sampled.ts';
import { startGithub } from '../sandbox/github.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey, type TestKey } from '../sign-action/keyed-world.ts';
import { signed } from '../sign-action/signed.ts';
import { verify } from './gate.ts';

const [ours, theirs] = [makeKey(), makeKey()];
const pem = ({ publicKey }: TestKey) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();
const key = pem(ours);
let registry: SandboxRegistry;
/** of us, and one where anybody may write */
let own: string;
let foreign: string;
let image: string;
let other: string;

beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
  own = `${registry.host}/acme/signatures`;
  foreign = `${registry.host}/stranger/signatures`;
  image = (await pushImage(registry.host, 'acme/app')).reference;
  other = (await pushImage(registry.host, 'acme/app', { seed: 2 })).reference;
});
afterAll(() => registry?.close());

const sign = async (reference: string, place: string, signer = ours, more = {}) =>
  expect(
    (await signed(keyedInputs(reference, signer, { 'signature-repository': place, ...more }))).code,
  ).toBe(0);

/** What the gate says of the first image. */
async function codeOf(inputs: Record<string, string>, options = {}): Promise<string> {
  const run = await verify({ tlog: 'ignore', ...inputs }, options);
  const [first] = JSON.parse(run.outputs.results ?? '[]') as { verified: boolean; code?: string }[];
  return first?.verified === true ? 'verified' : (first?.code ?? run.shown);
}

describe('what lies in the signature repository is judged as always', () => {
  it('a signature by a stranger does not count there; beside one that counts it does no harm', async () => {
    const asked = { images: image, key, 'signature-repository': own };
    await sign(image, own, theirs);
    expect(await codeOf(asked)).toBe('wrong-key');
    await sign(image, own);
    expect(await codeOf(asked)).toBe('verified');
  });

  it('a good one of another image, put under the name of this one, is of another image', async () => {
    const place = `${registry.host}/acme/copied`;
    await sign(other, place, ours, { format: 'legacy' });
    const asked = { key, 'signature-repository': place };
    expect(await codeOf({ images: other, ...asked })).toBe('verified');
    const tagOf = (reference: string) => `${reference.split('@')[1]?.replace(':', '-')}.sig`;
    const { tags } = registry.store.open('acme/copied');
    tags.set(tagOf(image), tags.get(tagOf(other)) as never);
    expect(await codeOf({ images: image, ...asked })).toBe('wrong-subject');
  });

  it('a registry that does not answer for it is no "unsigned"', async () => {
    const down = await startRegistry();
    onTestFinished(() => down.close());
    const place = `${down.host}/acme/signatures`;
    await sign(image, place);
    const asked = { images: image, key, 'signature-repository': place };
    expect(await codeOf(asked)).toBe('verified');
    down.set({
      faults: ({ url }) =>
        /signatures/.test(url.pathname) ? { kind: 'status', code: 500 } : undefined,
    });
    expect(await codeOf({ ...asked, timeout: '30s' })).toBe('registry-error');
  });

  itInWhole('one beside the image does not count where another place is asked for', async () => {
    const { reference } = await pushImage(registry.host, 'acme/beside', { seed: 3 });
    expect((await signed(keyedInputs(reference, ours))).code).toBe(0);
    expect(await codeOf({ images: reference, key })).toBe('verified');
    expect(await codeOf({ images: reference, key, 'signature-repository': own })).toBe('unsigned');
  });
});

/** A policy by key that reads signatures in this repository. */
function policyOf(key: string, place: string): string {
  return `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: p}
spec:
  images: [{glob: "**"}]
  authorities:
    - name: a
      source: [{oci: "${place}"}]
      key:
        data: |
          ${key.trim().replaceAll('\n', '\n          ')}
`;
}

describe('attestations', () => {
  it('are read together with the signatures there: nothing is asked twice', async () => {
    const { reference } = await pushImage(registry.host, 'acme/attested', { seed: 6 });
    const place = `${registry.host}/acme/attestations`;
    await sign(reference, place);
    const predicate = { 'predicate-type': 'https://a.example/scan/v1', predicate: '{"a":1}' };
    const inputs = keyedInputs(reference, ours, { ...predicate, 'signature-repository': place });
    expect((await signed(inputs, { entry: 'dist/attest.js' })).code).toBe(0);
    const asks = { images: reference, 'attestation-type': predicate['predicate-type'] };
    for (const [how, workspace] of [
      [{ key, 'signature-repository': place }, {}],
      [{ policy: 'p.yaml' }, { 'p.yaml': policyOf(key, place) }],
    ] as const) {
      registry.requests.length = 0;
      expect(await codeOf({ ...asks, ...how }, { workspace })).toBe('verified');
      const paths = registry.requests.map(({ method, path }) => `${method} ${path}`);
      expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
      // Beside the image only the image itself is looked at.
      const beside = paths.filter((path) => path.includes('/acme/attested/'));
      expect(beside).toEqual([expect.stringMatching(/^HEAD .*manifests\/sha256:/)]);
    }
    const other = { 'p.yaml': policyOf(pem(theirs), place) };
    expect(await codeOf({ ...asks, policy: 'p.yaml' }, { workspace: other })).toBe('wrong-key');
  });

  itInWhole('of BuildKit count where their manifests are signed there', async () => {
    const { reference, platforms } = await pushImage(registry.host, 'acme/built', {
      seed: 7,
      platforms: 2,
      attestations: true,
    });
    const place = `${registry.host}/acme/holders`;
    const asked = {
      images: reference,
      key,
      signature: 'ignore',
      'attestation-type': 'slsaprovenance',
      'signature-repository': place,
    };
    const [one, two] = platforms.filter(({ annotations }) => annotations !== undefined);
    const holder = (digest = '') => reference.replace(/sha256:.*/, digest);
    await sign(holder(one?.digest), place);
    await sign(holder(two?.digest), place, theirs);
    // Signed beside the image it does not count, and by a stranger it counts nowhere.
    expect((await signed(keyedInputs(holder(two?.digest), ours))).code).toBe(0);
    expect(await codeOf(asked)).not.toBe('verified');
    await sign(holder(two?.digest), place);
    expect(await codeOf(asked)).toBe('verified');
  });
});

describe('a pull request does not choose the place', () => {
  const [head, base] = ['a'.repeat(40), 'b'.repeat(40)];
  const token = 'ghs_tokenOfTheJobtokenOfTheJobtokenOfThe';
  const event = {
    number: 7,
    pull_request: {
      number: 7,
      head: { sha: head, repo: { full_name: 'acme/app' } },
      base: { sha: base, repo: { full_name: 'acme/app' } },
    },
    repository: { full_name: 'acme/app', private: false, visibility: 'public' },
  };

  /** The gate on a pull request that brings these files, and a manifest that names the image. */
  async function judged(
    files: Record<string, string>,
    atBase: Record<string, string>,
    inputs: Record<string, string>,
    env: Record<string, string> = {},
  ) {
    const pod = `apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: "${withdrawn}"}]}\n`;
    const filesOf = (named: Record<string, string>) =>
      Object.entries(named).map(([path, content]) => ({ path, content }));
    const github = await startGithub({
      token,
      head,
      files: filesOf({ 'deploy/pod.yaml': pod, ...files }),
      base: { sha: base, files: filesOf(atBase) },
    });
    onTestFinished(() => github.close());
    return codeOf(
      { files: 'deploy/**', 'changed-only': 'true', ...inputs },
      {
        event,
        githubToken: token,
        env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url, ...env },
        workspace: files,
      },
    );
  }

  // A signature that its owners have withdrawn, and that somebody has kept.
  let withdrawn: string;
  beforeAll(async () => {
    withdrawn = (await pushImage(registry.host, 'acme/withdrawn', { seed: 4 })).reference;
    await sign(withdrawn, foreign);
  });

  it('by a policy: the one of the base counts', async () => {
    const asked = { policy: 'policy.yaml' };
    const brought = { 'policy.yaml': policyOf(key, foreign) };
    expect(await judged(brought, { 'policy.yaml': policyOf(key, own) }, asked)).toBe('unsigned');
    expect(await judged({}, { 'policy.yaml': policyOf(key, foreign) }, asked)).toBe('verified');
  });

  it('by a variable in its files: the one of the workflow counts', async () => {
    const brought = {
      '.env': `COSIGN_REPOSITORY=${foreign}\n`,
      'deploy/compose.yaml': `services: {a: {image: "${registry.host}/acme/app", environment: {COSIGN_REPOSITORY: "${foreign}"}}}\n`,
    };
    const place = (COSIGN_REPOSITORY: string) => ({ COSIGN_REPOSITORY });
    expect(await judged(brought, {}, { key }, place(own))).toBe('unsigned');
    expect(await judged({}, {}, { key }, place(foreign))).toBe('verified');
  });
});

describe('known signers sign where they say', () => {
  const list = (place = '') => `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Acme
entries:
  - images: ["${registry.host}/acme/**"]
    tlog: ignore
${place}    signers:
      - key: |
          ${key.trim().replaceAll('\n', '\n          ')}
`;

  it('whatever the step says of other images', async () => {
    const { reference } = await pushImage(registry.host, 'acme/published', { seed: 5 });
    expect((await signed(keyedInputs(reference, ours))).code).toBe(0);
    const judge = (text: string) =>
      codeOf(
        {
          images: reference,
          policy: 'l.yaml',
          'known-signers': 'true',
          'signature-repository': own,
        },
        { workspace: { 'l.yaml': text } },
      );
    expect(await judge(list())).toBe('verified');
    const elsewhere = `    signatures:\n      repository: ${own}\n`;
    expect(await judge(list(elsewhere))).toBe('unsigned');
  });
});
