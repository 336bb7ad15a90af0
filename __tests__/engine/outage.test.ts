// Outages of a keyless run, with a real Sigstore and a registry
// in memory, on a clock of the test's own: inside its budget they are survived; beyond it the result
// says which service, for how long and how often it was asked, and the registry is as it was.
import { describe, expect, it } from 'vitest';
import type { ServiceName, Sigstore } from '../sandbox/sigstore/sigstore.ts';
import { minute, openWorld } from './sigstore-world.ts';

const services = [
  ['fulcio', 'v1', 'fulcio-error', 'Fulcio'],
  ['rekor', 'v1', 'rekor-error', 'Rekor'],
  ['rekor2', 'v2', 'rekor-error', 'Rekor'],
  ['timestamp', 'tsa', 'timestamp-error', 'The timestamp authority'],
] as const;

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
    const { result, took } = await sign(sigstore.signingConfig[config]);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(took).toBeGreaterThanOrEqual(least);
    expect(took).toBeLessThan(5 * minute);
  });

  it('that lasts longer fails in time, with its name, for how long and how often it was asked, and leaves nothing in the registry', async () => {
    const { sigstore, sign, stored } = await openWorld();
    sigstore.faults[service].inject({ kind: 'status', status: 503 });
    const before = stored();
    const { result, took } = await sign(sigstore.signingConfig[config], { format: 'bundle' });
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
    const { result, took } = await sign(sigstore.signingConfig.v1, {
      timeout: '10s',
      format: 'bundle',
    });
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
    const { result } = await sign(sigstore.signingConfig.v1);
    expect(result).toMatchObject({
      status: 'failed',
      signatures: [{ format: 'bundle' }],
      error: { code: 'rekor-error' },
    });
    sigstore.faults.rekor.clear();
    const again = await sign(sigstore.signingConfig.v1);
    expect(again.result).toMatchObject({
      status: 'signed',
      verified: true,
      signatures: [{ format: 'bundle' }, { format: 'legacy' }],
    });
    expect(again.result?.signatures[0]).toEqual(result?.signatures[0]);
  });
});
