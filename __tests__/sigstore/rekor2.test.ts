import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Http } from '../../src/http/http.ts';
import { createRekor, type RekorVersion } from '../../src/sigstore/rekor.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { editBody, editing, envelope, pem, rekorOf } from './log-testimony.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const rekor = (version: RekorVersion | undefined, http?: Http, url?: string) =>
  rekorOf(sigstore, version, http, url);

interface Entry2 {
  logIndex: unknown;
  logId: { keyId: unknown };
  canonicalizedBody: string;
  inclusionProof?: Record<string, unknown>;
}

describe('an entry of Rekor v2 is refused when', () => {
  it.each([
    [
      'it has no inclusion proof',
      (entry: Entry2): unknown => delete entry.inclusionProof,
      'no inclusion proof',
    ],
    [
      'its proof has no checkpoint',
      (entry: Entry2): unknown => delete entry.inclusionProof?.checkpoint,
      'no inclusion proof',
    ],
    [
      'its root hash is no base64',
      (entry: Entry2): unknown => Object.assign(entry.inclusionProof ?? {}, { rootHash: '*' }),
      'no inclusion proof',
    ],
    [
      'its log id is missing',
      (entry: Entry2): unknown => (entry.logId = { keyId: undefined }),
      'missing or malformed',
    ],
    [
      'its index is malformed',
      (entry: Entry2): unknown => (entry.logIndex = '01'),
      'missing or malformed',
    ],
    [
      'its body is garbage',
      (entry: Entry2): unknown => (entry.canonicalizedBody = 'Z2FyYmFnZQ=='),
      'about another signature',
    ],
  ] as const)('%s', async (_what, edit, problem) => {
    const http = editing((entry: Entry2): unknown => {
      edit(entry);
      return entry;
    });
    await expect(rekor(2, http).testify(envelope(), pem)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining(problem),
    });
  });

  type Body2 = {
    kind: string;
    apiVersion: string;
    spec: {
      hashedRekordV002: { data: Record<string, string>; signature: Record<string, unknown> };
    };
  };
  it.each([
    ['kind', (json: Body2): unknown => (json.kind = 'dsse')],
    ['version', (json: Body2): unknown => (json.apiVersion = '0.0.1')],
    [
      'algorithm',
      (json: Body2): unknown => (json.spec.hashedRekordV002.data.algorithm = 'SHA2_512'),
    ],
    ['digest', (json: Body2): unknown => (json.spec.hashedRekordV002.data.digest = 'AAAA')],
    [
      'signature',
      (json: Body2): unknown => (json.spec.hashedRekordV002.signature.content = 'AAAA'),
    ],
    [
      'kind of key',
      (json: Body2): unknown =>
        Object.assign(json.spec.hashedRekordV002.signature.verifier ?? {}, {
          keyDetails: 'PKIX_ECDSA_P384_SHA_384',
        }),
    ],
    [
      'verifier',
      (json: Body2): unknown =>
        (json.spec.hashedRekordV002.signature.verifier = {
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          publicKey: { rawBytes: 'AAAA' },
        }),
    ],
  ] as const)('its body names another %s than ours', async (_field, edit) => {
    const http = editing((entry: Entry2): unknown => ({
      ...entry,
      canonicalizedBody: editBody(entry.canonicalizedBody, edit as (json: never) => void),
    }));
    await expect(rekor(2, http).testify(envelope(), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });
});

describe('an entry of Rekor v2 whose answer was lost', () => {
  beforeEach(() => sigstore.faults.rekor2.clear());

  it('is read back from the tiles', async () => {
    const content = envelope();
    sigstore.faults.rekor2.inject({ kind: 'reset', when: 'after' }, { times: 1 });
    await expect(rekor(2).testify(content, pem)).rejects.toMatchObject({ code: 'rekor-error' });
    const { tlogEntries = [] } = await rekor(2).testify(content, pem);
    expect(tlogEntries).toMatchObject([
      { kindVersion: { kind: 'hashedrekord', version: '0.0.2' }, inclusionPromise: undefined },
    ]);
  });

  it.each([
    [
      'does not say where it is',
      { status: 409, headers: {}, body: Buffer.from('{"message":"exists"}') },
      'does not say where',
    ],
    [
      'says that it is somewhere absurd',
      { status: 409, headers: { 'x-log-index': '-3' }, body: Buffer.from('{"message":"exists"}') },
      'does not say where',
    ],
  ])('is a failure when the log %s', async (_what, answer, problem) => {
    const http: Http = async ({ url }) => ({ ...answer, url });
    await expect(rekor(2, http).testify(envelope(), pem)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining(problem),
    });
  });

  it('is a failure when the entry at that index is another', async () => {
    await rekor(2).testify(envelope('{"first":1}'), pem);
    const http: Http = async (request) =>
      request.method === 'GET'
        ? plainHttp()(request)
        : {
            status: 409,
            headers: { 'x-log-index': '0' },
            body: Buffer.from('{"message":"exists"}'),
            url: request.url,
          };
    await expect(rekor(2, http).testify(envelope('{"second":2}'), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it('is a failure when the trusted root does not know the log', async () => {
    const content = envelope('{"third":3}');
    await rekor(2).testify(content, pem);
    const stranger = createRekor({
      http: plainHttp(),
      clock: systemClock,
      url: new URL(sigstore.rekor2Url),
      version: 2,
      retryBudget: () => 0,
      logIds: async () => [Buffer.alloc(32)],
    });
    await expect(stranger.testify(content, pem)).rejects.toMatchObject({
      message: expect.stringContaining('no log of the trusted root'),
    });
  });
});
