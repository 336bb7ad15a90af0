// A registry that gives no answer, through the built gate: each budget to its end, so that only a
// hang breaks a test. How budgets are spent is measured in
// verifying/no-answer.test.ts.
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../sandbox/registry.ts';
import type { Fault } from '../sandbox/registry-faults.ts';
import { TufRepository } from '../sigstore/tuf-repository.ts';
import { ferry, key, keyless, record, verify } from './gate.ts';

describe.concurrent('a registry that gives no answer', () => {
  it.each<[string, RegExp, Fault]>([
    ['refuses the referrers', /\/referrers\//, { kind: 'status', code: 500 }],
    ['refuses the signature tag', /\.sig$/, { kind: 'status', code: 503 }],
    ['refuses the signature itself', /\/blobs\//, { kind: 'status', code: 500 }],
    ['hangs', /\.sig$/, { kind: 'hang' }],
  ])('is a registry error, never "unsigned": it %s', async (_, path, fault) => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'no-answer');
    registry.set({ faults: (request) => (path.test(request.path) ? fault : undefined) });
    const result = await verify({
      images: reference,
      tlog: 'ignore',
      key: key('release.pub'),
    });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ verified: false, code: 'registry-error' }),
    ]);
  });

  it('hangs, and the step has less time than a gate waits: it ends in its time', async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'hanging');
    registry.set({ faults: ({ path }) => (path.endsWith('.sig') ? { kind: 'hang' } : undefined) });
    const result = await verify({
      images: reference,
      tlog: 'ignore',
      key: key('release.pub'),
      timeout: '2s',
    });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
  });
});

it('a TUF repository that gives no answer ends a run that needs it, in the time of the step', async () => {
  await using registry = await startRegistry({ referrersApi: true });
  const { asked } = await keyless(registry);
  const tuf = await new TufRepository().start();
  const nowhere = {
    'tuf-mirror': tuf.url.href,
    'tuf-root': String(tuf.files.get('1.root.json')),
    'trusted-root': '',
  };
  await tuf.stop();
  const result = await verify({
    ...asked,
    ...nowhere,
    'certificate-identity': ferry,
    timeout: '30s',
  });
  expect(result).toMatchObject({
    code: 1,
    outputs: { verified: 'false', images: '[]', results: '[]' },
  });
});
