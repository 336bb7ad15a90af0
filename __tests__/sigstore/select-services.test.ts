import { describe, expect, it } from 'vitest';
import {
  chooseServices,
  isPublicGood,
  publicGoodServices,
} from '../../src/sigstore/select-services.ts';
import type { Service, SigningConfig } from '../../src/sigstore/signing-config.ts';

const now = new Date('2026-06-01T00:00:00Z');
const service = (host: string, fields: Partial<Omit<Service, 'url'>> = {}): Service => ({
  url: new URL(`https://${host}.example`),
  majorApiVersion: 1,
  validFrom: new Date('2024-01-01T00:00:00Z'),
  operator: host,
  ...fields,
});
const from = (time: string) => ({ validFrom: new Date(time) });
const to = (time: string) => ({ validTo: new Date(time) });
const config = (fields: Partial<SigningConfig>): SigningConfig => ({
  ca: [service('fulcio')],
  oidc: [],
  rekor: [],
  tsa: [],
  ...fields,
});
const keyless = { fulcio: true, log: true };
const hosts = (urls: readonly URL[]) => urls.map((url) => url.hostname.replace('.example', ''));
const tsasOf = (tsa: readonly Service[], tsaSelector: SigningConfig['tsaSelector'], at = now) =>
  hosts(
    chooseServices(
      config({ tsa, ...(tsaSelector === undefined ? {} : { tsaSelector }) }),
      {},
      keyless,
      at,
    ).timestamps,
  );
const ALL = { kind: 'ALL' } as const;
const ANY = { kind: 'ANY' } as const;
const EXACT = (count: number) => ({ kind: 'EXACT', count }) as const;

