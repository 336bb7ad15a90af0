// What belongs to images that are gone, and taking it away: nothing else, whatever a registry says.
import { describe, expect, it } from 'vitest';
import { plantLayers, plantReferrer } from '../promote/copying.ts';
import { pushSigned } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { gone, listing, lose, name, tagsOf } from './inventorying.ts';

const prune = { prune: true, dryRun: false };
const kinds = /^sha256-[0-9a-f]{64}/;

/** A signed image that is there, and a signed one that is gone. */
async function half(options = {}) {
  const registry = await startRegistry(options);
  const there = await pushSigned(registry, name, { tag: 'v1', seed: 'there' });
  const lost = await pushSigned(registry, name, { tag: 'v0', seed: 'lost' });
  const lostTag = lost.digest.replace(':', '-');
  lose(registry, lost.digest);
  return { registry, there, lost, lostTag };
}

function deletions({ requests }: SandboxRegistry) {
  return requests.filter(({ method }) => method === 'DELETE');
}

describe('orphans', () => {
  it.each([
    ['a registry that removes digests alone', {}],
    ['a registry that removes tags', { deleteTags: true }],
  ])('are removed, and nothing else: %s', async (_, options) => {
    const { registry, there, lost, lostTag } = await half(options);
    await using _registry = registry;
    plantLayers(registry, name, lost.digest, 'att', ['a']);
    plantLayers(registry, name, lost.digest, 'sbom', ['b']);
    const before = tagsOf(registry);
    expect(before.filter((tag) => tag.startsWith(lostTag))).toHaveLength(4);
    expect(gone((await listing(registry)).orphans)).toEqual([[' .att .sbom .sig', 'orphaned']]);
    const dry = await listing(registry, { prune: true });
    expect(gone(dry.orphans)).toEqual([[' .att .sbom .sig', 'orphaned']]);
    expect(deletions(registry)).toEqual([]);
    expect(tagsOf(registry)).toEqual(before);

    expect(gone((await listing(registry, prune)).orphans)).toEqual([
      [' .att .sbom .sig', 'pruned'],
    ]);
    expect(tagsOf(registry)).toEqual(before.filter((tag) => !tag.startsWith(lostTag)));
    const { images, orphans } = await listing(registry, prune);
    expect(orphans).toEqual([]);
    expect(images.map(({ digest, signatures }) => [digest, signatures.length])).toEqual([
      [there.digest, 2],
    ]);
    const stored = registry.store.open(name).manifests;
    const subjects = [...stored.values()].map(({ bytes }) => String(bytes));
    expect(subjects.filter((text) => text.includes(lost.digest))).toEqual([]);
  });

  it('need no key: who signed them does not matter', async () => {
    const { registry } = await half();
    await using _registry = registry;
    const { orphans } = await listing(registry, { ...prune, key: undefined as never });
    expect(gone(orphans)).toEqual([[' .sig', 'pruned']]);
  });

  it('that are no orphans: an image without a tag is there', async () => {
    await using registry = await startRegistry();
    await pushImage(registry.host, name, { tag: 'v1', seed: 1 });
    const untagged = await pushSigned(registry, name, { seed: 2 });
    const { images, orphans } = await listing(registry, prune);
    expect(orphans).toEqual([]);
    expect(images.map(({ digest, tags }) => [digest, tags.length])).toContainEqual([
      untagged.digest,
      0,
    ]);
  });
});

