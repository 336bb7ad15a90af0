import { describe, expect, it } from 'vitest';
import { signingRun } from '../faults/signing-run.ts';
import { plantReferrer } from '../promote/copying.ts';
import { ours, pushSigned, theirs } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { briefly, listing, name, newKey } from './inventorying.ts';

const hidden = { registry: 'the referrers tag', api: 'the referrers API' };

async function filled(options = {}): Promise<SandboxRegistry> {
  const registry = await startRegistry(options);
  await pushSigned(registry, name, { tag: 'v1', seed: 1 });
  await pushSigned(registry, name, { tag: 'v2', seed: 2 }, theirs);
  await pushImage(registry.host, name, { tag: 'v3', seed: 3 });
  return registry;
}

describe('what is signed by whom', () => {
  it.each([
    [hidden.registry, {}],
    [hidden.api, { referrersApi: true }],
  ])('is told as verified only where the key verifies it, with %s', async (_, options) => {
    await using registry = await filled(options);
    const { images, orphans } = await listing(registry);
    expect(briefly(images)).toEqual([
      ['v1', ['legacy verified', 'bundle verified']],
      ['v2', ['legacy claimed', 'bundle claimed']],
      ['v3', []],
    ]);
    expect(orphans).toEqual([]);
    const [, , , other] = images.flatMap(({ signatures }) => signatures);
    expect(other).not.toHaveProperty('keyId');
    expect(other?.claims).toMatchObject({ timestamp: false, keyHint: expect.any(String) });
  });

  it('without a key nothing is verified: all is told as what it claims', async () => {
    await using registry = await filled();
    const { key: _, ...bare } = { key: undefined };
    const { images } = await listing(registry, { ...bare, key: undefined as never });
    expect(briefly(images)).toEqual([
      ['v1', ['legacy claimed', 'bundle claimed']],
      ['v2', ['legacy claimed', 'bundle claimed']],
      ['v3', []],
    ]);
  });

  it('attestations are told with their type', async () => {
    await using registry = await startRegistry();
    const { digest } = await pushImage(registry.host, name, { tag: 'v1' });
    const run = { host: registry.host, repository: name, images: [digest] };
    await signingRun({ ...run, key: ours, document: '{"a":1}' });
    await signingRun({ ...run, key: theirs, document: '{"a":1}' });
    const { images } = await listing(registry);
    const found = images[0]?.attestations.map(({ format, standing, type }) => [
      format,
      standing,
      type,
    ]);
    const type = 'https://example.com/scan/v1';
    expect(found?.sort()).toEqual([
      ['bundle', 'claimed', type],
      ['bundle', 'verified', type],
      ['legacy', 'claimed', type],
      ['legacy', 'verified', type],
    ]);
    expect(images[0]?.signatures).toEqual([]);
  });

  it('the same tag ten times is one image, and a part of an index is listed where it is asked for', async () => {
    await using registry = await startRegistry();
    const image = await pushSigned(registry, name, { tag: 'v1', platforms: 2 });
    for (const tag of ['latest', 'v1.0'])
      registry.store.open(name).tags.set(tag, [{ digest: image.digest, at: 0 }]);
    expect(briefly((await listing(registry)).images)).toEqual([
      ['latest v1 v1.0', ['legacy verified', 'bundle verified']],
    ]);
    const { images } = await listing(registry, { recursive: true });
    expect(images.map(({ tags, partOf }) => [tags.length, partOf])).toEqual([
      [3, []],
      [0, [`${registry.host}/${name}@${image.digest}`]],
      [0, [`${registry.host}/${name}@${image.digest}`]],
    ]);
  });

  it('a signature that was copied from another image is rejected', async () => {
    await using registry = await filled();
    const repository = registry.store.open(name);
    const tagOf = (tag: string) => `${registry.store.tagged(name, tag)?.replace(':', '-')}.sig`;
    repository.tags.set(tagOf('v3'), repository.tags.get(tagOf('v1')) ?? []);
    const { images } = await listing(registry, { resignWith: newKey.pem });
    expect(briefly(images)[2]).toEqual(['v3', ['legacy rejected'], 'not-verified']);
    expect(images[2]?.signatures[0]).toMatchObject({ code: 'wrong-subject' });
  });

  it('what cannot be read is told, and is never "unsigned"', async () => {
    await using registry = await filled();
    registry.set({
      override: ({ url }) =>
        /\.sig$/.test(url.pathname) && url.pathname.includes('manifests')
          ? { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>no</html>' }
          : undefined,
    });
    const { images } = await listing(registry);
    expect(new Set(images.map(({ code }) => code))).toEqual(new Set(['registry-error']));
  });

  it('a tag that is listed and not shown is told', async () => {
    await using registry = await filled();
    registry.store.open(name).tags.set('v9', [{ digest: `sha256:${'0'.repeat(64)}`, at: 0 }]);
    const { images } = await listing(registry);
    expect(briefly(images)[0]).toEqual(['v9', [], 'image-not-found']);
  });

  it('a bundle that is none is told as a broken signature', async () => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, name, { tag: 'v1' });
    plantReferrer(registry, name, image, 'no bundle');
    expect(briefly((await listing(registry)).images)).toEqual([['v1', ['bundle rejected']]]);
  });
});

describe('the list of tags', () => {
  it('is read page by page', async () => {
    await using registry = await startRegistry();
    const { digest } = await pushImage(registry.host, name, { tag: 't0' });
    for (let at = 1; at < 2_500; at++)
      registry.store.open(name).tags.set(`t${at}`, [{ digest, at: 0 }]);
    const { images } = await listing(registry);
    expect(images).toHaveLength(1);
    expect(images[0]?.tags).toHaveLength(2_500);
    const lists = registry.requests.filter(({ path }) => path.includes('/tags/list'));
    expect(lists).toHaveLength(3);
  }, 120_000);

  it.each([
    ['leads to itself', '</v2/acme/app/tags/list?n=1000>; rel="next"'],
    ['leads to another host', '<http://127.0.0.2:9/v2/acme/app/tags/list>; rel="next"'],
  ])('that %s is not used: what it leaves out would look as if it were gone', async (_, link) => {
    await using registry = await filled();
    registry.set({
      override: ({ url }, usual) =>
        url.pathname.endsWith('/tags/list')
          ? { ...usual(), headers: { ...usual().headers, link } }
          : undefined,
    });
    await expect(listing(registry)).rejects.toMatchObject({ code: 'registry-error' });
  });

  it('that has no end is too large', async () => {
    await using registry = await filled();
    let page = 0;
    registry.set({
      override: ({ url }) => {
        if (!url.pathname.endsWith('/tags/list')) return undefined;
        const tags = Array.from({ length: 20_000 }, (_, at) => `t${page}-${at}`);
        const link = `</v2/acme/app/tags/list?last=${++page}>; rel="next"`;
        return {
          status: 200,
          headers: { 'content-type': 'application/json', link },
          body: JSON.stringify({ name, tags }),
        };
      },
    });
    await expect(listing(registry)).rejects.toMatchObject({ code: 'too-large' });
    expect(page).toBeLessThan(10);
  });

  it('a registry that asks for a pause gets it', async () => {
    await using registry = await filled();
    let refused = 0;
    registry.set({
      override: ({ url }) =>
        url.pathname.endsWith('/tags/list') && refused++ === 0
          ? { status: 429, headers: { 'retry-after': '1' }, body: '' }
          : undefined,
    });
    expect((await listing(registry)).images).toHaveLength(3);
    expect(refused).toBe(2);
  });
});
