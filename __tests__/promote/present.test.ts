// What a target has already is verified while it is compared with the source. Its own bytes are
// judged, and where anything is written, what was read before counts no more.
import { expect, it } from 'vitest';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { promoting, pushSigned, requestOf } from './promoting.ts';

const [from, to] = ['acme/app', 'prod/app'];

async function promotedOnce(source: SandboxRegistry, target: SandboxRegistry) {
  const image = await pushSigned(source, from, { tag: 'v1', platforms: 2 });
  const once = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  expect((await promoting(once)).results).toMatchObject([{ status: 'promoted' }]);
  const again = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}:stable`]);
  return { image, again: async () => (await promoting(again)).results };
}

it.each([false, true])(
  'signatures that a target has altered move no tag (API: %s)',
  async (api) => {
    await using source = await startRegistry({ referrersApi: api });
    await using target = await startRegistry({ referrersApi: api });
    const { image, again } = await promotedOnce(source, target);
    const altered = { status: 200, headers: {}, body: '{}' };
    target.set({
      override: ({ method, path }) =>
        method === 'GET' && path.includes('/blobs/') ? altered : undefined,
    });
    expect(await again()).toMatchObject([{ status: 'failed', verified: false, tags: [] }]);
    expect(target.store.tagged(to, 'stable')).toBeUndefined();
    target.set({ override: () => undefined });
    expect(await again()).toMatchObject([{ status: 'promoted', verified: true }]);
    expect(target.store.tagged(to, 'stable')).toBe(image.digest);
  },
);

it('what was lost there is written again, and verified after that', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const { image, again } = await promotedOnce(source, target);
  const { tags } = target.store.open(to);
  const signatures = `sha256-${image.digest.slice(7)}.sig`;
  tags.delete(signatures);
  target.requests.length = 0;
  expect(await again()).toMatchObject([{ status: 'promoted', copied: { entries: 1 } }]);
  const asked = target.requests.map(({ method, path }) => `${method} ${path}`);
  const written = asked.lastIndexOf(`PUT /v2/${to}/manifests/${signatures}`);
  expect(written).toBeGreaterThan(0);
  const judged = asked.slice(written).filter((one) => one.startsWith(`GET /v2/${to}/blobs/`));
  expect(judged).toHaveLength(2); // both signatures, read again
  expect(target.store.tagged(to, 'stable')).toBe(image.digest);
});
