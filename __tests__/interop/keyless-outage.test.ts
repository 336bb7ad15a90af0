// A real Sigstore of its own, whose services are stopped, and brought back while the action
// retries.

import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import {
  type KeylessWorld,
  newKeyPem,
  realWorld,
  signKeyless,
} from '../sign-action/keyless-world.ts';
import { cosign2, cosign3, need, type Ran, run, temporaryFolder } from './peers.ts';

/** Far from the default stack, and below the ports that systems hand out themselves. */
const basePort = 18_400;
const stack = async (...words: string[]) => {
  const ran = await run(need('SIGSTORE_STACK_COMMAND'), [
    ...words,
    '--base-port',
    String(basePort),
  ]);
  if (ran.code !== 0) throw new Error(`sigstore-stack ${words.join(' ')}: ${ran.output}`);
  return ran.output;
};
let world: KeylessWorld;
let env: Readonly<Record<string, string>>;
let folder: string;
let cleanUp: () => Promise<void>;

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  await stack('up');
  env = JSON.parse(await stack('env', '--json'));
  world = await realWorld(env);
});

afterAll(async () => {
  await world?.close();
  await cleanUp?.();
  await stack('down');
});

const push = async () =>
  (
    await pushImage(
      world.registries['with the referrers API'],
      `interop/outage-${process.pid}-${count++}`,
    )
  ).reference;
let count = 0;

