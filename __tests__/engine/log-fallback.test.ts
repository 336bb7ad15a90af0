// `tlog-fallback: timestamp`: while every log is down, a timestamp alone; when it is back, the next
// run adds what is missing. With a real Sigstore and a registry in memory, on a clock of the test's
// own.
import { createPrivateKey } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Forge, signingTime } from '../attacks/forge.ts';
import { mailbox, ownLeaf, ownPki } from '../attacks/own-authority.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { newKeyPem } from '../sign-action/keyless-world.ts';
import { minute, openWorld } from './sigstore-world.ts';

type World = Awaited<ReturnType<typeof openWorld>>;
type Config = { rekorTlogUrls: { url: string; validFor: object }[] };

let second: Sigstore | undefined;
afterEach(async () => void (await second?.close()));

const fallback = { 'tlog-fallback': 'timestamp' };
const key = newKeyPem();
const signers = [
  ['keyless', {}],
  ['with a key', { key }],
] as const;
const logs = [
  ['v1_tsa', 'rekor', ['bundle', 'legacy']],
  ['v2', 'rekor2', ['bundle']],
] as const;
const cases = signers.flatMap(([who, signer]) =>
  logs.map(([config, service, formats]) => [who, config, signer, service, formats] as const),
);
const stamped = (formats: readonly string[]) =>
  formats.map((format) => ({ format, withoutLog: true, timestamp: expect.any(String) }));
const bundles = ({ registry, images: [image] }: World) =>
  registry.store.referrers('acme/app', image.split('@')[1] ?? '').length;

describe.each(cases)(
  'signing %s while the log is down (%s)',
  (_who, name, signer, service, formats) => {
    it('has a timestamp only, after half of the time, and says so', async () => {
      const world = await openWorld();
      await world.sigstore.faults[service].down();
      const config = world.sigstore.signingConfig[name];
      const { report, took, told } = await world.sign(config, {
        ...fallback,
        ...signer,
        images: world.images.join('\n'),
      });
      for (const result of report.results) {
        expect(result).toMatchObject({ status: 'signed', verified: true });
        expect(result.signatures).toMatchObject(stamped(formats));
        for (const signature of result.signatures)
          expect(Object.keys(signature)).not.toEqual(
            expect.arrayContaining([expect.stringMatching(/^(tlogIndex|logId|integratedTime)$/)]),
          );
      }
      expect(took).toBeGreaterThan(2 * minute);
      expect(took).toBeLessThan(3 * minute);
      expect(report.logOutage).toMatch(/^Rekor at http:\S+ gave no usable answer in 1\d\d\.\d s/);
      const said = told.filter(({ text }) => text.startsWith('The transparency log is down, '));
      expect(said).toEqual([
        { kind: 'notice', text: expect.stringMatching(/a timestamp only.*gave no usable answer/) },
      ]);
    });

    it('fails without that input, and nothing is in the registry', async () => {
      const world = await openWorld();
      await world.sigstore.faults[service].down();
      const before = world.stored();
      const { result } = await world.sign(world.sigstore.signingConfig[name], {
        ...signer,
        format: 'bundle',
      });
      expect(result).toMatchObject({ status: 'failed', error: { code: 'rekor-error' } });
      expect(world.stored()).toBe(before);
    });

    it('is completed by the next run, and then left alone', async () => {
      const world = await openWorld();
      const { faults, signingConfig } = world.sigstore;
      const sign = (given: Readonly<Record<string, string>> = {}) =>
        world.sign(signingConfig[name], { ...signer, ...given });
      await faults[service].down();
      await sign(fallback);
      const one = bundles(world);
      const stored = world.stored();
      // Still down: what is there is not written again, and is told for what it is.
      const still = await sign(fallback);
      expect(still.result).toMatchObject({ status: 'already-signed', verified: true });
      expect(still.result?.signatures).toMatchObject(stamped(formats));
      expect([bundles(world), world.stored()]).toEqual([one, stored]);
      await faults[service].up();
      const complete = await sign(name === 'v2' ? fallback : {});
      expect(complete.result).toMatchObject({ status: 'signed', verified: true });
      expect(complete.result?.signatures).toMatchObject(
        formats.map((format) => ({ format, tlogIndex: expect.any(Number) })),
      );
      expect(complete.report).not.toHaveProperty('logOutage');
      expect(complete.result?.signatures[0]).not.toHaveProperty('withoutLog');
      expect(bundles(world)).toBe(one + 1);
      const again = await sign(fallback);
      expect(again.result?.signatures).toEqual(complete.result?.signatures);
      expect(again.result).toMatchObject({ status: 'already-signed' });
      expect(bundles(world)).toBe(one + 1);
    });
  },
);

