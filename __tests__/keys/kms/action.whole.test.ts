// The built actions with a key in a service: sign, verify, and what they load and ask for.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pushImage } from '../../sandbox/images.ts';
import { startVault } from '../../sandbox/kms/vault.ts';
import { startRegistry } from '../../sandbox/registry.ts';
import { runAction } from '../../sandbox/runner.ts';
import { findSecrets } from '../../sandbox/secrets.ts';
import { startSigstore } from '../../sandbox/sigstore/sigstore.ts';
import { type KeyWorld, keyWorlds } from './worlds.ts';

const machine = ({ env, home, workspace }: KeyWorld) => ({
  env,
  ...(home === undefined ? {} : { home }),
  ...(workspace === undefined ? {} : { workspace }),
});
const pemOf = ({ publicKey }: KeyWorld) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();
const hasVerify = existsSync(new URL('../../../dist/verify.js', import.meta.url));

/** kilobytes of JavaScript that a provider may bring along (minified, as everything) */
const budgets: readonly (readonly [name: RegExp, kilobytes: number])[] = [
  [/AWS/, 150],
  [/Google/, 400],
  [/Azure/, 500],
  [/Vault/, 100],
  // 100 of them are the YAML reader, which a kubeconfig and the files of a gate have in common.
  [/Kubernetes/, 160],
];

describe.each(keyWorlds)('%s', (name, start) => {
  it('signs ten images after one look-up, verifies them, and leaves no secret', async () => {
    await using world = await start();
    await using registry = await startRegistry();
    const images: string[] = [];
    for (let seed = 0; seed < 10; seed++)
      images.push((await pushImage(registry.host, 'team/app', { seed })).reference);
    const result = await runAction({
      inputs: { images: images.join('\n'), key: world.reference, tlog: 'false' },
      ...machine(world),
      debug: true,
    });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const results = JSON.parse(result.outputs.results ?? '[]') as { signatures: unknown[] }[];
    const signatures = results.flatMap((entry) => entry.signatures).length;
    const asked = Object.fromEntries(
      [...Map.groupBy(world.service.asked, ({ what }) => what)].map(([what, all]) => [
        what,
        all.length,
      ]),
    );
    expect(asked).toEqual(
      Object.fromEntries(
        Object.entries(world.asks).map(([what, times]) => [
          what,
          times === 'signatures' ? signatures : times,
        ]),
      ),
    );
    expect(world.service.busiest()).toBeLessThanOrEqual(8);
    expect(findSecrets(result, world.secrets)).toEqual([]);

    if (!hasVerify) return;
    const gate = { entry: 'dist/verify.js', ...machine(world) };
    const inputs = { images: images.join('\n'), tlog: 'ignore' };
    const byReference = await runAction({ ...gate, inputs: { ...inputs, key: world.reference } });
    expect(byReference, byReference.stdout).toMatchObject({
      code: 0,
      outputs: { verified: 'true' },
    });
    expect(findSecrets(byReference, world.secrets)).toEqual([]);
    expect(
      await runAction({ ...gate, env: {}, inputs: { ...inputs, key: pemOf(world) } }),
    ).toMatchObject({ code: 0 });
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString();
    expect(
      await runAction({ ...gate, env: {}, inputs: { ...inputs, key: stranger } }),
    ).toMatchObject({ code: 1 });
  });

  it('brings no more code than it may, and a run without it none', async () => {
    await using world = await start();
    await using registry = await startRegistry();
    const { reference } = await pushImage(registry.host, 'team/app');
    const local = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const inputs = { images: reference, tlog: 'false' };
    const without = await runAction({ inputs: { ...inputs, key: local }, measure: true });
    const with_ = await runAction({
      inputs: { ...inputs, key: world.reference },
      ...machine(world),
      measure: true,
    });
    expect([without.code, with_.code], with_.stdout).toEqual([0, 0]);
    const names = (without.loaded ?? []).map(({ file }) => file);
    const ofKeys = /\/(aws|azure|google|vault|kubernetes|pkcs11|keys|exec|programs)\.js$/;
    expect(names.filter((file) => ofKeys.test(file))).toEqual([]);
    const more = (with_.loaded ?? []).filter(({ file }) => !names.includes(file));
    expect(more.some(({ file }) => ofKeys.test(file))).toBe(true);
    const kilobytes = more.reduce((sum, { bytes }) => sum + bytes, 0) / 1024;
    const [, most] = budgets.find(([pattern]) => pattern.test(name)) as (typeof budgets)[number];
    expect(kilobytes).toBeGreaterThan(1);
    expect(kilobytes).toBeLessThanOrEqual(most);
  });
});

