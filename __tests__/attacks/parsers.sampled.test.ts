import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import type { Digest } from '../../src/image/digest.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { readPublicKeys } from '../../src/keys/public.ts';
import { readFileReferences } from '../../src/references/read-file.ts';
import { ReferrersIndex } from '../../src/registry/referrers-index.ts';
import { SignatureManifest } from '../../src/registry/signature-tag.ts';
import { readAttestation, readPredicate } from '../../src/signature/attestation.ts';
import { parseBundle } from '../../src/signature/bundle.ts';
import { readCertificate } from '../../src/signature/certificate.ts';
import { judge } from '../../src/signature/judge.ts';
import { judgeAttestation } from '../../src/signature/judge-attestation.ts';
import { readEnvelopeLayer, readLayer } from '../../src/signature/legacy.ts';
import { readProvenance } from '../../src/signature/provenance.ts';
import { Refusal } from '../../src/signature/refusal.ts';
import { readPayload } from '../../src/signature/simple-signing.ts';
import { readStatement } from '../../src/signature/statement.ts';
import { parseTimestamp } from '../../src/signature/timestamp.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { growth } from '../growth.ts';
import { runs } from '../sampled.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { keyless, type Scene } from './attack.ts';
import { attest, makeEnvelope, slsa1, statementOf } from './attestation.ts';
import { base64, Forge } from './forge.ts';
import { inRekor2, type Json, makeBundle, makeLayer, publicPem, stampedOnly } from './material.ts';

const forge = new Forge();
const image = {
  digest: `sha256:${'ab'.repeat(32)}` as Digest,
  reference: 'registry.test/acme/app',
};
const bundle = makeBundle(forge, image, { timestamp: new Date('2026-11-20T12:01:00Z') });
const layer = makeLayer(forge, image);
const [timestamp] = makeBundle(forge, image, stampedOnly).verificationMaterial
  .timestampVerificationData.rfc3161Timestamps;
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');
const repository = { name: { registry: 'registry.test', repository: 'acme/app' } } as never;
const descriptor = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: image.digest,
  size: 9,
  annotations: { a: 'b' },
};
const manifest = {
  schemaVersion: 2,
  mediaType: descriptor.mediaType,
  config: descriptor,
  layers: [descriptor],
  subject: descriptor,
  annotations: { a: 'b' },
};
const index = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [descriptor, { ...descriptor, artifactType: 'x/y' }],
};

const statement = statementOf(image, {
  predicateType: slsa1,
  predicate: {
    buildDefinition: { externalParameters: { workflow: { repository: 'https://a/b', ref: 'c' } } },
    runDetails: { builder: { id: 'https://a/b' } },
  },
});
const attested = Buffer.from(JSON.stringify(statement));
const scene = { forge, store: { image } } as unknown as Scene;
const attestation = makeEnvelope(scene, statement);

/** A statement as the judge reads it: up to its predicate, and then that. */
function readAttested(bytes: Buffer): unknown {
  const { predicateType, predicate } = readAttestation(bytes);
  return readProvenance(predicateType, readPredicate(predicate));
}

/** Every parser of what strangers write, and something good for it to begin with. */
const parsers: readonly (readonly [string, Buffer, (bytes: Buffer) => unknown])[] = [
  [
    'a reference',
    Buffer.from(`ghcr.io/acme/app:v1@${image.digest}`),
    (bytes) => parseReference(bytes.toString()),
  ],
  ['a public key', Buffer.from(publicPem(newEcKey())), (bytes) => readPublicKeys(bytes.toString())],
  [
    'a manifest',
    Buffer.from(JSON.stringify(manifest)),
    (bytes) => parseManifest(bytes, manifest.mediaType),
  ],
  ['an index', Buffer.from(JSON.stringify(index)), (bytes) => parseManifest(bytes, '')],
  [
    'a list of referrers',
    Buffer.from(JSON.stringify(index)),
    (bytes) =>
      new ReferrersIndex(repository, image.digest).parse({
        digest: descriptor.digest,
        mediaType: index.mediaType,
        bytes: Buffer.concat([bytes]),
      }),
  ],
  [
    'a .sig manifest',
    Buffer.from(JSON.stringify(manifest)),
    (bytes) =>
      new SignatureManifest(1000).parse({
        digest: descriptor.digest,
        mediaType: manifest.mediaType,
        bytes,
      }),
  ],
  ['a bundle', Buffer.from(JSON.stringify(bundle)), parseBundle],
  ['a statement', bytesOf(bundle.dsseEnvelope.payload), readStatement],
  ['an attestation', attested, readAttested],
  [
    'an envelope',
    Buffer.from(JSON.stringify(attestation.envelope)),
    (bytes) => readEnvelopeLayer(bytes, attestation.annotations, 1 << 18),
  ],
  ['a payload', layer.payload, readPayload],
  ['a certificate', bytesOf(bundle.verificationMaterial.certificate.rawBytes), readCertificate],
  ['a timestamp', bytesOf(timestamp.signedTimestamp), parseTimestamp],
  ['a trusted root', Buffer.from(JSON.stringify(forge.trustedRoot())), parseTrustedRoot],
  ...Object.keys(layer.annotations).map((name) => {
    const read = (bytes: Buffer) =>
      readLayer(layer.payload, { ...layer.annotations, [name]: bytes.toString() });
    return [`the annotation ${name}`, Buffer.from(layer.annotations[name] ?? ''), read] as const;
  }),
];

