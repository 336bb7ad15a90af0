import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { formatPlatform, platformName } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { readJson } from '../../src/text/json.ts';

const digest = digestOf(Buffer.from('x'));
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
const layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest,
  size: 3,
  urls: ['https://example.com/'],
};
const image = { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] };
const entry = {
  mediaType: ociManifest,
  digest,
  size: 4,
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
};
const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [entry] };

const bytes = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

function failureOf(body: unknown, header?: string): Failure {
  try {
    parseManifest(bytes(body), header);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a manifest', () => {
  it('gives config and layers as they stand in the document', () => {
    expect(parseManifest(bytes(image), ociManifest)).toEqual({
      kind: 'manifest',
      mediaType: ociManifest,
      annotations: {},
      raw: image,
      config,
      layers: [layer],
    });
  });

  it('gives the entries of an index, subject, artifact type and annotations', () => {
    const body = { ...index, artifactType: 'a/b', subject: entry, annotations: { k: 'v' } };
    expect(parseManifest(bytes(body), `${ociIndex}; charset=utf-8`)).toEqual({
      kind: 'index',
      mediaType: ociIndex,
      artifactType: 'a/b',
      subject: entry,
      annotations: { k: 'v' },
      raw: body,
      manifests: [entry],
    });
  });

  const { mediaType: _, ...unnamed } = image;
  const table: [name: string, body: object, header: string | undefined, mediaType: string][] = [
    ['without header', image, undefined, ociManifest],
    ['with a header that says nothing', image, 'application/octet-stream', ociManifest],
    ['named by the header alone', unnamed, dockerManifest, dockerManifest],
    ['named by nobody', unnamed, undefined, ociManifest],
    ['of Docker', { ...image, mediaType: dockerManifest }, dockerManifest, dockerManifest],
    ['a Docker list', { ...index, mediaType: dockerList }, dockerList, dockerList],
    ['an index without entries', { ...index, manifests: [] }, ociIndex, ociIndex],
  ];
  it.each(table)('%s', (_name, body, header, mediaType) => {
    expect(parseManifest(bytes(body), header).mediaType).toBe(mediaType);
  });

  it('reads what real cosign wrote', () => {
    const folder = new URL('../fixtures/index-recursive-bundle/manifests/', import.meta.url);
    const listed: Record<string, { mediaType: string; digest: string }> = JSON.parse(
      readFileSync(new URL('index.json', folder), 'utf8'),
    );
    const kinds = Object.values(listed).map(({ mediaType, digest: name }) => {
      const body = readFileSync(new URL(`${name.replace(':', '-')}.json`, folder));
      expect(digestOf(body)).toBe(name);
      return parseManifest(body, mediaType).kind;
    });
    expect(new Set(kinds)).toEqual(new Set(['index', 'manifest']));
  });
});

