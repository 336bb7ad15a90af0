import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import type { ReadManifest } from '../../src/image/manifest.ts';
import { walkIndex } from '../../src/image/walk.ts';

/** Manifests by digest, as a registry holds them. */
class SignatureStore {
  readonly manifests = new Map<Digest, ReadManifest>();
  readonly asked: Digest[] = [];

  put(document: object, mediaType: string) {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    this.manifests.set(digest, { digest, mediaType, bytes });
    return { digest, mediaType, size: bytes.length };
  }
  image(name: string) {
    const config = {
      mediaType: mediaTypes.ociConfig,
      digest: digestOf(Buffer.from(name)),
      size: 1,
    };
    return this.put(
      { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] },
      mediaTypes.ociManifest,
    );
  }
  index(manifests: readonly object[], annotations: Record<string, string> = {}) {
    return this.put(
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, annotations },
      mediaTypes.ociIndex,
    );
  }
  get(digest: Digest): ReadManifest {
    const found = this.manifests.get(digest);
    if (found === undefined) throw new Error(`nothing at ${digest}`);
    return found;
  }
  read = async (digest: Digest): Promise<ReadManifest> => {
    this.asked.push(digest);
    return this.get(digest);
  };
  walk(root: { digest: Digest }) {
    return walkIndex(this.read, this.get(root.digest));
  }
}

describe('walking an index', () => {
  it('an image has nothing inside', async () => {
    const store = new SignatureStore();
    expect(await store.walk(store.image('a'))).toEqual([]);
  });

  it('lists images, attestation manifests and what it does not know, with their entries, and reads none of them', async () => {
    const store = new SignatureStore();
    const amd = { ...store.image('amd'), platform: { os: 'linux', architecture: 'amd64' } };
    const attestation = {
      ...store.image('att'),
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const odd = { mediaType: 'application/x-odd', digest: digestOf(Buffer.from('odd')), size: 3 };
    expect(await store.walk(store.index([amd, attestation, odd]))).toEqual([amd, attestation, odd]);
    expect(store.asked).toEqual([]);
  });

  it('goes into nested indexes and lists them too, each manifest once', async () => {
    const store = new SignatureStore();
    const [a, b] = [store.image('a'), store.image('b')];
    const inner = store.index([a, b]);
    const list = store.put(
      { schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests: [b] },
      mediaTypes.dockerList,
    );
    const found = await store.walk(store.index([a, inner, inner, a, list]));
    expect(found.map(({ digest }) => digest)).toEqual([
      a.digest,
      inner.digest,
      list.digest,
      b.digest,
    ]);
    expect(store.asked).toEqual([inner.digest, list.digest]);
  });

  it('four levels of indexes are walked, five are not', async () => {
    const store = new SignatureStore();
    let entry = store.image('a');
    for (let level = 0; level < 5; level++) entry = store.index([entry]);
    expect(await store.walk(entry)).toHaveLength(5);
    await expect(store.walk(store.index([entry]))).rejects.toMatchObject({
      code: 'bad-manifest',
      message: expect.stringContaining('more than 4 levels'),
    });
  });

  it('a thousand manifests are listed, one more is not', async () => {
    const store = new SignatureStore();
    const entries = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(Buffer.from(`${i}`)),
        size: 1,
      }));
    expect(await store.walk(store.index(entries(1000)))).toHaveLength(1000);
    const first = store.index(entries(999));
    await expect(store.walk(store.index([first, store.image('one more')]))).rejects.toThrow(
      'more than 1000 manifests',
    );
  });

  it('indexes of more than 32 MiB together are not read', async () => {
    const store = new SignatureStore();
    const large = Array.from({ length: 9 }, (_, i) =>
      store.index([], { padding: `${i}${'x'.repeat(4_000_000)}` }),
    );
    await expect(store.walk(store.index(large))).rejects.toThrow('more than 33554432 bytes');
    expect(store.asked).toEqual([]);
  });

  it('never has more than four requests under way', async () => {
    const store = new SignatureStore();
    const inner = Array.from({ length: 12 }, (_, i) => store.index([store.image(`${i}`)]));
    const root = store.index(inner);
    let running = 0;
    let most = 0;
    const read = async (digest: Digest) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return store.get(digest);
    };
    expect(await walkIndex(read, store.get(root.digest))).toHaveLength(24);
    expect(most).toBe(4);
  });
});

describe('an index that lies is refused', () => {
  it('about the size', async () => {
    const store = new SignatureStore();
    const inner = store.index([]);
    await expect(store.walk(store.index([{ ...inner, size: inner.size + 1 }]))).rejects.toThrow(
      'its index says',
    );
  });
  it('about the media type', async () => {
    const store = new SignatureStore();
    const docker = { ...store.index([]), mediaType: mediaTypes.dockerList };
    await expect(store.walk(store.index([docker]))).rejects.toMatchObject({ code: 'bad-manifest' });
  });
  it('by listing one digest as image and as index', async () => {
    const store = new SignatureStore();
    const inner = store.index([store.image('a')]);
    const disguised = { ...inner, mediaType: mediaTypes.ociManifest };
    await expect(store.walk(store.index([disguised, inner]))).rejects.toThrow(
      'under two media types',
    );
  });
  it('when other bytes come for a digest', async () => {
    const store = new SignatureStore();
    const inner = store.index([store.image('a')]);
    const root = store.index([inner]);
    const other = store.get(store.index([store.image('b')]).digest);
    await expect(walkIndex(async () => other, store.get(root.digest))).rejects.toThrow(
      'are others',
    );
    await expect(
      walkIndex(async () => ({ ...other, digest: inner.digest }), store.get(root.digest)),
    ).rejects.toThrow('are others');
  });
  it('and what the registry throws is passed on', async () => {
    const store = new SignatureStore();
    const missing = {
      mediaType: mediaTypes.ociIndex,
      digest: digestOf(Buffer.from('gone')),
      size: 4,
    };
    await expect(store.walk(store.index([missing]))).rejects.toThrow('nothing at');
  });
});
