import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { referrerManifest } from '../../src/registry/referrer-manifest.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { openStore } from '../../src/registry/store.ts';
import { MemoryRegistry, type RegistryTraits, testTools } from './memory-registry.ts';

const created = new Date('2026-11-20T11:21:17.345Z');

function open(
  registry: MemoryRegistry,
  image: Descriptor,
  {
    memory = new RunMemory(),
    deadline = 60_000,
    maxSignatures = 1000,
    onUnlisted = (_: string) => {},
  } = {},
) {
  const { tools, clock } = testTools({ deadline });
  const options = { ...tools, memory, maxSignatures, onUnlisted };
  return { store: openStore(registry.client(), image.digest, options), clock };
}

function tagOf(image: Descriptor, suffix = '') {
  return `${image.digest.replace(':', '-')}${suffix}`;
}

const short = (log: string[]) =>
  log.map((line) => line.replace(/sha256([:-])([0-9a-f]{6})[0-9a-f]{58}/, '$1$2'));
const bundleOf = (text: string) => Buffer.from(JSON.stringify({ text }));
const layerOf = (text: string, signature = 's') =>
  [Buffer.from(text), { 'dev.cosignproject.cosign/signature': signature }] as const;

describe('the bytes are cosign’s', () => {
  it('the manifest of a bundle equals the recorded one', () => {
    const registry = new MemoryRegistry();
    const image = registry.load('keyed-bundle-rekor1-tsa');
    const recorded = registry.read(
      'sha256:cafba26d58e5db2700598036840014a03960c1bee2cd63687a53c948c2919c20',
    );
    const blob = registry.blobs.get(
      'sha256:20f5b7397ba1c508bf92df6a79721fe3590e49bf0d8b839c3cef2323df29f095' as Digest,
    );
    const made = referrerManifest(image, blob as Buffer, created);
    expect(made.bytes.toString()).toBe(recorded?.bytes.toString());
    expect(made.entry).toEqual({
      mediaType: mediaTypes.ociManifest,
      size: 878,
      digest: recorded?.digest,
      artifactType: mediaTypes.bundle,
      annotations: JSON.parse(String(recorded?.bytes)).annotations,
    });
  });

  it('the .sig manifest and its config equal the recorded ones', async () => {
    const recorded = new MemoryRegistry();
    const image = recorded.load('annotations-legacy');
    const [layer] = recorded.json(tagOf(image, '.sig')).layers;
    const registry = new MemoryRegistry();
    const { store } = open(registry, image);
    const attachment = await store.attachLegacy(
      recorded.blobs.get(layer.digest) as Buffer,
      layer.annotations,
    );
    expect(String(registry.read(tagOf(image, '.sig'))?.bytes)).toBe(
      String(recorded.read(tagOf(image, '.sig'))?.bytes),
    );
    expect(attachment).toMatchObject({
      format: 'legacy',
      digest: recorded.read(tagOf(image, '.sig'))?.digest,
      reference: `registry.test/acme/app:${tagOf(image, '.sig')}`,
    });
    const config = recorded.json(tagOf(image, '.sig')).config.digest;
    expect(registry.blobs.get(config)).toEqual(recorded.blobs.get(config));
  });
});

