import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { type RegistryOptions, startRegistry } from './registry.ts';
import { type Fault, faultKinds } from './registry-faults.ts';
import { sha256 } from './registry-store.ts';

interface Seen {
  status?: number | undefined;
  body: string;
  error?: string | undefined;
  /** the answer's body ended as announced */
  complete?: boolean | undefined;
}

/** A registry in a network of its own, with a fault, and requests to it on its clock. */
async function openWorld(faults: NonNullable<RegistryOptions['faults']>, switches = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork();
  const registry = await startRegistry({ ...switches, faults, clock, network });
  /** One request on a connection of its own, given up after `ms`. */
  const ask = (path: string, method = 'GET', body?: string, ms = 5000): Promise<Seen> =>
    clock.run(
      () =>
        new Promise((resolve) => {
          const seen: Seen = { body: '' };
          const done = (more: Partial<Seen> = {}) => resolve({ ...seen, ...more });
          const { hostname, port } = new URL(registry.url);
          const sent = request(
            {
              method,
              path,
              headers: { 'content-type': 'application/octet-stream' },
              createConnection: () => network.take(hostname, Number(port)),
            },
            (response) => {
              seen.status = response.statusCode;
              response.on('data', (part: Buffer) => {
                seen.body += part.toString('latin1');
              });
              response.on('close', () => done({ complete: response.complete }));
              response.on('error', () => undefined);
            },
          );
          sent.on('error', (error: NodeJS.ErrnoException) => done({ error: error.code }));
          clock.timer(ms, () => {
            done({ error: 'gave up' });
            sent.destroy();
          });
          sent.end(body);
        }),
    );
  return { clock, registry, ask };
}

/**
 * Does a POST that stores a blob with this fault: what the client sees, and whether it was stored.
 */
async function store(fault: Fault | undefined) {
  const { clock, registry, ask } = await openWorld(
    (asked) => (asked.method === 'POST' ? fault : undefined),
    { singlePost: true },
  );
  const digest = sha256('blob');
  const seen = await ask(`/v2/a/b/blobs/uploads/?digest=${digest}`, 'POST', 'blob');
  return {
    ...seen,
    stored: registry.store.find('a/b')?.blobs.has(digest) ?? false,
    logged: registry.requests.map(({ status }) => status),
    after: clock.now(),
  };
}

describe('a fault', () => {
  it.each<[Fault | undefined, object]>([
    [undefined, { status: 201, stored: true, logged: [201] }],
    [{ kind: 'reset-before' }, { error: 'ECONNRESET', stored: false, logged: ['reset-before'] }],
    [{ kind: 'reset-after' }, { error: 'ECONNRESET', stored: true, logged: ['reset-after'] }],
    [{ kind: 'hang' }, { error: 'gave up', stored: false, logged: ['hang'], after: 5000 }],
    [
      { kind: 'hang', apply: true },
      { error: 'gave up', stored: true },
    ],
    [
      { kind: 'status', code: 503, body: 'busy', headers: { 'retry-after': '2' } },
      { status: 503, body: 'busy', stored: false },
    ],
    [
      { kind: 'status', code: 500, apply: true },
      { status: 500, stored: true },
    ],
    [{ kind: 'malformed-json' }, { status: 201, body: '{"errors":[', stored: true }],
    [{ kind: 'truncate' }, { status: 201, body: '{', complete: false, stored: true }],
    [
      { kind: 'latency', ms: 4990 },
      { status: 201, stored: true, after: 4990 },
    ],
    [{ kind: 'garbage' }, { error: 'HPE_INVALID_CONSTANT', stored: false }],
  ])('%j', async (fault, wanted) => {
    expect(await store(fault)).toMatchObject(wanted);
  });

  it('"refuse" makes the next connections fail, and ends by itself', async () => {
    const { clock, ask } = await openWorld((_asked, index) =>
      index === 0 ? { kind: 'refuse', ms: 300 } : undefined,
    );
    const first = clock.now();
    expect((await ask('/v2/')).error).toBe('ECONNRESET');
    expect((await ask('/v2/')).error).toBe('ECONNREFUSED');
    await clock.advance(299 - (clock.now() - first));
    expect((await ask('/v2/')).error).toBe('ECONNREFUSED');
    await clock.advance(1);
    expect((await ask('/v2/')).status).toBe(200);
  });

  const content = '0123456789'.repeat(10);
  it.each<[Fault, Partial<Seen> & { length?: number }]>([
    // The headers and the first byte at once, then a byte every 20 ms.
    [
      { kind: 'slow-body', everyMs: 20 },
      { error: 'gave up', body: content.slice(0, 10) },
    ],
    [{ kind: 'endless-body', bytes: 1000 }, { error: 'gave up' }],
    [{ kind: 'truncate' }, { status: 200, body: content.slice(0, 50), complete: false }],
    [{ kind: 'malformed-json' }, { status: 200, body: content.slice(0, 50), complete: true }],
  ])('%j of a blob', async (fault, expected) => {
    const { registry, ask } = await openWorld(() => fault);
    const digest = registry.store.addBlob('a/b', content);
    const seen = await ask(`/v2/a/b/blobs/${digest}`, 'GET', undefined, 195);
    expect(seen).toMatchObject(expected);
    if (fault.kind === 'endless-body') expect(seen.body.length).toBeGreaterThan(100_000);
  });

  it('has a name in the list that fault tables walk', () => {
    expect(new Set(faultKinds).size).toBe(11);
  });
});
