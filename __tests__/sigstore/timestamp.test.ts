import { createHash } from 'node:crypto';
import { ASN1Obj } from '@sigstore/core';
import type { SignatureBundle } from '@sigstore/sign';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Http, HttpRequest } from '../../src/http/http.ts';
import { createTimestampWitness } from '../../src/sigstore/timestamp.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const witness = (http: Http = plainHttp(), nonce?: Buffer) =>
  createTimestampWitness({
    http,
    clock: systemClock,
    url: new URL(sigstore.timestampUrl),
    retryBudget: () => 5000,
    ...(nonce === undefined ? {} : { nonce: () => nonce }),
  });

const contentOf = (signature: string): SignatureBundle => ({
  $case: 'messageSignature',
  messageSignature: {
    messageDigest: { algorithm: 1, digest: Buffer.alloc(32) },
    signature: Buffer.from(signature),
  },
});

const answering =
  (status: number, body: Buffer): Http =>
  async ({ url }) => ({ status, headers: {}, body, url });

describe('a timestamp witness', () => {
  it('asks for the SHA-256 of the signature, with the certificates and a nonce of 16 bytes', async () => {
    const asked: HttpRequest[] = [];
    await witness(plainHttp(asked)).testify(contentOf('signature'), '');
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: new URL(sigstore.timestampUrl),
      headers: { 'content-type': 'application/timestamp-query' },
    });
    const [version, imprint, nonce, certReq] = ASN1Obj.parseBuffer(
      Buffer.from(asked[0]?.body ?? []),
    ).subs;
    expect(version?.toInteger()).toBe(1n);
    expect(imprint?.subs[0]?.subs[0]?.toOID()).toBe('2.16.840.1.101.3.4.2.1');
    expect(imprint?.subs[1]?.value).toEqual(createHash('sha256').update('signature').digest());
    expect(nonce?.toInteger()).toBeGreaterThan(0n);
    expect(certReq?.toBoolean()).toBe(true);
  });

  it.each([
    ['has its highest bit set', 'ff0102030405060708090a0b0c0d0e0f'],
    ['starts with zeros', '0000000000000080'],
    ['is zero', '0000000000000000'],
    ['is plain', '0102030405060708'],
  ])('writes a nonce that %s as the authority understands it', async (_what, nonce) => {
    const { rfc3161Timestamps } = await witness(plainHttp(), Buffer.from(nonce, 'hex')).testify(
      contentOf('x'),
      '',
    );
    expect(rfc3161Timestamps).toHaveLength(1);
  });

  it('refuses an answer that was made for another signature', async () => {
    const nonce = Buffer.from('0102030405060708', 'hex');
    const { rfc3161Timestamps = [] } = await witness(plainHttp(), nonce).testify(
      contentOf('mine'),
      '',
    );
    const recorded = answering(200, rfc3161Timestamps[0]?.signedTimestamp as Buffer);
    await expect(witness(recorded, nonce).testify(contentOf('mine'), '')).resolves.toEqual({
      rfc3161Timestamps,
    });
    await expect(witness(recorded, nonce).testify(contentOf('another'), '')).rejects.toMatchObject({
      code: 'timestamp-error',
      message: expect.stringContaining('about something else than our signature'),
    });
    await expect(
      witness(recorded, Buffer.from('0102030405060709', 'hex')).testify(contentOf('mine'), ''),
    ).rejects.toMatchObject({
      code: 'timestamp-error',
      message: expect.stringContaining('its nonce is another one'),
    });
  });

  // TimeStampResp { status 2 (rejection), "no such policy" }, and the same with status 1 (granted
  // with modifications)
  const status = (value: number) =>
    Buffer.from(`30173015020${1}0${value}30100c0e6e6f207375636820706f6c696379`, 'hex');
  it.each([
    [
      'refuses the request',
      answering(200, status(2)),
      'refused the request (status 2: no such policy)',
    ],
    [
      'changes what was asked',
      answering(200, status(1)),
      'refused the request (status 1: no such policy)',
    ],
    ['answers with a page', answering(200, Buffer.from('<html>')), 'a web page and not an answer'],
    ['answers with nothing', answering(200, Buffer.alloc(0)), 'not a timestamp response'],
    [
      'grants and gives nothing',
      answering(200, Buffer.from('30053003020100', 'hex')),
      'not a timestamp response',
    ],
    ['is not there', answering(404, Buffer.from('nothing here')), '404: nothing here'],
    ['is overloaded', answering(503, Buffer.alloc(0)), 'answered 503'],
  ])('fails when the authority %s', async (_what, http, message) => {
    await expect(witness(http).testify(contentOf('x'), '')).rejects.toMatchObject({
      code: 'timestamp-error',
      message: expect.stringContaining(message),
    });
  });

  it('refuses every answer of which one byte was changed in status, imprint or nonce', async () => {
    const nonce = Buffer.from('0102030405060708', 'hex');
    const { rfc3161Timestamps = [] } = await witness(plainHttp(), nonce).testify(
      contentOf('mine'),
      '',
    );
    const bytes = rfc3161Timestamps[0]?.signedTimestamp as Buffer;
    const imprint = createHash('sha256').update('mine').digest();
    for (const at of [
      bytes.indexOf(imprint),
      bytes.indexOf(nonce),
      bytes.indexOf(Buffer.from('020100', 'hex')) + 2,
    ]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 2;
      await expect(
        witness(answering(200, changed), nonce).testify(contentOf('mine'), ''),
      ).rejects.toMatchObject({
        code: 'timestamp-error',
      });
    }
  });

  it('refuses whatever else is sent, in one way', async () => {
    const { rfc3161Timestamps = [] } = await witness().testify(contentOf('mine'), '');
    const genuine = rfc3161Timestamps[0]?.signedTimestamp as Buffer;
    const cut = fc.nat(genuine.length - 1).map((length) => genuine.subarray(0, length));
    const garbage = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const padded = garbage.map((bytes) => Buffer.concat([genuine, Buffer.of(0), bytes]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(cut, garbage, padded), async (bytes) => {
        await expect(
          witness(answering(200, bytes)).testify(contentOf('mine'), ''),
        ).rejects.toMatchObject({ code: 'timestamp-error' });
      }),
    );
  });
});