describe('a service that is stopped, and comes back while the action retries, is survived', () => {
  it.each([
    // Fulcio itself waits for the certificate log.
    ['ct', 'v1', /\/api\/v2\/signingCert: (200 in \d{4,} ms|TIMEOUT|5\d\d)/],
    ['rekor1', 'v1', /\/api\/v1\/log\/entries: (?!201)/],
    ['rekor2', 'v2', /\/api\/v2\/log\/entries: (?!201)/],
    ['tsa', 'tsa', /\/api\/v1\/timestamp: (?!20[01])/],
  ] as const)('%s', async (service, config, failedTry) => {
    const image = await push();
    await stack('down', service);
    const signing = signKeyless(world, image, { config, inputs: { timeout: '60s' } });
    await sleep(2_000);
    await stack('up');
    const signed = await signing;
    expect(signed, signed.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(signed.stdout).toMatch(failedTry);
    const again = await signKeyless(world, image, { config });
    expect(again, again.stdout).toMatchObject({ code: 0, results: [{ status: 'already-signed' }] });
  });
});

it('a log that stays away is named, with how long and how often it was asked, and nothing is in the registry', async () => {
  const image = await push();
  await stack('down', 'rekor1');
  const signed = await signKeyless(world, image, { inputs: { timeout: '8s' } });
  await stack('up');
  expect(signed).toMatchObject({ code: 1, results: [{ status: 'failed', signatures: [] }] });
  expect(new Set(signed.errorCodes)).toEqual(new Set(['rekor-error']));
  expect(signed.annotations.find(({ kind }) => kind === 'error')?.message).toMatch(
    /Rekor at http.* in \d\.\d s.*\(\d+ tries/,
  );
  const first = await signKeyless(world, image);
  expect(first).toMatchObject({ code: 0, results: [{ status: 'signed', verified: true }] });
});

describe('`tlog-fallback: timestamp`', () => {
  const fallback = { 'tlog-fallback': 'timestamp', timeout: '20s' };
  const keyPem = newKeyPem();
  const publicKey = createPublicKey(keyPem).export({ type: 'spki', format: 'pem' }).toString();
  const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });
  const refused = (ran: Ran) => expect(ran, ran.output).not.toMatchObject({ code: 0 });
  const who = async (keyed: boolean) => {
    const file = join(folder, 'cosign.pub');
    await writeFile(file, publicKey);
    const { certificateIdentity: identity, issuer } = world.sigstore;
    return keyed
      ? ['--key', file]
      : ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
  };
  /** What real verifiers say of an image: with the log, and by its timestamp alone. */
  const judges = async (keyed: boolean, image: string) => {
    const by = await who(keyed);
    const third = ['--trusted-root', env.TRUSTED_ROOT ?? '', '--allow-http-registry', image];
    const second = ['--rekor-url', env.REKOR_URL ?? '', '--allow-http-registry', image];
    const times = ['--use-signed-timestamps'];
    const ignoring = [...times, '--insecure-ignore-tlog'];
    const gate = (more: Readonly<Record<string, string>>) =>
      runAction({
        entry: 'dist/verify.js',
        inputs: {
          images: image,
          'trusted-root': env.TRUSTED_ROOT ?? '',
          ...(keyed
            ? { key: publicKey }
            : {
                'certificate-identity': world.sigstore.certificateIdentity,
                'certificate-oidc-issuer': world.sigstore.issuer,
              }),
          ...more,
        },
      });
    const asRan = ({ code = 1, stdout }: RunResult) => ({
      code,
      output: stdout,
    });
    return {
      withLog: [
        // Of a signature with an entry, cosign wants no timestamp of a key.
        await cosign3(['verify', ...by, ...(keyed ? [] : times), ...third]),
        await cosign2(['verify', ...by, ...second], env),
        asRan(await gate({})),
      ],
      byTimestamp: [
        await cosign3(['verify', ...by, ...ignoring, ...third]),
        await cosign2(['verify', ...by, ...ignoring, ...second], env),
        asRan(await gate({ tlog: 'ignore' })),
      ],
    };
  };

  it.each([
    ['keyless', false],
    ['with a key', true],
  ] as const)(
    'signs %s with a timestamp only while the log is down; the next run adds what is missing',
    async (_who, keyed) => {
      const image = await push();
      const given = {
        config: 'v1_tsa',
        inputs: { ...fallback, ...(keyed ? { key: keyPem } : {}) },
      } as const;
      await stack('down', 'rekor1');
      const signed = await signKeyless(world, image, given);
      expect(signed, signed.stdout).toMatchObject({
        code: 0,
        outputs: { verified: 'true', 'tlog-index': '', 'tlog-url': '' },
        results: [{ status: 'signed', signatures: [{ withoutLog: true }, { withoutLog: true }] }],
      });
      const warning = signed.annotations.find(({ kind }) => kind === 'warning')?.message;
      expect(warning).toMatch(/^2 of 2 signatures are in no transparency log/);
      const alone = await judges(keyed, image);
      alone.withLog.forEach(refused);
      alone.byTimestamp.forEach(accepted);

      await stack('up');
      const again = await signKeyless(world, image, given);
      expect(again, again.stdout).toMatchObject({
        code: 0,
        outputs: { verified: 'true', 'tlog-index': expect.stringMatching(/^\d+$/) },
        results: [{ status: 'signed' }],
      });
      const complete = await judges(keyed, image);
      complete.withLog.forEach(accepted);
      const third = await signKeyless(world, image, given);
      expect(third.results).toMatchObject([{ status: 'already-signed' }]);
    },
  );

  it('signs a bundle alone while a Rekor v2 is down', async () => {
    const image = await push();
    await stack('down', 'rekor2');
    const signed = await signKeyless(world, image, { config: 'v2', inputs: fallback });
    await stack('up');
    expect(signed, signed.stdout).toMatchObject({
      code: 0,
      outputs: { 'tlog-index': '' },
      results: [{ signatures: [{ format: 'bundle', withoutLog: true }] }],
    });
    const by = await who(false);
    const trust = ['--trusted-root', env.TRUSTED_ROOT ?? '', '--allow-http-registry', image];
    const times = ['verify', ...by, '--use-signed-timestamps'];
    refused(await cosign3([...times, ...trust]));
    accepted(await cosign3([...times, '--insecure-ignore-tlog', ...trust]));
  });
});

it('a log that stands in for one that is stopped is used, and cosign finds its entry', async () => {
  const image = await push();
  const [config] = [JSON.parse(world.signingConfig('v1')) as { rekorTlogUrls: object[] }];
  const [known] = config.rekorTlogUrls;
  const gone = {
    ...known,
    url: `http://127.0.0.1:${basePort + 90}`,
    operator: 'gone.test',
    validFor: { start: '2025-01-01T00:00:00Z' },
  };
  const signingConfig = JSON.stringify({ ...config, rekorTlogUrls: [gone, known] });
  const inputs = { 'signing-config': signingConfig, timeout: '30s' };
  const signed = await signKeyless(world, image, { inputs });
  expect(signed, signed.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  expect(signed.annotations).toMatchObject([
    { kind: 'notice', message: expect.stringContaining(`is used in place of ${gone.url}`) },
  ]);
  const { certificateIdentity: identity, issuer } = world.sigstore;
  const verified = await cosign3([
    ...['verify', '--certificate-identity', identity, '--certificate-oidc-issuer', issuer],
    ...['--trusted-root', env.TRUSTED_ROOT ?? '', '--allow-http-registry', image],
  ]);
  expect(verified, verified.output).toMatchObject({ code: 0 });
});
