import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { connectAhead } from '../../src/http/ahead.ts';
import { makeCertificates } from '../sandbox/certificates.ts';
import { client, get, serve } from './server.ts';

const image = (registry: string) => ({ INPUT_IMAGES: `${registry}/acme/app:v1` });

/** Waits, on a busy machine long, until it is so. */
const eventually = <T>(seen: () => T, expected: T) =>
  vi.waitFor(() => expect(seen()).toBe(expected), { timeout: 15_000, interval: 5 });

describe('connections that are begun ahead', () => {
  it('are what the first requests go over; more are opened only for more', async () => {
    await using server = await serve((_, response) => void setTimeout(() => response.end('x'), 20));
    const ahead = connectAhead(image(server.host));
    await eventually(server.connections, 4);
    expect(server.requests.length).toBe(0);
    const { http } = client({ ahead });
    await Promise.all(Array.from({ length: 3 }, () => http(get(server.origin))));
    expect(server.connections()).toBe(4);
    await Promise.all(Array.from({ length: 5 }, () => http(get(server.origin))));
    expect(server.connections()).toBe(5);
    http.close();
  });

  it('may still be on their way when they are used', async () => {
    await using server = await serve((_, response) => void response.end('x'));
    const { http } = client({ ahead: connectAhead(image(server.host)) });
    expect(await http(get(server.origin))).toMatchObject({ status: 200 });
    await eventually(server.connections, 4);
    http.close();
  });

  it.each(['as soon as they were begun', 'when they stand'])('carry TLS, %s', async (when) => {
    const { cert, key } = makeCertificates();
    const server = createTlsServer({ cert, key }, (_, response) => void response.end('x'));
    let connections = 0;
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { http } = client({ ahead: connectAhead(image(host)) });
    if (when === 'when they stand') await eventually(() => connections, 4);
    expect(await http(get(`https://${host}/`, { tls: 'skip' }))).toMatchObject({ status: 200 });
    await expect(
      http(get(`https://${host}/`)),
      'a certificate that nobody knows',
    ).rejects.toMatchObject({ code: 'network' });
    await eventually(() => connections, 4);
    http.close();
    server.close();
  });

  it('that were refused, or closed before they were used, are no obstacle', async () => {
    const gone = await serve(() => {});
    await gone[Symbol.asyncDispose]();
    const refused = client({ ahead: connectAhead(image(gone.host)) });
    await expect(refused.http(get(gone.origin))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('refused'),
    });

    let closings = 0;
    await using server = await serve((_, response) => void response.end('x'), {
      onConnection: (socket) => closings++ < 4 && socket.destroy(),
    });
    const closed = client({ ahead: connectAhead(image(server.host)) });
    await eventually(() => closings, 4);
    await wait(30); // both ends live in this process: its next turns bring the news
    expect(await closed.http(get(server.origin))).toMatchObject({ status: 200, attempts: 1 });
  });

  it('are closed with the client, used or not', async () => {
    await using server = await serve((_, response) => void response.end('x'));
    const { http } = client({ ahead: connectAhead(image(server.host)) });
    await http(get(server.origin));
    http.close();
    await eventually(server.open, 0);
  });
});

describe('where they lead', () => {
  const reaches = (env: Record<string, string>, host: string, port: number) => {
    const ahead = connectAhead(env);
    const socket = ahead.take(host, port);
    socket?.destroy();
    ahead.close();
    return socket !== undefined;
  };

  it.each<[string, Record<string, string>, string, number]>([
    [
      'the host of the first image',
      { INPUT_IMAGES: '\n registry.invalid/acme/app@sha256:1\n other.invalid/x' },
      'registry.invalid',
      443,
    ],
    ['its port', image('registry.invalid:5000'), 'registry.invalid', 5000],
    [
      'port 80 where plain http is allowed',
      { ...image('registry.invalid'), 'INPUT_ALLOW-HTTP-REGISTRY': 'true' },
      'registry.invalid',
      80,
    ],
    ['loopback, which speaks plain http', image('localhost'), 'localhost', 80],
    [
      'loopback, which no proxy leads to',
      { ...image('127.0.0.1:5000'), HTTPS_PROXY: 'http://proxy.invalid' },
      '127.0.0.1',
      5000,
    ],
    [
      'a host that NO_PROXY names',
      {
        ...image('a.registry.invalid'),
        HTTPS_PROXY: 'proxy.invalid:80',
        NO_PROXY: 'registry.invalid',
      },
      'a.registry.invalid',
      443,
    ],
    [
      'a host that no proxy of its scheme leads to',
      { ...image('registry.invalid'), HTTP_PROXY: 'http://proxy.invalid' },
      'registry.invalid',
      443,
    ],
    ['an IPv6 address', image('[::1]:5000'), '::1', 5000],
    ['Docker Hub', image('docker.io'), 'registry-1.docker.io', 443],
  ])('%s', (_, env, host, port) => expect(reaches(env, host, port)).toBe(true));

  it.each<[string, Record<string, string>]>([
    ['no image', {}],
    ['an image without a host', { INPUT_IMAGES: 'acme/app:v1' }],
    ['a proxy', { ...image('registry.invalid'), https_proxy: 'http://proxy.invalid' }],
    [
      'a proxy for plain http, where that may be spoken',
      {
        ...image('registry.invalid:443'),
        HTTP_PROXY: 'http://proxy.invalid',
        'INPUT_ALLOW-HTTP-REGISTRY': 'true',
      },
    ],
    ['a SOCKS proxy', { ...image('registry.invalid'), HTTPS_PROXY: 'socks5://proxy.invalid' }],
    [
      'a host that only looks like one of NO_PROXY',
      {
        ...image('registry.invalid'),
        HTTPS_PROXY: 'http://proxy.invalid',
        NO_PROXY: 'stry.invalid',
      },
    ],
    ['what is no reference', { INPUT_IMAGES: 'https://registry.invalid/acme/app' }],
  ])('nowhere: %s', (_, env) => expect(reaches(env, 'registry.invalid', 443)).toBe(false));
});