describe('a bundle', () => {
  it('costs nothing superfluous with the referrers API', async () => {
    const registry = new MemoryRegistry({ referrersApi: true });
    const image = registry.pushImage();
    const { store, clock } = open(registry, image);
    await store.found(['bundle'], 'listed');
    registry.log.length = 0;
    const bundle = bundleOf('a');
    const attachment = await store.attachBundle(image, bundle, created);
    await attachment.kept;
    const { digest } = referrerManifest(image, bundle, created);
    expect(registry.log).toEqual([
      `PUT blob ${digestOf(Buffer.from('{}'))}`,
      `PUT blob ${digestOf(bundle)}`,
      `PUT manifest ${digest}`,
    ]);
    expect(clock.slept).toEqual([]);
    expect(attachment).toMatchObject({
      format: 'bundle',
      digest,
      reference: `registry.test/acme/app@${digest}`,
    });
    expect(await store.readBack(attachment)).toEqual([
      { format: 'bundle', digest, reference: attachment.reference, bundle },
    ]);
    expect(registry.history.size).toBe(0);
  });

  it('is written, read back and looked at again on the referrers tag', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const { store, clock } = open(registry, image);
    const bundle = bundleOf('a');
    const attachment = await store.attachBundle(image, bundle, created);
    await attachment.kept;
    const { digest, entry } = referrerManifest(image, bundle, created);
    const tag = tagOf(image);
    expect(registry.log.slice(3)).toEqual([
      `PUT manifest ${digest}`,
      `GET manifest ${tag}`,
      `PUT manifest ${tag}`,
      `GET manifest ${tag}`,
      `GET manifest ${tag}`,
    ]);
    expect(clock.slept).toEqual([175]);
    expect(registry.json(tag)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [entry],
    });
    expect(await store.readBack(attachment)).toEqual([
      { format: 'bundle', digest, reference: attachment.reference, bundle },
    ]);
    expect(await open(registry, image).store.found()).toEqual(await store.readBack(attachment));
  });

  const writeTen = async (registry: MemoryRegistry, memory = new RunMemory()) => {
    const images = Array.from({ length: 10 }, (_, n) => registry.pushImage(`app ${n}`));
    registry.log.length = 0;
    const work = images.map((image) =>
      open(registry, image, { memory }).store.attachBundle(image, bundleOf(image.digest), created),
    );
    await Promise.all(work);
    const count = (begin: string) => registry.log.filter((line) => line.startsWith(begin)).length;
    expect(count('PUT blob sha256:44136fa3')).toBe(1);
    return { lists: count('GET referrers'), memory, log: registry.log };
  };

  it.each(['ghcr.io', 'docker.io'])('ten images on %s cost one probe', async (name) => {
    const registry = new MemoryRegistry({ registry: name });
    expect((await writeTen(registry)).lists).toBe(1);
    expect(registry.history.size).toBe(10);
  });

  it('ten images elsewhere ask all at once: with the API none waits for the first', async () => {
    const { log } = await writeTen(new MemoryRegistry({ referrersApi: true }));
    const asked = log.flatMap((line, index) => (line.startsWith('GET referrers') ? [index] : []));
    const written = log.findIndex((line) => line.startsWith('PUT manifest'));
    expect(asked).toHaveLength(10);
    expect(asked.every((index) => index < 11 && index < written)).toBe(true);
  });

  it('without the API, images that begin after the first answer ask nothing', async () => {
    const registry = new MemoryRegistry();
    const { lists, memory } = await writeTen(registry);
    expect(lists).toBe(10);
    const later = registry.pushImage('later');
    registry.log.length = 0;
    await open(registry, later, { memory }).store.attachBundle(later, bundleOf('later'), created);
    expect(registry.log.filter((line) => line.startsWith('GET referrers'))).toEqual([]);
    expect(registry.history.has(tagOf(later))).toBe(true);
  });

  it('where the first answer is a failure, each goes by its own', async () => {
    for (const referrersApi of [true, false]) {
      const registry = new MemoryRegistry({ referrersApi });
      const memory = new RunMemory();
      const [first, second] = [registry.pushImage('first'), registry.pushImage('second')];
      registry.trouble = (request, reference) => {
        if (request === 'GET referrers' && reference === first.digest)
          throw new Failure('registry-error', 'it stumbles', 'Wait.');
      };
      const write = (image: Descriptor) =>
        open(registry, image, { memory }).store.attachBundle(image, bundleOf('a'), created);
      const [failed, written] = await Promise.allSettled([write(first), write(second)]);
      expect(failed).toMatchObject({ reason: { code: 'registry-error' } });
      expect(written).toMatchObject({ status: 'fulfilled' });
      expect(registry.history.has(tagOf(second))).toBe(!referrersApi);
    }
  });

  it('is waited for where the API lists late, and listed under the tag where it never does', async () => {
    for (const [lateListings, unlisted] of [
      [3, []],
      [1000, ['registry.test/acme/app']],
    ] as const) {
      const registry = new MemoryRegistry({ referrersApi: true, lateListings });
      const image = registry.pushImage();
      const told: string[] = [];
      const memory = new RunMemory();
      const more = { memory, onUnlisted: (name: string) => told.push(name) };
      const { store } = open(registry, image, more);
      const attachment = await store.attachBundle(image, bundleOf('a'), created);
      expect(await store.readBack(attachment)).toMatchObject([{ digest: attachment.digest }]);
      expect(told).toEqual(unlisted);
      const index = registry.read(tagOf(image));
      expect(index === undefined).toBe(unlisted.length === 0);
      if (index === undefined) continue;
      expect(JSON.parse(String(index.bytes)).manifests).toMatchObject([
        { digest: attachment.digest, artifactType: mediaTypes.bundle },
      ]);
      // A second image of the run does not wait, and tells nothing.
      const other = registry.pushImage('other');
      const { store: second, clock } = open(registry, other, more);
      const another = await second.attachBundle(other, bundleOf('b'), created);
      const before = clock.slept.length;
      await second.readBack(another);
      expect([told, clock.slept.length - before < 3]).toEqual([unlisted, true]);
      // The next run finds it, also where it only looks for its own.
      for (const reach of ['all', 'listed'] as const)
        expect(await open(registry, image).store.found(['bundle'], reach)).toMatchObject([
          { digest: attachment.digest },
        ]);
    }
  });

  it('is lost where neither the API nor the tag lists it', async () => {
    const registry = new MemoryRegistry({ referrersApi: true, lateListings: 1000 });
    const image = registry.pushImage();
    registry.put(tagOf(image), Buffer.from('{"layers":[]}'), mediaTypes.ociManifest);
    const { store } = open(registry, image);
    const attachment = await store.attachBundle(image, bundleOf('a'), created);
    await expect(store.readBack(attachment)).rejects.toMatchObject({
      code: 'signature-lost',
      message: expect.stringContaining('nor could it be listed under the referrers tag'),
      cause: { code: 'registry-unsupported' },
    });
  });

  it('for another image is refused', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    await expect(
      open(registry, image).store.attachBundle(registry.pushImage('other'), bundleOf('a'), created),
    ).rejects.toThrow(/is not the image/);
  });
});