/** The same for files of a pull request: they are read, or unresolved, and never an error. */
const files = Object.entries({
  'deploy/pod.yaml':
    'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - &a {name: a, image: "a/b:1"}\n  - <<: *a\n    name: b\n',
  'deploy/pod.json': JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { containers: [{ image: 'a' }] },
  }),
  'deploy/kustomization.yaml':
    "images: [{name: a, newTag: '1'}]\npatches:\n- patch: |-\n    - {op: add, path: /spec/image, value: a/b:1}\n",
  'chart/values.yaml': 'image: {registry: r.io, repository: a, tag: "1"}\nb: {image: "{{ x }}"}\n',
  'chart/templates/a.yaml': '{{- if .a }}\nimage: {{ .b }}\n{{- end }}\n',
}).map(([path, text]) => {
  const read = (bytes: Buffer) => readFileReferences(path, bytes);
  return [`the file ${path}`, Buffer.from(text), read] as const;
});

/** A document with some bytes replaced, taken out, doubled or put in. */
const damaged = (good: Buffer): fc.Arbitrary<Buffer> => {
  const cut = fc
    .tuple(fc.nat(good.length), fc.nat(40), fc.oneof(fc.uint8Array({ maxLength: 20 }), tokens))
    .map(
      ([at, length, put]) =>
        (bytes: Buffer) =>
          Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]),
    );
  return fc
    .array(cut, { minLength: 1, maxLength: 3 })
    .map((cuts) => cuts.reduce((bytes, edit) => edit(bytes), good));
};
const tokens = fc
  .constantFrom(
    '{',
    '}',
    '[',
    '"',
    ':',
    ',null',
    '"__proto__":',
    '1e999',
    '-0',
    '\\ud800',
    '\ufeff',
    '\0',
    '\n\n',
    '-----BEGIN',
    '=',
    '@',
    '\u202e',
  )
  .map((text) => Buffer.from(text));

/** JSON of the right shape with any value anywhere. */
const reshaped = (good: Buffer): fc.Arbitrary<Buffer> | undefined => {
  const places = pathsOf(parsedOrNothing(good));
  if (places.length === 0) return undefined;
  return fc
    .tuple(fc.constantFrom(...places), fc.oneof(fc.jsonValue(), odd))
    .map(([path, value]) => {
      const document = parsedOrNothing(good) as Json;
      const last = path.at(-1) ?? '';
      const holder = path.slice(0, -1).reduce<Json>((at, name) => at[name], document);
      Object.defineProperty(holder, last, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      return Buffer.from(JSON.stringify(document));
    });
};
const odd = fc.constantFrom<unknown>(
  '',
  null,
  -1,
  2 ** 60,
  '9'.repeat(400),
  'constructor',
  '__proto__',
  [[]],
  {},
  { toString: 1 },
  base64(Buffer.alloc(64)),
);

function parsedOrNothing(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return path.length === 0 ? [] : [[...path]];
  const inside = Object.entries(value).flatMap(([name, each]) => pathsOf(each, [...path, name]));
  return path.length === 0 ? inside : [[...path], ...inside];
}

describe.each([...parsers, ...files])('whatever is put in place of %s', (_name, good, parse) => {
  it('is read, or refused with an error of a known type', () => {
    expect(() => parse(good)).not.toThrow();
    const shapes = reshaped(good);
    const anything = fc.oneof(
      damaged(good),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      ...(shapes === undefined ? [] : [shapes]),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          if (!(error instanceof Refusal || error instanceof Failure)) throw error;
          expect(error.code).not.toBe('internal');
        }
      }),
      { numRuns: runs(250) },
    );
  });
});

