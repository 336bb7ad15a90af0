import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { SignatureManifest } from '../../src/registry/signature-tag.ts';
import { openStore } from '../../src/registry/store.ts';
import { mergeEntries, readDocument, writeDocument } from '../../src/registry/tag-document.ts';
import { MemoryRegistry, testTools } from './memory-registry.ts';

describe('a document that others write, too', () => {
  it.each([
    '{"a":1.0,"b":12345678901234567890,"c":1e2,"d":-0,"e":[0.10]}',
    '{"__proto__":{"a":1},"constructor":{}}',
    '{"ü":"\u2028<>&","10":1,"2":2}',
  ])('%s is written as it was read', (text) => {
    const again = writeDocument(
      readDocument(Buffer.from(text)) as object as Record<string, unknown>,
    );
    // Node puts keys that are whole numbers first; JSON objects have no order.
    expect(JSON.parse(String(again))).toEqual(JSON.parse(text));
    for (const number of text.match(/[:[]-?[\d.e]+/g) ?? [])
      expect(String(again)).toContain(number);
  });

  it.each([
    '',
    '[]',
    'null',
    '"a"',
    '{',
    '{"a":1,"a":2}',
    '\ufeff{}',
    `{"a":${'['.repeat(50)}${']'.repeat(50)}}`,
  ])('%j is none', (text) => {
    expect(readDocument(Buffer.from(text))).toBeUndefined();
  });

  it('bytes that are not UTF-8 are none', () => {
    expect(readDocument(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined();
  });
});

describe('merging', () => {
  const kind = new SignatureManifest(1000);
  const layer = fc.record({
    digest: fc.constantFrom('a', 'b', 'c'),
    annotations: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2')),
    more: fc.nat(2),
  });
  const byKey = (layers: readonly Record<string, unknown>[]) =>
    new Map(layers.map((entry) => [kind.key(entry), entry]));

  it('keeps what is there first and as it is, and leaves nothing out', () => {
    fc.assert(
      fc.property(fc.array(layer), fc.array(layer), fc.array(layer), (there, seen, ours) => {
        const merged = mergeEntries(kind, there, byKey(seen), byKey(ours));
        expect(merged.slice(0, there.length)).toEqual(there);
        const keys = new Set([...there, ...seen, ...ours].map((entry) => kind.key(entry)));
        expect(new Set(merged.map((entry) => kind.key(entry)))).toEqual(keys);
        expect(mergeEntries(kind, merged, byKey(seen), byKey(ours))).toEqual(merged);
      }),
    );
  });
});

describe('whatever lies under the tags', () => {
  const digest = fc.constantFrom(`sha256:${'0'.repeat(64)}`, 'sha512:00', '', 7, {
    toString: 1,
    valueOf: 1,
  });
  const artifactType = fc.constantFrom(
    mediaTypes.bundle,
    mediaTypes.cosignSignature,
    mediaTypes.ociEmpty,
    '',
    null,
    7,
  );
  const mediaType = fc.constantFrom(
    mediaTypes.bundle,
    mediaTypes.simpleSigning,
    mediaTypes.ociManifest,
  );
  const entry = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        mediaType,
        digest,
        size: fc.oneof(fc.integer(), fc.jsonValue(), fc.constant({ toString: 1, valueOf: 1 })),
        artifactType,
        annotations: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  );
  const document = fc.oneof(
    fc.jsonValue(),
    fc.record({
      schemaVersion: fc.constant(2),
      mediaType: fc.constant(mediaTypes.ociIndex),
      manifests: fc.array(entry),
    }),
    fc.record({
      schemaVersion: fc.constant(2),
      mediaType: fc.constant(mediaTypes.ociManifest),
      config: entry,
      layers: fc.array(entry),
    }),
  );

  it('reading answers or fails in words, and so does writing', async () => {
    await fc.assert(
      fc.asyncProperty(document, document, async (index, signatures) => {
        const registry = new MemoryRegistry();
        const image = registry.pushImage();
        const tag = image.digest.replace(':', '-');
        registry.put(tag, Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
        registry.put(`${tag}.sig`, Buffer.from(JSON.stringify(signatures)), mediaTypes.ociManifest);
        const store = openStore(
          registry.client(),
          image.digest,
          testTools({ deadline: 5_000 }).tools,
        );
        const attempts = [
          store.found(),
          store.attachBundle(image, Buffer.from('{}'), new Date(0)),
          store.attachLegacy(Buffer.from('p'), {}),
        ];
        for (const attempt of await Promise.allSettled(attempts))
          if (attempt.status === 'rejected') expect(attempt.reason).toBeInstanceOf(Failure);
      }),
      { numRuns: 300 },
    );
  });
});