describe('what others wrote is kept as it is', () => {
  it('entries, order, unknown fields and numbers of the referrers index', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const child = referrerManifest(image, Buffer.from('{}'), created);
    registry.blobs.set(digestOf(Buffer.from('{}')), Buffer.from('{}'));
    registry.write(child.digest, child.bytes, mediaTypes.ociManifest);
    const foreign = `{"mediaType":"${mediaTypes.ociManifest}","size":${child.bytes.length},"digest":"${child.digest}","artifactType":"${mediaTypes.ociEmpty}","x-big":123456789012345678901,"x-float":1.0,"__proto__":{"a":1}}`;
    const before = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${foreign}],"annotations":{"note":"theirs"},"x-unknown":[1.50]}`;
    registry.put(tagOf(image), Buffer.from(before), mediaTypes.ociIndex);
    const { store } = open(registry, image);
    await (await store.attachBundle(image, bundleOf('a'), created)).kept;
    const { entry } = referrerManifest(image, bundleOf('a'), created);
    const after = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","annotations":{"note":"theirs"},"x-unknown":[1.50],"manifests":[${foreign},${JSON.stringify(entry)}]}`;
    expect(String(registry.read(tagOf(image))?.bytes)).toBe(after);
  });

  it('layers of the .sig manifest, also one payload signed twice, and a Docker manifest stays one', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const payload = Buffer.from('payload');
    const config = Buffer.from('{"theirs":1}');
    for (const bytes of [payload, config]) registry.blobs.set(digestOf(bytes), bytes);
    const theirs = {
      mediaType: mediaTypes.simpleSigning,
      size: 7,
      digest: digestOf(payload),
      annotations: { 'dev.cosignproject.cosign/signature': 'theirs' },
      'x-more': true,
    };
    const other = { mediaType: 'text/plain', size: 7, digest: digestOf(payload) };
    const type = 'application/vnd.docker.container.image.v1+json';
    const before = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: { mediaType: type, size: config.length, digest: digestOf(config) },
      layers: [theirs, other],
      annotations: { a: 'b' },
    };
    registry.write(
      tagOf(image, '.sig'),
      Buffer.from(JSON.stringify(before)),
      mediaTypes.dockerManifest,
    );
    const { store } = open(registry, image);
    const attachment = await store.attachLegacy(...layerOf('payload', 'ours'));
    const ours = {
      mediaType: mediaTypes.simpleSigning,
      size: 7,
      digest: digestOf(payload),
      annotations: { 'dev.cosignproject.cosign/signature': 'ours' },
    };
    const after = registry.json(tagOf(image, '.sig'));
    expect(after).toEqual({
      ...before,
      config: { mediaType: type, size: expect.any(Number), digest: expect.any(String) },
      layers: [theirs, other, ours],
    });
    expect(JSON.parse(String(registry.blobs.get(after.config.digest))).rootfs.diff_ids).toEqual(
      [1, 2, 3].map(() => digestOf(payload)),
    );
    expect(await store.readBack(attachment)).toMatchObject([
      { format: 'legacy', payload, annotations: ours.annotations },
    ]);
  });
});

