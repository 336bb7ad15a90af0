import { decodeBase64 } from '../text/base64.ts';
import { type LogEntry, sha256 } from './log-entry.ts';
import { badAnswer, callService, type ServiceEndpoint } from './service-call.ts';

/** A Rekor v2 log with what is needed to read from it. */
export interface ReadableLog extends ServiceEndpoint {
  /**
   * full ids (32 bytes) of the logs that the trusted root knows: a checkpoint names its key by the
   * first 4 bytes only
   */
  readonly logIds?: () => Promise<readonly Buffer[]>;
}

export interface Logged {
  readonly body: Buffer;
  readonly keyId: Buffer;
  readonly proof: NonNullable<LogEntry['inclusionProof']>;
}

const tileWidth = 256;
const hashLength = 32;
/** 256 entries, each with a length of two bytes */
const maxBundle = tileWidth * (2 + 0xffff);

/**
 * Reads an entry of a Rekor v2 log by its index and builds its inclusion proof, from the signed
 * checkpoint and the tiles (https://c2sp.org/tlog-tiles, RFC 6962 section 2.1.1). Nothing is
 * believed here: the judge verifies proof and checkpoint.
 * @throws {Failure} `rekor-error` where checkpoint or tiles are not served, or the log is none of
 * the trusted root.
 */
export async function fetchLogged(log: ReadableLog, index: number): Promise<Logged> {
  const checkpoint = await checkpointWith(log, index);
  const tiles = new Map<string, Promise<Buffer>>();
  const tile: TileReader = (level, number, width) => {
    const path = `api/v2/tile/${level}/${tilePath(number, width)}`;
    const known = tiles.get(path) ?? readTile(log, path, width * hashLength);
    tiles.set(path, known);
    return known;
  };
  const [body, hashes, keyId] = await Promise.all([
    readLeaf(log, index, checkpoint.size),
    inclusionPath(tile, index, checkpoint.size),
    idOfLog(log, checkpoint.keyHints),
  ]);
  const proof = {
    logIndex: String(index),
    treeSize: String(checkpoint.size),
    rootHash: checkpoint.root,
    hashes,
    checkpoint: { envelope: checkpoint.envelope },
  };
  return { body, keyId, proof };
}

interface Checkpoint {
  readonly envelope: string;
  readonly size: number;
  readonly root: Buffer;
  /** the first 4 bytes of the id of each signer */
  readonly keyHints: readonly Buffer[];
}

/**
 * The entry is known to the log, and is in the next checkpoint at the latest: a few looks are
 * enough.
 */
async function checkpointWith(log: ReadableLog, index: number): Promise<Checkpoint> {
  for (let pause = 250; ; pause *= 2) {
    const response = await callService(log, {
      method: 'GET',
      path: 'api/v2/checkpoint',
      accept: 'text/plain',
      maxBytes: 64 * 1024,
    });
    const checkpoint =
      response.status === 200 ? readCheckpoint(response.body.toString('utf8')) : undefined;
    if (checkpoint === undefined)
      throw badAnswer(log, `it gives no checkpoint (${response.status})`);
    if (checkpoint.size > index) return checkpoint;
    if (pause > 8000 || pause >= log.retryBudget())
      throw badAnswer(log, 'its checkpoint does not come to hold the entry');
    await log.clock.sleep(pause);
  }
}

/**
 * https://c2sp.org/tlog-checkpoint: origin, size, root hash, and after an empty line the
 * signatures.
 */
function readCheckpoint(envelope: string): Checkpoint | undefined {
  const [text = '', signatures = ''] = envelope.split('\n\n', 2);
  const [, sizeLine = '', rootLine = ''] = text.split('\n');
  const root = decodeBase64(rootLine);
  if (!/^(?:0|[1-9]\d{0,14})$/.test(sizeLine) || root?.length !== hashLength) return undefined;
  const keyHints = signatures
    .split('\n')
    .filter((line) => line.startsWith('— '))
    .slice(0, 20)
    .map((line) => Buffer.from(line.slice(line.lastIndexOf(' ') + 1), 'base64').subarray(0, 4));
  return { envelope, size: Number(sizeLine), root, keyHints };
}

