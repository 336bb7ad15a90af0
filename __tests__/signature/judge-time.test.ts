import type { Witness } from '@sigstore/sign';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import { judge } from '../../src/signature/judge.ts';
import { signBundle, signLegacy } from '../../src/signature/make.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { makeStatement } from '../../src/signature/statement.ts';
import { createTrust, parseTrustedRoot } from '../../src/signature/trust.ts';
import { identity, issuer, PrivateSigstore } from './private-sigstore.ts';
import { flip, put } from './tampering.ts';

const sigstore = new PrivateSigstore();
const image = parseDigest(`sha256:${'ab'.repeat(32)}`);
const place = { digest: image, reference: 'r.test/app@sha256:ab' };

function policy(tlog: SignaturePolicy['tlog']): SignaturePolicy {
  return {
    signers: [{ identities: [{ exact: identity }], issuers: [{ exact: issuer }] }],
    annotations: {},
    tlog,
  };
}

async function made(witnesses: readonly Witness[]): Promise<readonly FoundSignature[]> {
  const signer = sigstore.issue();
  const payload = makePayload({ dockerReference: 'r.test/app', digest: image, annotations: {} });
  const layer = await signLegacy({ signer, witnesses, payload });
  const { bundle } = await signBundle({ signer, witnesses, statement: makeStatement(image, {}) });
  return [
    { format: 'legacy', ...place, payload, annotations: layer.annotations },
    { format: 'bundle', ...place, bundle },
  ];
}

describe('a timestamp as the only proof of time', () => {
  it.each([
    ['20261120120000Z', '2026-11-20T12:00:00.000Z'],
    ['20261120120000.5Z', '2026-11-20T12:00:00.500Z'],
    ['20261120120000.120Z', '2026-11-20T12:00:00.120Z'],
    ['20261120120000.123456Z', '2026-11-20T12:00:00.123Z'],
  ])('may say %s', async (time, timestamp) => {
    for (const found of await made([sigstore.timestampAuthority(time)])) {
      const verdict = judge(found, image, policy('ignore'), sigstore.trust);
      expect(verdict).toMatchObject({ verified: true, code: 'verified', timestamp, identity });
      expect(verdict).not.toHaveProperty('tlogIndex');
      expect(verdict).not.toHaveProperty('integratedTime');
      expect(judge(found, image, policy('required'), sigstore.trust)).toMatchObject({
        verified: false,
        code: 'no-log-entry',
      });
    }
  });

  it.each([
    ['before the certificate', '20261120105959Z', 0, 'untrusted-certificate'],
    ['after the certificate', '20261120130001Z', 0, 'untrusted-certificate'],
    ['before the authority', '20190101000000Z', 0, 'bad-timestamp'],
    ['no time', 'yesterday', 0, 'bad-timestamp'],
    ['a local time', '20261120120000+0100', 0, 'bad-timestamp'],
    ['a time that was not granted', '20261120120000Z', 2, 'bad-timestamp'],
  ] as const)('must not say %s', async (_, time, status, code) => {
    for (const found of await made([sigstore.timestampAuthority(time, status)])) {
      expect(judge(found, image, policy('ignore'), sigstore.trust)).toMatchObject({
        verified: false,
        code,
      });
    }
  });

  it('must be of an authority that is trusted', async () => {
    for (const found of await made([
      sigstore.rekor(),
      new PrivateSigstore().timestampAuthority('20261120120000Z'),
    ])) {
      expect(judge(found, image, policy('ignore'), sigstore.trust)).toMatchObject({
        verified: false,
        code: 'bad-timestamp',
      });
    }
  });
});

describe('a log that is ignored', () => {
  it('proves no time, even where its entry would', async () => {
    for (const found of await made([sigstore.rekor()])) {
      expect(judge(found, image, policy('required'), sigstore.trust)).toMatchObject({
        verified: true,
      });
      expect(judge(found, image, policy('ignore'), sigstore.trust)).toMatchObject({
        verified: false,
        code: 'no-timestamp',
      });
    }
  });

  it('does no harm with a bad entry, and states nothing with a good one', async () => {
    const [, found] = await made([
      sigstore.rekor(),
      sigstore.timestampAuthority('20261120120000Z'),
    ]);
    if (found === undefined || !('bundle' in found)) throw new Error('no bundle');
    const json: unknown = JSON.parse(found.bundle.toString());
    put('entry.inclusionPromise.signedEntryTimestamp', flip)(json);
    const broken = { ...found, bundle: Buffer.from(JSON.stringify(json)) };
    expect(judge(broken, image, policy('required'), sigstore.trust)).toMatchObject({
      code: 'bad-log-entry',
    });
    expect(judge(broken, image, policy('ignore'), sigstore.trust)).toEqual(
      judge(found, image, policy('ignore'), sigstore.trust),
    );
    expect(judge(broken, image, policy('ignore'), sigstore.trust)).toMatchObject({
      verified: true,
    });
  });
});

it('an entry of a log whose key was out of use then is refused, also where only a timestamp tells the time', async () => {
  const root = sigstore.trustedRoot();
  put('tlogs.0.publicKey.validFor.end', '2026-01-01T00:00:00Z')(root);
  const trust = createTrust(parseTrustedRoot(Buffer.from(JSON.stringify(root))));
  const [, found] = await made([sigstore.rekor(), sigstore.timestampAuthority('20261120120000Z')]);
  if (found === undefined || !('bundle' in found)) throw new Error('no bundle');
  const json: unknown = JSON.parse(found.bundle.toString());
  put('entry.inclusionPromise', undefined)(json);
  const proofOnly = { ...found, bundle: Buffer.from(JSON.stringify(json)) };
  expect(judge(found, image, policy('required'), trust)).toMatchObject({ code: 'bad-log-entry' });
  expect(judge(proofOnly, image, policy('required'), trust)).toMatchObject({
    code: 'bad-log-entry',
    reason: expect.stringContaining('not in use'),
  });
  // Without a promise nobody signed the index of a Rekor v1 entry, nor its time: neither is stated.
  const verdict = judge(proofOnly, image, policy('required'), sigstore.trust);
  expect(verdict).toMatchObject({
    verified: true,
    timestamp: '2026-11-20T12:00:00.000Z',
    logId: expect.any(String),
  });
  expect(verdict).not.toHaveProperty('tlogIndex');
  expect(verdict).not.toHaveProperty('integratedTime');
});
