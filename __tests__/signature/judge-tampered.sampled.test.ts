import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FoundSignature } from '../../src/signature/found.ts';
import { judge } from '../../src/signature/judge.ts';
import { layerAnnotations } from '../../src/signature/legacy.ts';
import type { Verdict } from '../../src/signature/verdict.ts';
import { runs } from '../sampled.ts';
import { type RecordedCase, recordedCase, recordedTrust } from './fixtures.ts';
import {
  flip,
  ofEntry,
  ofEnvelope,
  ofPromise,
  ofTimestamp,
  put,
  type Tampering,
  within,
} from './tampering.ts';

type Bundle = Extract<FoundSignature, { bundle: Buffer }>;
type Layer = Extract<FoundSignature, { payload: Buffer }>;

const trust = recordedTrust();

function bundleOf(recorded: RecordedCase): Bundle {
  const found = recorded
    .signaturesOf(recorded.digest)
    .find((each): each is Bundle => 'bundle' in each);
  if (found === undefined) throw new Error(`${recorded.name} has no bundle`);
  return found;
}

function layerOf(recorded: RecordedCase): Layer {
  const found = recorded
    .signaturesOf(recorded.digest)
    .find((each): each is Layer => 'payload' in each);
  if (found === undefined) throw new Error(`${recorded.name} has no legacy signature`);
  return found;
}

function verdictOn(recorded: RecordedCase, found: FoundSignature): Verdict {
  const question = recorded.questions[0];
  if (question === undefined) throw new Error('nothing is asked');
  return judge(found, recorded.digest, question.policy, trust);
}

function edited(found: Bundle, edit: (json: unknown) => void): Bundle {
  const json: unknown = JSON.parse(found.bundle.toString());
  edit(json);
  return { ...found, bundle: Buffer.from(JSON.stringify(json)) };
}

function material(name: string): Record<string, unknown> {
  return JSON.parse(bundleOf(recordedCase(name)).bundle.toString()).verificationMaterial;
}

const tables: readonly (readonly [string, readonly Tampering[]])[] = [
  ['keyed-bundle-nolog', ofEnvelope],
  ['keyed-bundle-rekor1', [...ofEnvelope, ...ofEntry, ...ofPromise]],
  ['keyed-bundle-rekor2-tsa', [...ofEnvelope, ...ofEntry, ...ofTimestamp]],
  ['keyless-bundle-rekor1-tsa', [...ofEnvelope, ...ofEntry, ...ofPromise, ...ofTimestamp]],
  ['keyless-bundle-rekor2-tsa', [...ofEnvelope, ...ofEntry, ...ofTimestamp]],
  ['keyless-bundle-tsa-only', [...ofEnvelope, ...ofTimestamp]],
];

for (const [name, tamperings] of tables) {
  describe(`${name}, tampered with`, () => {
    const recorded = recordedCase(name);
    it('passes as it is, also when it is only written anew', () => {
      const written = edited(bundleOf(recorded), () => undefined);
      expect(verdictOn(recorded, written)).toEqual(verdictOn(recorded, bundleOf(recorded)));
      expect(verdictOn(recorded, written)).toMatchObject({ verified: true, code: 'verified' });
    });
    it.each(tamperings)('$what: $code', ({ edit, code }) => {
      const tampered = edited(bundleOf(recorded), edit);
      expect(tampered.bundle.equals(edited(bundleOf(recorded), () => undefined).bundle)).toBe(
        false,
      );
      expect(verdictOn(recorded, tampered)).toMatchObject({
        verified: false,
        code,
        reason: expect.stringMatching(/^[A-Z].*\.$/),
      });
    });
  });
}