describe('services are chosen', () => {
  it.each([
    ['all of them, newest first', ALL, ['new', 'middle', 'old']],
    ['any: the newest', ANY, ['new']],
    ['exactly one', EXACT(1), ['new']],
    ['exactly two', EXACT(2), ['new', 'middle']],
  ])('%s', (_what, selector, expected) => {
    const services = [
      service('middle', from('2025-01-01')),
      service('new', from('2026-01-01')),
      service('old'),
    ];
    expect(tsasOf(services, selector)).toEqual(expected);
  });

  it('one of each operator, the newest', () => {
    const services = [
      service('a1', { operator: 'a' }),
      service('a2', { operator: 'a', ...from('2025-01-01') }),
      service('b', { operator: 'b' }),
    ];
    expect(tsasOf(services, ALL)).toEqual(['a2', 'b']);
  });

  it('the first of those that began together', () => {
    expect(tsasOf([service('first'), service('second')], ANY)).toEqual(['first']);
  });

  it('one without a start last', () => {
    const { validFrom: _, ...timeless } = service('timeless');
    expect(tsasOf([timeless, service('dated')], ALL)).toEqual(['dated', 'timeless']);
    expect(
      tsasOf(
        [timeless, { ...timeless, url: new URL('https://other.example'), operator: 'other' }],
        ALL,
      ),
    ).toEqual(['timeless', 'other']);
  });

  it.each([
    ['a moment before it begins', '2023-12-31T23:59:59.999Z', false],
    ['when it begins', '2024-01-01T00:00:00Z', true],
    ['when it ends', '2026-12-31T00:00:00Z', true],
    ['a moment after its end', '2026-12-31T00:00:00.001Z', false],
  ])('inside their window: %s', (_when, time, valid) => {
    const choose = () => tsasOf([service('x', to('2026-12-31T00:00:00Z'))], ANY, new Date(time));
    if (valid) expect(choose()).toEqual(['x']);
    else {
      // Fulcio is chosen first and has no end, so it is only missing before 2024.
      expect(choose).toThrow(
        expect.objectContaining({
          code: 'bad-signing-config',
          message: expect.stringContaining(time.slice(0, 10)),
        }),
      );
    }
  });

  const log = (host: string, majorApiVersion: number, fields = {}) =>
    service(host, { majorApiVersion, ...fields });
  it.each([
    [
      'the highest version that is spoken here',
      [log('one', 1), log('two', 2), log('three', 3)],
      [['two', 2]],
    ],
    ['never of two versions', [log('one', 1, from('2026-01-01')), log('two', 2)], [['two', 2]]],
    [
      'the next version when the highest is not valid any more',
      [log('one', 1), log('two', 2, to('2025-01-01'))],
      [['one', 1]],
    ],
    ['none of none', [], []],
  ])('of logs: %s', (_what, rekor, expected) => {
    const { logs } = chooseServices(config({ rekor, rekorSelector: ALL }), {}, keyless, now);
    expect(logs.map(({ url, version }) => [hosts([url])[0], version])).toEqual(expected);
  });

  it('of logs: version 1 only, where a legacy signature is asked for', () => {
    const both = config({ rekor: [log('one', 1), log('two', 2)], rekorSelector: ANY });
    expect(chooseServices(both, {}, { ...keyless, rekorVersions: [1] }, now).logs).toEqual([
      { url: new URL('https://one.example'), version: 1 },
    ]);
  });

  const two = () =>
    config({
      rekor: [
        log('one', 1),
        log('shard1', 2, { operator: 'a', ...from('2025-01-01'), ...to('2026-07-31T23:59:59Z') }),
        log('shard2', 2, { operator: 'a', ...from('2026-07-01') }),
      ],
      rekorSelector: ANY,
    });
  const namesOf = (services: readonly { readonly url: URL }[] = []) =>
    hosts(services.map(({ url }) => url));

  it.each([
    ['before the next one begins', '2026-06-01', ['shard1'], []],
    ['while both are valid', '2026-07-15', ['shard2'], ['shard2', 'shard1']],
    ['after its end', '2026-08-01', ['shard2'], []],
    ['before either of them', '2024-06-01', ['one'], []],
  ])('a shard of a log is followed: %s', (_when, day, used, standing) => {
    const chosen = chooseServices(two(), {}, keyless, new Date(day));
    expect([namesOf(chosen.logs), namesOf(chosen.standIns?.logs)]).toEqual([used, standing]);
  });

  it.each([
    [1, ['one']],
    [2, ['shard1']],
  ] as const)(
    'of logs: version %i where one asks for it without an address',
    (rekorVersion, used) => {
      expect(namesOf(chooseServices(two(), { rekorVersion }, keyless, now).logs)).toEqual(used);
    },
  );

  it.each([
    ['has ended', two(), '2024-06-01', 2],
    ['is not named', config({ rekor: [log('one', 1)], rekorSelector: ANY }), '2026-06-01', 2],
    ['is none at all', config({}), '2026-06-01', 1],
  ] as const)(
    'a version that %s is a failure, and never another one',
    (_why, given, day, version) => {
      const choose = () => chooseServices(given, { rekorVersion: version }, keyless, new Date(day));
      expect(choose).toThrow(
        expect.objectContaining({
          code: 'bad-signing-config',
          message: expect.stringMatching(
            new RegExp(
              `asks for a Rekor v${version}, and the signing config names none .* ${day}T`,
            ),
          ),
          fix: expect.stringContaining('Remove `rekor-version:`'),
        }),
      );
    },
  );

  it.each([
    ['ANY: all others, other operators first', ANY, ['a2', 'b', 'a1']],
    ['EXACT: those that are left', EXACT(1), ['a2', 'b', 'a1']],
    ['ALL: older ones of the same operators', ALL, ['a2', 'b', 'a1']],
    ['EXACT: as many as there are operators', EXACT(2), ['a2', 'b', 'a1']],
  ])('others of the version stand in for one that is down, by %s', (_what, selector, expected) => {
    const tsa = [
      service('a1', { operator: 'a', ...from('2025-06-01') }),
      service('b', { operator: 'b' }),
      service('a2', { operator: 'a', ...from('2026-01-01') }),
      service('over', { operator: 'c', ...to('2026-05-31') }),
      service('next', { operator: 'd', majorApiVersion: 2 }),
    ];
    const { timestamps, standIns } = chooseServices(
      config({ tsa, tsaSelector: selector }),
      {},
      keyless,
      now,
    );
    expect(namesOf(standIns?.timestamps)).toEqual(expected);
    const used = selector.kind === 'ALL' || ('count' in selector && selector.count === 2) ? 2 : 1;
    expect(hosts(timestamps)).toEqual(expected.slice(0, used));
  });

  it('nobody stands in where nobody else is named', () => {
    expect(chooseServices(config({}), {}, keyless, now)).not.toHaveProperty('standIns');
  });

  it('what is not needed is not looked at', () => {
    const broken = config({
      ca: [service('late', from('2027-01-01'))],
      rekor: [log('late', 9)],
      rekorSelector: ANY,
    });
    expect(chooseServices(broken, {}, { fulcio: false, log: false }, now)).toEqual({
      logs: [],
      timestamps: [],
    });
  });

  it.each([
    ['no certificate authority', config({ ca: [] }), 'names no certificate authority (`caUrls`)'],
    [
      'none that is valid',
      config({ ca: [service('x', to('2025-01-01'))] }),
      'no certificate authority (`caUrls`) that is valid at 2026-06-01',
    ],
    [
      'none whose API is spoken',
      config({ ca: [service('x', { majorApiVersion: 2 })] }),
      'no certificate authority (`caUrls`)',
    ],
    [
      'no log whose API is spoken',
      config({ rekor: [log('x', 3)], rekorSelector: ANY }),
      'no transparency log (`rekorTlogUrls`) that is valid at 2026-06-01T00:00:00.000Z and speaks an API that is needed here (major version 1 or 2)',
    ],
    [
      'fewer operators than EXACT wants',
      config({ tsa: [service('a'), service('b', { operator: 'a' })], tsaSelector: EXACT(2) }),
      'EXACTly 2 of its services, but there are 1 operators',
    ],
  ])('and it is a failure when there is %s', (_what, given, message) => {
    expect(() => chooseServices(given, {}, keyless, now)).toThrow(
      expect.objectContaining({
        code: 'bad-signing-config',
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe('a single address', () => {
  const all = {
    fulcioUrl: new URL('https://f.test'),
    rekorUrl: new URL('https://r.test'),
    timestampUrl: new URL('https://t.test'),
  };

  it('replaces every service of its kind', () => {
    const full = config({
      rekor: [service('a'), service('b')],
      rekorSelector: ALL,
      tsa: [service('a'), service('b')],
      tsaSelector: ALL,
    });
    expect(chooseServices(full, all, keyless, now)).toEqual({
      fulcio: all.fulcioUrl,
      logs: [{ url: all.rekorUrl }],
      timestamps: [all.timestampUrl],
    });
    expect(chooseServices(full, { rekorUrl: all.rekorUrl, rekorVersion: 2 }, keyless, now)).toEqual(
      {
        fulcio: new URL('https://fulcio.example'),
        logs: [{ url: all.rekorUrl, version: 2 }],
        timestamps: [new URL('https://a.example'), new URL('https://b.example')],
      },
    );
  });

  it('is enough without a signing config', () => {
    expect(
      chooseServices(
        undefined,
        { fulcioUrl: all.fulcioUrl, timestampUrl: all.timestampUrl },
        keyless,
        now,
      ),
    ).toEqual({
      fulcio: all.fulcioUrl,
      logs: [],
      timestamps: [all.timestampUrl],
    });
    expect(() => chooseServices(undefined, {}, keyless, now)).toThrow(
      expect.objectContaining({ code: 'bad-signing-config' }),
    );
  });
});

describe('the public good', () => {
  it.each([
    ['https://fulcio.sigstore.dev', true],
    ['https://rekor.sigstore.dev.', true],
    ['https://FULCIO.SIGSTORE.DEV', true],
    ['https://log2025-1.rekor.sigstore.dev', true],
    ['https://fulcio.sigstage.dev', true],
    ['https://sigstore.dev', true],
    ['https://fulcio.notsigstore.dev', false],
    ['https://fulcio.sigstore.dev.example.com', false],
    ['https://example.com/fulcio.sigstore.dev', false],
    ['http://127.0.0.1:5555', false],
  ])('%s: %s', (url, expected) => {
    expect(isPublicGood(new URL(url))).toBe(expected);
  });

  it('is told of what publishes names: Fulcio and the logs, not of a timestamp authority', () => {
    const [fulcio, log, tsa] = ['fulcio', 'rekor', 'timestamp'].map(
      (name) => new URL(`https://${name}.sigstore.dev`),
    ) as [URL, URL, URL];
    expect(
      publicGoodServices({
        fulcio,
        logs: [{ url: log }, { url: new URL('https://private.example') }],
        timestamps: [tsa],
      }),
    ).toEqual([fulcio, log]);
    expect(publicGoodServices({ logs: [], timestamps: [tsa] })).toEqual([]);
  });

  it('is told of who may stand in for a private service', () => {
    const [own, fulcio, log] = ['own.example', 'fulcio.sigstore.dev', 'rekor.sigstore.dev'].map(
      (host) => new URL(`https://${host}`),
    ) as [URL, URL, URL];
    const standIns = (url: URL) => [
      { url: own, operator: 'own' },
      { url, operator: 'public' },
    ];
    const chosen = { fulcio: own, logs: [{ url: own }], timestamps: [] };
    expect(publicGoodServices(chosen)).toEqual([]);
    expect(
      publicGoodServices({
        ...chosen,
        standIns: { fulcio: standIns(fulcio), logs: standIns(log) },
      }),
    ).toEqual([fulcio, log]);
  });
});