async function idOfLog(log: ReadableLog, hints: readonly Buffer[]): Promise<Buffer> {
  const ids = (await log.logIds?.()) ?? [];
  const id = ids.find((candidate) =>
    hints.some((hint) => hint.length === 4 && candidate.subarray(0, 4).equals(hint)),
  );
  if (id === undefined)
    throw badAnswer(log, 'its checkpoint is signed by no log of the trusted root');
  return id;
}

/** Hashes of one tile; `width` of them are there in a tree of the size that is looked at. */
type TileReader = (level: number, number: number, width: number) => Promise<Buffer>;

async function readTile(log: ReadableLog, path: string, length: number): Promise<Buffer> {
  const response = await callService(log, {
    method: 'GET',
    path,
    accept: 'application/octet-stream',
    maxBytes: tileWidth * hashLength,
  });
  if (response.status !== 200 || response.body.length !== length)
    throw badAnswer(log, `it does not give the tile ${path} (${response.status})`);
  return response.body;
}

async function readLeaf(log: ReadableLog, index: number, size: number): Promise<Buffer> {
  const number = Math.floor(index / tileWidth);
  const path = `api/v2/tile/entries/${tilePath(number, Math.min(tileWidth, size - number * tileWidth))}`;
  const { status, body } = await callService(log, {
    method: 'GET',
    path,
    accept: 'application/octet-stream',
    maxBytes: maxBundle,
  });
  let position = 0;
  for (let skip = index % tileWidth; status === 200 && position + 2 <= body.length; skip--) {
    const end = position + 2 + body.readUInt16BE(position);
    if (skip === 0 && end <= body.length) return body.subarray(position + 2, end);
    position = end;
  }
  throw badAnswer(log, `it does not give entry ${index} (${status})`);
}

/**
 * `x001/x234/067` for tile 1234067, with `.p/W` behind where only W of its 256 places are filled.
 */
function tilePath(number: number, width: number): string {
  const groups = [String(number % 1000).padStart(3, '0')];
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  return width === tileWidth ? groups.join('/') : `${groups.join('/')}.p/${width}`;
}

/** PATH(m, D[n]) of RFC 6962, nearest sibling first. */
async function inclusionPath(tile: TileReader, index: number, size: number): Promise<Buffer[]> {
  const siblings: Promise<Buffer>[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      siblings.unshift(treeHash(tile, middle, end, size));
      end = middle;
    } else {
      siblings.unshift(treeHash(tile, start, middle, size));
      start = middle;
    }
  }
  return Promise.all(siblings);
}

/**
 * MTH(D[start:end]) of RFC 6962. A complete subtree comes out of one tile; only the right edge of
 * the tree is made of several.
 */
async function treeHash(
  tile: TileReader,
  start: number,
  end: number,
  size: number,
): Promise<Buffer> {
  const leaves = end - start;
  if (Number.isInteger(Math.log2(leaves)))
    return subtreeHash(tile, Math.log2(leaves), start / leaves, size);
  const middle = start + splitOf(leaves);
  return nodeHash(
    ...(await Promise.all([
      treeHash(tile, start, middle, size),
      treeHash(tile, middle, end, size),
    ])),
  );
}

async function subtreeHash(
  tile: TileReader,
  height: number,
  number: number,
  size: number,
): Promise<Buffer> {
  const level = Math.floor(height / 8);
  const count = 2 ** (height % 8);
  const first = number * count;
  const tileNumber = Math.floor(first / tileWidth);
  const there = Math.floor(size / tileWidth ** level) - tileNumber * tileWidth;
  const bytes = await tile(level, tileNumber, Math.min(tileWidth, there));
  let hashes = Array.from({ length: count }, (_, place) => {
    const offset = ((first % tileWidth) + place) * hashLength;
    return bytes.subarray(offset, offset + hashLength);
  });
  while (hashes.length > 1) {
    hashes = Array.from({ length: hashes.length / 2 }, (_, pair) =>
      nodeHash(hashes[2 * pair] as Buffer, hashes[2 * pair + 1] as Buffer),
    );
  }
  return hashes[0] as Buffer;
}

/** The largest power of two that is smaller than `count`. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.concat([Buffer.of(1), left, right]));
}
