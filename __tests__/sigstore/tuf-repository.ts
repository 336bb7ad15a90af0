// A TUF repository on loopback with real keys
// (https://theupdateframework.github.io/specification/latest/), and what an attacker does to one.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TufKey {
  readonly id: string;
  readonly json: object;
  readonly privateKey: KeyObject;
}

/** A key of either kind that Sigstore's repository uses. */
export function newTufKey(kind: 'ed25519' | 'ecdsa'): TufKey {
  const pair =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const value =
    kind === 'ed25519'
      ? Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex')
      : pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const json = {
    keytype: kind,
    scheme: kind === 'ed25519' ? 'ed25519' : 'ecdsa-sha2-nistp256',
    keyval: { public: value },
  };
  return {
    id: createHash('sha256').update(canonical(json)).digest('hex'),
    json,
    privateKey: pair.privateKey,
  };
}

/** Canonical JSON: sorted keys; strings are escaped in their two special characters only. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([name, field]) => `${canonical(name)}:${canonical(field)}`).join(',')}}`;
  }
  return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : JSON.stringify(value);
}

export function signed(content: object, keys: readonly TufKey[]): Buffer {
  const signatures = keys.map(({ id, privateKey }) => {
    const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    return {
      keyid: id,
      sig: sign(algorithm, Buffer.from(canonical(content)), privateKey).toString('hex'),
    };
  });
  return Buffer.from(JSON.stringify({ signatures, signed: content }));
}

const hours = (count: number) =>
  new Date(Date.now() + count * 3_600_000).toISOString().replace(/\.\d+/, '');

export interface Published {
  readonly targets?: Readonly<Record<string, Buffer>>;
  /** hours from now */
  readonly expires?: Partial<Record<'timestamp' | 'snapshot' | 'targets', number>>;
  /** versions of the metadata, instead of one more than before */
  readonly version?: number;
}

/**
 * The repository's owner: makes roots and publishes metadata. What is served can be changed in
 * `files`.
 */
export class TufRepository {
  readonly files = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** answers every request with this status */
  broken: number | undefined;
  rootKeys: readonly TufKey[] = [newTufKey('ecdsa'), newTufKey('ed25519')];
  onlineKey = newTufKey('ecdsa');
  targetsKey = newTufKey('ed25519');
  rootVersion = 0;
  version = 0;
  url = new URL('http://127.0.0.1');
  #server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').slice(1));
    this.requests.push(path);
    const file = this.files.get(path);
    response.statusCode = this.broken ?? (file === undefined ? 404 : 200);
    response.end(response.statusCode === 200 ? file : 'no');
  });

  async start(): Promise<this> {
    this.rotateRoot();
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.url = new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
    return this;
  }

  breakDown(): void {
    this.broken = 503;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** The first root, or the next one: with new keys, signed by old and new. */
  rotateRoot(
    change: { rootKeys?: readonly TufKey[]; signers?: readonly TufKey[]; expires?: number } = {},
  ): Buffer {
    const before = this.rootVersion === 0 ? [] : this.rootKeys;
    this.rootKeys = change.rootKeys ?? this.rootKeys;
    this.rootVersion++;
    const role = (keys: readonly TufKey[], threshold: number) => ({
      keyids: keys.map(({ id }) => id),
      threshold,
    });
    const all = [...this.rootKeys, this.onlineKey, this.targetsKey];
    const content = {
      _type: 'root',
      spec_version: '1.0.31',
      version: this.rootVersion,
      expires: hours(change.expires ?? 1000),
      consistent_snapshot: true,
      keys: Object.fromEntries(all.map(({ id, json }) => [id, json])),
      roles: {
        root: role(this.rootKeys, 2),
        timestamp: role([this.onlineKey], 1),
        snapshot: role([this.onlineKey], 1),
        targets: role([this.targetsKey], 1),
      },
    };
    const signers = change.signers ?? [...new Set([...before, ...this.rootKeys])];
    const root = signed(content, signers);
    this.files.set(`${this.rootVersion}.root.json`, root);
    return root;
  }

  publish({ targets = {}, expires = {}, version = this.version + 1 }: Published = {}): void {
    this.version = version;
    const hash = (bytes: Buffer) => ({
      length: bytes.length,
      hashes: { sha256: createHash('sha256').update(bytes).digest('hex') },
    });
    const part = (type: 'targets' | 'snapshot' | 'timestamp', fields: object, key: TufKey) =>
      signed(
        {
          _type: type,
          spec_version: '1.0.31',
          version,
          expires: hours(expires[type] ?? 100),
          ...fields,
        },
        [key],
      );
    const list = Object.fromEntries(
      Object.entries(targets).map(([name, bytes]) => [name, hash(bytes)]),
    );
    const targetsJson = part('targets', { targets: list }, this.targetsKey);
    const snapshot = part(
      'snapshot',
      { meta: { 'targets.json': { version, ...hash(targetsJson) } } },
      this.onlineKey,
    );
    const timestamp = part(
      'timestamp',
      { meta: { 'snapshot.json': { version, ...hash(snapshot) } } },
      this.onlineKey,
    );
    for (const [name, bytes] of Object.entries(targets))
      this.files.set(`targets/${hash(bytes).hashes.sha256}.${name}`, bytes);
    this.files.set(`${version}.targets.json`, targetsJson);
    this.files.set(`${version}.snapshot.json`, snapshot);
    this.files.set('timestamp.json', timestamp);
  }

  /** The file of a target as it is served. */
  targetFile(name: string): string {
    return (
      [...this.files.keys()].findLast(
        (file) => file.startsWith('targets/') && file.endsWith(`.${name}`),
      ) ?? ''
    );
  }
}