describe('an answer that is not "there is no such manifest" never means that an image is gone', () => {
  const json = { 'content-type': 'application/json' };
  it.each([
    ['403', { status: 403, headers: json, body: '{"errors":[{"code":"DENIED","message":"no"}]}' }],
    ['401', { status: 401, headers: json, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' }],
    ['404 of a proxy', { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['404 without words', { status: 404, headers: {}, body: '' }],
    [
      '404 of a repository',
      { status: 404, headers: json, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
    ],
    ['405', { status: 405, headers: json, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }],
  ])('%s', async (_, reply) => {
    const { registry, lost } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ url }) => (url.pathname.endsWith(`/${lost.digest}`) ? reply : undefined),
    });
    const { images, orphans } = await listing(registry, prune);
    expect(orphans).toEqual([]);
    expect(images.find(({ digest }) => digest === lost.digest)).toMatchObject({
      code: 'unresolved',
    });
    expect(deletions(registry)).toEqual([]);
  });

  it('a failure of the registry ends the run before anything is removed', async () => {
    const { registry, lost } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ url }) =>
        url.pathname.endsWith(`/${lost.digest}`)
          ? { status: 500, headers: {}, body: '' }
          : undefined,
    });
    const { orphans } = await listing(registry, { ...prune, timeout: 300_000 });
    expect(orphans).toEqual([]);
    expect(deletions(registry)).toEqual([]);
  });

  it('a registry that denies images which tags name is not believed', async () => {
    const { registry } = await half();
    await using _registry = registry;
    // A replica that is empty answers from the moment on that something is to be removed.
    const isEmpty = () =>
      registry.requests.filter(({ path }) => /tags\/list/.test(path)).length > 1;
    registry.set({
      override: ({ url, method }) =>
        method === 'GET' && /manifests\/sha256:/.test(url.pathname) && isEmpty()
          ? {
              status: 404,
              headers: json,
              body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
            }
          : undefined,
    });
    const { orphans } = await listing(registry, prune);
    expect(orphans.map(({ state }) => state)).toEqual(['kept']);
    expect(deletions(registry)).toEqual([]);
  });
});

describe('right before something is removed', () => {
  it('an image that is there again keeps its signatures', async () => {
    const { registry, lost } = await half();
    await using _registry = registry;
    let asked = 0;
    registry.set({
      override: ({ url }) => {
        // Pushed again after the inventory has found it missing.
        if (url.pathname.endsWith(`/${lost.digest}`) && ++asked === 2)
          return { status: 200, headers: { 'content-type': lost.mediaType }, body: '{}' };
        return undefined;
      },
    });
    const { orphans } = await listing(registry, prune);
    expect(gone(orphans)).toEqual([[' .sig', 'kept', 'the image is there again']]);
    expect(deletions(registry)).toEqual([]);
  });

  it('a tag that has been written again stays', async () => {
    const { registry, there, lostTag } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ url }) => {
        const lists = registry.requests.filter(({ path }) => path.includes('/tags/list'));
        if (lists.length === 2 && url.pathname.endsWith('/tags/list'))
          registry.store.open(name).tags.set(`${lostTag}.sig`, [{ digest: there.digest, at: 0 }]);
        return undefined;
      },
    });
    const { orphans } = await listing(registry, prune);
    expect(orphans.map(({ state }) => state)).toEqual(['kept']);
    expect(deletions(registry)).toEqual([]);
  });

  it('a tag that has come to name the same manifest keeps it', async () => {
    const { registry, lostTag } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ url }) => {
        const lists = registry.requests.filter(({ path }) => path.includes('/tags/list'));
        if (lists.length === 2 && url.pathname.endsWith('/tags/list')) {
          const digest = String(registry.store.tagged(name, `${lostTag}.sig`));
          registry.store.open(name).tags.set('precious', [{ digest, at: 0 }]);
        }
        return undefined;
      },
    });
    const { orphans } = await listing(registry, prune);
    expect(gone(orphans)).toEqual([
      [' .sig', 'kept', 'the tag precious names one of its manifests as well'],
    ]);
    expect(deletions(registry)).toEqual([]);
  });
});

