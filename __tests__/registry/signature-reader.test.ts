import { describe, expect, it } from 'vitest';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { openReader } from '../../src/registry/signature-reader.ts';
import { openStore, type Reach } from '../../src/registry/store.ts';
import type { Format, FoundSignature } from '../../src/signature/found.ts';
import { MemoryRegistry, type RegistryTraits, testTools } from './memory-registry.ts';

function open(
  registry: MemoryRegistry,
  image: Descriptor,
  more: { maxSignatures?: number; memory?: RunMemory } = {},
) {
  return openReader(registry.client(), image.digest, more);
}

/** What was found, without the bytes. */
function summary(found: readonly FoundSignature[]) {
  return found.map((signature) =>
    'problem' in signature ? `${signature.format} ${signature.problem.code}` : signature.format,
  );
}

function tagOf(image: Descriptor, suffix = '') {
  return `${image.digest.replace(':', '-')}${suffix}`;
}

/** Pushes a manifest that refers to the image, and answers an entry for the referrers tag. */
function pushReferrer(
  registry: MemoryRegistry,
  subject: Descriptor | undefined,
  changes: Record<string, unknown> = {},
  blob = '{"bundle":1}',
) {
  const bytes = Buffer.from(blob);
  const empty = Buffer.from('{}');
  registry.blobs.set(digestOf(bytes), bytes);
  registry.blobs.set(digestOf(empty), empty);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: mediaTypes.bundle,
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf(empty), size: 2 },
    layers: [{ mediaType: mediaTypes.bundle, digest: digestOf(bytes), size: bytes.length }],
    subject,
    ...changes,
  };
  const text = Buffer.from(JSON.stringify(manifest));
  registry.manifests.set(digestOf(text), {
    digest: digestOf(text),
    bytes: text,
    mediaType: mediaTypes.ociManifest,
  });
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(text), size: text.length };
}

function putIndex(registry: MemoryRegistry, image: Descriptor, entries: readonly object[]) {
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries };
  registry.put(tagOf(image), Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
}

function putLayers(registry: MemoryRegistry, image: Descriptor, layers: readonly object[]) {
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(Buffer.from('x')), size: 1 };
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  registry.put(tagOf(image, '.sig'), Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest);
}

function layer(text: string, annotations: object = {}) {
  const bytes = Buffer.from(text);
  return {
    mediaType: mediaTypes.simpleSigning,
    digest: digestOf(bytes),
    size: bytes.length,
    annotations,
  };
}

describe('a list that is slow to come', () => {
  it('does not keep what the tag names waiting', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    putIndex(registry, image, [
      { ...pushReferrer(registry, image), artifactType: mediaTypes.bundle },
    ]);
    const { promise: followed, resolve } = Promise.withResolvers<void>();
    const client = registry.client();
    const slow = {
      ...client,
      // It answers when the manifest has been asked for that only the tag names.
      listReferrers: () => followed.then(() => undefined),
      getManifest: (...asked: Parameters<typeof client.getManifest>) => {
        if (asked[0].startsWith('sha256:')) resolve();
        return client.getManifest(...asked);
      },
    };
    const store = openReader(slow, image.digest);
    expect(summary(await store.found())).toEqual(['bundle']);
  });
});

describe('what cosign wrote is found', () => {
  const cases: [string, RegistryTraits, string[]][] = [
    ['unsigned', {}, []],
    ['keyed-bundle-rekor1-tsa', {}, ['bundle']],
    ['keyed-bundle-rekor1-tsa', { ifMatch: true }, ['bundle']],
    // two signatures and a provenance, which is a bundle too: telling them apart is the judge’s
    ['referrers-tag', {}, ['bundle', 'bundle', 'bundle']],
    ['referrers-api', { referrersApi: true }, ['bundle', 'bundle', 'bundle']],
    ['referrers-api-and-tag', { referrersApi: true }, ['bundle', 'bundle', 'bundle']],
    ['annotations-legacy', {}, ['legacy']],
    ['both-formats-keyed', {}, ['bundle', 'legacy']],
    ['both-formats-keyless', {}, ['bundle', 'legacy']],
    ['legacy-key1-provenance-key2', {}, ['bundle', 'legacy']],
    ['provenance-only', {}, ['bundle']],
  ];
  it.each(cases)('%s on a registry with %o', async (name, traits, expected) => {
    const registry = new MemoryRegistry(traits);
    const image = registry.load(name);
    const found = await open(registry, image).found();
    expect(summary(found)).toEqual(expected);
    // Who writes reads through the shared tags, and finds the same.
    const writer = openStore(registry.client(), image.digest, testTools().tools);
    expect(await writer.found()).toEqual(found);
    expect(await writer.attestations()).toEqual(await open(registry, image).attestations());
  });

  it('with the very bytes, the manifest digest and a reference', async () => {
    const registry = new MemoryRegistry();
    const image = registry.load('both-formats-keyed');
    const [bundle, legacy] = await open(registry, image).found();
    const entry = registry.json(tagOf(image)).manifests[0];
    const blob = registry.json(entry.digest).layers[0].digest;
    expect(bundle).toEqual({
      format: 'bundle',
      digest: entry.digest,
      reference: `registry.test/acme/app@${entry.digest}`,
      bundle: registry.blobs.get(blob),
    });
    const [signed] = registry.json(tagOf(image, '.sig')).layers;
    expect(legacy).toEqual({
      format: 'legacy',
      digest: registry.read(tagOf(image, '.sig'))?.digest,
      reference: `registry.test/acme/app:${tagOf(image, '.sig')}`,
      payload: registry.blobs.get(signed.digest),
      annotations: signed.annotations,
    });
  });
});

