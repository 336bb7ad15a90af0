// After a rotation: what verifies by the old key is signed with the new one, and nothing else.
import { describe, expect, it } from 'vitest';
import { leftByRotation } from '../../src/edges/report/inventory-words.ts';
import { signingRun } from '../faults/signing-run.ts';
import { ours, publicPem, pushSigned, theirs } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { makeKey, storedSignatures } from '../sign-action/keyed-world.ts';
import { briefly, listing, name, newKey } from './inventorying.ts';

const stranger = makeKey();
const rotated = { resignWith: newKey.pem };
const forReal = { ...rotated, dryRun: false };

function signers({ store }: SandboxRegistry, digest: string) {
  const keys = { old: ours, new: theirs, stranger };
  return Object.entries(keys)
    .filter(([, key]) =>
      storedSignatures(store, name, digest, [key], false).some(
        ({ verdict }) => verdict === 'verified',
      ),
    )
    .map(([who]) => who);
}

function writes({ requests }: SandboxRegistry) {
  return requests.filter(({ method }) => !['GET', 'HEAD'].includes(method));
}

describe('images that the old key has signed', () => {
  it('are signed with the new one as well, in their formats and with their annotations', async () => {
    await using registry = await startRegistry();
    const { digest } = await pushImage(registry.host, name, { tag: 'v1' });
    const run = { host: registry.host, repository: name, images: [digest], key: ours };
    await signingRun(run);
    await signingRun({ ...run, annotations: { env: 'prod' } });
    const dry = await listing(registry, rotated);
    expect(dry.images.map(({ resign }) => resign)).toEqual(['would-sign']);
    registry.requests.length = 0;
    await listing(registry, rotated);
    expect(writes(registry)).toEqual([]);

    expect((await listing(registry, forReal)).images.map(({ resign }) => resign)).toEqual([
      'signed',
    ]);
    expect(signers(registry, digest)).toEqual(['old', 'new']);
    const after = await listing(registry, { key: publicPem(theirs) });
    const said = after.images[0]?.signatures
      .filter(({ standing }) => standing === 'verified')
      .map(({ format, annotations }) => `${format} ${annotations?.env}`);
    expect(said?.sort()).toEqual([
      'bundle prod',
      'bundle undefined',
      'legacy prod',
      'legacy undefined',
    ]);

    registry.requests.length = 0;
    expect((await listing(registry, forReal)).images.map(({ resign }) => resign)).toEqual([
      'already-signed',
    ]);
    expect(writes(registry)).toEqual([]);
  });

  it('attestations that only the old key has made are told, since none is made again', async () => {
    await using registry = await startRegistry();
    const { digest } = await pushSigned(registry, name, { tag: 'v1' });
    const run = { host: registry.host, repository: name, images: [digest], document: '{"a":1}' };
    await signingRun({ ...run, key: stranger });
    expect(leftByRotation(await listing(registry, rotated))).toBeUndefined();
    await signingRun({ ...run, key: ours });
    expect(leftByRotation(await listing(registry, rotated))).toMatch(
      /^1 attestation \(https:\/\/example.com\/scan\/v1\) beside 1 image verified by the old key/,
    );
    await signingRun({ ...run, key: theirs });
    expect(leftByRotation(await listing(registry, rotated))).toBeUndefined();
  });

  it('keep the signatures of others', async () => {
    await using registry = await startRegistry();
    const { digest } = await pushSigned(registry, name, { tag: 'v1' });
    const run = { host: registry.host, repository: name, images: [digest] };
    await signingRun({ ...run, key: stranger });
    await listing(registry, forReal);
    expect(signers(registry, digest)).toEqual(['old', 'new', 'stranger']);
  });
});

describe('an image that somebody put there is never made ours', () => {
  it.each([
    ['without a signature', async () => {}],
    [
      'signed with a key of the attacker',
      async ({ host }: SandboxRegistry, digest: string) => {
        await signingRun({ host, repository: name, images: [digest], key: stranger });
      },
    ],
    [
      'with the signatures of a good image under its tags',
      async ({ store }: SandboxRegistry, digest: string) => {
        const { tags } = store.open(name);
        const good = String(store.tagged(name, 'good')).replace(':', '-');
        const evil = digest.replace(':', '-');
        for (const suffix of ['', '.sig'])
          tags.set(`${evil}${suffix}`, tags.get(`${good}${suffix}`) ?? []);
      },
    ],
  ])('%s', async (_, plant) => {
    await using registry = await startRegistry();
    const good = await pushSigned(registry, name, { tag: 'good', seed: 'good' });
    const evil = await pushImage(registry.host, name, { tag: 'v2', seed: 'evil' });
    await plant(registry, evil.digest);
    const { images } = await listing(registry, forReal);
    expect(images.map(({ tags, resign }) => [tags[0], resign])).toEqual([
      ['good', 'signed'],
      ['v2', 'not-verified'],
    ]);
    expect(signers(registry, good.digest)).toEqual(['old', 'new']);
    expect(signers(registry, evil.digest)).not.toContain('new');
  });

  it('when a tag is moved to it after the image was judged', async () => {
    await using registry = await startRegistry();
    const good = await pushSigned(registry, name, { tag: 'v1', seed: 'good' });
    const evil = await pushImage(registry.host, name, { tag: 'evil', seed: 'evil' });
    registry.set({
      override: ({ method }) => {
        if (method === 'POST' || method === 'PUT')
          registry.store.open(name).tags.set('v1', [{ digest: evil.digest, at: 0 }]);
        return undefined;
      },
    });
    await listing(registry, forReal);
    expect(signers(registry, good.digest)).toEqual(['old', 'new']);
    expect(signers(registry, evil.digest)).toEqual([]);
  });
});

it('a failure of one image is told with the others signed', async () => {
  await using registry = await startRegistry();
  const [one, other] = [
    await pushSigned(registry, name, { tag: 'v1', seed: 1 }),
    await pushSigned(registry, name, { tag: 'v2', seed: 2 }),
  ];
  const broken = `${other.digest.replace(':', '-')}.sig`;
  registry.set({
    override: ({ method, url }) =>
      method === 'PUT' && url.pathname.endsWith(broken)
        ? {
            status: 400,
            headers: { 'content-type': 'application/json' },
            body: '{"errors":[{"code":"TAG_INVALID","message":"tag is immutable"}]}',
          }
        : undefined,
  });
  const { images } = await listing(registry, forReal);
  expect(briefly(images)).toEqual([
    ['v1', ['legacy verified', 'bundle verified'], 'signed'],
    ['v2', ['legacy verified', 'bundle verified'], 'failed', 'immutable-tag'],
  ]);
  expect(signers(registry, one.digest)).toEqual(['old', 'new']);
});
