import type { KeyObject } from 'node:crypto';
import { json } from '@sigstore/core';
import type { Clock } from '../../../src/clock.ts';
import { logIdOf, signedCheckpoint } from './checkpoint.ts';
import { BadMessage, gatewayError, gatewayMethod, gatewayNotFound } from './gateway.ts';
import { leafHash, MerkleTree } from './merkle.ts';
import { RefusedRequest, readHashedRekord } from './rekor2-request.ts';
import type { Answer, Handler } from './service.ts';

export interface Rekor2Parts {
  readonly key: KeyObject;
  /** For how many milliseconds entries are gathered before the next checkpoint holds them all. */
  readonly batchMilliseconds: number;
  readonly clock: Clock;
}

const origin = '127.0.0.1';
const tileWidth = 256;
const noPage: Answer = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: '404 page not found\n',
};
const jsonType = { 'content-type': 'application/json' };

/**
 * Rekor v2 over HTTP: `POST /api/v2/log/entries`, `GET /api/v2/checkpoint` and the tiles (C2SP
 * tlog-tiles).
 */
export function newRekor2(parts: Rekor2Parts): Handler {
  const log = new TiledLog(parts);
  return async ({ method, url, body }) => {
    const { pathname } = url;
    if (pathname === '/api/v2/checkpoint' && method === 'GET') return log.head();
    const tile = /^\/api\/v2\/tile\/(.*)$/.exec(pathname)?.[1];
    if (tile !== undefined && method === 'GET') return log.tile(tile);
    if (pathname === '/healthz' && method === 'GET')
      return { status: 200, body: { status: 'SERVING' } };
    if (pathname !== '/api/v2/log/entries') return gatewayNotFound();
    if (method !== 'POST') return gatewayMethod();
    try {
      const answer = await log.add(Buffer.from(json.canonicalize(readHashedRekord(body))));
      return { ...answer, headers: { ...answer.headers, ...jsonType } };
    } catch (error) {
      if (error instanceof BadMessage) return gatewayError(3, error.message);
      if (error instanceof RefusedRequest) return gatewayError(error.code, error.message);
      throw error;
    }
  };
}

/** The log: leaves, their tree, and the checkpoint of the last batch. */
class TiledLog {
  readonly #parts: Rekor2Parts;
  readonly #tree = new MerkleTree();
  readonly #leaves: Buffer[] = [];
  readonly #indexes = new Map<string, number>();
  #batch: Promise<void> | undefined;
  #published = 0;
  #checkpoint: string;

  constructor(parts: Rekor2Parts) {
    this.#parts = parts;
    this.#checkpoint = this.#sign();
  }

  async add(leaf: Buffer): Promise<Answer> {
    const hash = leafHash(leaf);
    const known = this.#indexes.get(hash.toString('hex'));
    if (known !== undefined) {
      await this.#batch;
      const message = `an equivalent entry already exists in the transparency log with index ${known}`;
      return gatewayError(6, message, { 'x-log-index': String(known) });
    }
    const index = this.#tree.append(hash);
    this.#leaves.push(leaf);
    this.#indexes.set(hash.toString('hex'), index);
    this.#batch ??= this.#publish();
    await this.#batch;
    return { status: 201, body: this.#proven(index) };
  }

  head(): Answer {
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
      body: this.#checkpoint,
    };
  }

  /**
   * `<level>/<index>[.p/<width>]` is hashes, `entries/<index>[.p/<width>]` the entries, each behind
   * its length in two bytes.
   */
  tile(path: string): Answer {
    const [, level = '', place = '', width] =
      /^(\d{1,2}|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? [];
    if (level === '') return noPage;
    const start = Number(place.replace(/[x/]/g, '')) * tileWidth;
    const count = width === undefined ? tileWidth : Number(width);
    const row = level === 'entries' ? this.#leaves : (this.#tree.levels[8 * Number(level)] ?? []);
    const visible =
      level === 'entries'
        ? this.#published
        : Math.floor(this.#published / tileWidth ** Number(level));
    if (count < 1 || start + count > Math.min(row.length, visible)) return noPage;
    const parts = row.slice(start, start + count);
    const body = Buffer.concat(level === 'entries' ? parts.map(bundled) : parts);
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
  }

  async #publish(): Promise<void> {
    await this.#parts.clock.sleep(this.#parts.batchMilliseconds);
    this.#published = this.#tree.size;
    this.#checkpoint = this.#sign();
    this.#batch = undefined;
  }

  #sign(): string {
    return signedCheckpoint(
      { origin, name: origin, key: this.#parts.key },
      this.#published,
      this.#tree.root(this.#published),
    );
  }

  /**
   * A TransparencyLogEntry in protobuf's JSON: 64-bit numbers are strings, bytes base64, and what
   * v2 does not have is null or zero.
   */
  #proven(index: number): object {
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    return {
      logIndex: String(index),
      logId: { keyId: base64(logIdOf(this.#parts.key)) },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '0',
      inclusionPromise: null,
      inclusionProof: {
        logIndex: String(index),
        rootHash: base64(this.#tree.root(this.#published)),
        treeSize: String(this.#published),
        hashes: this.#tree.inclusionProof(index, this.#published).map(base64),
        checkpoint: { envelope: this.#checkpoint },
      },
      canonicalizedBody: base64(this.#leaves[index] as Buffer),
    };
  }
}

function bundled(leaf: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(leaf.length);
  return Buffer.concat([length, leaf]);
}
