// Layers that pass through: what breaks off goes on, and what a hostile source sends is never taken.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import { sampled } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import type { Fault } from '../sandbox/registry-faults.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import { copying } from './copying.ts';

const bytes = randomBytes(3 * 1024 * 1024 + 17);
const digest = sha256(bytes) as Digest;
const [from, to] = ['acme/app', 'prod/app'];

let source: SandboxRegistry;
let target: SandboxRegistry;
beforeAll(async () => {
  source = await startRegistry();
  target = await startRegistry();
});
afterAll(async () => {
  await source.close();
  await target.close();
});

async function copy(size = bytes.length) {
  source.store.open(from).blobs.set(digest, bytes);
  target.store.open(to).blobs.clear();
  source.requests.length = target.requests.length = 0;
  const run = copying(
    { host: source.host, repository: from },
    { host: target.host, repository: to },
  );
  await run.copier.source.head('v1'); // a registry that was asked before
  await run.copier.blob({ digest, size }, run.tally);
  return run.tally;
}
const arrived = () => target.store.find(to)?.blobs.get(digest)?.equals(bytes);

describe('a request goes wrong once', () => {
  const faults: readonly (readonly [string, Fault])[] = [
    ['reset before', { kind: 'reset-before' }],
    ['reset after', { kind: 'reset-after' }],
    ['refused for a while', { kind: 'refuse', ms: 50 }],
    ['half of the answer', { kind: 'truncate' }],
    ['503', { kind: 'status', code: 503 }],
    ['503 after it was done', { kind: 'status', code: 503, apply: true }],
    ['429', { kind: 'status', code: 429, headers: { 'retry-after': '0' } }],
    ['garbage', { kind: 'garbage' }],
  ];
  const asked = [
    ['the source, asked for the bytes', () => source, 'GET'],
    ['the target, asked whether it has it', () => target, 'HEAD'],
    ['the target, when it begins', () => target, 'POST'],
    ['the target, when it takes the bytes', () => target, 'PATCH'],
    ['the target, when it ends', () => target, 'PUT'],
  ] as const;
  const table = faults.flatMap(([name, fault]) =>
    asked.map(([who, registry, method]) => [name, who, fault, registry, method] as const),
  );
  const sample = ['reset after', '503 after it was done', 'garbage'];
  it.each(sampled(table, sample))('%s: %s', async (name, _, fault, registry, method) => {
    let times = 0;
    registry().set({
      faults: (request) => (request.method === method && times++ === 0 ? fault : undefined),
    });
    // What is not HTTP is no failure that passes.
    if (name === 'garbage') await copy().catch(() => {});
    else {
      expect(await copy()).toMatchObject({ blobs: 1, bytes: bytes.length });
      expect(arrived()).toBe(true);
    }
    registry().set({ faults: () => undefined });
    expect([undefined, true]).toContain(arrived());
    await copy();
    expect(arrived()).toBe(true);
  });

  it('a download that breaks off goes on by range, and not a byte is asked for twice', async () => {
    let times = 0;
    source.set({
      faults: ({ method }) =>
        method === 'GET' && times++ === 0 ? { kind: 'truncate' } : undefined,
    });
    const ranges: unknown[] = [];
    source.set({
      override: ({ method, headers }) => {
        if (method === 'GET') ranges.push(headers.range);
        return undefined;
      },
    });
    await copy();
    source.set({ faults: () => undefined, override: () => undefined });
    expect(ranges).toEqual([undefined, `bytes=${Math.ceil(bytes.length / 2)}-`]);
    expect(arrived()).toBe(true);
  });

  it('an upload that breaks off goes on where the registry says', async () => {
    const half = 1_500_000;
    let times = 0;
    const ranges: unknown[] = [];
    target.set({
      override: ({ method, headers, body }, usual) => {
        if (method !== 'PATCH') return undefined;
        ranges.push(headers['content-range']);
        if (times++ > 0) return undefined;
        // It has kept the first half, and then answers that something broke.
        const [upload] = [...target.store.uploads.values()].slice(-1);
        upload!.bytes = Buffer.from(body.subarray(0, half));
        return { ...usual, status: 502, headers: {}, body: '' } as never;
      },
    });
    await copy();
    target.set({ override: () => undefined });
    expect(ranges).toEqual([undefined, `${half}-${bytes.length - 1}`]);
    expect(arrived()).toBe(true);
  });
});