describe('only what is needed is read, and once', () => {
  const requests = (log: string[]) =>
    log.map((line) => line.replace(/sha256[:-][0-9a-f]{64}/, '…')).sort();
  const cases: [Format[], Reach, RegistryTraits, string[]][] = [
    // The first question in a repository: whether there is an API is not known, so both places are
    // asked at once.
    [['bundle'], 'listed', { referrersApi: true }, ['GET manifest …', 'GET referrers …']],
    [['bundle'], 'all', { referrersApi: true }, ['GET manifest …', 'GET referrers …']],
    [['bundle'], 'listed', {}, ['GET manifest …', 'GET referrers …']],
    [['legacy'], 'all', {}, ['GET manifest ….sig']],
    [['bundle', 'legacy'], 'all', {}, ['GET manifest …', 'GET manifest ….sig', 'GET referrers …']],
  ];
  it.each(cases)('%j, %s, on %o: %j', async (formats, reach, traits, expected) => {
    const registry = new MemoryRegistry(traits);
    const store = open(registry, registry.pushImage());
    registry.log.length = 0;
    await Promise.all([store.found(formats, reach), store.found(formats, reach)]);
    await store.found(formats, reach);
    expect(requests(registry.log)).toEqual(expected);
  });

  it('the second image of a repository with the referrers API costs one request', async () => {
    const registry = new MemoryRegistry({ referrersApi: true });
    const memory = new RunMemory();
    await open(registry, registry.pushImage(), { memory }).found(['bundle'], 'listed');
    registry.log.length = 0;
    await open(registry, registry.pushImage('another'), { memory }).found(['bundle'], 'listed');
    expect(requests(registry.log)).toEqual(['GET referrers …']);
  });

  it('several signatures over one payload cost one blob', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    registry.blobs.set(digestOf(Buffer.from('p')), Buffer.from('p'));
    putLayers(registry, image, [layer('p', { a: '1' }), layer('p', { a: '2' })]);
    expect(await open(registry, image).found(['legacy'])).toMatchObject([
      { annotations: { a: '1' } },
      { annotations: { a: '2' } },
    ]);
    expect(registry.log.filter((line) => line.startsWith('GET blob'))).toHaveLength(1);
  });
});

describe('the manifest decides what a referrer is', () => {
  const bundle = { artifactType: mediaTypes.bundle };
  const cases: [string, object, Record<string, unknown>, string[]][] = [
    ['a bundle', bundle, {}, ['bundle']],
    [
      'a bundle listed as an empty config (cosign up to 3.1.2)',
      { artifactType: mediaTypes.ociEmpty },
      {},
      ['bundle'],
    ],
    ['a bundle listed without a type', {}, {}, ['bundle']],
    [
      'a bundle without artifactType, known by its layer',
      {},
      { artifactType: undefined },
      ['bundle'],
    ],
    [
      'a bundle of the early days',
      { artifactType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' },
      {},
      ['bundle'],
    ],
    [
      'an SBOM',
      { artifactType: 'application/spdx+json' },
      { artifactType: 'application/spdx+json' },
      [],
    ],
    ['something else without a type', {}, { artifactType: 'text/plain', layers: [] }, []],
    [
      'a bundle about another image',
      bundle,
      {
        subject: { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('x')), size: 1 },
      },
      ['bundle wrong-subject'],
    ],
    ['a bundle about nothing', bundle, { subject: undefined }, ['bundle wrong-subject']],
    ['a bundle without a layer', bundle, { layers: [] }, ['bundle malformed']],
    [
      'a bundle with an impossible digest',
      bundle,
      { layers: [{ mediaType: mediaTypes.bundle, digest: 'sha512:00', size: 1 }] },
      ['bundle malformed'],
    ],
    [
      'a bundle of 5 MiB',
      bundle,
      {
        layers: [
          {
            mediaType: mediaTypes.bundle,
            digest: digestOf(Buffer.from('{"bundle":1}')),
            size: 5 * 1024 * 1024,
          },
        ],
      },
      ['bundle too-large'],
    ],
    [
      'a bundle that is larger than it says',
      bundle,
      {
        layers: [
          { mediaType: mediaTypes.bundle, digest: digestOf(Buffer.from('{"bundle":1}')), size: 3 },
        ],
      },
      ['bundle too-large'],
    ],
    [
      'a bundle whose blob is gone',
      bundle,
      {
        layers: [{ mediaType: mediaTypes.bundle, digest: digestOf(Buffer.from('gone')), size: 4 }],
      },
      ['bundle registry-error'],
    ],
    [
      'a legacy signature as a referrer',
      { artifactType: mediaTypes.cosignSignature },
      {
        artifactType: undefined,
        config: {
          mediaType: mediaTypes.cosignSignature,
          digest: digestOf(Buffer.from('{}')),
          size: 2,
        },
        layers: [
          {
            mediaType: mediaTypes.simpleSigning,
            digest: digestOf(Buffer.from('{"bundle":1}')),
            size: 12,
            annotations: {},
          },
        ],
      },
      ['legacy'],
    ],
  ];
  it.each(cases)('%s', async (_name, entry, changes, expected) => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    putIndex(registry, image, [{ ...pushReferrer(registry, image, changes), ...entry }]);
    expect(summary(await open(registry, image).found())).toEqual(expected);
  });

  it('a listed manifest that is gone is a registry error, not "unsigned"', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    putIndex(registry, image, [
      {
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(Buffer.from('gone')),
        size: 4,
        ...bundle,
      },
    ]);
    expect(summary(await open(registry, image).found())).toEqual(['bundle registry-error']);
  });

  it('a broken signature does not hide the good one beside it', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    putIndex(registry, image, [
      { ...pushReferrer(registry, image, { layers: [] }), ...bundle },
      { ...pushReferrer(registry, image), ...bundle },
    ]);
    expect(summary(await open(registry, image).found())).toEqual(['bundle malformed', 'bundle']);
  });
});

