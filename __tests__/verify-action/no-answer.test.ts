// A registry or a TUF repository that gives no answer, or one that helps nobody, through the built
// gate. Whose answers pass and are waited for is tested in verifying/no-answer.test.ts, and the ends
// of the budgets in no-answer.whole.test.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, record, verify } from './gate.ts';

/** A TUF repository that has nothing: it answers at once, so nobody waits for it. */
const empty = createServer((_, answer) => void answer.writeHead(404).end());
beforeAll(() => new Promise<void>((resolve) => void empty.listen(0, '127.0.0.1', resolve)));
afterAll(() => void empty.close());

describe.concurrent('a registry that gives no answer', () => {
  const asked = (reference: string) => ({
    images: reference,
    tlog: 'ignore',
    key: key('release.pub'),
  });

  it('is a registry error, never "unsigned": it wants a login', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'no-answer');
    registry.set({
      faults: ({ path }) =>
        /\/manifests\//.test(path) ? { kind: 'status', code: 403 } : undefined,
    });
    const result = await verify(asked(reference));
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ verified: false, code: 'registry-error' }),
    ]);
  });

  it('does not know the image: unresolved', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const nowhere = `${registry.host}/fixtures/nowhere:1.0`;
    const result = await verify(asked(nowhere));
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
  const nowhere = () => ({
    'tuf-mirror': `http://127.0.0.1:${(empty.address() as AddressInfo).port}`,
    'tuf-root': '{}',
    'trusted-root': '',
  });

  it('fails as a whole where a signature has to be judged by it', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { asked } = await keyless(registry);
    const result = await verify({ ...asked, ...nowhere(), 'certificate-identity': ferry });
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
      (await verify({ ...asked, ...nowhere(), 'certificate-identity': ferry, fail: 'false' })).code,
    ).toBe(1);
  });

  it('still says that an image is unsigned', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'unsigned');
    const result = await verify({ ...nowhere(), images: reference, 'certificate-identity': ferry });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ code: 'unsigned' }),
    ]);
  });
});