describe('a tag that is not what it should be is never written', () => {
  const somebodys = (registry: MemoryRegistry, image: Descriptor) => {
    const platform = registry.pushImage('platform');
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [platform] };
    registry.write(tagOf(image), Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
  };
  const plain = (suffix: string) => (registry: MemoryRegistry, image: Descriptor) => {
    const { bytes } = registry.read(registry.pushImage('plain').digest) as { bytes: Buffer };
    registry.write(tagOf(image, suffix), bytes, mediaTypes.ociManifest);
  };
  it.each([
    ['GitLab answers the image', { tagAnswersImage: true }, () => {}, 'bundle'],
    ['the referrers tag is an image', {}, plain(''), 'bundle'],
    ['the referrers tag is somebody’s multi-platform index', {}, somebodys, 'bundle'],
    [
      '.sig is an index',
      {},
      (registry: MemoryRegistry, image: Descriptor) =>
        registry.put(
          tagOf(image, '.sig'),
          Buffer.from(
            JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
          ),
          mediaTypes.ociIndex,
        ),
      'legacy',
    ],
  ] as const)('%s', async (_name, traits: RegistryTraits, prepare, format) => {
    const registry = new MemoryRegistry(traits);
    const image = registry.pushImage();
    prepare(registry, image);
    const before = new Map(registry.history);
    const { store } = open(registry, image);
    const attached =
      format === 'bundle'
        ? store.attachBundle(image, bundleOf('a'), created)
        : store.attachLegacy(...layerOf('a'));
    const failure: Failure = await attached.then(
      () => expect.unreachable(),
      (caught) => caught,
    );
    expect([failure.code, failure.message]).toEqual([
      'registry-unsupported',
      expect.stringContaining(
        `acme/app:${tagOf(image, format === 'legacy' ? '.sig' : '')} cannot be used`,
      ),
    ]);
    expect(registry.history).toEqual(before);
  });

  it('GitLab answers an image that is an index, even an empty one', async () => {
    const registry = new MemoryRegistry({ tagAnswersImage: true });
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
    );
    const image = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    registry.write(image.digest, bytes, mediaTypes.ociIndex);
    const { store } = open(registry, image);
    expect(await store.found()).toEqual([]);
    await expect(store.attachBundle(image, bundleOf('a'), created)).rejects.toMatchObject({
      code: 'registry-unsupported',
    });
  });

  it('an index whose referrers are about our image is written, whatever their type says', async () => {
    const registry = new MemoryRegistry();
    const image = registry.load('keyed-bundle-rekor1-tsa');
    const { store } = open(registry, image);
    await (await store.attachBundle(image, bundleOf('a'), created)).kept;
    expect(await open(registry, image).store.found()).toHaveLength(2);
  });

  it('an immutable tag fails as such; the first signature still fits', async () => {
    const registry = new MemoryRegistry({ immutableTags: true });
    const image = registry.pushImage();
    await (await open(registry, image).store.attachLegacy(...layerOf('a'))).kept;
    await expect(open(registry, image).store.attachLegacy(...layerOf('b'))).rejects.toMatchObject({
      code: 'immutable-tag',
    });
  });

  it('more layers than readers accept', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const { store } = open(registry, image, { maxSignatures: 2 });
    await store.attachLegacy(...layerOf('a'));
    await store.attachLegacy(...layerOf('b'));
    await expect(store.attachLegacy(...layerOf('c'))).rejects.toMatchObject({ code: 'too-large' });
    expect(registry.json(tagOf(image, '.sig')).layers).toHaveLength(2);
  });
});

