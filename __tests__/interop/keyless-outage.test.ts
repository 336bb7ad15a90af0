// A real Sigstore of its own, whose services are stopped, and brought back while the action
// retries.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type KeylessWorld, realWorld, signKeyless } from '../sign-action/keyless-world.ts';
import { need, run } from './peers.ts';

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

beforeAll(async () => {
  await stack('up');
  world = await realWorld(JSON.parse(await stack('env', '--json')));
});

afterAll(async () => {
  await world?.close();
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
