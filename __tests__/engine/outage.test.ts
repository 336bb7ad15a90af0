// Outages of a keyless run, with a real Sigstore and a registry
// in memory, on a clock of the test's own: inside its budget they are survived; beyond it the result
// says which service, for how long and how often it was asked, and the registry is as it was.
import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import { readSignInputs } from '../../src/edges/inputs/sign.ts';
import { openWorld as openEngineWorld } from '../../src/edges/world.ts';
// Loaded beforehand: no clock of a test waits for a file that is read.
import '../../src/engine/services.ts';
import { sign as signImages } from '../../src/engine/sign.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import {
  type ServiceName,
  type SigningConfigName,
  type Sigstore,
  startSigstore,
} from '../sandbox/sigstore/sigstore.ts';

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: sha256('{}'),
    size: 2,
  },
  layers: [],
});

/** A Sigstore, a registry with one image, and runs that sign it. */
async function openWorld() {
  const clock = new FakeClock(new Date());
  const network = new MemoryNetwork();
  const [sigstore, registry] = await Promise.all([
    startSigstore({ clock, network }),
    startRegistry({ referrersApi: true, ociSubject: true, clock, network }),
  ]);
  await sigstore.token(); // its key takes a while to be made, and must not be overtaken
  registry.store.addBlob('acme/app', '{}');
  registry.store.addManifest(
    'acme/app',
    manifest,
    'application/vnd.oci.image.manifest.v1+json',
    'v1',
  );
  const sign = async (config: SigningConfigName, given: Readonly<Record<string, string>> = {}) => {
    const values: Readonly<Record<string, string>> = {
      images: `${registry.host}/acme/app@${sha256(manifest)}`,
      'signing-config': JSON.stringify(sigstore.signingConfig[config]),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
      'identity-token': await sigstore.token(),
      ...given,
    };
    const masker = createMasker(
      () => [],
      () => {},
    );
    const inputs = readSignInputs(masker, { get: (name) => values[name] ?? '', env: {} });
    const world = openEngineWorld(
      inputs.timeout,
      {
        env: { HOME: '/nowhere' },
        clock,
        mask: masker,
        tell: () => {},
        workspace: '/nowhere',
        surroundings: () => ({
          asksForIdentity: false,
          identityToken: () => Promise.reject(new Error('a token is given')),
          visibility: async () => ({ visibility: 'private', from: 'event' }),
          tokenVisibility: async () => undefined,
        }),
      },
      { ahead: network },
    );
    const begin = clock.now();
    const {
      results: [result],
    } = await clock.run(() => signImages(inputs, world).finally(world.close));
    return { result, took: clock.now() - begin };
  };
  const stored = () => registry.store.find('acme/app')?.manifests.size;
  return { clock, sigstore, registry, sign, stored };
}

const services = [
  ['fulcio', 'v1', 'fulcio-error', 'Fulcio'],
  ['rekor', 'v1', 'rekor-error', 'Rekor'],
  ['rekor2', 'v2', 'rekor-error', 'Rekor'],
  ['timestamp', 'tsa', 'timestamp-error', 'The timestamp authority'],
] as const;

const minute = 60_000;
type Befall = (sigstore: Sigstore, service: ServiceName) => unknown;
const outages: readonly (readonly [string, Befall, least: number])[] = [
  [
    'refuses, asks for a pause, resets connections before and after the work',
    ({ faults }, service) => {
      faults[service].inject({ kind: 'status', status: 503 }, { times: 1 });
      faults[service].inject({ kind: 'status', status: 429, retryAfter: 10 }, { times: 1 });
      faults[service].inject({ kind: 'reset', when: 'before' }, { times: 1 });
      faults[service].inject({ kind: 'reset', when: 'after' }, { times: 1 });
    },
    10_000,
  ],
  ['is down for a minute', ({ faults }, service) => faults[service].down(minute), minute],
  [
    'hangs for a minute',
    ({ faults }, service) => faults[service].inject({ kind: 'hang' }, { milliseconds: minute }),
    minute,
  ],
];

describe.each(services)('an outage of %s', (service, config, code, name) => {
  it.each(outages)('is survived inside the budget when it %s', async (_how, befall, least) => {
    const { sigstore, sign } = await openWorld();
    await befall(sigstore, service);
    const { result, took } = await sign(config);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(took).toBeGreaterThanOrEqual(least);
    expect(took).toBeLessThan(5 * minute);
  });

  it('that lasts longer fails in time, with its name, for how long and how often it was asked, and leaves nothing in the registry', async () => {
    const { sigstore, sign, stored } = await openWorld();
    sigstore.faults[service].inject({ kind: 'status', status: 503 });
    const before = stored();
    const { result, took } = await sign(config, { format: 'bundle' });
    expect(result).toMatchObject({ status: 'failed', signatures: [], error: { code } });
    expect(result?.error?.message).toMatch(
      new RegExp(
        `^${name} at http://127.0.0.1:\\d+\\S* answered 503 for 2\\d\\d\\.\\d s, asked \\d+ times: injected fault$`,
      ),
    );
    expect(stored()).toBe(before);
    // What is kept for pushing, reading back and reporting is fifteen seconds.
    expect(took).toBeGreaterThan(5 * minute - 25_000);
    expect(took).toBeLessThan(5 * minute);
  });
});

describe('a service that hangs', () => {
  it('does not use up a short time for another try', async () => {
    const { sigstore, sign } = await openWorld();
    for (const service of ['fulcio', 'rekor'] as const)
      sigstore.faults[service].inject({ kind: 'hang' }, { times: 1 });
    const { result, took } = await sign('v1', { timeout: '10s', format: 'bundle' });
    expect(result).toMatchObject({ status: 'signed', verified: true });
    // Half of nine seconds for Fulcio, half of what is left for Rekor.
    expect(took).toBeGreaterThan(4_500);
    expect(took).toBeLessThan(9_000);
  });
});

describe('an outage that befalls one signature of two', () => {
  it('leaves the other, and the next run completes it', async () => {
    const { sigstore, sign } = await openWorld();
    const isLegacy = ({ body }: { body: Buffer }) => body.includes('"hashedrekord"');
    sigstore.faults.rekor.inject({ kind: 'status', status: 500 }, { matching: isLegacy });
    const { result } = await sign('v1');
    expect(result).toMatchObject({
      status: 'failed',
      signatures: [{ format: 'bundle' }],
      error: { code: 'rekor-error' },
    });
    sigstore.faults.rekor.clear();
    const again = await sign('v1');
    expect(again.result).toMatchObject({
      status: 'signed',
      verified: true,
      signatures: [{ format: 'bundle' }, { format: 'legacy' }],
    });
    expect(again.result?.signatures[0]).toEqual(result?.signatures[0]);
  });
});
