// Registries that lie to a promotion: no tag names what has not verified, and the words say what is
// where.
import { expect, it } from 'vitest';
import { hurriedClock } from '../fake-clock.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import type { Asked, Reply } from '../sandbox/registry-http.ts';
import { storedSignatures } from '../sign-action/keyed-world.ts';
import { ours, promoting, pushSigned, requestOf, theirs } from './promoting.ts';

const [from, to] = ['acme/app', 'prod/app'];

type Lie = (asked: Asked, usual: () => Reply, image: string) => Reply | undefined;

const json = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
const other = Buffer.from('{"schemaVersion":2}');
/** An answer to HEAD about a manifest that may not be there. */
const present = (digest: string): Reply => ({
  status: 200,
  headers: { ...json, 'docker-content-digest': digest, 'content-length': '700' },
});

/** Promotes to a target whose tag names something else, and which then lies. */
async function promoteTo(lie: Lie, isSame = false) {
  await using source = await startRegistry();
  await using there = await startRegistry();
  const target = isSame ? source : there;
  const image = await pushSigned(source, from, { tag: 'v1', platforms: 2 });
  const before = await pushImage(target.host, to, { tag: 'v1', seed: 'before' });
  target.set({
    override: (asked, usual) =>
      asked.path.includes(`/${to}/`) ? lie(asked, usual, image.digest) : undefined,
  });
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  const { results } = await promoting(request, {}, hurriedClock());
  const named = target.store.tagged(to, 'v1');
  return { result: results[0], named, image: image.digest, before: before.digest };
}

it.each<[string, Lie, RegExp]>([
  [
    'says of everything that it has it, and has nothing',
    ({ method, path }) =>
      method === 'HEAD' ? present(path.slice(path.lastIndexOf('/') + 1)) : undefined,
    /answered 400 .*BLOB_UNKNOWN.*No tag was moved there/s,
  ],
  [
    'takes the image, and gives other bytes for it',
    ({ method, path }, _, image) =>
      method === 'GET' && path.endsWith(image)
        ? { status: 200, headers: json, body: other }
        : undefined,
    /:v1 could not be moved to it: The registry sent other bytes/,
  ],
  [
    'takes signatures under a tag, and gives none',
    ({ method, path }) =>
      method === 'PUT' && /\/sha256-\w+(\.sig)?$/.test(path)
        ? { status: 201, headers: {} }
        : undefined,
    /could not be seen to stay there.*No tag was moved there/s,
  ],
])('a target that %s', async (_, lie, words) => {
  const { result, named, before } = await promoteTo(lie);
  expect(result).toMatchObject({ status: 'failed', tags: [] });
  expect(result?.reason).toMatch(words);
  expect(named).toBe(before);
});

it('a target that answers the tag with another image after it was moved', async () => {
  const { result, image } = await promoteTo(({ method, path }) =>
    method === 'GET' && path.endsWith('/v1')
      ? { status: 200, headers: json, body: other }
      : undefined,
  );
  expect(result).toMatchObject({ status: 'failed', verified: true, tags: [] });
  expect(result?.reason).toContain(`@${image} was copied and verifies there`);
  expect(result?.reason).toContain('does not answer with it');
});

const mounts = ({ method, url }: Asked) => method === 'POST' && url.searchParams.has('mount');

it('a registry that says it has taken over blobs and has not', async () => {
  const { result, named, before } = await promoteTo(
    (asked) => (mounts(asked) ? { status: 201, headers: {} } : undefined),
    true,
  );
  expect(result).toMatchObject({ status: 'failed', tags: [] });
  expect(result?.reason).toContain('No tag was moved there.');
  expect(named).toBe(before);
});

it('a registry that begins an upload where it was to take over a blob', async () => {
  const { result, named, image } = await promoteTo((asked) => {
    if (!mounts(asked)) return undefined;
    asked.url.search = '';
    return undefined;
  }, true);
  expect(result).toMatchObject({ status: 'promoted' });
  expect(named).toBe(image);
});

/** What strangers have signed, in place of what was judged a moment ago. */
async function exchangeSignatures(source: SandboxRegistry, image: string) {
  await using stranger = await startRegistry();
  await pushSigned(stranger, from, { tag: 'v1' }, theirs);
  for (const kind of ['', '.sig']) {
    const tag = `${image.replace(':', '-')}${kind}`;
    const { blobs, manifests } = stranger.store.open(from);
    for (const bytes of blobs.values()) source.store.addBlob(from, bytes);
    for (const { bytes, mediaType } of manifests.values())
      source.store.addManifest(from, bytes, mediaType);
    const named = stranger.store.tagged(from, tag) as string;
    const { bytes, mediaType } = manifests.get(named) as { bytes: Buffer; mediaType: string };
    source.store.addManifest(from, bytes, mediaType, tag);
  }
}

it('a source that shows other signatures once they were judged: the tag goes to what verified', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const image = await pushSigned(source, from, { tag: 'v1' });
  target.set({
    // The first word to the target comes after the judgement.
    override: async (asked) => {
      if (asked.index === 0) await exchangeSignatures(source, image.digest);
      return undefined;
    },
  });
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  const { results } = await promoting(request);
  const good = storedSignatures(target.store, to, image.digest, [ours], false).filter(
    ({ verdict, listed }) => verdict === 'verified' && listed,
  );
  if (results[0]?.status === 'promoted') expect(good).toHaveLength(2);
  else expect(target.store.tagged(to, 'v1')).toBeUndefined();
  expect(results[0]?.verified).toBe(good.length === 2);
});
