import { describe, expect, it } from 'vitest';
import { everyThird } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type BehaviourName, behaviours } from '../sandbox/registry-behaviours.ts';
import { startRegistryLike } from '../sandbox/registry-like.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import { copying, listed, notesOf, plantLayers, plantReferrer } from './copying.ts';

const [from, to] = ['acme/app', 'prod/app'];
const sign = 'https://sigstore.dev/cosign/sign/v1';
const spdx = 'https://spdx.dev/Document';

describe('an image goes over whole', () => {
  it.each([
    ['an image', {}],
    ['an index of three platforms with attestations', { platforms: 3, attestations: true }],
    ["Docker's manifest list", { platforms: 2, docker: true }],
    ['an index in an index', { platforms: 2, nested: 2 }],
  ])('%s, byte for byte, and a second time nothing', async (_, options) => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const image = await pushImage(source.host, from, options);
    const places = [
      { host: source.host, repository: from },
      { host: target.host, repository: to },
    ] as const;
    const first = await copying(...places).run(image.digest);
    expect([...(target.store.find(to)?.manifests.keys() ?? [])].sort()).toEqual(
      [image.digest, ...image.platforms.map(({ digest }) => digest)].sort(),
    );
    for (const [digest, { bytes, mediaType }] of source.store.find(from)?.manifests ?? [])
      expect(target.store.find(to)?.manifests.get(digest)).toMatchObject({ bytes, mediaType });
    expect(target.store.find(to)?.blobs).toEqual(source.store.find(from)?.blobs);
    expect(target.store.find(to)?.tags.size).toBe(0);
    expect(first.tally).toMatchObject({ manifests: 1 + image.platforms.length });
    target.requests.length = 0;
    const second = await copying(...places).run(image.digest);
    expect(second.tally).toEqual({ manifests: 0, blobs: 0, bytes: 0, mounted: 0, entries: 0 });
    expect(target.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method))).toEqual([]);
  });

  it('within one registry its blobs are mounted: no byte passes through', async () => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, from, { platforms: 2 });
    const places = [
      { host: registry.host, repository: from },
      { host: registry.host, repository: to },
    ] as const;
    const { tally } = await copying(...places).run(image.digest);
    expect(tally).toMatchObject({ blobs: 0, bytes: 0, mounted: 4 });
    expect(
      registry.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')),
    ).toEqual([]);
    expect(registry.store.dangling()).toEqual([]);
  });
});

describe('what is signed about it goes over', () => {
  const kinds = {
    tag: {},
    api: { referrersApi: true },
    forgets: { referrersApi: true, referrersForgotten: true },
  };
  const pairs = (['tag', 'api'] as const).flatMap((one) =>
    (['tag', 'api', 'forgets'] as const).map((other) => [one, other] as const),
  );
  it.each(everyThird(pairs))(
    'from a registry with %s to one with %s, with what lies there',
    async (one, other) => {
      await using source = await startRegistry(kinds[one]);
      await using target = await startRegistry(kinds[other]);
      const image = await pushImage(source.host, from, { platforms: 2 });
      await pushImage(target.host, to, { platforms: 2 });
      const [child] = image.platforms;
      const tag = one === 'tag';
      const planted = [
        plantReferrer(source, from, image, 'one', { predicateType: sign, tag }),
        plantReferrer(source, from, image, 'two', { predicateType: spdx, tag }),
      ];
      const inner = plantReferrer(source, from, child!, 'child', { predicateType: sign, tag });
      const theirs = plantReferrer(target, to, image, 'theirs', { tag: other === 'tag' });
      plantLayers(source, from, image.digest, 'sig', ['a', 'b']);
      plantLayers(target, to, image.digest, 'sig', ['b', 'c']);
      plantLayers(source, from, child!.digest, 'sig', ['d']);
      plantLayers(source, from, image.digest, 'att', ['e']);
      plantLayers(source, from, image.digest, 'sbom', ['f']);
      const places = [
        { host: source.host, repository: from },
        { host: target.host, repository: to },
      ] as const;
      const { left, tally } = await copying(...places).run(image.digest);
      expect(left).toEqual([]);
      expect(tally.entries).toBeGreaterThan(0);
      const layers = (digest: string, kind: 'sig' | 'att' | 'sbom') =>
        notesOf(target, to, digest, kind);
      expect([
        layers(image.digest, 'sig'),
        layers(child!.digest, 'sig'),
        layers(image.digest, 'att'),
        layers(image.digest, 'sbom'),
      ]).toEqual([['a', 'b', 'c'], ['d'], ['e'], ['f']]);
      for (const digest of [...planted, inner, theirs])
        expect(target.store.find(to)?.manifests.has(digest)).toBe(true);
      const expected =
        other === 'tag'
          ? [...planted, theirs].sort()
          : other === 'forgets'
            ? [...planted].sort()
            : undefined;
      expect(listed(target, to, image.digest)).toEqual(expected);
      expect(target.store.dangling()).toEqual([]);
      target.requests.length = 0;
      await copying(...places).run(image.digest);
      expect(target.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method))).toEqual([]);
    },
  );

  it('`include` chooses by what a referrer says it is', async () => {
    await using source = await startRegistry({ referrersApi: true });
    const image = await pushImage(source.host, from);
    const [signature, sbom] = [sign, spdx].map((predicateType) =>
      plantReferrer(source, from, image, predicateType, { predicateType, tag: false }),
    );
    const other = plantReferrer(source, from, image, 'x', {
      artifactType: 'application/vnd.acme',
      tag: false,
    });
    plantLayers(source, from, image.digest, 'sig', ['a']);
    plantLayers(source, from, image.digest, 'att', ['b']);
    plantLayers(source, from, image.digest, 'sbom', ['c']);
    const chosen = async (include: 'signatures' | 'attestations' | 'all') => {
      await using target = await startRegistry();
      await copying(
        { host: source.host, repository: from },
        { host: target.host, repository: to },
        [include],
      ).run(image.digest);
      return [
        listed(target, to, image.digest),
        ...(['sig', 'att', 'sbom'] as const).map((kind) => notesOf(target, to, image.digest, kind)),
      ];
    };
    expect(await chosen('signatures')).toEqual([[signature], ['a'], undefined, undefined]);
    expect(await chosen('attestations')).toEqual([[sbom], undefined, ['b'], undefined]);
    expect(await chosen('all')).toEqual([[signature, sbom, other].sort(), ['a'], ['b'], ['c']]);
  });

  it('an SBOM that lies at the target stays, and that is told', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const image = await pushImage(source.host, from);
    plantLayers(source, from, image.digest, 'sbom', ['ours']);
    plantLayers(target, to, image.digest, 'sbom', ['theirs']);
    const { left } = await copying(
      { host: source.host, repository: from },
      { host: target.host, repository: to },
    ).run(image.digest);
    expect(notesOf(target, to, image.digest, 'sbom')).toEqual(['theirs']);
    expect(left).toEqual([expect.stringContaining('another one, which stays')]);
  });

  it('what refers to another image, or cannot be read, stays behind and stops nothing', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const image = await pushImage(source.host, from);
    plantReferrer(source, from, image, 'liar', { about: `sha256:${'1'.repeat(64)}` });
    const honest = plantReferrer(source, from, image, 'honest');
    const { left } = await copying(
      { host: source.host, repository: from },
      { host: target.host, repository: to },
    ).run(image.digest);
    expect(left).toEqual([expect.stringContaining('about another image')]);
    expect(listed(target, to, image.digest)).toEqual([honest]);
  });
});