describe('a hostile source', () => {
  const flipped = Buffer.from(bytes);
  flipped[bytes.length - 1]! ^= 1;
  it.each([
    ['one bit is another, the last', flipped, 'other bytes'],
    ['it ends early', bytes.subarray(0, -1), 'what names it says'],
    ['it goes on', Buffer.concat([bytes, Buffer.alloc(70_000)]), 'what names it says'],
    ['nothing comes', Buffer.alloc(0), 'what names it says'],
  ])('%s: nothing is stored', async (_, sent, words) => {
    source.set({
      override: ({ method, path }) =>
        method === 'GET' && path.includes('/blobs/')
          ? { status: 200, headers: {}, body: sent }
          : undefined,
    });
    await expect(copy()).rejects.toMatchObject({
      code: expect.stringMatching(/registry-error|too-large/),
      message: expect.stringMatching(new RegExp(`${words}|more than`)),
    });
    source.set({ override: () => undefined });
    expect(target.store.find(to)?.blobs.size).toBe(0);
    expect(target.requests.filter(({ method }) => method === 'PUT')).toEqual([]);
    await copy();
    expect(arrived()).toBe(true);
  });

  it('other bytes for the rest of what broke off: the whole is hashed, not the pieces', async () => {
    let times = 0;
    source.set({
      faults: ({ method }) =>
        method === 'GET' && times++ === 0 ? { kind: 'truncate' } : undefined,
      override: ({ headers }, usual) => {
        if (headers.range === undefined) return undefined;
        const reply = usual();
        const body = Buffer.from(reply.body as Buffer);
        body[0]! ^= 1;
        return { ...reply, body };
      },
    });
    await expect(copy()).rejects.toMatchObject({ message: expect.stringContaining('other bytes') });
    source.set({ faults: () => undefined, override: () => undefined });
    expect(target.store.find(to)?.blobs.size).toBe(0);
  });

  it('a refusal without end is not held', async () => {
    source.set({
      override: ({ method, path }) =>
        method === 'GET' && path.includes('/blobs/')
          ? { status: 403, headers: {}, body: Buffer.alloc(2_000_000, 0x20) }
          : undefined,
    });
    await expect(copy()).rejects.toMatchObject({ code: 'too-large' });
    source.set({ override: () => undefined });
  });
});

it('no more is read than the target takes', async () => {
  const whole = 64 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 7);
  const [sent, taken] = [{ bytes: 0 }, { bytes: 0 }];
  let ahead = 0;
  const listen = async (server: ReturnType<typeof createServer>) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const giver = createServer(async (request, response) => {
    if (!request.url?.includes('/blobs/')) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': whole });
    for (; sent.bytes < whole && !response.destroyed; sent.bytes += piece.length)
      if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
    response.end();
  });
  const taker = createServer(async (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    if (request.method === 'POST')
      return void response.writeHead(202, { location: '/v2/x/blobs/uploads/1' }).end();
    for await (const chunk of request) {
      taken.bytes += (chunk as Buffer).length;
      ahead = Math.max(ahead, sent.bytes - taken.bytes);
      if (taken.bytes % (1024 * 1024) < 65_536)
        await new Promise((resolve) => setImmediate(resolve));
    }
    response
      .writeHead(request.method === 'PUT' ? 201 : 202, { location: '/v2/x/blobs/uploads/1' })
      .end();
  });
  const places = [await listen(giver), await listen(taker)] as const;
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  for (let at = 0; at < whole; at += piece.length) hash.update(piece);
  const run = copying({ host: places[0], repository: from }, { host: places[1], repository: to });
  await run.copier.blob(
    { digest: `sha256:${hash.digest('hex')}` as Digest, size: whole },
    run.tally,
  );
  expect(taken.bytes).toBe(whole);
  // The sockets' own buffers on both sides; a client that holds what it reads would be at 64 MiB.
  expect(ahead).toBeLessThan(24 * 1024 * 1024);
  for (const server of [giver, taker]) {
    server.closeAllConnections();
    server.close();
  }
});
