// A second run verifies what the target has while it looks what is missing: it counts only where
// nothing was written, and what the target shows has to verify.
import { expect, it } from 'vitest';
import { startRegistry } from '../sandbox/registry.ts';
import { promoting, pushSigned, requestOf } from './promoting.ts';

it.each([
  ['keeps what it took', false, 'already-promoted'],
  ['shows other bytes for its signatures', true, 'failed'],
])('a target that %s', async (_, altered, status) => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const image = await pushSigned(source, 'acme/app', { tag: 'v1', platforms: 3 });
  const request = requestOf([`${source.host}/acme/app:v1`], [`${target.host}/prod/app`]);
  expect((await promoting(request)).results).toMatchObject([{ status: 'promoted' }]);
  const { blobs, tags } = target.store.open('prod/app');
  if (altered) {
    tags.delete('v1');
    for (const [digest, bytes] of blobs)
      if (/"messageSignature"|"critical"/.test(bytes.toString()))
        blobs.set(digest, Buffer.from(bytes.toString().replace(/[0-9]/, '?')));
  }
  const { results } = await promoting(request);
  expect(results).toMatchObject([{ status }]);
  expect(target.store.tagged('prod/app', 'v1')).toBe(altered ? undefined : image.digest);
});

it('a signature that the source got since then is copied, and the copy is read after it', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const image = await pushSigned(source, 'acme/app', { tag: 'v1' });
  const request = requestOf([`${source.host}/acme/app:v1`], [`${target.host}/prod/app`]);
  await promoting(request);
  const kept = target.store.open('prod/app');
  const name = `sha256-${image.digest.slice('sha256:'.length)}.sig`;
  expect(kept.tags.delete(name)).toBe(true);
  target.requests.length = 0;
  const { results } = await promoting(request);
  expect(results).toMatchObject([{ status: 'promoted', verified: true, copied: { entries: 1 } }]);
  const written = target.requests.findLastIndex(({ method }) => method === 'PUT');
  const read = target.requests.findLastIndex(
    ({ method, path }) => method === 'GET' && path.endsWith(name),
  );
  expect(read).toBeGreaterThan(written);
});
