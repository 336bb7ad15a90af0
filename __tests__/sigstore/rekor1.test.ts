import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Http, HttpResponse } from '../../src/http/http.ts';
import type { RekorVersion } from '../../src/sigstore/rekor.ts';
import { createRekor1 } from '../../src/sigstore/rekor1.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { editBody, editing, envelope, message, pem, rekorOf } from './log-testimony.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const rekor = (version: RekorVersion | undefined, http?: Http, url?: string) =>
  rekorOf(sigstore, version, http, url);

interface Entry1 {
  body: string;
  logID: unknown;
  logIndex: unknown;
  integratedTime: unknown;
  verification: { signedEntryTimestamp?: unknown; inclusionProof?: Record<string, unknown> };
}
const editEntry1 = (edit: (entry: Entry1) => unknown) =>
  editing((answer: Record<string, Entry1>) => {
    for (const entry of Object.values(answer)) edit(entry);
    return answer;
  });

describe('an entry of Rekor v1 is refused when', () => {
  it.each([
    [
      'it has no promise',
      (entry: Entry1): unknown => delete entry.verification.signedEntryTimestamp,
      'no signed promise',
    ],
    [
      'its promise is no base64',
      (entry: Entry1): unknown => (entry.verification.signedEntryTimestamp = '***'),
      'no signed promise',
    ],
    [
      'it has no inclusion proof',
      (entry: Entry1): unknown => delete entry.verification.inclusionProof,
      'no inclusion proof',
    ],
    [
      'its proof has no checkpoint',
      (entry: Entry1): unknown => delete entry.verification.inclusionProof?.checkpoint,
      'no inclusion proof',
    ],
    [
      'its proof is endless',
      (entry: Entry1): unknown =>
        Object.assign(entry.verification.inclusionProof ?? {}, { hashes: Array(65).fill('00') }),
      'no inclusion proof',
    ],
    [
      'a hash of its proof is no hexadecimal',
      (entry: Entry1): unknown =>
        Object.assign(entry.verification.inclusionProof ?? {}, { hashes: ['xy'] }),
      'no inclusion proof',
    ],
    [
      'its log id is no hexadecimal',
      (entry: Entry1): unknown => (entry.logID = 'XYZ'),
      'missing or malformed',
    ],
    [
      'its index is negative',
      (entry: Entry1): unknown => (entry.logIndex = -1),
      'missing or malformed',
    ],
    [
      'its index is a fraction',
      (entry: Entry1): unknown => (entry.logIndex = 1.5),
      'missing or malformed',
    ],
    [
      'its time is missing',
      (entry: Entry1): unknown => (entry.integratedTime = undefined),
      'missing or malformed',
    ],
    [
      'its body is garbage',
      (entry: Entry1): unknown => (entry.body = 'Z2FyYmFnZQ=='),
      'about another signature',
    ],
  ] as const)('%s', async (_what, edit, problem) => {
    for (const content of [message(), envelope()]) {
      await expect(rekor(1, editEntry1(edit)).testify(content, pem)).rejects.toMatchObject({
        code: 'rekor-error',
        message: expect.stringContaining(problem),
      });
    }
  });

  it.each([
    ['kind', (json: { kind: string }): unknown => (json.kind = 'intoto')],
    ['version', (json: { apiVersion: string }): unknown => (json.apiVersion = '0.0.2')],
    [
      'digest',
      (json: { spec: { data: { hash: { value: string } } } }): unknown =>
        (json.spec.data.hash.value = '00'.repeat(32)),
    ],
    [
      'algorithm',
      (json: { spec: { data: { hash: { algorithm: string } } } }): unknown =>
        (json.spec.data.hash.algorithm = 'sha512'),
    ],
    [
      'signature',
      (json: { spec: { signature: { content: string } } }): unknown =>
        (json.spec.signature.content = 'AAAA'),
    ],
    [
      'key',
      (json: { spec: { signature: { publicKey: { content: string } } } }): unknown =>
        (json.spec.signature.publicKey.content = 'AAAA'),
    ],
  ])('its body names another %s than ours', async (_field, edit) => {
    const http = editEntry1((entry) => {
      entry.body = editBody(entry.body, edit as (json: never) => void);
    });
    await expect(rekor(1, http).testify(message(), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it.each([
    [
      'hash algorithm',
      (json: { spec: { payloadHash: { algorithm: string } } }): unknown =>
        (json.spec.payloadHash.algorithm = 'sha512'),
    ],
    [
      'payload',
      (json: { spec: { payloadHash: { value: string } } }): unknown =>
        (json.spec.payloadHash.value = '00'.repeat(32)),
    ],
    [
      'signature',
      (json: { spec: { signatures: { signature: string }[] } }): unknown =>
        Object.assign(json.spec.signatures[0] ?? {}, { signature: 'AAAA' }),
    ],
    [
      'number of signatures',
      (json: { spec: { signatures: object[] } }): unknown =>
        json.spec.signatures.push({ ...json.spec.signatures[0] }),
    ],
    [
      'key',
      (json: { spec: { signatures: { verifier: string }[] } }): unknown =>
        Object.assign(json.spec.signatures[0] ?? {}, { verifier: 'AAAA' }),
    ],
  ])('the body of an envelope names another %s than ours', async (_field, edit) => {
    const http = editEntry1((entry) => {
      entry.body = editBody(entry.body, edit as (json: never) => void);
    });
    await expect(rekor(1, http).testify(envelope(), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it('it is the entry of somebody else', async () => {
    let recorded: HttpResponse | undefined;
    const recording: Http = async (request) => {
      recorded = await plainHttp()(request);
      return recorded;
    };
    await rekor(1, recording).testify(message('other'), pem);
    await expect(
      rekor(1, async () => recorded as HttpResponse).testify(message(), pem),
    ).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it.each([
    ['there are two', (answer: object) => ({ ...answer, second: {} }), 'it holds 2 entries'],
    ['there is none', () => ({}), 'it holds 0 entries'],
    ['the answer is a list', () => [], 'not a JSON object'],
  ])('%s', async (_what, edit, problem) => {
    await expect(rekor(1, editing(edit)).testify(message(), pem)).rejects.toMatchObject({
      message: expect.stringContaining(problem),
    });
  });
});

describe('an entry that exists already in Rekor v1', () => {
  const uuid = 'a'.repeat(80);
  const conflict = (location: string | undefined): HttpResponse => ({
    status: 409,
    headers: location === undefined ? {} : { location },
    body: Buffer.from('{"code":409,"message":"an equivalent entry already exists"}'),
    url: new URL('http://127.0.0.1'),
  });

  it('is fetched from where Location says, and again while it is not readable yet', async () => {
    const content = message();
    let answer: HttpResponse | undefined;
    const waits: number[] = [];
    const asked: string[] = [];
    const http: Http = async (request) => {
      asked.push(`${request.method} ${request.url.pathname}`);
      if (request.method === 'POST') {
        answer = { ...(await plainHttp()(request)), status: 200 };
        return conflict(`/api/v1/log/entries/${uuid}`);
      }
      return asked.length < 4 || answer === undefined
        ? { ...conflict(undefined), status: 404 }
        : answer;
    };
    const service = {
      name: 'Rekor',
      code: 'rekor-error',
      url: new URL(sigstore.rekorUrl),
      http,
      retryBudget: () => 60_000,
      clock: {
        ...systemClock,
        sleep: async (milliseconds: number) => void waits.push(milliseconds),
      },
    } as const;
    const material = await createRekor1(service).testify(content, pem);
    expect(material.tlogEntries).toHaveLength(1);
    expect(waits).toEqual([250, 500]);
    const get = `GET /api/v1/log/entries/${uuid}`;
    expect(asked).toEqual(['POST /api/v1/log/entries', get, get, get]);
  });

  it.each([
    ['no address', undefined],
    ['another host', `http://evil.example/api/v1/log/entries/${uuid}`],
    ['another scheme', `file:///api/v1/log/entries/${uuid}`],
    ['another path', `/admin/${uuid}`],
    ['another entry path', `/api/v1/log/entries/${uuid}/../../x`],
    ['no identifier', '/api/v1/log/entries/'],
    ['garbage', 'http://[::'],
  ])('is not fetched when Location names %s', async (_what, location) => {
    const asked: URL[] = [];
    const http: Http = async ({ url }) => {
      asked.push(url);
      return conflict(location);
    };
    await expect(rekor(1, http).testify(message(), pem)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining('409'),
    });
    expect(asked).toHaveLength(1);
  });
});
