// A registry or a TUF repository that gives no answer. The gate waits for them most of the time, so
// the tests run side by side, each with a registry of its own.
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, record, verify } from './gate.ts';

describe.concurrent('a registry that gives no answer', () => {
  const asked = (reference: string) => ({
    images: reference,
    tlog: 'ignore',
    key: key('release.pub'),
    timeout: '4s',
  });

  it.each([
    ['refuses the referrers', /\/referrers\//, 500],
    ['refuses the signature tag', /\.sig$/, 503],
    ['refuses the signature itself', /\/blobs\//, 500],
    ['wants a login', /\/manifests\//, 403],
  ])('is a registry error, never "unsigned": it %s', async (_, path, code) => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'no-answer');
    registry.set({
      faults: (request) => (path.test(request.path) ? { kind: 'status', code } : undefined),
    });
    const result = await verify(asked(reference));
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ verified: false, code: 'registry-error' }),
    ]);
  });

  it('hangs: the step ends in its time', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'hanging');
    registry.set({ faults: ({ path }) => (path.endsWith('.sig') ? { kind: 'hang' } : undefined) });
    const result = await verify({ ...asked(reference), timeout: '2s' });
    expect(result.durationMs).toBeLessThan(6_000);
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ verified: false, code: 'registry-error' }),
    ]);
  });

  it('does not know the image: unresolved', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const nowhere = `${registry.host}/fixtures/nowhere:1.0`;
    const result = await verify({ ...asked(nowhere), timeout: '10s' });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({
        image: nowhere,
        reference: nowhere,
        digest: null,
        verified: false,
        code: 'unresolved',
        signatures: [],
      }),
    ]);
  });
});

describe.concurrent('a run without a trusted root', () => {
  const nowhere = {
    'tuf-mirror': 'http://127.0.0.1:9',
    'tuf-root': '{}',
    'trusted-root': '',
    timeout: '5s',
  };

  it('fails as a whole where a signature has to be judged by it', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { asked } = await keyless(registry);
    const result = await verify({ ...asked, ...nowhere, 'certificate-identity': ferry });
    expect(result).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: '[]', results: '[]' },
    });
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['error']);
  });

  it('fails as a whole with `fail: false` too: nothing was looked at', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { asked } = await keyless(registry);
    expect(
      (await verify({ ...asked, ...nowhere, 'certificate-identity': ferry, fail: 'false' })).code,
    ).toBe(1);
  });

  it('still says that an image is unsigned', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'unsigned');
    const result = await verify({ ...nowhere, images: reference, 'certificate-identity': ferry });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ code: 'unsigned' }),
    ]);
  });
});
