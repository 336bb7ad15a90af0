import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { json } from '@sigstore/core';
import { logIdOf, signedCheckpoint } from './checkpoint.ts';
import { pem } from './der.ts';
import { goKind, goSyntaxError, goType } from './go-json.ts';
import { spkiOf } from './keys.ts';
import { leafHash, MerkleTree } from './merkle.ts';
import { canonicalDsse, canonicalHashedRekord, InvalidEntry } from './rekor1-entries.ts';
import type { Answer, Handler, ServiceRequest } from './service.ts';
import { swaggerError, swaggerMedia, swaggerMethod, swaggerNotFound, uncached } from './swagger.ts';

export interface Rekor1Parts {
  readonly key: KeyObject;
  readonly now: () => Date;
}

interface Entry {
  readonly uuid: string;
  readonly body: Buffer;
  readonly integratedTime: number;
  readonly logIndex: number;
}

const hostname = '127.0.0.1';
const entriesPath = '/api/v1/log/entries';
const versionPattern =
  '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$';

/**
 * The kinds of entry that a Rekor of today knows; the sandbox takes the two that signatures of
 * images need.
 */
const kinds = [
  'alpine',
  'cose',
  'dsse',
  'hashedrekord',
  'helm',
  'intoto',
  'jar',
  'rekord',
  'rfc3161',
  'tuf',
  'rpm',
];

/**
 * Rekor v1 over HTTP: entries by POST, UUID and index, the tree head, a consistency proof, the
 * public key.
 */
export function newRekor1(parts: Rekor1Parts): Handler {
  const log = new Log(parts);
  return (request) => {
    const { pathname } = request.url;
    const accepts = request.headers.accept ?? '*/*';
    const allowed = /^\/api\/v1\/log\/entries\/[^/]+$/.test(pathname) ? 'GET' : routes[pathname];
    if (allowed === undefined) return swaggerNotFound(pathname);
    if (!allowed.split(',').includes(request.method)) return swaggerMethod(request.method, allowed);
    if (request.method === 'POST') return propose(request, log);
    if (!/\*\/\*|application\/(\*|json|x-pem-file)/.test(accepts)) {
      return {
        ...swaggerError(
          406,
          'unsupported media type requested, only [application/json] are available',
        ),
        headers: uncached,
      };
    }
    const answer = read(request, log);
    return { ...answer, headers: { ...uncached, ...answer.headers } };
  };
}

const routes: Record<string, string> = {
  [entriesPath]: 'POST,GET',
  '/api/v1/log': 'GET',
  '/api/v1/log/publicKey': 'GET',
  '/api/v1/log/proof': 'GET',
};

function propose({ headers, body }: ServiceRequest, log: Log): Answer {
  const type = headers['content-type'] ?? 'application/octet-stream';
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/json')
    return swaggerMedia(type, ['application/json']);
  if (body.length === 0) return swaggerError(422, 'proposedEntry in body is required', 602);
  let proposed: unknown;
  try {
    proposed = JSON.parse(body.toString());
  } catch (error) {
    return swaggerError(500, goSyntaxError(body.toString(), String(error)));
  }
  if (typeof proposed !== 'object' || Array.isArray(proposed)) {
    return swaggerError(
      500,
      `json: cannot unmarshal ${goKind(proposed)} into Go value of type struct { Kind string "json:\\"kind\\"" }`,
    );
  }
  const refusal = invalidFrame((proposed ?? {}) as Record<string, unknown>);
  if (refusal) return refusal;
  const { kind, apiVersion, spec } = proposed as {
    kind: string;
    apiVersion: string;
    spec: Record<string, unknown>;
  };
  try {
    if (apiVersion !== '0.0.1') {
      throw new InvalidEntry(
        `${kind} implementation for version '${apiVersion}' not found: unable to locate entry for version ${apiVersion}`,
      );
    }
    const canonical = { dsse: canonicalDsse, hashedrekord: canonicalHashedRekord }[kind];
    if (!canonical) throw new InvalidEntry(`the sandbox takes no entries of kind ${kind}`);
    if (goKind(spec) !== 'object')
      throw new InvalidEntry(`unsupported input type ${goType(spec)} for DecodeEntry`);
    return log.add(Buffer.from(json.canonicalize({ apiVersion, kind, spec: canonical(spec) })));
  } catch (error) {
    if (error instanceof InvalidEntry)
      return swaggerError(400, `error processing entry: ${error.message}`);
    throw error;
  }
}

/** What is told before the entry itself is looked at. */
function invalidFrame({ kind, apiVersion, spec }: Record<string, unknown>): Answer | undefined {
  if (kind === undefined || kind === '') return swaggerError(422, 'kind in body is required', 602);
  if (typeof kind !== 'string' || !kinds.includes(kind))
    return swaggerError(422, `invalid kind value: ${JSON.stringify(kind)}`);
  if (apiVersion === undefined || apiVersion === '')
    return swaggerError(422, 'apiVersion in body is required', 602);
  if (typeof apiVersion !== 'string' || !new RegExp(versionPattern).test(apiVersion)) {
    return swaggerError(422, `apiVersion in body should match '${versionPattern}'`, 605);
  }
  if (spec === undefined || spec === null)
    return swaggerError(422, 'spec in body is required', 602);
  return undefined;
}