describe('a write rests on one read', () => {
  it.each(['both-formats-keyed', 'unsigned'])(
    'which comes right before it, beside nothing but the push of what the entry points to, whatever had to be proved first: %s',
    async (name) => {
      const registry = new MemoryRegistry();
      const image = registry.load(name);
      const { store } = open(registry, image);
      const attachments = [
        await store.attachLegacy(...layerOf('a')),
        await store.attachBundle(image, bundleOf('a'), created),
      ];
      await Promise.all(attachments.map(({ kept }) => kept));
      for (const tag of [tagOf(image), tagOf(image, '.sig')]) {
        const before = registry.log.slice(0, registry.log.lastIndexOf(`PUT manifest ${tag}`));
        const between = before.slice(before.lastIndexOf(`GET manifest ${tag}`) + 1);
        expect(before).toContain(`GET manifest ${tag}`);
        expect(between.filter((request) => !/^PUT (blob|manifest) sha256:/.test(request))).toEqual(
          [],
        );
        expect(between.length).toBeLessThanOrEqual(1);
      }
    },
  );

  it('and is not repeated by the client; conditions are used where there is something to compare', async () => {
    for (const [traits, first, second] of [
      [{}, { ifNoneMatch: '*', once: true }, { once: true }],
      [
        { ifMatch: true },
        { ifNoneMatch: '*', once: true },
        { ifMatch: expect.stringMatching(/^"sha256:/), once: true },
      ],
    ] as const) {
      const registry = new MemoryRegistry(traits);
      const image = registry.pushImage();
      await (await open(registry, image).store.attachLegacy(...layerOf('a'))).kept;
      await (await open(registry, image).store.attachLegacy(...layerOf('b'))).kept;
      expect(registry.conditions).toEqual([first, second]);
    }
  });
});

describe('an attestation', () => {
  const type = 'https://spdx.dev/Document';

  it('is listed with its predicate type, and lies beside the signatures', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const { store } = open(registry, image);
    const written = await Promise.all([
      store.attachBundle(image, bundleOf('sbom'), created, type),
      store.attachLegacy(...layerOf('envelope'), 'attestation'),
      store.attachBundle(image, bundleOf('a'), created),
      store.attachLegacy(...layerOf('payload')),
    ]);
    await Promise.all(written.map(({ kept }) => kept));
    const { manifests } = registry.json(tagOf(image, ''));
    expect(
      manifests.map((entry: { annotations: Record<string, string> }) => [
        entry.annotations['dev.sigstore.bundle.predicateType'],
      ]),
    ).toEqual([[type], ['https://sigstore.dev/cosign/sign/v1']]);
    const [, envelope] = written;
    expect(envelope?.reference).toBe(`registry.test/acme/app:${tagOf(image, '.att')}`);
    const { layers, config } = registry.json(tagOf(image, '.att'));
    expect(layers).toMatchObject([
      { mediaType: 'application/vnd.dsse.envelope.v1+json', size: 'envelope'.length },
    ]);
    expect(JSON.parse(String(registry.blobs.get(config.digest))).rootfs.diff_ids).toEqual([
      layers[0].digest,
    ]);
    expect(registry.json(tagOf(image, '.sig')).layers).toHaveLength(1);
  });

  it('may be large, which a signature is not', async () => {
    const registry = new MemoryRegistry({ referrersApi: true });
    const image = registry.pushImage();
    const { store } = open(registry, image);
    const large = Buffer.alloc(1 << 20, 0x20);
    await (await store.attachBundle(image, large, created, type)).kept;
    await expect(store.attachBundle(image, large, created)).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(store.attachLegacy(large, {})).rejects.toMatchObject({ code: 'too-large' });
    await (await store.attachLegacy(large, {}, 'attestation')).kept;
  });

  it('is not written where an image lies under its tag', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    await (await open(registry, image).store.attachLegacy(...layerOf('payload'))).kept;
    const signatures = registry.read(tagOf(image, '.sig'))?.bytes as Buffer;
    registry.put(tagOf(image, '.att'), signatures, mediaTypes.ociManifest);
    await expect(
      open(registry, image).store.attachLegacy(...layerOf('envelope'), 'attestation'),
    ).rejects.toMatchObject({
      code: 'registry-unsupported',
      message: expect.stringContaining('holds no attestations'),
    });
    expect(registry.read(tagOf(image, '.att'))?.bytes).toEqual(signatures);
  });

  it.each(Array.from({ length: 3 }, (_, n) => n))(
    'eight at once and eight signers lose nothing (%i)',
    async () => {
      const registry = new MemoryRegistry();
      const image = registry.pushImage();
      const attachments = await Promise.all(
        Array.from({ length: 8 }, (_, n) => n).flatMap((n) => {
          const { store } = open(registry, image);
          return [
            store.attachLegacy(...layerOf(`envelope ${n}`), 'attestation'),
            store.attachBundle(image, bundleOf(`sbom ${n}`), created, type),
            store.attachLegacy(...layerOf('payload', `${n}`)),
          ];
        }),
      );
      await Promise.all(attachments.map(({ kept }) => kept));
      const counts = ['.att', '.sig'].map(
        (suffix) => registry.json(tagOf(image, suffix)).layers.length,
      );
      expect([...counts, registry.json(tagOf(image, '')).manifests.length]).toEqual([8, 8, 8]);
    },
  );
});

