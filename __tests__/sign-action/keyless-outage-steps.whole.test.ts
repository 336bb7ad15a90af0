// Outages through the built action that pass: inside its budget they are survived; and what a person
// is told about what is in the registry already. How the budget is spent is measured in
// run/outage.test.ts; its end through the built action is in keyless-outage.whole.test.ts.
import { describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import type { ServiceName, Sigstore } from '../sandbox/sigstore/sigstore.ts';
import { openWorld, services } from './outage-world.ts';

const outages: readonly (readonly [
  string,
  (sigstore: Sigstore, service: ServiceName) => unknown,
])[] = [
  [
    'refuses, asks for a pause, resets connections before and after the work',
    ({ faults }, service) => {
      faults[service].inject({ kind: 'status', status: 503 }, { times: 1 });
      faults[service].inject({ kind: 'status', status: 429, retryAfter: 1 }, { times: 1 });
      faults[service].inject({ kind: 'reset', when: 'before' }, { times: 1 });
      faults[service].inject({ kind: 'reset', when: 'after' }, { times: 1 });
    },
  ],
  ['is down for a second', ({ faults }, service) => faults[service].down(1_000)],
];

describe.concurrent.each(sampled(services, ['fulcio', 'rekor2']))(
  'an outage of %s',
  (service, config) => {
    it.each(outages)('is survived inside the budget when it %s', async (_how, befall) => {
      await using world = await openWorld();
      await befall(world.sigstore, service);
      const run = await world.sign(config);
      expect(run, run.stdout).toMatchObject({
        code: 0,
        outputs: { verified: 'true' },
        errorCodes: [],
      });
    });
  },
);

describe.concurrent("GitHub's OIDC provider", () => {
  const passing = [
    ['a job that is pending', 403, '{"message":"The job is pending."}'],
    ['a timeout of its own', 408, ''],
    ['too many requests', 429, ''],
    ['an error', 500, ''],
  ] as const;
  it.each(sampled(passing, ['a job that is pending']))(
    'is asked again after %s',
    async (_, status, body) => {
      await using world = await openWorld();
      world.sigstore.faults.oidc.inject({ kind: 'status', status, body }, { times: 2 });
      const run = await world.sign('v1');
      expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      expect(world.sigstore.faults.oidc).toMatchObject({ requests: 3, faulted: 2 });
    },
  );

  const final = [
    ['refuses for good', { status: 403, body: '{"message":"no right"}' }, /\(403: no right\)/],
    ['does not know the job', { status: 401, body: '' }, /\(401\)/],
    ['redirects', { status: 302, body: '' }, /\(302\)/],
    ['answers no token', { status: 200, body: '{"value":""}' }, /it holds no token/],
    ['answers no JSON', { status: 200, body: 'token' }, /cannot be used/],
  ] as const;
  it.each(sampled(final, ['refuses for good']))(
    'that %s is not asked again',
    async (_, fault, words) => {
      await using world = await openWorld();
      world.sigstore.faults.oidc.inject({ kind: 'status', ...fault });
      const run = await world.sign('v1');
      expect(run, run.stdout).toMatchObject({ code: 1, errorCodes: ['no-identity-token'] });
      expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toMatch(words);
      expect(world.sigstore.faults.oidc.requests).toBe(1);
      expect(world.sigstore.faults.fulcio.requests).toBe(0);
    },
  );
});

describe.concurrent('an outage that befalls one signature of two', () => {
  it('leaves the other, says that it is there, and the next run completes it', async () => {
    await using world = await openWorld();
    const isLegacy = ({ body }: { body: Buffer }) => body.includes('"hashedrekord"');
    // Nothing that passes: the log is asked once.
    world.sigstore.faults.rekor.inject({ kind: 'status', status: 400 }, { matching: isLegacy });
    const run = await world.sign('v1');
    expect(run).toMatchObject({
      code: 1,
      outputs: { verified: 'false' },
      errorCodes: ['rekor-error'],
    });
    expect(run.results).toMatchObject([
      { status: 'failed', signatures: [{ format: 'bundle' }], error: { code: 'rekor-error' } },
    ]);
    const said = run.annotations.find(({ kind }) => kind === 'error')?.message ?? '';
    expect(said).toContain(
      `Already in the registry: bundle ${run.results[0]?.signatures[0]?.reference}.`,
    );
    world.sigstore.faults.rekor.clear();
    const again = await world.sign('v1');
    expect(again).toMatchObject({
      code: 0,
      results: [
        {
          status: 'signed',
          verified: true,
          signatures: [{ format: 'bundle' }, { format: 'legacy' }],
        },
      ],
    });
    expect(again.results[0]?.signatures[0]).toEqual(run.results[0]?.signatures[0]);
  });
});

describe.concurrent('a run that has failed at the registry', () => {
  it('does not wait for a Fulcio that is down', async () => {
    await using world = await openWorld();
    world.sigstore.faults.fulcio.inject({ kind: 'status', status: 503, retryAfter: 30 });
    const run = await world.sign('v1', {
      images: `${world.registry.host}/acme/missing@sha256:${'0'.repeat(64)}`,
    });
    expect(run).toMatchObject({ code: 1, errorCodes: ['image-not-found'] });
    // It would be asked again after half a minute, and again, for five.
    expect(world.sigstore.faults.fulcio.requests).toBeLessThanOrEqual(1);
  });
});