it.each([
  ['a bundle', () => ({ format: 'bundle' as const, bytes: attest(scene, statement) })],
  ['a layer', () => ({ format: 'legacy' as const, bytes: attestation.envelope })],
])('whatever is put into %s, only what was signed is attested', (_, make) => {
  const { format, bytes } = make();
  const good = Buffer.from(JSON.stringify(bytes));
  const { annotations } = attestation;
  const place = { digest: image.digest, reference: 'registry.test/acme/app@x' };
  const verdictOn = (read: Buffer) =>
    judgeAttestation(
      format === 'bundle'
        ? { ...place, format, bundle: read }
        : { ...place, format, envelope: read, annotations },
      image.digest,
      { policy: keyless, types: [slsa1] },
      forge.trust(),
    );
  const signed = JSON.stringify(statement.predicate);
  expect(verdictOn(good).predicate?.toString()).toBe(signed);
  const shapes = reshaped(good);
  fc.assert(
    fc.property(fc.oneof(damaged(good), ...(shapes === undefined ? [] : [shapes])), (read) => {
      const { verified, predicate, provenance } = verdictOn(read);
      expect(predicate?.toString()).toBe(verified ? signed : undefined);
      expect(provenance !== undefined).toBe(verified);
    }),
    { numRuns: runs(300) },
  );
});

/** What makes a document long without end, as far as its reader goes along. */
const swollen: readonly (readonly [string, (good: Buffer, size: number) => Buffer | string])[] = [
  ['spaces in front', (good, size) => ' '.repeat(size) + good],
  ['spaces behind', (good, size) => good + ' '.repeat(size)],
  ['brackets in brackets', (_, size) => '['.repeat(size)],
  ['objects in objects', (_, size) => '{"a":'.repeat(size / 5)],
  ['keys', (_, size) => `{${Array.from({ length: size / 10 }, (_, n) => `"k${n}":0`).join()}}`],
  ['one text', (_, size) => `{"a":"${'\\\\'.repeat(size / 2)}"}`],
  ['one line of a PEM', (_, size) => `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(size)}`],
  ['lines of a PEM', (_, size) => `-----BEGIN PUBLIC KEY-----\n${'AA\n'.repeat(size / 3)}`],
  ['beginnings of a PEM', (_, size) => '-----BEGIN '.repeat(size / 11)],
  ['words with dashes', (_, size) => 'a-'.repeat(size / 2)],
  ['sequences in DER', (_, size) => Buffer.from('30800201'.repeat(size / 4), 'hex')],
];

describe.each(swollen)('%s', (_name, swell) => {
  it.each(parsers)('cost the parser of %s what they are long', (_of, good, parse) => {
    const texts = new Map([2_000, 4_000].map((size) => [size, Buffer.from(swell(good, size))]));
    const read = (size: number) => {
      try {
        parse(texts.get(size) ?? good);
      } catch (error) {
        if (!(error instanceof Refusal || error instanceof Failure)) throw error;
      }
    };
    expect(growth(read, 2_000)).toBeLessThan(3);
  });
});

describe('whatever stands in a checkpoint', () => {
  it.each([{}, inRekor2])('is refused as a log entry: the log did not sign it', (wish) => {
    const made = makeBundle(forge, image, wish);
    const note: string =
      made.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope;
    const place = {
      digest: image.digest,
      reference: 'registry.test/acme/app@x',
      format: 'bundle',
    } as const;
    const verdictOn = (envelope: string) => {
      made.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope = envelope;
      return judge(
        { ...place, bundle: Buffer.from(JSON.stringify(made)) },
        image.digest,
        keyless,
        forge.trust(),
      );
    };
    expect(verdictOn(note)).toMatchObject({ code: 'verified' });
    const [head = ''] = note.split('\n\n');
    fc.assert(
      fc.property(
        fc.nat(head.length - 1),
        fc.nat(9),
        fc.string({ maxLength: 8 }),
        (at, length, put) => {
          const edited = note.slice(0, at) + put + note.slice(at + length);
          fc.pre(edited.split('\n\n')[0] !== head);
          expect(verdictOn(edited)).toMatchObject({ verified: false, code: 'bad-log-entry' });
        },
      ),
      { numRuns: runs(150) },
    );
  });
});

it('a certificate wrapped as PEM in any way is the same certificate, or refused', () => {
  const der = bytesOf(bundle.verificationMaterial.certificate.rawBytes);
  const good = pem('CERTIFICATE', der);
  const read = (text: string) => {
    const { signedBy } = readLayer(layer.payload, {
      ...layer.annotations,
      'dev.sigstore.cosign/certificate': text,
    });
    return 'certificate' in signedBy ? signedBy.certificate : undefined;
  };
  expect(read(good)).toEqual(der);
  fc.assert(
    fc.property(
      fc.nat(good.length),
      fc.constantFrom('\n', '\r\n', ' ', '\t', '\0', '=', '-', 'A', good),
      (at, put) => {
        try {
          const found = read(good.slice(0, at) + put + good.slice(at));
          if (found !== undefined && put !== 'A') expect(found).toEqual(der);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      },
    ),
    { numRuns: runs(300) },
  );
});
