// A registry that gives no answer, or gives it too slowly, on a clock of the test's own and with the
// real size of what a gate waits.
import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { createTrust } from '../../src/signature/trust.ts';
import { gate } from '../attacks/gate.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { type RegistryOptions, startRegistry } from '../sandbox/registry.ts';
import type { Fault } from '../sandbox/registry-faults.ts';
import { key, record } from '../verify-action/gate.ts';

const policy: SignaturePolicy = {
  signers: [{ key: createPublicKey(key('release.pub')) }],
  annotations: {},
  tlog: 'ignore',
};

/** What the gate says of an image that cosign has signed, and how long that takes it. */
async function ask(faults: NonNullable<RegistryOptions['faults']>, budget = 300_000) {
  const clock = new FakeClock();
  const network = new MemoryNetwork();
  await using recorded = await startRegistry({ referrersApi: true, clock });
  const { repository, digest } = await record(recorded, 'keyed-bundle-nolog');
  await using registry = await startRegistry({ referrersApi: true, faults, clock, network });
  registry.store.repositories.set(repository, recorded.store.open(repository));
  const image = { reference: `${registry.host}/${repository}`, digest: parseDigest(digest) };
  const { verified, codes } = await clock.run(() =>
    gate(image, policy, createTrust(undefined), { clock, network, budget }),
  );
  return { verified, codes, took: clock.now(), requests: registry.requests.length };
}

const at = (path: RegExp, fault: Fault) => (asked: { path: string }) =>
  path.test(asked.path) ? fault : undefined;
const unanswered = (code = 'registry-error') => ({ verified: false, codes: [code] });
const [referrers, tag, blob] = [/\/referrers\//, /\.sig$/, /\/blobs\//];

it('a registry that answers is what these tests change', async () => {
  expect(await ask(() => undefined)).toMatchObject({
    verified: true,
    codes: ['verified'],
    took: 0,
  });
});

describe('a registry that gives no answer is a registry error, never "unsigned"', () => {
  it.each<[string, RegExp, number]>([
    ['refuses the referrers', referrers, 500],
    ['refuses the signature tag', tag, 503],
    ['refuses the signature itself', blob, 500],
  ])('it %s: for as long as a gate waits for what fails, and no longer', async (_, path, code) => {
    const { took, ...answer } = await ask(at(path, { kind: 'status', code }));
    expect(answer).toMatchObject(unanswered());
    // The last try that begins within 6.5 s; a pause is 5 s at the most.
    expect(took).toBeGreaterThan(1_500);
    expect(took).toBeLessThan(6_500);
  });

  it('it wants a login: at once', async () => {
    const { took, ...answer } = await ask(at(/\/manifests\//, { kind: 'status', code: 403 }));
    expect(answer).toMatchObject(unanswered('registry-denied'));
    expect(took).toBe(0);
  });

  it.each<[string, RegExp, Fault]>([
    ['hangs at the referrers', referrers, { kind: 'hang' }],
    ['hangs at the signature tag', tag, { kind: 'hang' }],
    ['lets the signature drip', blob, { kind: 'slow-body', everyMs: 100 }],
  ])('it %s: given up after two seconds and 6.5 more', async (_, path, fault) => {
    const { took, ...answer } = await ask(at(path, fault));
    expect(answer).toMatchObject(unanswered('network'));
    expect(took).toBe(8_500);
  });

  it('it hangs, and the step has less time than that: the step ends in its time', async () => {
    const { took, ...answer } = await ask(at(tag, { kind: 'hang' }), 2_000);
    expect(answer).toMatchObject(unanswered('timeout'));
    expect(took).toBe(2_000);
  });

  it('it is only busy, and says for how long: it is waited for', async () => {
    let busy = true;
    const { took, ...answer } = await ask(({ path }) => {
      if (!tag.test(path) || !busy) return undefined;
      busy = false;
      return { kind: 'status', code: 429, headers: { 'retry-after': '20' } };
    });
    expect(answer).toMatchObject({ verified: true, codes: ['verified'] });
    expect(took).toBeGreaterThanOrEqual(20_000);
  });
});
