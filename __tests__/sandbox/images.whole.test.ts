import { describe, expect, it } from 'vitest';
import { pushImage } from './images.ts';
import { startRegistry } from './registry.ts';

describe('pushed images', () => {
  it('have the same digest for the same seed, and another for another', async () => {
    await using registry = await startRegistry();
    const digests = await Promise.all(
      ['a', 'a', 'b'].map(
        async (seed) => (await pushImage(registry.host, `r/${seed}`, { seed })).digest,
      ),
    );
    expect(new Set(digests).size).toBe(2);
    expect(digests[0]).toBe(digests[1]);
  });

  it('are tagged, and described as they lie there', async () => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, 'r/one', { tag: 'v1' });
    const stored = registry.store.find('r/one')?.manifests.get(image.digest);
    expect(image).toEqual({
      digest: registry.store.tagged('r/one', 'v1'),
      mediaType: stored?.mediaType,
      size: stored?.bytes.length,
      platform: { os: 'linux', architecture: 'amd64' },
      platforms: [],
      reference: `${registry.host}/r/one@${image.digest}`,
      tagged: `${registry.host}/r/one:v1`,
    });
  });

  it.each([
    [{ platforms: 2 }, 2, 'application/vnd.oci.image.index.v1+json'],
    [{ platforms: 2, attestations: true }, 4, 'application/vnd.oci.image.index.v1+json'],
    [
      { platforms: 2, docker: true },
      2,
      'application/vnd.docker.distribution.manifest.list.v2+json',
    ],
    [{ platforms: 2, nested: 2 }, 4, 'application/vnd.oci.image.index.v1+json'],
    [{ platforms: 40 }, 40, 'application/vnd.oci.image.index.v1+json'],
  ])('%j lists %i manifests', async (options, count, mediaType) => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, 'r/many', { ...options, tag: 'v1' });
    const digests = image.platforms.map(({ digest }) => digest);
    expect([image.mediaType, digests.length, new Set(digests).size]).toEqual([
      mediaType,
      count,
      count,
    ]);
    expect([...(registry.store.find('r/many')?.manifests.keys() ?? [])].sort()).toEqual(
      [...digests, image.digest].sort(),
    );
    expect([registry.store.tagged('r/many', 'v1'), registry.store.dangling()]).toEqual([
      image.digest,
      [],
    ]);
  });
});