describe('a timestamp in place of the log', () => {
  it('is not used where a log answers', async () => {
    const { sigstore, sign } = await openWorld();
    sigstore.faults.rekor.inject({ kind: 'status', status: 503 }, { milliseconds: minute });
    const { result, report, took } = await sign(sigstore.signingConfig.v1_tsa, fallback);
    expect(result?.signatures).toMatchObject([
      { format: 'bundle', tlogIndex: expect.any(Number) },
      { format: 'legacy', tlogIndex: expect.any(Number) },
    ]);
    expect(report).not.toHaveProperty('logOutage');
    expect(took).toBeGreaterThanOrEqual(minute);
  });

  it('is refused before anything is asked where no authority is configured', async () => {
    const { sigstore, sign } = await openWorld();
    const asked = sigstore.requests.length;
    await expect(sign(sigstore.signingConfig.v1, { ...fallback, key })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('needs a timestamp authority, and none is configured'),
    });
    expect(sigstore.requests.length).toBe(asked);
  });

  it('needs an authority that is up, and one that the trusted root knows', async () => {
    const world = await openWorld();
    const { sigstore, sign, stored } = world;
    await sigstore.faults.rekor.down();
    await sigstore.faults.timestamp.down();
    const before = stored();
    const config = sigstore.signingConfig.v1_tsa;
    const down = await sign(config, { ...fallback, format: 'bundle' });
    expect(down.result).toMatchObject({ status: 'failed', error: { code: 'timestamp-error' } });
    second = await startSigstore({ clock: world.clock, network: world.network });
    const other = await sign(config, { ...fallback, 'timestamp-url': second.timestampUrl, key });
    expect(other.result).toMatchObject({ status: 'failed', error: { code: 'not-verified' } });
    expect(stored()).toBeLessThanOrEqual((before ?? 0) + 1);
  });

  it.each([
    ['refuses', { kind: 'status', status: 400 }, 'rekor-error'],
    ['wants a login', { kind: 'status', status: 401 }, 'rekor-error'],
    ['breaks off its answer', { kind: 'malformed' }, 'rekor-error'],
    ['answers with the key of another', undefined, 'not-verified'],
  ] as const)('is no way around a log that %s', async (_how, fault, code) => {
    const world = await openWorld();
    second = await startSigstore({ clock: world.clock, network: world.network });
    if (fault !== undefined) second.faults.rekor.inject(fault);
    const config = world.sigstore.signingConfig.v1_tsa as Config;
    const lying = { ...config.rekorTlogUrls[0], url: second.rekorUrl };
    for (const signer of [{}, { key }]) {
      const { result, report, took } = await world.sign(
        { ...config, rekorTlogUrls: [lying] },
        { ...fallback, ...signer, format: 'bundle' },
      );
      expect(result).toMatchObject({ status: 'failed', signatures: [], error: { code } });
      expect(report).not.toHaveProperty('logOutage');
      expect(took).toBeLessThan(1_000);
    }
  });

  it('is used only when all logs are down, those that stand in as well', async () => {
    const world = await openWorld();
    const config = world.sigstore.signingConfig.v1_tsa as Config;
    const [known] = config.rekorTlogUrls;
    const gone = {
      ...known,
      url: 'http://127.0.0.1:64999',
      operator: 'other',
      validFor: { start: '2025-01-01T00:00:00Z' },
    };
    const two = { ...config, rekorTlogUrls: [gone, known] };
    const one = await world.sign(two, fallback);
    expect(one.result?.signatures[0]).toMatchObject({ tlogIndex: expect.any(Number) });
    await world.sigstore.faults.rekor.down();
    const none = await world.sign(two, { ...fallback, images: world.images[1] });
    expect(none.result?.signatures).toMatchObject(stamped(['bundle', 'legacy']));
    expect(none.report.logOutage).toMatch(/^None of \d answers: /);
  });

  it('is used of the one signature that no log took in', async () => {
    const { sigstore, sign } = await openWorld();
    const isLegacy = ({ body }: { body: Buffer }) => body.includes('"hashedrekord"');
    sigstore.faults.rekor.inject({ kind: 'status', status: 500 }, { matching: isLegacy });
    const { result } = await sign(sigstore.signingConfig.v1_tsa, fallback);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(result?.signatures).toMatchObject([
      { format: 'bundle', tlogIndex: expect.any(Number) },
      { format: 'legacy', withoutLog: true },
    ]);
    expect(result?.signatures[0]).not.toHaveProperty('withoutLog');
  });

  it('stands beside a certificate of an authority of one\u2019s own', async () => {
    const { sigstore, sign } = await openWorld(signingTime);
    const pki = ownPki();
    const leaf = new Forge().certificate(createPrivateKey(key), ownLeaf(pki));
    const own = {
      ...fallback,
      key,
      certificate: pem('CERTIFICATE', leaf),
      'certificate-chain': pem('CERTIFICATE', pki.step.der) + pem('CERTIFICATE', pki.root.der),
    };
    await sigstore.faults.rekor.down();
    const { result } = await sign(sigstore.signingConfig.v1_tsa, own);
    expect(result).toMatchObject({ status: 'signed', signer: { identity: mailbox } });
    expect(result?.signatures).toMatchObject(stamped(['bundle', 'legacy']));
    await sigstore.faults.rekor.up();
    const back = await sign(sigstore.signingConfig.v1_tsa, own);
    expect(back.result).toMatchObject({ status: 'signed', verified: true });
    expect(back.result?.signatures[0]).toMatchObject({ tlogIndex: expect.any(Number) });
  });

  it('is used where a log does not even say its version', async () => {
    const { sigstore, sign } = await openWorld();
    await sigstore.faults.rekor2.down();
    const given = { ...fallback, 'rekor-url': sigstore.rekor2Url };
    const { result } = await sign(sigstore.signingConfig.tsa, given);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(result?.signatures).toMatchObject(stamped(['bundle', 'legacy']));
    await sigstore.faults.rekor2.up();
    const back = await sign(sigstore.signingConfig.tsa, given);
    expect(back.result?.signatures).toMatchObject([
      { format: 'bundle', tlogIndex: expect.any(Number) },
    ]);
  });
});
