// Outages through the built action: inside its budget they are survived; beyond it the step says
// which service, for how long, how often it was asked and what is in the registry already, and
// never leaves a signature there that does not verify.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import {
  type ServiceName,
  type SigningConfigName,
  type Sigstore,
  startSigstore,
} from '../sandbox/sigstore/sigstore.ts';
import { signed } from './signed.ts';

/**
 * A Sigstore and a registry of its own for each test: they wait most of the time, so they run side
 * by side.
 */
async function openWorld() {
  const [sigstore, registry] = await Promise.all([
    startSigstore(),
    startRegistry({ referrersApi: true, ociSubject: true }),
  ]);
  const { reference: image } = await pushImage(registry.host, 'acme/app');
  const sign = (config: SigningConfigName, inputs: Readonly<Record<string, string>> = {}) => {
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    };
    const services = {
      'signing-config': JSON.stringify(sigstore.signingConfig[config]),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
    };
    return signed({ images: image, timeout: '12s', ...services, ...inputs }, { env });
  };
  const close = async () => void (await Promise.all([sigstore.close(), registry.close()]));
  return { sigstore, registry, image, sign, close, [Symbol.asyncDispose]: close };
}

const services = [
  ['oidc', 'v1', 'no-identity-token', "GitHub's OIDC provider"],
  ['fulcio', 'v1', 'fulcio-error', 'Fulcio'],
  ['rekor', 'v1', 'rekor-error', 'Rekor'],
  ['rekor2', 'v2', 'rekor-error', 'Rekor'],
  ['timestamp', 'tsa', 'timestamp-error', 'The timestamp authority'],
] as const;

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

const patient = { timeout: 90_000 };

describe.concurrent.each(services)('an outage of %s', patient, (service, config, code, name) => {
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

  it('that lasts longer fails with its name, for how long and how often it was asked, and leaves nothing in the registry', async () => {
    await using world = await openWorld();
    world.sigstore.faults[service].inject({ kind: 'status', status: 503 });
    const before = world.registry.store.find('acme/app')?.manifests.size;
    const run = await world.sign(config, { timeout: '9s', format: 'bundle' });
    expect(run).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: '[]' },
      results: [{ status: 'failed', signatures: [] }],
    });
    expect(run.errorCodes).toEqual([code]);
    const said = run.annotations.find(({ kind }) => kind === 'error')?.message ?? '';
    expect(said).toMatch(
      new RegExp(
        `${name} at http://127.0.0.1:\\d+\\S* answered 503 for \\d+\\.\\d s, asked \\d+ times: injected fault`,
      ),
    );
    expect(said).toContain('Nothing was written to the registry.');
    expect(world.registry.store.find('acme/app')?.manifests.size).toBe(before);
  });
});

describe.concurrent("GitHub's OIDC provider", patient, () => {
  it.each([
    ['a job that is pending', 403, '{"message":"The job is pending."}'],
    ['a timeout of its own', 408, ''],
    ['too many requests', 429, ''],
    ['an error', 500, ''],
  ])('is asked again after %s', async (_, status, body) => {
    await using world = await openWorld();
    world.sigstore.faults.oidc.inject({ kind: 'status', status, body }, { times: 2 });
    const run = await world.sign('v1');
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(world.sigstore.faults.oidc).toMatchObject({ requests: 3, faulted: 2 });
  });

  it.each([
    ['refuses for good', { status: 403, body: '{"message":"no right"}' }, /\(403: no right\)/],
    ['does not know the job', { status: 401, body: '' }, /\(401\)/],
    ['redirects', { status: 302, body: '' }, /\(302\)/],
    ['answers no token', { status: 200, body: '{"value":""}' }, /it holds no token/],
    ['answers no JSON', { status: 200, body: 'token' }, /cannot be used/],
  ])('that %s is not asked again', async (_, fault, words) => {
    await using world = await openWorld();
    world.sigstore.faults.oidc.inject({ kind: 'status', ...fault });
    const run = await world.sign('v1');
    expect(run, run.stdout).toMatchObject({ code: 1, errorCodes: ['no-identity-token'] });
    expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toMatch(words);
    expect(world.sigstore.faults.oidc.requests).toBe(1);
    expect(world.sigstore.faults.fulcio.requests).toBe(0);
  });

  it('that accepts and never answers costs no more than the time of the step', async () => {
    await using world = await openWorld();
    world.sigstore.faults.oidc.inject({ kind: 'hang' });
    const run = await world.sign('v1', { timeout: '6s' });
    expect(run, run.stdout).toMatchObject({ code: 1, errorCodes: ['no-identity-token'] });
    expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toContain(
      "GitHub's OIDC provider",
    );
  });
});

describe.concurrent('a service that hangs', patient, () => {
  it('does not use up the time for another try', async () => {
    await using world = await openWorld();
    for (const service of ['oidc', 'fulcio', 'rekor'] as const)
      world.sigstore.faults[service].inject({ kind: 'hang' }, { times: 1 });
    const run = await world.sign('v1', { timeout: '40s', format: 'bundle' });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe.concurrent('an outage that befalls one signature of two', () => {
  it('leaves the other, says that it is there, and the next run completes it', async () => {
    await using world = await openWorld();
    const isLegacy = ({ body }: { body: Buffer }) => body.includes('"hashedrekord"');
    world.sigstore.faults.rekor.inject({ kind: 'status', status: 500 }, { matching: isLegacy });
    const run = await world.sign('v1', { timeout: '5s' });
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
    const start = performance.now();
    const run = await world.sign('v1', {
      images: `${world.registry.host}/acme/missing@sha256:${'0'.repeat(64)}`,
      timeout: '2m',
    });
    expect(run).toMatchObject({ code: 1, errorCodes: ['image-not-found'] });
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