describe('parts of one signature in another', () => {
  it.each<[string, string, string, string, Verdict['code']]>([
    [
      'the log entry of another signature',
      'keyless-bundle-rekor1',
      'tlogEntries',
      'keyless-bundle-rekor1-tsa',
      'bad-log-entry',
    ],
    [
      'the log entry of another log',
      'keyless-bundle-rekor2-tsa',
      'tlogEntries',
      'keyless-bundle-rekor1-tsa',
      'bad-log-entry',
    ],
    [
      'the timestamp of another signature',
      'keyless-bundle-rekor2-tsa',
      'timestampVerificationData',
      'keyless-bundle-tsa-only',
      'bad-timestamp',
    ],
    [
      'the certificate of another signature',
      'keyless-bundle-rekor1',
      'certificate',
      'keyless-bundle-rekor1-tsa',
      'bad-signature',
    ],
    [
      'no timestamp where nothing else proves the time',
      'keyless-bundle-rekor2-tsa',
      'timestampVerificationData',
      'keyless-bundle-rekor1',
      'no-timestamp',
    ],
  ])('%s', (_, name, part, from, code) => {
    const recorded = recordedCase(name);
    const tampered = edited(
      bundleOf(recorded),
      put(`material.${part}`, material(from)[part] ?? {}),
    );
    expect(verdictOn(recorded, tampered)).toMatchObject({ verified: false, code });
  });

  it('a certificate under another outer tag, which nothing signs', () => {
    const recorded = recordedCase('keyless-bundle-tsa-only');
    const tampered = edited(
      bundleOf(recorded),
      put('material.certificate.rawBytes', (old: string) => old.replace(/^M/, 'L')),
    );
    expect(verdictOn(recorded, tampered)).toMatchObject({ verified: false, code: 'malformed' });
  });

  it('a signature copied from another image', () => {
    const recorded = recordedCase('keyless-bundle-rekor1');
    const other = recordedCase('keyless-bundle-rekor1-tsa');
    const verdict = verdictOn(recorded, bundleOf(other));
    expect(verdict).toMatchObject({
      verified: false,
      code: 'wrong-subject',
      identity: expect.stringContaining('ferry'),
    });
  });

  it('a hint is only a hint: with another one the right key still verifies', () => {
    const recorded = recordedCase('keyed-bundle-nolog');
    const honest = verdictOn(recorded, bundleOf(recorded));
    for (const hint of ['', 'AAAA', '__proto__', 'x'.repeat(5000)]) {
      expect(
        verdictOn(recorded, edited(bundleOf(recorded), put('material.publicKey', { hint }))),
      ).toEqual(honest);
    }
    expect(
      verdictOn(
        recorded,
        edited(bundleOf(recorded), put('envelope.signatures.0.keyid', 'someone')),
      ),
    ).toEqual(honest);
  });
});

