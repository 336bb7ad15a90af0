import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../fake-clock.ts';
import { post } from './parity-case.ts';
import { type Sigstore, startSigstore } from './sigstore.ts';
import { hashedRekord } from './well-formed.ts';

let sigstore: Sigstore;
let clock: FakeClock;
beforeEach(async () => {
  clock = new FakeClock();
  sigstore = await startSigstore({ clock });
});
afterEach(() => sigstore.close());

const entries = (): string => `${sigstore.rekorUrl}/api/v1/log/entries`;
const outcome = (sent: Promise<Response>): Promise<number | string> =>
  sent.then(
    ({ status }) => status,
    (error: { cause?: { code?: string }; name: string }) => error.cause?.code ?? error.name,
  );
const head = (): Promise<number | string> => outcome(fetch(`${sigstore.rekorUrl}/api/v1/log`));
const size = async (): Promise<number> =>
  ((await (await fetch(`${sigstore.rekorUrl}/api/v1/log`)).json()) as { treeSize: number })
    .treeSize;

describe('a fault switch', () => {
  it('refuses with a status and Retry-After so many times, then answers', async () => {
    sigstore.faults.rekor.inject({ kind: 'status', status: 429, retryAfter: 2 }, { times: 2 });
    const first = await fetch(entries());
    expect([first.status, first.headers.get('retry-after'), await head(), await head()]).toEqual([
      429,
      '2',
      429,
      200,
    ]);
    expect([sigstore.faults.rekor.requests, sigstore.faults.rekor.faulted]).toEqual([3, 2]);
  });

  it('refuses for a time, then answers', async () => {
    sigstore.faults.rekor.inject({ kind: 'status', status: 503 }, { milliseconds: 500 });
    expect(await head()).toBe(503);
    await clock.advance(499);
    expect(await head()).toBe(503);
    await clock.advance(1);
    expect(await head()).toBe(200);
  });

  it('befalls only the requests it is meant for, and leaves the other services alone', async () => {
    sigstore.faults.rekor.inject(
      { kind: 'status', status: 500 },
      { matching: ({ method }) => method === 'POST' },
    );
    expect([await outcome(post(entries(), hashedRekord())), await head()]).toEqual([500, 200]);
    expect(await outcome(fetch(`${sigstore.fulcioUrl}/api/v2/trustBundle`))).toBe(200);
  });

  it('resets before anything was done', async () => {
    sigstore.faults.rekor.inject({ kind: 'reset', when: 'before' }, { times: 1 });
    expect([await outcome(post(entries(), hashedRekord())), await size()]).toEqual([
      'ECONNRESET',
      0,
    ]);
  });

  it('resets after all was done: the client meets its own entry when it tries again', async () => {
    sigstore.faults.rekor.inject({ kind: 'reset', when: 'after' }, { times: 1 });
    const entry = hashedRekord();
    expect([
      await outcome(post(entries(), entry)),
      await size(),
      await outcome(post(entries(), entry)),
    ]).toEqual(['ECONNRESET', 1, 409]);
  });

  it('answers half a JSON after the work was done', async () => {
    sigstore.faults.rekor.inject({ kind: 'malformed' }, { times: 1 });
    const response = await post(entries(), hashedRekord());
    await expect(response.json()).rejects.toThrow(SyntaxError);
    expect([response.status, await size()]).toEqual([201, 1]);
  });

  it('hangs until the client gives up', async () => {
    sigstore.faults.rekor.inject({ kind: 'hang' }, { times: 1 });
    expect(await outcome(fetch(entries(), { signal: AbortSignal.timeout(1_000) }))).toBe(
      'TimeoutError',
    );
    expect(sigstore.requests.map(({ status, fault }) => [status, fault])).toEqual([
      [undefined, 'hang'],
    ]);
  });

  it('waits before it answers', async () => {
    sigstore.faults.rekor.latency = 60;
    let answered = false;
    const asked = head().then((status) => {
      answered = true;
      return status;
    });
    await vi.waitFor(() => expect(clock.slept).toEqual([60]), { timeout: 10_000 });
    await clock.advance(59);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(await asked).toBe(200);
  });

  it('refuses connections while the service is down, and keeps what it knew', async () => {
    await post(entries(), hashedRekord());
    await sigstore.faults.rekor.down();
    const during = await head();
    await sigstore.faults.rekor.up();
    expect([during, await size()]).toEqual(['ECONNREFUSED', 1]);
  });

  it('comes back by itself after so many milliseconds', async () => {
    await sigstore.faults.rekor.down(500);
    expect(await head()).toBe('ECONNREFUSED');
    await clock.advance(500);
    expect(await head()).toBe(200);
  });

  it('is cleared at once', async () => {
    sigstore.faults.rekor.inject({ kind: 'hang' });
    sigstore.faults.rekor.latency = 10_000;
    sigstore.faults.rekor.clear();
    expect(await head()).toBe(200);
  });
});
