import { generateKeyPair, generateKeyPairSync, randomBytes, scrypt, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { MemoryNetwork } from './memory-network.ts';

const curve = { namedCurve: 'P-256' };

describe('a fake clock', () => {
  it('moves by hand, and fires on the way what is due, in order, at its own moment', async () => {
    const clock = new FakeClock(new Date('2026-11-20T12:00:00Z'));
    const fired: unknown[] = [];
    clock.timer(30, () => fired.push(['third', clock.now()]));
    clock.timer(10, () => {
      fired.push(['first', clock.now()]);
      clock.timer(10, () => fired.push(['second', clock.now()]));
    });
    const cancel = clock.timer(5, () => fired.push('never'));
    cancel();
    await clock.advance(25);
    expect(fired).toEqual([
      ['first', 10],
      ['second', 20],
    ]);
    expect(clock.date()).toEqual(new Date('2026-11-20T12:00:00.025Z'));
    await clock.advance(5);
    expect(fired.at(-1)).toEqual(['third', 30]);
  });

  it('ends a sleep that is aborted, with the reason', async () => {
    const clock = new FakeClock();
    const ended = new AbortController();
    const sleeping = clock.sleep(1000, ended.signal);
    ended.abort('enough');
    await expect(sleeping).rejects.toBe('enough');
    await expect(clock.sleep(1000, ended.signal)).rejects.toBe('enough');
    expect([clock.timers, clock.slept]).toEqual([0, [1000, 1000]]);
  });

  it('runs work that only waits in no time', async () => {
    const clock = new FakeClock();
    const hours = async () => {
      for (let hour = 0; hour < 24; hour++) await clock.sleep(3_600_000);
      return 'a day';
    };
    expect([await clock.run(hours), clock.now()]).toEqual(['a day', 86_400_000]);
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'a key is derived',
      () => new Promise((resolve) => scrypt('a', 'b', 32, { N: 2 ** 14 }, resolve)),
    ],
    ['a file is read', () => readFile(import.meta.filename)],
    [
      'a key is made, after what was signed at once',
      () => {
        sign('sha256', randomBytes(8), generateKeyPairSync('ec', curve).privateKey);
        return new Promise((resolve) => generateKeyPair('rsa', { modulusLength: 2048 }, resolve));
      },
    ],
    [
      'one thing leads to the next',
      async () => {
        for (let step = 0; step < 50; step++) await new Promise((resolve) => setImmediate(resolve));
      },
    ],
  ])('stands still while %s', async (_what, work) => {
    const clock = new FakeClock();
    clock.timer(1, () => {});
    await clock.run(work);
    expect(clock.now()).toBe(0);
  });

  it('says so when nothing will ever happen', async () => {
    const never = () => new Promise<void>(() => {});
    await expect(new FakeClock().run(never)).rejects.toThrow('that no time brings');
  });
});

describe('a network in memory', () => {
  const ask = (network: MemoryNetwork, port: number) =>
    new Promise<string>((resolve, reject) => {
      const createConnection = () => network.take('127.0.0.1', port);
      const sent = request({ createConnection, method: 'POST' }, async (answer) => {
        const parts: Buffer[] = [];
        try {
          for await (const part of answer) parts.push(part as Buffer);
          resolve(`${answer.statusCode} ${Buffer.concat(parts)}`);
        } catch (caught) {
          reject(caught);
        }
      });
      sent.on('error', reject).end('hello');
    });
  const open = (listener: Parameters<typeof createServer>[1]) => {
    const network = new MemoryNetwork();
    const port = network.open(createServer(listener));
    return { network, port };
  };

  it('carries requests and answers, large ones too', async () => {
    const { network, port } = open((asked, answer) => asked.pipe(answer));
    expect(await ask(network, port)).toBe('200 hello');
    const large = open((_, answer) => void answer.end(Buffer.alloc(1_000_000, 'x')));
    expect(await ask(large.network, large.port)).toHaveLength(1_000_004);
  });

  it.each<[string, Parameters<typeof createServer>[1], string]>([
    ['resets', (asked) => asked.socket.resetAndDestroy(), 'ECONNRESET'],
    ['hangs up', (asked) => asked.socket.destroy(), 'ECONNRESET'],
    [
      'breaks off',
      (asked, answer) =>
        void answer
          .writeHead(200, { 'content-length': 5 })
          .write('he', () => asked.socket.destroy()),
      'ECONNRESET',
    ],
  ])('shows when a server %s', async (_how, listener, code) => {
    const { network, port } = open(listener);
    await expect(ask(network, port)).rejects.toMatchObject({ code });
  });

  it('refuses where nobody listens, until somebody does again', async () => {
    const server = createServer((_, answer) => void answer.end('there'));
    const network = new MemoryNetwork();
    const port = network.open(server);
    network.refuse(port);
    await expect(ask(network, port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    network.open(server, port);
    expect(await ask(network, port)).toBe('200 there');
  });
});