describe('a manifest that two readers could understand differently is refused', () => {
  const table: [name: string, body: unknown, header: string | undefined, message: string][] = [
    [
      'layers and manifests (CVE-2021-41190)',
      { ...image, manifests: [entry] },
      undefined,
      'an image and an index at once',
    ],
    ['config and manifests', { ...index, config }, undefined, 'an image and an index at once'],
    [
      'header against body',
      image,
      ociIndex,
      'the registry calls it "application/vnd.oci.image.index.v1+json"',
    ],
    [
      'header against shape',
      { schemaVersion: 2, config, layers: [] },
      ociIndex,
      'is not that of an image manifest',
    ],
    [
      'an index that calls itself a manifest',
      { ...index, mediaType: ociManifest },
      undefined,
      'is not that of an index',
    ],
    [
      'one key twice',
      `{"schemaVersion":2,"manifests":[],"manifests":[]}`,
      undefined,
      'the key "manifests" stands in one object twice',
    ],
    [
      'one key twice, once escaped',
      `{"schemaVersion":2,"manifests":[],"m\\u0061nifests":[]}`,
      undefined,
      'twice',
    ],
    [
      'a field that Go takes for another',
      { ...image, Manifests: [entry] },
      undefined,
      '"Manifests" is spelled unlike `manifests`',
    ],
    [
      'the same in a descriptor',
      { ...index, manifests: [{ ...entry, Digest: digest }] },
      undefined,
      '"Digest" is spelled unlike `digest`',
    ],
    ['schema 1', { schemaVersion: 1, fsLayers: [], history: [] }, undefined, 'Docker schema 1'],
    [
      'schema 1 by header',
      image,
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'Docker schema 1',
    ],
    ['another schema', { ...image, schemaVersion: 3 }, undefined, '`schemaVersion` is not 2'],
    ['neither', { schemaVersion: 2 }, undefined, 'neither `layers` nor `manifests`'],
    ['a list', [], undefined, 'not a JSON object'],
    ['null', 'null', undefined, 'not a JSON object'],
    ['a web page', '<html>', undefined, 'it is a web page'],
    ['a web page with a mark', '\ufeff <!DOCTYPE HTML>', undefined, 'it is a web page'],
    ['a web page by header', 'Sign in', 'text/html; charset=utf-8', 'it is a web page'],
    [
      'a web page that is called a manifest',
      '<!doctype html>',
      'application/vnd.oci.image.manifest.v1+json',
      'web page',
    ],
    ['XML', '<?xml version="1.0"?><Error/>', undefined, 'it is an XML document'],
    [
      'an error document',
      { errors: [{ code: 'UNAUTHORIZED', message: 'log\nin', detail: null }] },
      undefined,
      'an error document that says "UNAUTHORIZED: log in"',
    ],
    ['an error document without words', { errors: [] }, undefined, 'it is an error document,'],
    ['an error of another kind', { message: 'Not found.' }, undefined, 'that says "Not found."'],
    ['any JSON', { hello: 1 }, undefined, 'neither `layers`'],
    ['a byte order mark', `\ufeff${JSON.stringify(image)}`, undefined, 'not JSON'],
    [
      'a short digest',
      { ...index, manifests: [{ ...entry, digest: 'sha256:1' }] },
      undefined,
      '`manifests[0]` is not usable: it has 1 digits',
    ],
    [
      'sha512',
      { ...image, config: { ...config, digest: `sha512:${'a'.repeat(128)}` } },
      undefined,
      'only sha256 is supported, not sha512',
    ],
    ['no digest', { ...image, config: { ...config, digest: 1 } }, undefined, 'it is not text'],
    [
      'a negative size',
      { ...image, layers: [{ ...layer, size: -1 }] },
      undefined,
      'the size of its `layers[0]`',
    ],
    [
      'half a byte',
      { ...image, layers: [{ ...layer, size: 0.5 }] },
      undefined,
      'the size of its `layers[0]`',
    ],
    [
      'an unsafe size',
      { ...image, layers: [{ ...layer, size: 2 ** 53 }] },
      undefined,
      'the size of its `layers[0]`',
    ],
    [
      'a size in text',
      { ...image, layers: [{ ...layer, size: '3' }] },
      undefined,
      'the size of its `layers[0]`',
    ],
    [
      'a layer without type',
      { ...image, layers: [{ ...layer, mediaType: '' }] },
      undefined,
      'has no `mediaType`',
    ],
    [
      'a layer that is text',
      { ...image, layers: ['x'] },
      undefined,
      '`layers[0]` is not a descriptor',
    ],
    ['layers that are no list', { ...image, layers: {} }, undefined, '`layers` is not a list'],
    ['no config', { ...image, config: undefined }, undefined, '`config` is not a descriptor'],
    ['a damaged subject', { ...image, subject: {} }, undefined, '`subject` has no `mediaType`'],
    [
      'annotations with numbers',
      { ...image, annotations: { a: 1 } },
      undefined,
      '`annotations` are not names with text',
    ],
    [
      'annotations of an entry',
      { ...index, manifests: [{ ...entry, annotations: [] }] },
      undefined,
      '`manifests[0].annotations`',
    ],
    [
      'a platform without os',
      { ...index, manifests: [{ ...entry, platform: {} }] },
      undefined,
      'the platform of its `manifests[0]`',
    ],
    [
      'an artifact type that is a number',
      { ...image, artifactType: 1 },
      undefined,
      '`artifactType` is not text',
    ],
    [
      'too many entries',
      { ...index, manifests: new Array(1001).fill(entry) },
      undefined,
      '1001 entries, more than 1000',
    ],
    [
      'too deep',
      `{"schemaVersion":2,"x":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      undefined,
      'nested deeper than 16',
    ],
    ['too large', ' '.repeat(4 * 1024 * 1024 + 1), undefined, 'more than 4194304'],
  ];
  it.each(table)('%s', (_name, body, header, message) => {
    const failure = failureOf(body, header);
    expect(failure.code).toBe('bad-manifest');
    expect(failure.message).toContain(message);
  });

  it('text that is not UTF-8', () => {
    expect(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow('not UTF-8');
  });

  it('whatever a registry sends: a manifest or a Failure, in bounded time', () => {
    const field = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(config, [layer], [entry], ociManifest, ociIndex, 2),
    );
    const name = fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'subject',
      'annotations',
      'artifactType',
      '__proto__',
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, field), { maxLength: 6 }),
        fc.option(fc.string()),
        (fields, header) => {
          const body = Buffer.from(
            JSON.stringify(Object.fromEntries([...Object.entries(image), ...fields])),
          );
          try {
            const parsed = parseManifest(body, header ?? undefined);
            expect(parsed.raw).toEqual(JSON.parse(body.toString()));
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
    );
  });
});

describe('reading JSON', () => {
  it('agrees with JSON.parse on every value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(readJson(text, 1000)).toEqual({ value: JSON.parse(text) });
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        const spaced = JSON.stringify(JSON.parse(text), null, 2);
        expect(readJson(spaced, 1000)).toEqual({ value: JSON.parse(text) });
      }),
    );
  });
  it('brackets and colons inside text are text', () => {
    expect(
      readJson('{"a":"[[[[{\\"b\\":1,\\"b\\":2}","c":["a","a"],"d":[{"x":1},{"x":1}]}', 3),
    ).toHaveProperty('value');
  });
});

describe('the name of a platform', () => {
  it.each([
    [{ os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    [{ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'linux/arm64/v8'],
    [{ os: 'linux', architecture: 'arm', variant: '' }, 'linux/arm'],
    [{ os: 'li\nnux', architecture: `<b>${'x'.repeat(100)}` }, `li_nux/_b_${'x'.repeat(37)}`],
  ])('%j', (platform, name) => {
    expect(formatPlatform(platform)).toBe(name);
  });
  it('an attestation manifest is named so, and what has no platform has no name', () => {
    const unknown = {
      mediaType: ociManifest,
      digest,
      size: 1,
      platform: { os: 'unknown', architecture: 'unknown' },
    };
    expect(
      platformName({
        ...unknown,
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      }),
    ).toBe('attestation-manifest');
    expect(platformName(unknown)).toBe('unknown/unknown');
    expect(platformName({ mediaType: ociManifest, digest, size: 1 })).toBeUndefined();
  });
});
