import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificates } from '../sandbox/certificates.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { immutable } from '../sandbox/registry-behaviours.ts';
import { storedSignatures } from '../sign-action/keyed-world.ts';
import { plantReferrer } from './copying.ts';
import {
  account,
  dockerLogin,
  ours,
  promoting,
  publicPem,
  pushSigned,
  requestOf,
  theirs,
} from './promoting.ts';

const from = 'acme/app';

describe('what verifies goes over, and its tag moves last', () => {
  it.each([
    ['an image', {}],
    ['an index of three platforms', { platforms: 3, attestations: true }],
  ])('%s to two registries at once; a second run writes nothing', async (_, options) => {
    await using source = await startRegistry();
    await using one = await startRegistry();
    await using two = await startRegistry({ referrersApi: true });
    const image = await pushSigned(source, from, { ...options, tag: 'v1' });
    const request = requestOf(
      [`${source.host}/${from}:v1`],
      [`${one.host}/prod/app:stable`, `${two.host}/prod/`],
    );
    const { results } = await promoting(request);
    expect(
      results.map(({ status, verified, image, tags, left }) => ({
        status,
        verified,
        image,
        tags,
        left,
      })),
    ).toEqual([
      {
        status: 'promoted',
        verified: true,
        image: `${one.host}/prod/app@${image.digest}`,
        tags: [{ tag: 'stable' }],
        left: [],
      },
      {
        status: 'promoted',
        verified: true,
        image: `${two.host}/prod/acme/app@${image.digest}`,
        tags: [{ tag: 'v1' }],
        left: [],
      },
    ]);
    expect(one.store.tagged('prod/app', 'stable')).toBe(image.digest);
    expect(two.store.tagged('prod/acme/app', 'v1')).toBe(image.digest);
    for (const [registry, name, api] of [
      [one, 'prod/app', false],
      [two, 'prod/acme/app', true],
    ] as const) {
      expect(
        storedSignatures(registry.store, name, image.digest, [ours], api).map(
          ({ format, verdict, listed }) => [format, verdict, listed],
        ),
      ).toEqual([
        ['bundle', 'verified', true],
        ['legacy', 'verified', true],
      ]);
      expect(registry.store.dangling()).toEqual([]);
    }
    const last = one.requests.findLastIndex(({ method }) => method === 'PUT');
    expect(one.requests[last]?.path).toBe('/v2/prod/app/manifests/stable');
    one.requests.length = two.requests.length = 0;
    const second = await promoting(request);
    expect(second.results.map(({ status }) => status)).toEqual([
      'already-promoted',
      'already-promoted',
    ]);
    expect(
      [...one.requests, ...two.requests].filter(({ method }) => !['GET', 'HEAD'].includes(method)),
    ).toEqual([]);
  });

  it('within one registry, with a login there', async () => {
    const auth = { kind: 'token', accounts: [account] } as const;
    await using registry = await startRegistry({ auth });
    const image = await pushSigned(registry, from, {
      platforms: 2,
      tag: 'v1',
      credentials: account,
    });
    const env = { DOCKER_CONFIG: dockerLogin([registry.host]) };
    const { results } = await promoting(
      requestOf([`${registry.host}/${from}:v1`], [`${registry.host}/prod/app`]),
      env,
    );
    expect(results).toMatchObject([
      { status: 'promoted', copied: { blobs: 0, bytes: 0 }, tags: [{ tag: 'v1' }] },
    ]);
    expect(registry.store.tagged('prod/app', 'v1')).toBe(image.digest);
  });

  it('the login of the inputs goes to the source alone, the docker login to the target', async () => {
    const secret = { username: 'robot', password: 'for the source only' };
    await using source = await startRegistry({ auth: { kind: 'basic', accounts: [secret] } });
    await using target = await startRegistry({ auth: { kind: 'basic', accounts: [account] } });
    const image = await pushSigned(source, from, { tag: 'v1', credentials: secret });
    const registry = { ...secret, host: source.host, allowHttp: false, allowInsecure: false };
    const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`], {
      registry,
    });
    expect((await promoting(request)).results).toMatchObject([
      { status: 'failed', code: 'registry-denied' },
    ]);
    expect(target.requests.filter(({ authorization }) => authorization !== 'none')).toEqual([]);
    const { results } = await promoting(request, { DOCKER_CONFIG: dockerLogin([target.host]) });
    expect(results).toMatchObject([{ status: 'promoted' }]);
    expect(target.store.tagged('prod/app', 'v1')).toBe(image.digest);
  });

  it('over TLS whose authority nobody knows, where that is allowed', async () => {
    const tls = makeCertificates();
    await using source = await startRegistry();
    await using target = await startRegistry({ tls });
    await pushSigned(source, from, { tag: 'v1' });
    const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`]);
    expect((await promoting(request)).results).toMatchObject([
      { status: 'failed', code: 'network' },
    ]);
    const registry = { allowHttp: false, allowInsecure: true };
    expect((await promoting({ ...request, registry })).results).toMatchObject([
      { status: 'promoted' },
    ]);
  });

  it('by a policy that names the source: the copy is judged as what it is a copy of', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    await pushSigned(source, from, { tag: 'v1', platforms: 2 });
    const policy = join(mkdtempSync(join(tmpdir(), 'promote-')), 'policy.yaml');
    const pem = publicPem(ours).replace(/^/gm, '          ');
    writeFileSync(
      policy,
      `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata:\n  name: app\nspec:\n  images:\n  - glob: "${source.host}/acme/**"\n  authorities:\n  - key:\n      data: |\n${pem}\n`,
    );
    const { key: _, ...request } = requestOf(
      [`${source.host}/${from}:v1`],
      [`${target.host}/prod/app`],
      { policy: [policy] },
    );
    expect((await promoting(request as never)).results).toMatchObject([
      { status: 'promoted', verified: true },
    ]);
    const elsewhere = requestOf([`${target.host}/prod/app:v1`], [`${target.host}/more/app`], {
      policy: [policy],
    });
    const { key: __, ...unnamed } = elsewhere;
    expect((await promoting(unnamed as never)).results).toMatchObject([
      { status: 'failed', verified: false, tags: [] },
    ]);
    expect(target.store.find('more/app')).toBeUndefined();
  });
});