describe('bounds beside an image, which anybody may have written', () => {
  it('a manifest that is too large stays behind; more than a thousand stop the copy', async () => {
    await using source = await startRegistry();
    await using target = await startRegistry();
    const image = await pushImage(source.host, from);
    const places = [
      { host: source.host, repository: from },
      { host: target.host, repository: to },
    ] as const;
    const large = plantReferrer(source, from, image, 'large', {
      predicateType: 'x'.repeat(300_000),
    });
    const honest = plantReferrer(source, from, image, 'honest');
    const { left } = await copying(...places).run(image.digest);
    expect(left).toEqual([expect.stringContaining(large)]);
    expect(listed(target, to, image.digest)).toEqual([honest]);
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: Array.from({ length: 1_001 }, (_, number) => ({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: sha256(`no such ${number}`),
        size: 1,
      })),
    };
    source.store.addManifest(
      from,
      JSON.stringify(index),
      index.mediaType,
      image.digest.replace(':', '-'),
    );
    await expect(copying(...places).run(image.digest)).rejects.toMatchObject({ code: 'too-large' });
  });
});

describe('registries of all kinds', () => {
  const immutable = ['ecrImmutable', 'harborImmutable'];
  const names = Object.keys(behaviours).filter(
    (name) => !immutable.includes(name) && !/[iI]mmutable/.test(name),
  ) as BehaviourName[];
  it.each(everyThird(names))('from %s, and to it', async (name) => {
    await using known = await startRegistryLike(name);
    await using other = await startRegistry();
    const { registry, credentials } = known;
    const login =
      credentials === undefined
        ? {}
        : {
            login: credentials.username.startsWith('0000')
              ? ({ kind: 'identity-token', token: credentials.password } as const)
              : ({ kind: 'password', ...credentials } as const),
          };
    const image = await pushImage(other.host, from, { platforms: 2 });
    plantReferrer(other, from, image, 'one', { predicateType: sign });
    plantLayers(other, from, image.digest, 'sig', ['a']);
    const there = { host: registry.host, repository: 'acme/there', ...login };
    const sent = await copying({ host: other.host, repository: from }, there).run(image.digest);
    await copying(there, { host: other.host, repository: to }).run(image.digest);
    expect(other.store.find(to)?.manifests.has(image.digest)).toBe(true);
    expect(notesOf(other, to, image.digest, 'sig')).toEqual(['a']);
    // GitLab has no referrers API, and answers the tag with the image: what is left behind is told.
    const isGitlab = name === 'gitlab';
    expect(sent.left.length).toBe(isGitlab ? 1 : 0);
    expect(listed(other, to, image.digest)?.length).toBe(isGitlab ? undefined : 1);
    expect(other.store.dangling()).toEqual([]);
  });
});