describe('collisions', () => {
  const traits: RegistryTraits[] = [{}, { ifMatch: true }, { alwaysMoved: true }];

  it.each(traits)('eight runs at once on %o lose nothing', async (trait) => {
    const registry = new MemoryRegistry(trait);
    const image = registry.pushImage();
    const bundles = Array.from({ length: 8 }, (_, n) => bundleOf(`${n}`));
    const attachments = await Promise.all(
      bundles.flatMap((bundle, n) => {
        const { store } = open(registry, image);
        return [
          store.attachBundle(image, bundle, created),
          store.attachLegacy(...layerOf('payload', `${n}`)),
        ];
      }),
    );
    await Promise.all(attachments.map(({ kept }) => kept));
    const found = await open(registry, image).store.found();
    const texts = found.map((signature) =>
      'bundle' in signature
        ? String(signature.bundle)
        : 'annotations' in signature
          ? Object.values(signature.annotations)[0]
          : 'broken',
    );
    expect(texts.sort()).toEqual([...bundles.map(String), ...bundles.map((_, n) => `${n}`)].sort());
  });

  it('stores of one run share one writer for each tag: two formats and two signatures, one write each', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const memory = new RunMemory();
    const one = open(registry, image, { memory }).store;
    const other = open(registry, image, { memory }).store;
    const attachments = await Promise.all([
      one.attachBundle(image, bundleOf('a'), created),
      other.attachBundle(image, bundleOf('b'), created),
      one.attachLegacy(...layerOf('p', '1')),
      other.attachLegacy(...layerOf('p', '2')),
    ]);
    await Promise.all(attachments.map(({ kept }) => kept));
    expect(registry.json(tagOf(image)).manifests).toHaveLength(2);
    expect(registry.json(tagOf(image, '.sig')).layers).toHaveLength(2);
    expect(registry.history.get(tagOf(image))?.length).toBeLessThanOrEqual(2);
    expect(registry.history.get(tagOf(image, '.sig'))?.length).toBeLessThanOrEqual(2);
  });

  it('what an overwriter dropped is put back, ours and everybody’s that any read has shown', async () => {
    const registry = new MemoryRegistry();
    const image = registry.load('keyed-bundle-rekor1-tsa');
    const theirs = registry.json(tagOf(image)).manifests[0];
    const late = referrerManifest(image, Buffer.from('late'), created);
    registry.blobs.set(digestOf(Buffer.from('late')), Buffer.from('late'));
    registry.write(late.digest, late.bytes, mediaTypes.ociManifest);
    const { store } = open(registry, image);
    await store.found();
    const attachment = await store.attachBundle(image, bundleOf('a'), created);
    registry.put(
      tagOf(image),
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociIndex,
          manifests: [late.entry],
        }),
      ),
      mediaTypes.ociIndex,
    );
    await attachment.kept;
    const { entry } = referrerManifest(image, bundleOf('a'), created);
    expect(registry.json(tagOf(image)).manifests).toEqual([late.entry, theirs, entry]);
  });

  it('an entry of ours that somebody stripped of its type is written again in full', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const { store } = open(registry, image);
    const attachment = await store.attachBundle(image, bundleOf('a'), created);
    const { entry, digest } = referrerManifest(image, bundleOf('a'), created);
    const stripped = { mediaType: mediaTypes.ociManifest, digest, size: entry.size };
    registry.put(
      tagOf(image),
      Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [stripped] }),
      ),
      mediaTypes.ociIndex,
    );
    await attachment.kept;
    expect(registry.json(tagOf(image)).manifests).toEqual([entry]);
  });

  it('a tag that somebody overwrites for ever: lost, by name, within the time of the step', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const { store, clock } = open(registry, image, { deadline: 10_000 });
    const attachment = await store.attachLegacy(...layerOf('a'));
    const { bytes } = registry.read(tagOf(image, '.sig')) as { bytes: Buffer };
    const without = Buffer.from(JSON.stringify({ ...JSON.parse(String(bytes)), layers: [] }));
    registry.trouble = (request, reference) => {
      if (request === 'GET manifest' && reference.endsWith('.sig'))
        registry.put(reference, without, mediaTypes.ociManifest);
    };
    const failure: Failure = await attachment.kept.then(
      () => expect.unreachable(),
      (caught) => caught,
    );
    expect([failure.code, failure.message, (failure.cause as Failure).code]).toEqual([
      'signature-lost',
      expect.stringContaining(attachment.reference),
      'timeout',
    ]);
    expect(clock.now).toBeLessThanOrEqual(10_000);
  });
});