describe('what only looks orphaned is left alone', () => {
  it.each([
    [
      'an image under the tag of a signature',
      async (registry: SandboxRegistry, lostTag: string) => {
        const { digest } = await pushImage(registry.host, name, { seed: 'precious' });
        registry.store.open(name).tags.set(`${lostTag}.sig`, [{ digest, at: 0 }]);
      },
      /holds something else/,
    ],
    [
      'an index of somebody under the referrers tag',
      async (registry: SandboxRegistry, lostTag: string) => {
        const { digest } = await pushImage(registry.host, name, { seed: 'precious', platforms: 2 });
        registry.store.open(name).tags.set(lostTag, [{ digest, at: 0 }]);
      },
      /not about the missing image/,
    ],
    [
      'a list with something that is no signature',
      async (registry: SandboxRegistry, _tag: string, digest: string) => {
        const subject = {
          digest,
          size: 1,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
        };
        plantReferrer(registry, name, subject, 'a chart', { artifactType: 'application/x.chart' });
      },
      /more than signatures/,
    ],
    [
      'a manifest that another tag names',
      async ({ store }: SandboxRegistry, lostTag: string) => {
        const digest = String(store.tagged(name, `${lostTag}.sig`));
        store.open(name).tags.set('precious', [{ digest, at: 0 }]);
      },
      /the tag precious names/,
    ],
  ])('%s', async (_, plant, reason) => {
    const { registry, lost, lostTag } = await half();
    await using _registry = registry;
    await plant(registry, lostTag, lost.digest);
    const before = tagsOf(registry);
    const { orphans } = await listing(registry, prune);
    expect(orphans.map(({ state, reason: why }) => [state, reason.test(why ?? '')])).toEqual([
      ['kept', true],
    ]);
    expect(deletions(registry)).toEqual([]);
    expect(tagsOf(registry)).toEqual(before);
  });

  it('signatures of images that lie in another repository', async () => {
    await using registry = await startRegistry();
    await pushSigned(registry, 'other/app', { tag: 'v1', seed: 'elsewhere' });
    await pushImage(registry.host, name, { tag: 'v1', seed: 'here' });
    // As COSIGN_REPOSITORY puts them: signatures here, the image there.
    const [from, to] = [registry.store.open('other/app'), registry.store.open(name)];
    for (const [digest, bytes] of from.blobs) to.blobs.set(digest, bytes);
    for (const [tag, history] of from.tags) {
      if (!kinds.test(tag)) continue;
      to.tags.set(tag, history);
      for (const { digest } of history)
        to.manifests.set(digest, from.manifests.get(digest) as never);
    }
    const [first] = (await listing(registry, prune)).orphans;
    expect(first).toMatchObject({
      state: 'kept',
      reason: expect.stringContaining('another repository'),
    });
    to.tags.delete('v1');
    const [alone] = (await listing(registry, prune)).orphans;
    expect(alone).toMatchObject({ state: 'kept', reason: expect.stringContaining('no tag') });
    expect(deletions(registry)).toEqual([]);
  });

  it('a repository that COSIGN_REPOSITORY names', async () => {
    const { registry } = await half();
    await using _registry = registry;
    const env = { COSIGN_REPOSITORY: `${registry.host}/${name}` };
    expect((await listing(registry, prune, env)).orphans).toMatchObject([{ state: 'kept' }]);
    expect(deletions(registry)).toEqual([]);
  });
});

describe('a registry that removes nothing', () => {
  it('is told with its words, and asked no more often than it takes', async () => {
    const { registry } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ method }) =>
        method === 'DELETE'
          ? {
              status: 405,
              headers: { 'content-type': 'application/json' },
              body: '{"errors":[{"code":"UNSUPPORTED","message":"deletion is switched off here"}]}',
            }
          : undefined,
    });
    const before = tagsOf(registry);
    const { orphans } = await listing(registry, prune);
    expect(orphans).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('deletion is switched off here') },
    ]);
    expect(tagsOf(registry)).toEqual(before);
  });

  it('though it says so is told as well', async () => {
    const { registry } = await half();
    await using _registry = registry;
    registry.set({
      override: ({ method }) =>
        method === 'DELETE' ? { status: 202, headers: {}, body: '' } : undefined,
    });
    expect((await listing(registry, prune)).orphans).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('still shows it') },
    ]);
  });
});
