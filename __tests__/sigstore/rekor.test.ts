import type { SignatureBundle, VerificationMaterial } from '@sigstore/sign';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import type { Http, HttpRequest, HttpResponse } from '../../src/http/http.ts';
import { createRekor, type RekorVersion } from '../../src/sigstore/rekor.ts';
import { FakeClock } from '../fake-clock.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { envelope, message, pem, rekorOf } from './log-testimony.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const rekor = (version: RekorVersion | undefined, http?: Http, url?: string, clock?: Clock) =>
  rekorOf(sigstore, version, http, url, clock);

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
  const invalid = {
    status: 400,
    body: Buffer.from('{"code":3,"message":"invalid type, must be hashedrekord"}'),
  };
  it.each([
    ['is 1 where only its log answers', answers(tree, {}), 1],
    ['is 2 where only its entries are known', answers({}, invalid), 2],
    ['is the newer where both are served', answers(tree, invalid), 2],
  ])('%s', async (_what, http, version) => {
    expect(await rekor(undefined, http).version()).toBe(version);
  });

  it('is 1 also where a proxy never answers for the other API', async () => {
    const http: Http = async (request) =>
      request.method === 'POST' ? new Promise(() => undefined) : answers(tree, {})(request);
    const clock = new FakeClock();
    expect(await clock.run(() => rekor(undefined, http, undefined, clock).version())).toBe(1);
    expect(clock.now()).toBe(1_000);
  });

  it('is 2 at once, whatever the other API does', async () => {
    const http: Http = async (request) =>
      request.method === 'GET' ? new Promise(() => undefined) : answers({}, invalid)(request);
    expect(await rekor(undefined, http).version()).toBe(2);
  });

  it('is the newer also where that answers later', async () => {
    const clock = new FakeClock();
    const http: Http = async (request) => {
      if (request.method === 'POST') await clock.sleep(990);
      return answers(tree, invalid)(request);
    };
    expect(await clock.run(() => rekor(undefined, http, undefined, clock).version())).toBe(2);
  });

  it.each([
    [
      'a web server answers everything with a page',
      answers(
        { status: 200, body: Buffer.from('<html>') },
        { status: 200, body: Buffer.from('<html>') },
      ),
      'a web page and not an answer of Rekor',
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
  it.each([1, 2] as const)(
    '(v%i) refuses an envelope with two signatures, and one with none',
    async (version) => {
      const content = envelope();
      if (content.$case !== 'dsseEnvelope') throw new Error('unexpected');
      const [signature] = content.dsseEnvelope.signatures;
      for (const signatures of [[], [signature, signature]]) {
        const broken = {
          ...content,
          dsseEnvelope: { ...content.dsseEnvelope, signatures },
        } as SignatureBundle;
        await expect(rekor(version).testify(broken, pem)).rejects.toThrow('signatures, not one');
      }
    },
  );

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

  it('gives version 2 more than 20 seconds for one try, also when there is no retry budget for a second', async () => {
    const asked: HttpRequest[] = [];
    const log = createRekor({
      http: plainHttp(asked),
      clock: systemClock,
      url: new URL(sigstore.rekor2Url),
      version: 2,
      retryBudget: () => 100,
    });
    const material: VerificationMaterial = await log.testify(envelope(), pem);
    expect(material.tlogEntries).toHaveLength(1);
    expect(asked[0]).toMatchObject({ timeout: 30_000, retryBudget: 100 });
  });
});