function read({ url }: ServiceRequest, log: Log): Answer {
  if (url.pathname === '/api/v1/log') return { status: 200, body: log.head() };
  if (url.pathname === '/api/v1/log/publicKey')
    return {
      status: 200,
      headers: { 'content-type': 'application/x-pem-file' },
      body: log.publicKey,
    };
  if (url.pathname === '/api/v1/log/proof') return log.consistency(url.searchParams);
  if (url.pathname === entriesPath) {
    const index = url.searchParams.get('logIndex');
    if (!index) return swaggerError(422, 'logIndex in query is required', 602);
    if (!/^[+-]?\d+$/.test(index))
      return swaggerError(
        422,
        `logIndex in query must be of type int64: ${JSON.stringify(index)}`,
        601,
      );
    if (Number(index) < 0)
      return swaggerError(422, 'logIndex in query should be greater than or equal to 0', 609);
    return log.found(log.entries[Number(index)]);
  }
  const uuid = url.pathname.slice(entriesPath.length + 1);
  if (!/^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$/.test(uuid)) {
    return swaggerError(
      422,
      "entryUUID in path should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'",
      605,
    );
  }
  return log.found(
    log.entries.find(
      (entry) => entry.uuid === uuid.toLowerCase() || entry.uuid.slice(16) === uuid.toLowerCase(),
    ),
  );
}

/** The tree and its entries. */
class Log {
  readonly entries: Entry[] = [];
  readonly publicKey: string;
  readonly #tree = new MerkleTree();
  readonly #treeId: bigint;
  readonly #logId: string;
  readonly #parts: Rekor1Parts;

  constructor(parts: Rekor1Parts) {
    this.#parts = parts;
    this.#treeId = randomBytes(8).readBigUInt64BE() >> 1n;
    this.#logId = logIdOf(parts.key).toString('hex');
    this.publicKey = pem('PUBLIC KEY', spkiOf(parts.key));
  }

  /** Adds an entry, or answers with the place of the equivalent one. */
  add(body: Buffer): Answer {
    const hash = leafHash(body);
    const uuid = `${this.#treeId.toString(16).padStart(16, '0')}${hash.toString('hex')}`;
    const location = `${entriesPath}/${uuid}`;
    if (this.entries.some((entry) => entry.uuid === uuid)) {
      const answer = swaggerError(
        409,
        `an equivalent entry already exists in the transparency log with UUID ${uuid}`,
      );
      return { ...answer, headers: { ...answer.headers, location } };
    }
    const entry = {
      uuid,
      body,
      integratedTime: Math.floor(this.#parts.now().getTime() / 1000),
      logIndex: this.#tree.append(hash),
    };
    this.entries.push(entry);
    return {
      status: 201,
      headers: { vary: 'Origin', location, etag: uuid },
      body: { [uuid]: this.#proven(entry) },
    };
  }

  found(entry: Entry | undefined): Answer {
    return entry ? { status: 200, body: { [entry.uuid]: this.#proven(entry) } } : { status: 404 };
  }

  head(): object {
    const signedTreeHead = this.#checkpoint();
    return {
      inactiveShards: null,
      rootHash: this.#root(),
      signedTreeHead,
      treeID: String(this.#treeId),
      treeSize: this.#tree.size,
    };
  }

  consistency(query: URLSearchParams): Answer {
    const [first, last] = [
      Number(query.get('firstSize') ?? 1),
      Number(query.get('lastSize') ?? Number.NaN),
    ];
    if (Number.isNaN(last)) return swaggerError(422, 'lastSize in query is required', 602);
    if (first > last)
      return swaggerError(400, `firstSize(${first}) must be less than lastSize(${last})`);
    if (last > this.#tree.size) {
      return swaggerError(
        400,
        `the tree size requested(${last}) was greater than what is currently observable(${this.#tree.size})`,
      );
    }
    const hashes = this.#tree.consistencyProof(first, last).map((hash) => hash.toString('hex'));
    return { status: 200, body: { hashes, rootHash: this.#root() } };
  }

  #root(): string {
    return this.#tree.root().toString('hex');
  }

  #checkpoint(): string {
    const log = { origin: `${hostname} - ${this.#treeId}`, name: hostname, key: this.#parts.key };
    return signedCheckpoint(log, this.#tree.size, this.#tree.root());
  }

  /**
   * The entry with its promise (SET, over the canonical JSON of the four fields) and its proof in
   * the tree as it is now.
   */
  #proven({ body, integratedTime, logIndex }: Entry): object {
    const anonymous = {
      body: body.toString('base64'),
      integratedTime,
      logID: this.#logId,
      logIndex,
    };
    const signedEntryTimestamp = sign(
      'sha256',
      Buffer.from(json.canonicalize(anonymous)),
      this.#parts.key,
    ).toString('base64');
    const hashes = this.#tree.inclusionProof(logIndex).map((hash) => hash.toString('hex'));
    const inclusionProof = {
      checkpoint: this.#checkpoint(),
      hashes,
      logIndex,
      rootHash: this.#root(),
      treeSize: this.#tree.size,
    };
    return { ...anonymous, verification: { inclusionProof, signedEntryTimestamp } };
  }
}
