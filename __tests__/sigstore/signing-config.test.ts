import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { parseSigningConfig } from '../../src/sigstore/signing-config.ts';

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const service = {
  url: 'https://fulcio.example/ca',
  majorApiVersion: 1,
  validFor: { start: '2024-01-01T00:00:00Z', end: '2030-01-01T00:00:00.5Z' },
  operator: 'example',
};
const read = (fields: object) => parseSigningConfig(JSON.stringify({ mediaType, ...fields }));

describe('a signing config', () => {
  it('is read whole', () => {
    expect(
      read({
        caUrls: [service],
        oidcUrls: [{ url: 'http://127.0.0.1:1', majorApiVersion: '1' }],
        rekorTlogUrls: [service],
        rekorTlogConfig: { selector: 'EXACT', count: 1 },
        tsaUrls: [service],
        tsaConfig: { selector: 'ANY' },
      }),
    ).toEqual({
      ca: [parsed],
      oidc: [{ url: new URL('http://127.0.0.1:1'), majorApiVersion: 1, operator: '' }],
      rekor: [parsed],
      rekorSelector: { kind: 'EXACT', count: 1 },
      tsa: [parsed],
      tsaSelector: { kind: 'ANY' },
    });
  });
  const parsed = {
    url: new URL(service.url),
    majorApiVersion: 1,
    validFrom: new Date('2024-01-01T00:00:00Z'),
    validTo: new Date('2030-01-01T00:00:00.500Z'),
    operator: 'example',
  };

  it('may use the names of the .proto file and numbers for selectors, as protobuf JSON does', () => {
    const config = {
      media_type: mediaType,
      ca_urls: [{ url: service.url, major_api_version: 1, valid_for: { start: null } }],
      tsa_urls: [service],
      tsa_config: { selector: 1 },
    };
    expect(parseSigningConfig(JSON.stringify(config))).toEqual({
      ca: [{ url: new URL(service.url), majorApiVersion: 1, operator: '' }],
      oidc: [],
      rekor: [],
      tsa: [parsed],
      tsaSelector: { kind: 'ALL' },
    });
  });

  it('needs no selector for services that it does not name', () => {
    expect(read({ caUrls: [], rekorTlogConfig: {}, tsaConfig: {} })).toEqual({
      ca: [],
      oidc: [],
      rekor: [],
      tsa: [],
    });
  });

  it.each([
    ['no JSON', 'no JSON', 'it is not JSON'],
    ['a list', '[]', 'the document is not a JSON object'],
    [
      'a repeated field',
      `{"mediaType":"${mediaType}","mediaType":"${mediaType}"}`,
      'stands in one object twice',
    ],
    [
      'a field under both of its names',
      JSON.stringify({ mediaType, caUrls: [], ca_urls: [] }),
      'has the field `caUrls` twice',
    ],
    ['no media type', '{}', 'no media type'],
    [
      'an older media type',
      JSON.stringify({ mediaType: mediaType.replace('0.2', '0.1') }),
      'signingconfig.v0.1+json',
    ],
    [
      'a misspelt field',
      JSON.stringify({ mediaType, rekorTlogURLs: [service] }),
      'has a field "rekorTlogURLs" that the format does not know',
    ],
    [
      'a misspelt field of a service',
      JSON.stringify({ mediaType, caUrls: [{ ...service, uri: '' }] }),
      'caUrls[0] has a field "uri"',
    ],
    [
      'services that are no list',
      JSON.stringify({ mediaType, caUrls: service }),
      '`caUrls` is not a list',
    ],
    [
      'a service that is no object',
      JSON.stringify({ mediaType, caUrls: ['https://x'] }),
      'caUrls[0] is not a JSON object',
    ],
    [
      'far too many services',
      JSON.stringify({ mediaType, caUrls: Array(101).fill(service) }),
      'more than 100',
    ],
    [
      'a service without address',
      JSON.stringify({ mediaType, caUrls: [{ majorApiVersion: 1 }] }),
      '`caUrls[0].url` is not an http(s) address',
    ],
    [
      'an address of another scheme',
      JSON.stringify({ mediaType, caUrls: [{ ...service, url: 'file:///etc/passwd' }] }),
      'is not an http(s) address',
    ],
    [
      'an address with a user',
      JSON.stringify({ mediaType, caUrls: [{ ...service, url: 'https://a@c' }] }),
      'is not an http(s) address',
    ],
    [
      'an address with a password',
      JSON.stringify({ mediaType, caUrls: [{ ...service, url: 'https://a:b@c' }] }),
      'is not an http(s) address',
    ],
    [
      'a negative version',
      JSON.stringify({ mediaType, caUrls: [{ ...service, majorApiVersion: -1 }] }),
      '`caUrls[0].majorApiVersion` is not a whole number',
    ],
    [
      'a version with a fraction',
      JSON.stringify({ mediaType, caUrls: [{ ...service, majorApiVersion: 1.5 }] }),
      'is not a whole number',
    ],
    [
      'a start that is no time',
      JSON.stringify({ mediaType, caUrls: [{ ...service, validFor: { start: 'yesterday' } }] }),
      '`caUrls[0].validFor.start` is not a time',
    ],
    [
      'a day that does not exist',
      JSON.stringify({
        mediaType,
        caUrls: [{ ...service, validFor: { end: '2024-13-01T00:00:00Z' } }],
      }),
      '`caUrls[0].validFor.end` is not a time',
    ],
    [
      'an operator that is no text',
      JSON.stringify({ mediaType, caUrls: [{ ...service, operator: 7 }] }),
      '`caUrls[0].operator` is not text',
    ],
    [
      'logs without a selector',
      JSON.stringify({ mediaType, rekorTlogUrls: [service] }),
      '`rekorTlogConfig.selector` is missing',
    ],
    [
      'an undefined selector',
      JSON.stringify({ mediaType, tsaUrls: [service], tsaConfig: { selector: 0 } }),
      '`tsaConfig.selector` is missing',
    ],
    [
      'EXACT without a count',
      JSON.stringify({ mediaType, tsaUrls: [service], tsaConfig: { selector: 'EXACT' } }),
      'says EXACT and gives no count',
    ],
  ])('with %s is refused', (_what, text, message) => {
    expect(() => parseSigningConfig(text)).toThrow(
      expect.objectContaining({
        code: 'bad-signing-config',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('is read or refused with a Failure, whatever it holds', () => {
    const anything = fc.jsonValue({ maxDepth: 4 });
    const fields = fc.record(
      {
        caUrls: anything,
        rekorTlogUrls: fc.array(fc.record({ url: fc.webUrl(), validFor: anything })),
        rekorTlogConfig: anything,
        tsaUrls: anything,
        tsaConfig: anything,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          anything.map((value) => JSON.stringify(value)),
          fields.map((value) => JSON.stringify({ mediaType, ...value })),
        ),
        (text) => {
          try {
            parseSigningConfig(text);
          } catch (caught) {
            expect(caught).toBeInstanceOf(Failure);
            expect(caught).toMatchObject({ code: 'bad-signing-config' });
          }
        },
      ),
    );
  });
});
