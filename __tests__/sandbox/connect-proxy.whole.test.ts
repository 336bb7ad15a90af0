import { request as httpRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { makeCertificates } from './certificates.ts';
import { startConnectProxy } from './connect-proxy.ts';
import { startRegistry } from './registry.ts';

/** The status of an https GET through a proxy, as Node itself does it. */
function through(proxyUrl: string, url: string, ca?: string): Promise<number> {
  const agent = new Agent({ proxyEnv: { HTTPS_PROXY: proxyUrl } } as object);
  return new Promise((resolve, reject) => {
    request(url, { agent, ...(ca === undefined ? {} : { ca }) }, (response) =>
      resolve(response.resume().statusCode ?? 0),
    )
      .on('error', reject)
      .end();
  });
}

/** The status of an absolute-form request for a plain URL. */
function absolute(
  proxyUrl: string,
  target: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest(proxyUrl, { path: target, headers, agent: false }, (response) =>
      resolve(response.resume().statusCode ?? 0),
    )
      .on('error', reject)
      .end();
  });
}

describe('the forward proxy', () => {
  it('tunnels to the host that was named, wherever it really is, and writes it down', async () => {
    const tls = makeCertificates(['registry.example']);
    await using registry = await startRegistry({ tls });
    const proxy = await startConnectProxy({ routes: { 'registry.example:443': registry.host } });
    expect(await through(proxy.url, 'https://registry.example/v2/', tls.ca)).toBe(200);
    expect(proxy.log).toEqual([
      { method: 'CONNECT', target: 'registry.example:443', status: 200, authorized: false },
    ]);
    await proxy.close();
  });

  it('forwards absolute-form requests', async () => {
    await using registry = await startRegistry();
    const proxy = await startConnectProxy();
    expect(await absolute(proxy.url, `${registry.url}/v2/`)).toBe(200);
    expect(proxy.log).toEqual([
      { method: 'GET', target: `${registry.url}/v2/`, status: 200, authorized: false },
    ]);
    await proxy.close();
  });

  it('wants its credentials where it has some, and does not hand them on', async () => {
    await using registry = await startRegistry();
    const seen: unknown[] = [];
    registry.set({
      override: (asked) => void seen.push(asked.headers['proxy-authorization']) as undefined,
    });
    const proxy = await startConnectProxy({ credentials: { username: 'corp', password: 'p@ss' } });
    const right = `Basic ${Buffer.from('corp:p@ss').toString('base64')}`;
    expect(await absolute(proxy.url, `${registry.url}/v2/`)).toBe(407);
    expect(
      await absolute(proxy.url, `${registry.url}/v2/`, { 'proxy-authorization': 'Basic eA==' }),
    ).toBe(407);
    expect(await absolute(proxy.url, `${registry.url}/v2/`, { 'proxy-authorization': right })).toBe(
      200,
    );
    expect(seen).toEqual([undefined]);
    await expect(through(proxy.url, 'https://127.0.0.1:9/')).rejects.toThrow();
    expect(proxy.log.at(-1)).toEqual({
      method: 'CONNECT',
      target: '127.0.0.1:9',
      status: 407,
      authorized: false,
    });
    expect(proxy.urlWithCredentials).toContain('corp:p%40ss@');
    await proxy.close();
  });

  it('goes nowhere but loopback', async () => {
    const proxy = await startConnectProxy();
    expect(await absolute(proxy.url, 'http://example.com/')).toBe(403);
    await expect(through(proxy.url, 'https://example.com/')).rejects.toThrow();
    await expect(through(proxy.url, 'https://127.0.0.1:9/')).rejects.toThrow();
    expect(proxy.log.map(({ target, status }) => [target, status])).toEqual([
      ['http://example.com/', 403],
      ['example.com:443', 403],
      ['127.0.0.1:9', 502],
    ]);
    await proxy.close();
  });
});
