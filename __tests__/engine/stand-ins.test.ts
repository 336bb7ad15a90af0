// Services that stand in for others: with a real Sigstore and a registry in memory, on a clock of the
// test's own. Who is down is handed over; who refuses or lies never is.
import { afterEach, describe, expect, it } from 'vitest';
import type { MemoryNetwork } from '../memory-network.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { newKeyPem } from '../sign-action/keyless-world.ts';
import { minute, openWorld } from './sigstore-world.ts';

type World = Awaited<ReturnType<typeof openWorld>>;
type Service = { url: string; majorApiVersion: number; validFor?: object; operator: string };
type Kind = 'caUrls' | 'rekorTlogUrls' | 'tsaUrls';

let second: Sigstore | undefined;
afterEach(async () => void (await second?.close()));

/** Nobody listens there. */
const nobody = 'http://127.0.0.1:64999';

/** The signing config with another service before the one that it names. */
function preferring(config: object, kind: Kind, url: string, more: object = {}): object {
  const [known] = (config as Record<Kind, Service[]>)[kind];
  const newer = { ...known, url, operator: 'other', validFor: { start: '2025-01-01T00:00:00Z' } };
  return { ...config, [kind]: [known, newer], ...more };
}

/** Another Sigstore in the same network, whose keys the trusted root of the first does not have. */
async function stranger({ clock, network }: World): Promise<Sigstore> {
  second = await startSigstore({ clock, network: network as MemoryNetwork });
  await second.token();
  return second;
}

const kinds = [
  ['Fulcio', 'v1', 'caUrls', 'fulcio'],
  ['Rekor', 'v1', 'rekorTlogUrls', 'rekor'],
  ['Rekor', 'v2', 'rekorTlogUrls', 'rekor2'],
  ['The timestamp authority', 'v1_tsa', 'tsaUrls', 'timestamp'],
] as const;

describe.each(kinds)('where a %s (%s) is down', (name, config, kind, service) => {
  it('the next one is used after 20 seconds, and this is told', async () => {
    const { sigstore, images, sign } = await openWorld();
    const given = preferring(sigstore.signingConfig[config], kind, nobody);
    const { report, took, told, identities } = await sign(given, { images: images.join('\n') });
    expect(identities).toBe(1); // each Fulcio is sent a token of its own; they say the same
    for (const result of report.results)
      expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(took).toBeGreaterThan(15_000);
    expect(took).toBeLessThan(25_000);
    const notices = told.filter(({ text }) => text.includes(' is used in place of '));
    expect(notices).toEqual([
      {
        kind: 'notice',
        text: expect.stringMatching(
          new RegExp(
            `^${name} at http://127.0.0.1:\\d+ is used in place of ${nobody}, which is down: ${name} at ${nobody} gave no usable answer in .* tries in `,
          ),
        ),
      },
    ]);
    expect(report.standIns?.map(({ inPlaceOf }) => inPlaceOf.map(({ url }) => url.origin))).toEqual(
      [[nobody]],
    );
  });

  it('and hangs, it costs one try', async () => {
    const world = await openWorld();
    const other = await stranger(world);
    other.faults[service].inject({ kind: 'hang' });
    const url = kind === 'tsaUrls' ? other.timestampUrl : urlOf(other, service);
    const given = preferring(world.sigstore.signingConfig[config], kind, url);
    const { result, took } = await world.sign(given);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(took).toBeGreaterThan(9_000);
    expect(took).toBeLessThan(35_000);
  });

  it('and so is the other, both are told, and nothing is in the registry', async () => {
    const { sigstore, sign, stored } = await openWorld();
    sigstore.faults[service].inject({ kind: 'status', status: 503 });
    const before = stored();
    const given = preferring(sigstore.signingConfig[config], kind, nobody);
    const { result, took } = await sign(given, { format: 'bundle' });
    expect(result).toMatchObject({ status: 'failed', signatures: [] });
    expect(result?.error?.code).toMatch(/^(fulcio|rekor|timestamp)-error$/);
    for (const said of [/^None of \d answers: /, /gave no usable answer/, / answered 503 for /])
      expect(result?.error?.message).toMatch(said);
    expect(stored()).toBe(before);
    expect(took).toBeLessThan(5 * minute);
  });

  it.each([
    ['refuses', { kind: 'status', status: 400 }],
    ['forbids', { kind: 'status', status: 403 }],
    ['breaks off its answer', { kind: 'malformed' }],
  ] as const)('but not where it %s: no other is asked', async (_how, fault) => {
    const world = await openWorld();
    const other = await stranger(world);
    other.faults[service].inject(fault);
    const url = kind === 'tsaUrls' ? other.timestampUrl : urlOf(other, service);
    const given = preferring(world.sigstore.signingConfig[config], kind, url);
    const asked = world.sigstore.requests.length;
    const { result, took } = await world.sign(given);
    expect(result).toMatchObject({ status: 'failed', signatures: [] });
    expect(took).toBeLessThan(1_000);
    const others = world.sigstore.requests.slice(asked).map((one) => one.service);
    expect(others).not.toContain(service);
  });
});

