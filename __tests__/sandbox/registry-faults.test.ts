import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startRegistry } from './registry.ts';
import { type Fault, faultKinds } from './registry-faults.ts';
import { sha256 } from './registry-store.ts';

interface Seen {
  status?: number | undefined;
  body: string;
  error?: string | undefined;
  /** the answer's body ended as announced */
  complete?: boolean | undefined;
}

/** One request on a connection of its own, given up after `ms`. */
function ask(url: string, method = 'GET', body?: string, ms = 5000): Promise<Seen> {
  return new Promise((resolve) => {
    const seen: Seen = { body: '' };
    const done = (more: Partial<Seen> = {}) => resolve({ ...seen, ...more });
    const sent = request(
      url,
      { method, agent: false, headers: { 'content-type': 'application/octet-stream' } },
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
    setTimeout(() => {
      done({ error: 'gave up' });
      sent.destroy();
    }, ms).unref();
    sent.end(body);
  });
}

/**
 * Does a POST that stores a blob with this fault: what the client sees, and whether it was stored.
 */
async function store(fault: Fault | undefined) {
  await using registry = await startRegistry({
    singlePost: true,
    faults: (asked) => (asked.method === 'POST' ? fault : undefined),
  });
  const digest = sha256('blob');
  const seen = await ask(
    `${registry.url}/v2/a/b/blobs/uploads/?digest=${digest}`,
    'POST',
    'blob',
    fault?.kind === 'hang' ? 150 : 5000,
  );
  return {
    ...seen,
    stored: registry.store.find('a/b')?.blobs.has(digest) ?? false,
    logged: registry.requests.map(({ status }) => status),
  };
}

describe('a fault', () => {
  it.each<[Fault | undefined, object]>([
    [undefined, { status: 201, stored: true, logged: [201] }],
    [{ kind: 'reset-before' }, { error: 'ECONNRESET', stored: false, logged: ['reset-before'] }],
    [{ kind: 'reset-after' }, { error: 'ECONNRESET', stored: true, logged: ['reset-after'] }],
    [{ kind: 'hang' }, { error: 'gave up', stored: false, logged: ['hang'] }],
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
      { kind: 'latency', ms: 50 },
      { status: 201, stored: true },
    ],
    [{ kind: 'garbage' }, { error: 'HPE_INVALID_CONSTANT', stored: false }],
  ])('%j', async (fault, wanted) => {
    expect(await store(fault)).toMatchObject(wanted);
  });

  it('"refuse" makes the next connections fail, and ends by itself', async () => {
    await using registry = await startRegistry({
      faults: (_asked, index) => (index === 0 ? { kind: 'refuse', ms: 300 } : undefined),
    });
    expect((await ask(`${registry.url}/v2/`)).error).toBe('ECONNRESET');
    expect((await ask(`${registry.url}/v2/`)).error).toBe('ECONNREFUSED');
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect((await ask(`${registry.url}/v2/`)).status).toBe(200);
  });

  it('"slow-body" drips, "endless-body" never ends, "truncate" and "malformed-json" give half', async () => {
    const kinds: Fault[] = [
      { kind: 'slow-body', everyMs: 20 },
      { kind: 'endless-body', bytes: 1000 },
      { kind: 'truncate' },
      { kind: 'malformed-json' },
    ];
    const seen: Seen[] = [];
    for (const fault of kinds) {
      await using registry = await startRegistry({ faults: () => fault });
      const digest = registry.store.addBlob('a/b', '0123456789'.repeat(10));
      seen.push(
        await ask(
          `${registry.url}/v2/a/b/blobs/${digest}`,
          'GET',
          undefined,
          fault.kind.endsWith('-body') ? 200 : 5000,
        ),
      );
    }
    const [slow, endless, truncated, malformed] = seen;
    expect([slow?.error, (slow?.body.length ?? 100) < 20]).toEqual(['gave up', true]);
    expect([endless?.error, (endless?.body.length ?? 0) > 5000]).toEqual(['gave up', true]);
    expect(truncated).toMatchObject({ status: 200, body: '0123456789'.repeat(5), complete: false });
    expect(malformed).toMatchObject({ status: 200, body: '0123456789'.repeat(5), complete: true });
  });

  it('has a name in the list that fault tables walk', () => {
    expect(new Set(faultKinds).size).toBe(11);
  });
});
