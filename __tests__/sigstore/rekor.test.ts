import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import type { SignatureBundle, VerificationMaterial } from '@sigstore/sign';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import type { Http, HttpRequest, HttpResponse } from '../../src/http/http.ts';
import { createRekor, type RekorVersion } from '../../src/sigstore/rekor.ts';
import { createRekor1 } from '../../src/sigstore/rekor1.ts';
import { logIdsOf } from '../../src/sigstore/trust.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();

/** A fresh signature each time: ECDSA never makes the same one twice. */
function message(text = 'message'): SignatureBundle {
  const digest = createHash('sha256').update(text).digest();
  const signature = sign('sha256', Buffer.from(text), privateKey);
  return { $case: 'messageSignature', messageSignature: { messageDigest: { algorithm: 1, digest }, signature } };
}

function envelope(statement = '{}'): SignatureBundle {
  const payloadType = 'application/vnd.in-toto+json';
  const pae = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement}`);
  const sig = sign('sha256', pae, privateKey);
  return { $case: 'dsseEnvelope', dsseEnvelope: { payload: Buffer.from(statement), payloadType, signatures: [{ sig, keyid: '' }] } };
}

const rekor = (version: RekorVersion | undefined, http: Http = plainHttp(), url = version === 2 ? sigstore.rekor2Url : sigstore.rekorUrl) =>
  createRekor({
    http,
    url: new URL(url),
    patience: () => 5000,
    logIds: async () => logIdsOf(TrustedRoot.fromJSON(sigstore.trustedRoot)),
    ...(version === undefined ? {} : { version }),
  });

const editing =
  (edit: (answer: never, response: HttpResponse) => unknown, http: Http = plainHttp()): Http =>
  async (request) => {
    const response = await http(request);
    return { ...response, body: Buffer.from(JSON.stringify(edit(JSON.parse(response.body.toString()) as never, response))) };
  };

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

const editBody = (body: string, edit: (json: never) => void) => {
  const json = JSON.parse(Buffer.from(body, 'base64').toString());
  edit(json as never);
  return Buffer.from(JSON.stringify(json)).toString('base64');
};

describe('an entry of Rekor v1 is refused when', () => {
  it.each([
    ['it has no promise', (entry: Entry1): unknown => delete entry.verification.signedEntryTimestamp, 'no signed promise'],
    ['its promise is no base64', (entry: Entry1): unknown => (entry.verification.signedEntryTimestamp = '***'), 'no signed promise'],
    ['it has no inclusion proof', (entry: Entry1): unknown => delete entry.verification.inclusionProof, 'no inclusion proof'],
    ['its proof has no checkpoint', (entry: Entry1): unknown => delete entry.verification.inclusionProof?.checkpoint, 'no inclusion proof'],
    [
      'its proof is endless',
      (entry: Entry1): unknown => Object.assign(entry.verification.inclusionProof ?? {}, { hashes: Array(65).fill('00') }),
      'no inclusion proof',
    ],
    [
      'a hash of its proof is no hexadecimal',
      (entry: Entry1): unknown => Object.assign(entry.verification.inclusionProof ?? {}, { hashes: ['xy'] }),
      'no inclusion proof',
    ],
    ['its log id is no hexadecimal', (entry: Entry1): unknown => (entry.logID = 'XYZ'), 'missing or malformed'],
    ['its index is negative', (entry: Entry1): unknown => (entry.logIndex = -1), 'missing or malformed'],
    ['its index is a fraction', (entry: Entry1): unknown => (entry.logIndex = 1.5), 'missing or malformed'],
    ['its time is missing', (entry: Entry1): unknown => (entry.integratedTime = undefined), 'missing or malformed'],
    ['its body is garbage', (entry: Entry1): unknown => (entry.body = 'Z2FyYmFnZQ=='), 'about another signature'],
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
    ['digest', (json: { spec: { data: { hash: { value: string } } } }): unknown => (json.spec.data.hash.value = '00'.repeat(32))],
    ['algorithm', (json: { spec: { data: { hash: { algorithm: string } } } }): unknown => (json.spec.data.hash.algorithm = 'sha512')],
    ['signature', (json: { spec: { signature: { content: string } } }): unknown => (json.spec.signature.content = 'AAAA')],
    [
      'key',
      (json: { spec: { signature: { publicKey: { content: string } } } }): unknown => (json.spec.signature.publicKey.content = 'AAAA'),
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
    ['payload', (json: { spec: { payloadHash: { value: string } } }): unknown => (json.spec.payloadHash.value = '00'.repeat(32))],
    [
      'signature',
      (json: { spec: { signatures: { signature: string }[] } }): unknown =>
        Object.assign(json.spec.signatures[0] ?? {}, { signature: 'AAAA' }),
    ],
    [
      'number of signatures',
      (json: { spec: { signatures: object[] } }): unknown => json.spec.signatures.push({ ...json.spec.signatures[0] }),
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
    await expect(rekor(1, async () => recorded as HttpResponse).testify(message(), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it.each([
    ['there are two', (answer: object) => ({ ...answer, second: {} }), 'it holds 2 entries'],
    ['there is none', () => ({}), 'it holds 0 entries'],
    ['the answer is a list', () => [], 'not a JSON object'],
  ])('%s', async (_what, edit, problem) => {
    await expect(rekor(1, editing(edit)).testify(message(), pem)).rejects.toMatchObject({ message: expect.stringContaining(problem) });
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
      return asked.length < 4 || answer === undefined ? { ...conflict(undefined), status: 404 } : answer;
    };
    const service = { name: 'Rekor', code: 'rekor-error', url: new URL(sigstore.rekorUrl), http, patience: () => 0 } as const;
    const material = await createRekor1(service, async (milliseconds) => waits.push(milliseconds)).testify(content, pem);
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

interface Entry2 {
  logIndex: unknown;
  logId: { keyId: unknown };
  canonicalizedBody: string;
  inclusionProof?: Record<string, unknown>;
}

describe('an entry of Rekor v2 is refused when', () => {
  it.each([
    ['it has no inclusion proof', (entry: Entry2): unknown => delete entry.inclusionProof, 'no inclusion proof'],
    ['its proof has no checkpoint', (entry: Entry2): unknown => delete entry.inclusionProof?.checkpoint, 'no inclusion proof'],
    [
      'its root hash is no base64',
      (entry: Entry2): unknown => Object.assign(entry.inclusionProof ?? {}, { rootHash: '*' }),
      'no inclusion proof',
    ],
    ['its log id is missing', (entry: Entry2): unknown => (entry.logId = { keyId: undefined }), 'missing or malformed'],
    ['its index is malformed', (entry: Entry2): unknown => (entry.logIndex = '01'), 'missing or malformed'],
    ['its body is garbage', (entry: Entry2): unknown => (entry.canonicalizedBody = 'Z2FyYmFnZQ=='), 'about another signature'],
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
    spec: { hashedRekordV002: { data: Record<string, string>; signature: Record<string, unknown> } };
  };
  it.each([
    ['kind', (json: Body2): unknown => (json.kind = 'dsse')],
    ['version', (json: Body2): unknown => (json.apiVersion = '0.0.1')],
    ['algorithm', (json: Body2): unknown => (json.spec.hashedRekordV002.data.algorithm = 'SHA2_512')],
    ['digest', (json: Body2): unknown => (json.spec.hashedRekordV002.data.digest = 'AAAA')],
    ['signature', (json: Body2): unknown => (json.spec.hashedRekordV002.signature.content = 'AAAA')],
    [
      'verifier',
      (json: Body2): unknown =>
        (json.spec.hashedRekordV002.signature.verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: 'AAAA' } }),
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
    expect(tlogEntries).toMatchObject([{ kindVersion: { kind: 'hashedrekord', version: '0.0.2' }, inclusionPromise: undefined }]);
  });

  it.each([
    ['does not say where it is', { status: 409, headers: {}, body: Buffer.from('{"message":"exists"}') }, 'does not say where'],
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
        : { status: 409, headers: { 'x-log-index': '0' }, body: Buffer.from('{"message":"exists"}'), url: request.url };
    await expect(rekor(2, http).testify(envelope('{"second":2}'), pem)).rejects.toMatchObject({
      message: expect.stringContaining('about another signature'),
    });
  });

  it('is a failure when the trusted root does not know the log', async () => {
    const content = envelope('{"third":3}');
    await rekor(2).testify(content, pem);
    const stranger = createRekor({
      http: plainHttp(),
      url: new URL(sigstore.rekor2Url),
      version: 2,
      patience: () => 0,
      logIds: async () => [Buffer.alloc(32)],
    });
    await expect(stranger.testify(content, pem)).rejects.toMatchObject({ message: expect.stringContaining('no log of the trusted root') });
  });
});

describe('the version of a Rekor', () => {
  it('that is given is not asked for', async () => {
    const asked: HttpRequest[] = [];
    expect(await rekor(2, plainHttp(asked)).version()).toBe(2);
    expect(asked).toEqual([]);
  });

  const answers =
    (first: Partial<HttpResponse>, second: Partial<HttpResponse>): Http =>
    async (request) => ({
      status: 404,
      headers: {},
      body: Buffer.from('{"code":404}'),
      url: request.url,
      ...(request.method === 'GET' ? first : second),
    });
  const tree = { status: 200, body: Buffer.from('{"treeID":"1"}') };
  const invalid = { status: 400, body: Buffer.from('{"code":3,"message":"invalid type, must be hashedrekord"}') };
  it.each([
    ['is 1 where only its log answers', answers(tree, {}), 1],
    ['is 2 where only its entries are known', answers({}, invalid), 2],
    ['is the newer where both are served', answers(tree, invalid), 2],
  ])('%s', async (_what, http, version) => {
    expect(await rekor(undefined, http).version()).toBe(version);
  });

  it.each([
    [
      'a web server answers everything with a page',
      answers({ status: 200, body: Buffer.from('<html>') }, { status: 200, body: Buffer.from('<html>') }),
      'neither',
    ],
    ['nothing is there', answers({}, {}), 'neither'],
    ['it is overloaded', answers({ status: 503 }, { status: 503 }), 'answered 503'],
  ])('is a failure when %s', async (_what, http, message) => {
    await expect(rekor(undefined, http).testify(message2(), pem)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining(message),
    });
  });
  const message2 = () => message('version');

  it('is a failure when nobody answers', async () => {
    const http: Http = async () => {
      throw new Failure('network', 'refused', 'Start it.');
    };
    await expect(rekor(undefined, http).version()).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining('refused'),
    });
  });
});

describe('a Rekor', () => {
  it.each([1, 2] as const)('(v%i) refuses an envelope with two signatures, and one with none', async (version) => {
    const content = envelope();
    if (content.$case !== 'dsseEnvelope') throw new Error('unexpected');
    const [signature] = content.dsseEnvelope.signatures;
    for (const signatures of [[], [signature, signature]]) {
      const broken = { ...content, dsseEnvelope: { ...content.dsseEnvelope, signatures } } as SignatureBundle;
      await expect(rekor(version).testify(broken, pem)).rejects.toThrow('signatures, not one');
    }
  });

  it.each([
    [1, 2],
    [2, 1],
  ] as const)('of version %i that is asked as version %i says so', async (real, claimed) => {
    const url = real === 2 ? sigstore.rekor2Url : sigstore.rekorUrl;
    await expect(rekor(claimed, plainHttp(), url).testify(envelope(), pem)).rejects.toMatchObject({
      code: 'rekor-error',
      fix: expect.stringContaining(`rekor-version: ${real}`),
    });
  });

  it('gives version 2 more than 20 seconds for one try, also when there is no patience for a second', async () => {
    const asked: HttpRequest[] = [];
    const log = createRekor({ http: plainHttp(asked), url: new URL(sigstore.rekor2Url), version: 2, patience: () => 100 });
    const material: VerificationMaterial = await log.testify(envelope(), pem);
    expect(material.tlogEntries).toHaveLength(1);
    expect(asked[0]).toMatchObject({ timeout: 30_000, patience: 100 });
  });
});