function urlOf(sigstore: Sigstore, service: 'fulcio' | 'rekor' | 'rekor2' | 'timestamp'): string {
  const {
    fulcioUrl: fulcio,
    rekorUrl: rekor,
    rekor2Url: rekor2,
    timestampUrl: timestamp,
  } = sigstore;
  return { fulcio, rekor, rekor2, timestamp }[service];
}

describe.each([
  ['keyless', () => ({})],
  ['keyed', () => ({ key: newKeyPem() })],
] as const)('a log that answers with the key of another, %s,', (_who, signer) => {
  it.each([
    ['v1_tsa', 'rekor'],
    ['v2', 'rekor2'],
  ] as const)('is no outage: the run fails closed (%s)', async (config, service) => {
    const world = await openWorld();
    const other = await stranger(world);
    const url = urlOf(other, service);
    const given = preferring(world.sigstore.signingConfig[config], 'rekorTlogUrls', url);
    const asked = world.sigstore.requests.length;
    const before = world.stored();
    const { result } = await world.sign(given, { ...signer(), format: 'bundle' });
    expect(result).toMatchObject({
      status: 'failed',
      signatures: [],
      error: { code: 'not-verified' },
    });
    expect(world.sigstore.requests.slice(asked).map((one) => one.service)).not.toContain(service);
    expect(world.stored()).toBe(before);
    // Its honest twin: the same, down.
    await other.faults[service].down();
    const twin = await world.sign(given, { ...signer(), format: 'bundle' });
    expect(twin.result).toMatchObject({ status: 'signed', verified: true });
  });
});

describe('two logs that are both asked for', () => {
  const all = { rekorTlogConfig: { selector: 'ALL' } };

  it('are not one where one of them is down', async () => {
    const { sigstore, sign } = await openWorld();
    const given = preferring(sigstore.signingConfig.v1, 'rekorTlogUrls', nobody, all);
    const { result } = await sign(given, { format: 'bundle', timeout: '30s' });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'rekor-error' } });
  });

  it('stay two where an older one of the same operator stands in', async () => {
    const world = await openWorld();
    const other = await stranger(world);
    const given = preferring(world.sigstore.signingConfig.v1, 'rekorTlogUrls', other.rekorUrl, all);
    const logs = (given as { rekorTlogUrls: Service[] }).rekorTlogUrls;
    const newest = { start: '2025-06-01T00:00:00Z' };
    const withNewer = {
      ...given,
      rekorTlogUrls: [...logs, { ...logs[1], url: nobody, validFor: newest }],
    };
    const { tlogs } = other.trustedRoot as { tlogs: object[] };
    const own = world.sigstore.trustedRoot as { tlogs: object[] };
    const trust = { 'trusted-root': JSON.stringify({ ...own, tlogs: [...own.tlogs, ...tlogs] }) };
    const { result } = await world.sign(withNewer, { format: 'bundle', ...trust });
    expect(result).toMatchObject({ status: 'signed', verified: true });
    const bundle = JSON.parse(String(result?.bundle));
    expect(bundle.verificationMaterial.tlogEntries).toHaveLength(2);
  });
});

describe('a shard of a log', () => {
  it('that ends while the run waits is followed by the next one', async () => {
    const { clock, sigstore, sign } = await openWorld();
    const [known] = (sigstore.signingConfig.v2 as { rekorTlogUrls: Service[] }).rekorTlogUrls;
    const at = (seconds: number) => new Date(clock.date().getTime() + seconds * 1000).toISOString();
    const config = {
      ...sigstore.signingConfig.v2,
      rekorTlogUrls: [
        { ...known, url: nobody, validFor: { start: '2024-01-01T00:00:00Z', end: at(30) } },
        { ...known, validFor: { start: at(31) } },
      ],
    };
    // The certificate is waited for until the first shard has ended.
    await sigstore.faults.fulcio.down(40_000);
    const { result, report } = await sign(config);
    expect(result).toMatchObject({ status: 'signed', verified: true });
    expect(report.standIns).toEqual([]);
    const early = await sign({ ...config, rekorTlogUrls: config.rekorTlogUrls.slice(0, 1) }).catch(
      (caught: unknown) => caught,
    );
    expect(early).toMatchObject({ code: 'bad-signing-config' });
  });
});