describe('a hostile or broken registry', () => {
  it.each([
    [
      'too many bundles',
      (registry: MemoryRegistry, image: Descriptor) =>
        putIndex(
          registry,
          image,
          [1, 2, 3, 4].map((n) => ({
            ...pushReferrer(registry, image, {}, `{"n":${n}}`),
            artifactType: mediaTypes.bundle,
          })),
        ),
    ],
    [
      'too many layers',
      (registry: MemoryRegistry, image: Descriptor) =>
        putLayers(
          registry,
          image,
          [1, 2, 3, 4].map((n) => layer(`${n}`)),
        ),
    ],
    [
      '10,001 referrers of any kind',
      (registry: MemoryRegistry, image: Descriptor) =>
        putIndex(
          registry,
          image,
          Array.from({ length: 10_001 }, (_, n) => ({
            digest: digestOf(Buffer.from(`${n}`)),
            artifactType: 'x',
          })),
        ),
    ],
  ])('%s are a failure, never a silent cut', async (_name, attack) => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    attack(registry, image);
    await expect(open(registry, image, { maxSignatures: 3 }).found()).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  it('other referrers do not count as signatures', async () => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const sboms = Array.from({ length: 50 }, (_, n) => ({
      digest: digestOf(Buffer.from(`${n}`)),
      artifactType: 'application/spdx+json',
    }));
    putIndex(registry, image, [
      ...sboms,
      { ...pushReferrer(registry, image), artifactType: mediaTypes.bundle },
    ]);
    expect(summary(await open(registry, image, { maxSignatures: 3 }).found())).toEqual(['bundle']);
  });

  it.each([
    [
      '.sig is an index',
      '.sig',
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] },
      'legacy malformed',
    ],
    ['.sig is not JSON', '.sig', 'nonsense', 'legacy malformed'],
    [
      'the referrers tag is not an index',
      '',
      { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: {}, layers: [] },
      'bundle malformed',
    ],
    [
      'the referrers tag nests 100,000 levels',
      '',
      `{"manifests":[],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'bundle malformed',
    ],
  ])('%s', async (_name, suffix, document, expected) => {
    const registry = new MemoryRegistry();
    const image = registry.pushImage();
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    registry.put(tagOf(image, suffix), Buffer.from(text), mediaTypes.ociIndex);
    expect(summary(await open(registry, image).found())).toEqual([expected]);
  });

  it('GitLab answers the referrers tag with the image itself: that is no signature and no error', async () => {
    const registry = new MemoryRegistry({ tagAnswersImage: true });
    expect(await open(registry, registry.pushImage()).found()).toEqual([]);
  });

  it.each(['network', 'timeout', 'registry-denied', 'registry-error'] as const)(
    '%s at any listing is an error, never "no signature"',
    async (code) => {
      const { Failure } = await import('../../src/failure.ts');
      for (const request of ['GET referrers', 'GET manifest']) {
        const registry = new MemoryRegistry();
        const image = registry.load('both-formats-keyed');
        registry.trouble = (asked) => {
          if (asked === request) throw new Failure(code, 'no', 'test');
        };
        const tried = open(registry, image).found();
        await expect(tried).rejects.toMatchObject({ code });
      }
    },
  );

  it('a read that failed is tried afresh by the next call', async () => {
    const { Failure } = await import('../../src/failure.ts');
    const registry = new MemoryRegistry();
    const store = open(registry, registry.load('both-formats-keyed'));
    registry.trouble = () => {
      throw new Failure('network', 'no', 'test');
    };
    await expect(store.found()).rejects.toMatchObject({ code: 'network' });
    registry.trouble = () => {};
    expect(summary(await store.found())).toEqual(['bundle', 'legacy']);
  });
});