describe('no tag points to what has not verified', () => {
  it('an image by somebody else is not copied, and does not stop the others', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const good = await pushSigned(source, from, { tag: 'v1' });
    await pushSigned(source, 'acme/bad', { tag: 'v1', seed: 2 }, theirs);
    await pushImage(source.host, 'acme/unsigned', { tag: 'v1', seed: 3 });
    const { results } = await promoting(
      requestOf(
        ['app', 'bad', 'unsigned', 'gone'].map((name) => `${source.host}/acme/${name}:v1`),
        [`${target.host}/prod/`],
      ),
    );
    expect(results.map(({ status, code, verified }) => [status, code, verified])).toEqual([
      ['promoted', undefined, true],
      ['failed', 'wrong-key', false],
      ['failed', 'unsigned', false],
      ['failed', 'unresolved', false],
    ]);
    expect([...target.store.repositories.keys()]).toEqual(['prod/acme/app']);
    expect(target.store.tagged('prod/acme/app', 'v1')).toBe(good.digest);
  });

  it('a target that drops signatures keeps its tag where it was', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const before = await pushImage(target.host, 'prod/app', { tag: 'v1', seed: 9 });
    const image = await pushSigned(source, from, { tag: 'v1' });
    // It takes every blob and says yes, and gives other bytes for the signatures.
    target.set({
      override: ({ method, path }) => {
        if (method !== 'GET' || !path.includes('/blobs/')) return undefined;
        return { status: 200, headers: {}, body: Buffer.from('{}') };
      },
    });
    const { results } = await promoting(
      requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`]),
    );
    expect(results).toMatchObject([
      {
        status: 'failed',
        verified: false,
        tags: [],
        reason: expect.stringContaining('was copied, and does not verify there'),
      },
    ]);
    expect(results[0]?.reason).toContain('No tag was moved.');
    target.set({ override: () => undefined });
    expect(target.store.tagged('prod/app', 'v1')).toBe(before.digest);
    const again = await promoting(
      requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`]),
    );
    expect(again.results).toMatchObject([
      { status: 'promoted', tags: [{ tag: 'v1', before: before.digest }] },
    ]);
    expect(target.store.tagged('prod/app', 'v1')).toBe(image.digest);
  });

  it('a tag that cannot be moved: the copy is there and verified, and that is said', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry({
      immutableTags: immutable.ecr,
      mutableTags: /^sha256-/,
    });
    const before = await pushImage(target.host, 'prod/app', { tag: 'v1', seed: 9 });
    await pushSigned(source, from, { tag: 'v1' });
    const { results } = await promoting(
      requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`]),
    );
    expect(results).toMatchObject([
      {
        status: 'failed',
        code: 'immutable-tag',
        verified: true,
        tags: [],
        reason: expect.stringMatching(/was copied and verifies there, and :v1 could not be moved/),
      },
    ]);
    expect(target.store.tagged('prod/app', 'v1')).toBe(before.digest);
  });

  it('with `recursive` a platform that nobody signed stops the whole', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    await pushSigned(source, from, { tag: 'v1', platforms: 2 });
    const { results } = await promoting(
      requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`], { recursive: true }),
    );
    expect(results).toMatchObject([{ status: 'failed', verified: false }]);
    expect(target.store.repositories.size).toBe(0);
  });

  it('two images for one tag, and two repositories for one, are refused before anything is copied', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    await pushSigned(source, from, { tag: 'v1' });
    await pushSigned(source, from, { tag: 'v2', seed: 2 });
    await pushSigned(source, 'acme/other', { tag: 'v1', seed: 3 });
    const [one, two, other] = [`${from}:v1`, `${from}:v2`, 'acme/other:v1'].map(
      (name) => `${source.host}/${name}`,
    );
    for (const images of [
      [one, two],
      [one, other],
    ] as string[][])
      await expect(
        promoting(requestOf(images, [`${target.host}/prod/app:stable`])),
      ).rejects.toMatchObject({ code: 'bad-input' });
    expect(target.requests).toEqual([]);
  });

  it('referrers of a hostile source are no part of the image: what is malformed stays, the image goes', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const image = await pushSigned(source, from, { tag: 'v1' });
    plantReferrer(source, from, image, 'about another', {
      about: `sha256:${'2'.repeat(64)}`,
      artifactType: 'application/vnd.acme',
    });
    const { results } = await promoting(
      requestOf([`${source.host}/${from}:v1`], [`${target.host}/prod/app`]),
    );
    expect(results).toMatchObject([
      { status: 'promoted', left: [expect.stringContaining('about another image')] },
    ]);
  });
});
