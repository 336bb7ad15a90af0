// A log that is down, through the built actions and the command: who stands in for it, and what is
// told where only a timestamp does. How the time is spent, engine/stand-ins.test.ts and
// engine/log-fallback.test.ts measure; here budgets are so wide that only a hang breaks them.
import { describe, expect, it } from 'vitest';
import { command } from '../command/command.ts';
import { runAction } from '../sandbox/runner.ts';
import { newKeyPem } from './keyless-world.ts';
import { openWorld } from './outage-world.ts';
import type { SignedRun } from './signed.ts';

/** Nobody listens there. */
const nobody = 'http://127.0.0.1:9';
const signers = [
  ['keyless', () => ({})],
  ['with a key', () => ({ key: newKeyPem() })],
] as const;
const fallback = { 'tlog-fallback': 'timestamp', timeout: '30s' };
const predicate = { predicate: '{"checked":true}', 'predicate-type': 'https://example.com/check' };

describe.concurrent.each(signers)('a step %s whose log is down', (_who, signer) => {
  it('signs with the one that stands in, and says so in log and summary', async () => {
    await using world = await openWorld();
    const { v1 } = world.sigstore.signingConfig as { v1: { rekorTlogUrls: object[] } };
    const [known] = v1.rekorTlogUrls;
    const newer = { ...known, url: nobody, validFor: { start: '2025-01-01T00:00:00Z' } };
    const config = JSON.stringify({ ...v1, rekorTlogUrls: [newer, known] });
    const inputs = { ...signer(), 'signing-config': config, timeout: '45s' };
    const run = await world.sign('v1', inputs);
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(run.results[0]?.signatures.map(({ format }) => format)).toEqual(['bundle', 'legacy']);
    const words = `Rekor at ${world.sigstore.rekorUrl} is used in place of ${nobody}, which is down`;
    expect(run.annotations.map(({ kind, message }) => [kind, message])).toEqual([
      ['notice', expect.stringContaining(words)],
    ]);
    expect(run.summary).toContain(
      `Rekor <code>${world.sigstore.rekorUrl}</code> was used in place of <code>${nobody}</code>, which was down.`,
    );
  });

  it.each([
    ['signature', {}],
    ['attestation', { entry: 'dist/attest.js', inputs: predicate }],
  ] as const)(
    'writes a %s with a timestamp only where that is asked for, says it in every place, and completes it',
    async (thing, { entry, inputs = {} }: { entry?: string; inputs?: object }) => {
      await using world = await openWorld();
      const given = { ...fallback, ...signer(), ...inputs };
      const options = entry === undefined ? {} : { entry };
      world.sigstore.faults.rekor.inject({ kind: 'status', status: 503 });
      const run = await world.sign('v1_tsa', given, options);
      expectTold(run, thing);
      await expectVerified(world, run, thing);
      world.sigstore.faults.rekor.clear();
      const again = await world.sign('v1_tsa', given, options);
      expect(again, again.stdout).toMatchObject({
        code: 0,
        outputs: { verified: 'true', 'tlog-index': expect.stringMatching(/^\d+$/) },
        results: [{ status: 'signed' }],
        annotations: [],
      });
      expect(again.summary).not.toMatch(/not in the log|tlog: ignore/);
      const third = await world.sign('v1_tsa', given, options);
      expect(third.results).toMatchObject([{ status: 'already-signed' }]);
    },
  );
});

/** Log, annotations, summary, outputs and policies say that there is no log entry. */
function expectTold(run: SignedRun, thing: 'signature' | 'attestation'): void {
  expect(run, run.stdout).toMatchObject({
    code: 0,
    outputs: { verified: 'true', 'tlog-index': '', 'tlog-url': '' },
  });
  expect(run.results[0]?.signatures).toMatchObject(
    ['bundle', 'legacy'].map((format) => ({ format, tlogIndex: null, withoutLog: true })),
  );
  expect(run.annotations.map(({ kind, message }) => [kind, message])).toEqual([
    ['notice', expect.stringContaining('The transparency log is down')],
    ['warning', expect.stringMatching(new RegExp(`^2 of 2 ${thing}s are in no transparency log`))],
  ]);
  expect(run.stdout).toMatch(/✓ .*\(bundle and legacy\), in no log, timestamp only, read back/);
  expect(run.summary).toMatch(/^## ⚠️ 1 image (signed|attested) and verified, not in the log\n/);
  expect(run.summary).toContain(`⚠️ 2 of 2 ${thing}s are in no transparency log`);
  expect(run.summary).toContain('tlog: ignore');
}

type World = Awaited<ReturnType<typeof openWorld>>;

/** The gate refuses it with the log required, and lets it through as the summary says. */
async function expectVerified(world: World, run: SignedRun, thing: string): Promise<void> {
  const [, file] =
    [...run.files].find(([name]) => name.endsWith('kyverno-cluster-policy.yaml')) ?? [];
  const policy = String(file);
  expect(policy).toContain('# The transparency log was down when this was signed.');
  expect(policy).toContain('ignoreTlog: true');
  const pem = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/.exec(run.summary)?.[0];
  const key = run.outputs.identity === '' ? pem : undefined;
  const gate = (more: Readonly<Record<string, string>>) =>
    runAction({
      entry: 'dist/verify.js',
      inputs: {
        images: world.image,
        'trusted-root': JSON.stringify(world.sigstore.trustedRoot),
        ...(key === undefined
          ? {
              'certificate-identity': world.sigstore.certificateIdentity,
              'certificate-oidc-issuer': world.sigstore.issuer,
            }
          : { key }),
        ...(thing === 'attestation'
          ? { 'attestation-type': predicate['predicate-type'], signature: 'ignore' }
          : {}),
        ...more,
      },
    });
  const [required, ignored] = await Promise.all([gate({}), gate({ tlog: 'ignore' })]);
  expect(required).toMatchObject({ code: 1 });
  expect(required.stdout).toContain('no-log-entry');
  expect(ignored, ignored.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
}

describe.concurrent('the command', () => {
  it('says the same, and fails without --tlog-fallback', async () => {
    await using world = await openWorld();
    world.sigstore.faults.rekor.inject({ kind: 'status', status: 503 });
    const sign = (...more: readonly string[]) =>
      command(
        [
          ...['sign', '--images', world.image, '--key', 'env://KEY', '--json', '--timeout', '30s'],
          ...['--signing-config', JSON.stringify(world.sigstore.signingConfig.v1_tsa)],
          ...['--trusted-root', JSON.stringify(world.sigstore.trustedRoot), ...more],
        ],
        { env: { KEY: newKeyPem() } },
      );
    const [down, stamped] = await Promise.all([sign(), sign('--tlog-fallback', 'timestamp')]);
    expect(down, down.stderr).toMatchObject({ code: 1, json: { outputs: { images: '[]' } } });
    expect(down.stderr).toContain('rekor-error');
    expect(stamped, stamped.stderr).toMatchObject({
      code: 0,
      json: { outputs: { verified: 'true', 'tlog-index': '' } },
    });
    expect(stamped.stderr).toContain('2 of 2 signatures are in no transparency log');
    expect(stamped.stderr).toMatch(/Verify with: .*--tlog ignore/);
  });
});
