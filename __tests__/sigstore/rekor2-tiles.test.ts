import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Http } from '../../src/http/http.ts';
import { fetchLogged } from '../../src/sigstore/rekor2-tiles.ts';

const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const entry = (index: number) => Buffer.from(`entry ${index}`);
const leafHash = (index: number) => sha256(Buffer.of(0), entry(index));
const keyId = sha256(Buffer.from('log'));

/**
 * A log of so many entries, served as https://c2sp.org/tlog-tiles says; partial tiles only at the
 * right edge.
 */
function logOf(
  size: number,
  change: (path: string, body: Buffer) => Buffer | undefined = (_, body) => body,
): Http {
  const levels: Buffer[][] = [Array.from({ length: size }, (_, index) => leafHash(index))];
  for (let level = 0; (levels[level] as Buffer[]).length >= 256; level++) {
    const below = levels[level] as Buffer[];
    levels.push(
      Array.from({ length: Math.floor(below.length / 256) }, (_, n) =>
        fold(below.slice(n * 256, n * 256 + 256)),
      ),
    );
  }
  const envelope = checkpoint(size, fold(levels[0] as Buffer[]));
  return async ({ url }) => {
    const path = url.pathname.replace('/api/v2/', '');
    const body = path === 'checkpoint' ? Buffer.from(envelope) : answer(path, levels);
    const changed = body && change(path, body);
    return { status: changed ? 200 : 404, headers: {}, body: changed ?? Buffer.alloc(0), url };
  };
}

function answer(path: string, levels: Buffer[][]): Buffer | undefined {
  const match = /^tile\/(entries|\d+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path);
  if (!match) return undefined;
  const number = Number((match[2] as string).replaceAll(/[x/]/g, ''));
  const nodes = match[1] === 'entries' ? (levels[0] as Buffer[]) : (levels[Number(match[1])] ?? []);
  const there = Math.min(256, nodes.length - number * 256);
  if (there !== Number(match[3] ?? 256)) return undefined;
  if (match[1] !== 'entries') return Buffer.concat(nodes.slice(number * 256, number * 256 + there));
  const entries = Array.from({ length: there }, (_, place) => entry(number * 256 + place));
  return Buffer.concat(
    entries.flatMap((bytes) => [Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]),
  );
}

const checkpoint = (size: number, root: Buffer) =>
  `log.test\n${size}\n${root.toString('base64')}\n\n— log.test ${Buffer.concat([keyId.subarray(0, 4), Buffer.alloc(64)]).toString('base64')}\n`;

/** MTH of RFC 6962, written straight from its text. */
function fold(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0] as Buffer;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return sha256(Buffer.of(1), fold(hashes.slice(0, split)), fold(hashes.slice(split)));
}

/** RFC 9162 section 2.1.3.2: the root that a proof leads to. */
function rootFrom(index: number, size: number, leaf: Buffer, proof: readonly Buffer[]): Buffer {
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (sn === 0) throw new Error('the proof is too long');
    if (fn % 2 === 1 || fn === sn) {
      hash = sha256(Buffer.of(1), sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else hash = sha256(Buffer.of(1), hash, sibling);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  if (sn !== 0) throw new Error('the proof is too short');
  return hash;
}

const read = (http: Http, index: number, waits: number[] = []) =>
  fetchLogged(
    {
      name: 'Rekor',
      code: 'rekor-error',
      url: new URL('http://log.test'),
      http,
      retryBudget: () => 60_000,
      logIds: async () => [Buffer.alloc(32), keyId],
      clock: { ...systemClock, sleep: async (milliseconds) => void waits.push(milliseconds) },
    },
    index,
  );

describe('an entry read from tiles', () => {
  it.each([1, 2, 3, 7, 255, 256, 257, 511, 512, 1000, 65_793])(
    'of a log of %i entries leads to the root',
    async (size) => {
      const http = logOf(size);
      for (const index of new Set([0, 1, 255, 256, Math.floor(size / 2), size - 2, size - 1])) {
        if (index < 0 || index >= size) continue;
        const { body, keyId: id, proof } = await read(http, index);
        expect([body.toString(), id, proof.logIndex, proof.treeSize]).toEqual([
          `entry ${index}`,
          keyId,
          String(index),
          String(size),
        ]);
        expect(rootFrom(index, size, leafHash(index), proof.hashes)).toEqual(proof.rootHash);
      }
    },
  );

  it('is waited for until a checkpoint holds it', async () => {
    const waits: number[] = [];
    let asked = 0;
    const http: Http = (request) => logOf(asked++ < 3 ? 4 : 5)(request);
    expect((await read(http, 4, waits)).body).toEqual(entry(4));
    expect(waits).toEqual([250, 500, 1000]);
  });

  it('is given up when no checkpoint comes to hold it', async () => {
    const waits: number[] = [];
    await expect(read(logOf(4), 4, waits)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining('does not come to hold'),
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000]);
  });

  it.each([
    [
      'the checkpoint is a page',
      (path: string, body: Buffer) => (path === 'checkpoint' ? Buffer.from('<html>') : body),
      'a web page and not an answer of',
    ],
    [
      'the checkpoint is missing',
      (path: string, body: Buffer) => (path === 'checkpoint' ? undefined : body),
      'no checkpoint',
    ],
    [
      'the checkpoint is signed by nobody',
      (path: string, body: Buffer) =>
        path === 'checkpoint' ? body.subarray(0, body.indexOf('—')) : body,
      'no log of the trusted root',
    ],
    [
      'a tile is missing',
      (path: string, body: Buffer) => (path.startsWith('tile/0') ? undefined : body),
      'does not give the tile',
    ],
    [
      'a tile is short',
      (path: string, body: Buffer) => (path.startsWith('tile/0') ? body.subarray(32) : body),
      'does not give the tile',
    ],
    [
      'the entries are missing',
      (path: string, body: Buffer) => (path.startsWith('tile/entries') ? undefined : body),
      'does not give entry 2',
    ],
    [
      'the entries end in the middle',
      (path: string, body: Buffer) =>
        path.startsWith('tile/entries') ? body.subarray(0, 25) : body,
      'does not give entry 2',
    ],
  ])('is a failure when %s', async (_what, change, message) => {
    await expect(read(logOf(5, change), 2)).rejects.toMatchObject({
      code: 'rekor-error',
      message: expect.stringContaining(message),
    });
  });
});