describe('a bad network', () => {
  const fail = (
    times: number,
    request: string,
    code: 'network' | 'registry-error' | 'registry-denied',
  ) => {
    let left = times;
    return (asked: string, reference: string) => {
      if (asked === request && !reference.includes(':') && left-- > 0)
        throw new Failure(code, 'broken', 'test');
    };
  };
  it.each([
    ['one write is reset', 1, 'PUT manifest', 'network', 'kept'],
    ['three writes fail', 3, 'PUT manifest', 'registry-error', 'kept'],
    ['every write fails', 1000, 'PUT manifest', 'registry-error', 'registry-error'],
    [
      'every write is reset: it may or may not be there',
      1000,
      'PUT manifest',
      'network',
      'signature-lost',
    ],
    ['writing is forbidden', 1, 'PUT manifest', 'registry-denied', 'registry-denied'],
    ['one read fails', 1, 'GET manifest', 'network', 'kept'],
  ] as const)('%s', async (_name, times, request, code, expected) => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    registry.trouble = fail(times, request, code);
    const { store } = open(registry, image);
    const outcome = await store.attachLegacy(...layerOf('a')).then(
      ({ kept }) => kept.then(() => 'kept'),
      (caught) => caught.code,
    );
    expect(outcome).toBe(expected);
    if (expected === 'kept') expect(registry.json(tagOf(image, '.sig')).layers).toHaveLength(1);
  });

  it('a blob that the registry does not know for a moment (distribution 2.8, pushed by several at once)', async () => {
    for (const [times, expected] of [
      [1, 'kept'],
      [3, 'kept'],
      [4, 'registry-error'],
    ] as const) {
      const registry = new MemoryRegistry();
      const image = registry.pushImage();
      let left: number = times;
      registry.trouble = (request, reference) => {
        if (request !== 'PUT manifest' || !reference.includes(':') || left-- <= 0) return;
        registry.blobs.clear();
        throw new Failure('registry-error', 'MANIFEST_BLOB_UNKNOWN', 'test');
      };
      const outcome = await open(registry, image)
        .store.attachBundle(image, bundleOf('a'), created)
        .then(
          ({ kept }) => kept.then(() => 'kept'),
          (caught) => caught.code,
        );
      expect([times, outcome]).toEqual([times, expected]);
    }
  });

  it('the second look fails for good: what cannot be seen is not reported as kept', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const attachment = await open(registry, image).store.attachLegacy(...layerOf('a'));
    registry.trouble = fail(1000, 'GET manifest', 'registry-error');
    await expect(attachment.kept).rejects.toMatchObject({ code: 'signature-lost' });
  });

  it('nobody has to await `kept`', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const unhandled: unknown[] = [];
    const listener = (caught: unknown) => unhandled.push(caught);
    process.on('unhandledRejection', listener);
    await open(registry, image, { deadline: 100 }).store.attachLegacy(...layerOf('a'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
    expect(short(registry.log).at(-1)).toMatch(/^GET manifest -/);
  });
});