describe('keyless-legacy-rekor1-tsa, tampered with', () => {
  const recorded = recordedCase('keyless-legacy-rekor1-tsa');
  const layer = layerOf(recorded);
  const written = (
    name: keyof typeof layerAnnotations,
    change: (old: string) => string | undefined,
  ): Layer => {
    const annotations = { ...layer.annotations };
    const value = change(annotations[layerAnnotations[name]] ?? '');
    if (value === undefined) delete annotations[layerAnnotations[name]];
    else annotations[layerAnnotations[name]] = value;
    return { ...layer, annotations };
  };
  const inJson = (path: string, value: unknown) => (old: string) => {
    const json: unknown = JSON.parse(old);
    put(path, value)(json);
    return JSON.stringify(json);
  };
  const pemOf = (der: string) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`;
  const derOf = (pem: string) => pem.replace(/-----[^-]+-----|\n/g, '');

  it('passes as it is', () => {
    expect(verdictOn(recorded, layer)).toMatchObject({
      verified: true,
      tlogIndex: 23,
      integratedTime: 1795173681,
    });
  });

  it.each<[string, Layer, Verdict['code']]>([
    [
      'another digest',
      {
        ...layer,
        payload: Buffer.from(layer.payload.toString().replace(/sha256:../, 'sha256:zz')),
      },
      'bad-signature',
    ],
    [
      'an annotation added',
      { ...layer, payload: Buffer.from(layer.payload.toString().replace('null', '{"a":"b"}')) },
      'bad-signature',
    ],
    [
      'another repository',
      { ...layer, payload: Buffer.from(layer.payload.toString().replace('127', '128')) },
      'bad-signature',
    ],
    [
      'another type',
      { ...layer, payload: Buffer.from(layer.payload.toString().replace('cosign c', 'atomic c')) },
      'wrong-predicate',
    ],
    ['a space more', { ...layer, payload: Buffer.from(`${layer.payload} `) }, 'bad-signature'],
    ['an altered signature', written('signature', flip), 'bad-signature'],
    ['no signature', written('signature', () => undefined), 'malformed'],
    ['sloppy base64', written('signature', (old) => `${old} `), 'malformed'],
    ['no log entry', written('bundle', () => undefined), 'no-log-entry'],
    ['an empty log entry', written('bundle', () => ''), 'no-log-entry'],
    ['a log entry of nothing', written('bundle', () => 'null'), 'malformed'],
    [
      'an altered promise',
      written('bundle', inJson('SignedEntryTimestamp', flip)),
      'bad-log-entry',
    ],
    ['another index', written('bundle', inJson('Payload.logIndex', 3)), 'bad-log-entry'],
    [
      'another time',
      written('bundle', inJson('Payload.integratedTime', 1795173600)),
      'bad-log-entry',
    ],
    ['a negative time', written('bundle', inJson('Payload.integratedTime', -1)), 'malformed'],
    ['another log', written('bundle', inJson('Payload.logID', '0'.repeat(64))), 'bad-log-entry'],
    [
      'an altered body',
      written('bundle', inJson('Payload.body', within('hashedrekord', 'hashedrekorD'))),
      'bad-log-entry',
    ],
    ['a field more', written('bundle', inJson('payload', {})), 'malformed'],
    [
      'an altered timestamp',
      written(
        'timestamp',
        inJson('SignedRFC3161Timestamp', (old: string) => flip(old, 90)),
      ),
      'bad-timestamp',
    ],
    ['a timestamp that is none', written('timestamp', () => '{}'), 'malformed'],
    [
      'an altered certificate',
      written('certificate', (old) => pemOf(flip(derOf(old), -5 + 1000))),
      'bad-log-entry',
    ],
    ['no certificate', written('certificate', () => undefined), 'wrong-identity'],
    ['two certificates', written('certificate', (old) => old + old), 'malformed'],
    ['text before the certificate', written('certificate', (old) => `x\n${old}`), 'malformed'],
    [
      'a truncated certificate',
      written('certificate', (old) => pemOf(derOf(old).slice(0, 400))),
      'malformed',
    ],
    [
      'a certificate with bytes after it',
      written('certificate', (old) =>
        pemOf(
          Buffer.from(
            `${Buffer.from(derOf(old), 'base64').toString('latin1')}x`,
            'latin1',
          ).toString('base64'),
        ),
      ),
      'malformed',
    ],
  ])('%s', (_, tampered, code) => {
    expect(verdictOn(recorded, tampered)).toMatchObject({
      verified: false,
      code,
      reason: expect.stringMatching(/^[A-Z].*\.$/),
    });
  });

  it('does not care for a chain: trust comes from the trusted root alone', () => {
    expect(
      verdictOn(
        recorded,
        written('chain', () => 'nonsense'),
      ),
    ).toEqual(verdictOn(recorded, layer));
  });
});

describe('any one byte of a good signature changed', () => {
  const names = [
    'keyed-bundle-rekor1-tsa',
    'keyed-bundle-rekor2-tsa',
    'keyless-bundle-rekor1',
    'keyless-bundle-rekor2-tsa',
    'keyless-bundle-tsa-only',
  ];
  // A key's hint and keyid, spaces between tokens and the checkpoint's other lines prove nothing;
  // to change them changes nothing that is stated.
  it.each(names)('%s: it is refused, or states exactly the same', (name) => {
    const recorded = recordedCase(name);
    const found = bundleOf(recorded);
    const honest = verdictOn(recorded, found);
    fc.assert(
      fc.property(fc.nat(found.bundle.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bundle = Buffer.from(found.bundle);
        bundle.writeUInt8((bundle[at] ?? 0) ^ mask, at);
        const verdict = verdictOn(recorded, { ...found, bundle });
        if (verdict.verified) expect(verdict).toEqual(honest);
        else expect(verdict.code).not.toBe('verified');
      }),
      { numRuns: runs(400) },
    );
  });

  it('never throws for bytes that are no signature at all', () => {
    const recorded = recordedCase('keyless-bundle-rekor1');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const bundle = Buffer.from(bytes);
          expect(verdictOn(recorded, { ...bundleOf(recorded), bundle })).toMatchObject({
            verified: false,
            code: 'malformed',
          });
        },
      ),
    );
  });
});

describe('a timestamp that is asked for, by key and without the log', () => {
  const recorded = recordedCase('keyed-bundle-rekor1-tsa');
  const [question] = recorded.questions;
  const signers = question?.policy.signers ?? [];
  const policy = {
    signers: signers as never,
    annotations: {},
    tlog: 'ignore',
    timestamp: 'required',
  } as const;

  it('is verified and stated', () => {
    expect(judge(bundleOf(recorded), recorded.digest, policy, trust)).toMatchObject({
      verified: true,
      timestamp: expect.any(String),
    });
  });

  it.each([
    [
      'is of another signature',
      {
        timestampVerificationData: material('keyless-bundle-rekor1-tsa').timestampVerificationData,
      },
      'bad-timestamp',
    ],
    ['is missing', { timestampVerificationData: {} }, 'no-timestamp'],
  ])('is refused when it %s', (_, { timestampVerificationData }, code) => {
    const tampered = edited(
      bundleOf(recorded),
      put('material.timestampVerificationData', timestampVerificationData),
    );
    expect(judge(tampered, recorded.digest, policy, trust)).toMatchObject({
      verified: false,
      code,
    });
  });

  it('is refused where there is no trusted root to check it with', () => {
    expect(
      judge(bundleOf(recorded), recorded.digest, policy, { material: undefined }),
    ).toMatchObject({ verified: false });
  });
});
