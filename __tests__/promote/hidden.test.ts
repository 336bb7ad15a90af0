// "Forbidden" of a source is no "nothing to copy", of a registry no "unsigned"; a registry that
// answers so for all that is missing can be both source and target.
import { expect, it } from 'vitest';
import type { SandboxRegistry } from '../sandbox/registry.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { behaviours } from '../sandbox/registry-behaviours.ts';
import type { Asked, Reply } from '../sandbox/registry-http.ts';
import { copying, listed, notesOf, plantLayers, plantReferrer } from './copying.ts';
import { promoting, pushSigned, requestOf } from './promoting.ts';

const [from, to] = ['acme/app', 'prod/app'];
/** Artifactory without its login: 403 for every manifest that is not there. */
const hides = behaviours.artifactory.switches;

const refusal = (message: string): Reply => ({
  status: 403,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ code: 'FORBIDDEN', message }] }),
});
const blocked = refusal('Artifact download request rejected: blocked by Xray policy');

const refuse = (registry: SandboxRegistry, path: RegExp, reply = blocked) =>
  registry.set({ override: (asked: Asked) => (path.test(asked.path) ? reply : undefined) });

/** An image that is signed in both formats, attested, and described by an SBOM. */
async function whole(registry: SandboxRegistry) {
  const image = await pushSigned(registry, from, { tag: 'v1', platforms: 2 });
  plantLayers(registry, from, image.digest, 'att', ['attested']);
  plantLayers(registry, from, image.digest, 'sbom', ['described']);
  return image;
}

it('from and to a registry that answers 403 for what is missing, everything goes over', async () => {
  await using source = await startRegistry(hides);
  await using target = await startRegistry(hides);
  const image = await whole(source);
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  expect((await promoting(request)).results).toMatchObject([{ status: 'promoted', left: [] }]);
  expect(target.store.tagged(to, 'v1')).toBe(image.digest);
  expect(listed(target, to, image.digest)).toHaveLength(1);
  const notes = (['att', 'sbom'] as const).map((kind) => notesOf(target, to, image.digest, kind));
  expect(notes).toEqual([['attested'], ['described']]);
  expect((await promoting(request)).results).toMatchObject([{ status: 'already-promoted' }]);
});

it.each([
  ['attestations', /\.att$/],
  ['an SBOM', /\.sbom$/],
  ['a list of referrers', /\/referrers\//],
  ['signatures', /\.sig$/],
])('a source that refuses to show %s for a reason: no tag is moved', async (_, path) => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  await whole(source);
  refuse(source, path);
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  const { results } = await promoting(request);
  expect(results).toMatchObject([{ status: 'failed', tags: [] }]);
  expect(results[0]?.reason).toMatch(/A policy of the registry forbids it/);
  expect(results[0]?.code).not.toBe('unsigned');
  expect(target.store.tagged(to, 'v1')).toBeUndefined();
  source.set({ override: () => undefined });
  expect((await promoting(request)).results).toMatchObject([{ status: 'promoted', left: [] }]);
});

it('a target that refuses for good is told as one that refuses', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  await whole(source);
  refuse(target, /\.att$/);
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  expect((await promoting(request)).results).toMatchObject([
    { status: 'failed', code: 'registry-denied', tags: [] },
  ]);
});

/** An image with a layer that may lie with its vendor alone. */
function plantWindows({ store }: SandboxRegistry) {
  const blob = (content: string, mediaType: string) => ({
    mediaType,
    size: content.length,
    digest: store.addBlob(from, content),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blob('{}', 'application/vnd.oci.image.config.v1+json'),
    layers: [
      blob('windows', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
      blob('app', 'application/vnd.oci.image.layer.v1.tar+gzip'),
    ],
  };
  const digest = store.addManifest(from, JSON.stringify(manifest), manifest.mediaType);
  return { digest, foreign: manifest.layers[0]?.digest as string };
}

it("a vendor's layer stays with its vendor where the source says that it has none", async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const { digest, foreign } = plantWindows(source);
  const places = [
    { host: source.host, repository: from },
    { host: target.host, repository: to },
  ] as const;
  // The registry that takes the image does not ask for such a layer.
  target.set({ override: takesAnything(target) });
  refuse(source, new RegExp(foreign), refusal('no'));
  await expect(copying(...places).run(digest)).rejects.toMatchObject({ code: 'registry-denied' });
  expect(target.store.find(to)?.manifests.has(digest) ?? false).toBe(false);
  source.set({ override: () => undefined });
  source.store.open(from).blobs.delete(foreign);
  await copying(...places).run(digest);
  expect(target.store.find(to)?.manifests.has(digest)).toBe(true);
  expect(target.store.find(to)?.blobs.has(foreign)).toBe(false);
});

function takesAnything({ store }: SandboxRegistry) {
  return ({ method, path, body, headers }: Asked): Reply | undefined => {
    const digest = path.split('/manifests/')[1];
    if (method !== 'PUT' || digest === undefined) return undefined;
    store.addManifest(to, body, headers['content-type'] ?? '');
    return { status: 201, headers: {} };
  };
}

it('a referrer that the source lists and does not show is told', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const image = await pushSigned(source, from, { tag: 'v1' });
  const listedOnly = plantReferrer(source, from, image, 'hidden', {
    artifactType: 'application/vnd.acme',
  });
  refuse(source, new RegExp(listedOnly), refusal('no'));
  const request = requestOf([`${source.host}/${from}:v1`], [`${target.host}/${to}`]);
  expect((await promoting(request)).results).toMatchObject([
    { status: 'promoted', left: [expect.stringContaining(listedOnly)] },
  ]);
});
