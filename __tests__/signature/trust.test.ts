import { describe, expect, it } from 'vitest';
import { parseGeneralizedTime } from '../../src/signature/timestamp.ts';
import { createTrust, parseTrustedRoot } from '../../src/signature/trust.ts';
import { trustedRootBytes } from './fixtures.ts';
import { put } from './tampering.ts';

describe('parseTrustedRoot', () => {
  it('reads a real one', () => {
    const { material } = createTrust(parseTrustedRoot(trustedRootBytes()));
    expect(material?.tlogs.map((log) => log.baseURL)).toEqual([
      'http://127.0.0.1:3004',
      'http://127.0.0.1:3005',
    ]);
    expect(material?.certificateAuthorities[0]?.certChain).toHaveLength(2);
  });

  it.each<[string, (json: unknown) => void]>([
    ['another media type', put('mediaType', 'application/json')],
    ['no media type', put('mediaType', undefined)],
    ['a log without key', put('tlogs.0.publicKey', undefined)],
    ['a log with a broken key', put('tlogs.0.publicKey.rawBytes', 'AAAA')],
    ['a log without id', put('tlogs.0.logId', undefined)],
    ['a log with a short id', put('tlogs.0.logId.keyId', 'AAA=')],
    [
      'an authority without certificates',
      put('certificateAuthorities.0.certChain.certificates', []),
    ],
    ['an authority without chain', put('timestampAuthorities.0.certChain', undefined)],
    [
      'a broken certificate',
      put('certificateAuthorities.0.certChain.certificates.0.rawBytes', 'AAAA'),
    ],
    ['a period that is no date', put('tlogs.0.publicKey.validFor.start', 'yesterday')],
    ['a log without a start of its period', put('tlogs.0.publicKey.validFor.start', undefined)],
    ['a log without a period', put('tlogs.0.publicKey.validFor', undefined)],
    [
      'an authority without a start of its period',
      put('certificateAuthorities.0.validFor', { end: '2030-01-01T00:00:00Z' }),
    ],
    ['a list where an object belongs', put('tlogs', [[]])],
  ])('refuses %s', (_, edit) => {
    const json: unknown = JSON.parse(trustedRootBytes().toString());
    edit(json);
    expect(() => parseTrustedRoot(Buffer.from(JSON.stringify(json)))).toThrow(
      expect.objectContaining({ code: 'bad-trusted-root' }),
    );
  });

  it.each(['', 'null', '[]', '{}', '{"a":1,"a":2}', '-----BEGIN CERTIFICATE-----'])(
    'refuses %j',
    (text) => {
      expect(() => parseTrustedRoot(Buffer.from(text))).toThrow(
        expect.objectContaining({ code: 'bad-trusted-root' }),
      );
    },
  );
});

describe('parseGeneralizedTime', () => {
  it.each<[string, string]>([
    ['20261120112122Z', '2026-11-20T11:21:22.000Z'],
    ['20261120112122.5Z', '2026-11-20T11:21:22.500Z'],
    ['20261120112122.120Z', '2026-11-20T11:21:22.120Z'],
    ['20261120112122.123456789Z', '2026-11-20T11:21:22.123Z'],
    ['20240229000000Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseGeneralizedTime(text).toISOString()).toBe(iso);
  });

  it.each([
    '',
    '20261120112122',
    '20261120112122+0100',
    '202611201121Z',
    '20260230000000Z',
    '20261120240000Z',
    '20261120112160Z',
    '20261120112122,5Z',
    '20261120112122.Z',
  ])('%j is no time', (text) => {
    expect(() => parseGeneralizedTime(text)).toThrow(/time/);
  });
});