describe('a key that was rotated', () => {
  it('signs with its newest version, and what the one before has signed still verifies', async () => {
    await using vault = await startVault({ versions: 1 });
    await using registry = await startRegistry();
    const env = vault.env();
    const [old, fresh] = await Promise.all(
      [1, 2].map(async (seed) => (await pushImage(registry.host, 'team/app', { seed })).reference),
    );
    const sign = (images = '') =>
      runAction({ inputs: { images, key: 'hashivault://release', tlog: 'false' }, env });
    expect(await sign(old)).toMatchObject({ code: 0 });
    vault.rotate();
    expect(await sign(fresh)).toMatchObject({ code: 0 });
    const gate = (key: string, images = '') =>
      runAction({ entry: 'dist/verify.js', inputs: { images, key, tlog: 'ignore' }, env });
    const pem = (version: number) =>
      vault.publicKey(version).export({ type: 'spki', format: 'pem' }).toString();
    expect(await gate('hashivault://release', `${old}\n${fresh}`)).toMatchObject({ code: 0 });
    const codes = await Promise.all([
      gate(pem(1), old),
      gate(pem(2), fresh),
      gate(pem(2), old),
      gate(pem(1), fresh),
    ]);
    expect(codes.map(({ code }) => code)).toEqual([0, 0, 1, 1]);
  });
});

describe('a service that refuses', () => {
  it('is named once for all images, with what to do, and nothing is pushed as a signature', async () => {
    await using vault = await startVault({ allowed: ['read'] });
    await using registry = await startRegistry();
    const images = await Promise.all(
      [1, 2, 3].map(
        async (seed) => (await pushImage(registry.host, 'team/app', { seed })).reference,
      ),
    );
    const result = await runAction({
      inputs: { images: images.join('\n'), key: 'hashivault://release', tlog: 'false' },
      env: vault.env(),
    });
    expect(result.code).toBe(1);
    const errors = result.annotations.filter(({ kind }) => kind === 'error');
    expect(errors.map(({ properties }) => properties.title)).toEqual(['sign-image: kms-denied']);
    expect(errors[0]?.message).toContain('`update` on `transit/sign/*`');
    expect(result.outputs.verified).toBe('false');
  });
});

describe('with a transparency log', () => {
  it.each(['v1', 'v2'] as const)(
    'of version %s, keys in services sign into it',
    async (version) => {
      const sigstore = await startSigstore();
      try {
        await using registry = await startRegistry();
        for (const [name, start] of keyWorlds.filter(([name]) => /^(AWS|Vault)/.test(name))) {
          await using world = await start();
          const { reference } = await pushImage(registry.host, 'team/app', { seed: name });
          const trust = {
            'trusted-root': JSON.stringify(sigstore.trustedRoot),
            'signing-config': JSON.stringify(sigstore.signingConfig[version]),
          };
          const result = await runAction({
            inputs: { images: reference, key: world.reference, ...trust },
            ...machine(world),
          });
          expect(result, result.stdout).toMatchObject({
            code: 0,
            outputs: { verified: 'true', 'tlog-index': expect.stringMatching(/^\d+$/) },
          });
          expect(findSecrets(result, world.secrets)).toEqual([]);
        }
      } finally {
        await sigstore.close();
      }
    },
  );
});
