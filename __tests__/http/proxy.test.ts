import { describe, expect, it } from 'vitest';
import { createProxyRule } from '../../src/http/proxy.ts';

const proxy = 'http://proxy.test:3128';

/** Where a request goes: `direct`, or the proxy. */
function way(address: string, env: Record<string, string>): string {
  return createProxyRule(env)(new URL(address))?.href ?? 'direct';
}

describe('NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    ['corp.example', 'https://corp.example/', true],
    ['corp.example', 'https://registry.corp.example/', true],
    ['corp.example', 'https://a.b.corp.example/', true],
    ['corp.example', 'https://evilcorp.example/', false],
    ['corp.example', 'https://corp.example.evil.test/', false],
    ['corp.example', 'https://corp.example./', true],
    ['corp.example.', 'https://registry.corp.example/', true],
    ['CORP.Example', 'https://registry.corp.example/', true],
    ['bücher.example', 'https://registry.xn--bcher-kva.example/', true],
    ['xn--bcher-kva.example', 'https://bücher.example/', true],
    ['.corp.example', 'https://registry.corp.example/', true],
    ['.corp.example', 'https://corp.example/', false],
    ['.corp.example', 'https://evilcorp.example/', false],
    ['*.corp.example', 'https://registry.corp.example/', true],
    ['*.corp.example', 'https://corp.example/', false],
    ['*corp.example', 'https://evilcorp.example/', false],
    ['registry', 'https://registry/', true],
    ['example', 'https://corp.example/', true],
    ['a.test,corp.example', 'https://corp.example/', true],
    [' a.test , corp.example ', 'https://corp.example/', true],
    ['a.test corp.example', 'https://corp.example/', true],
    [',,corp.example,', 'https://corp.example/', true],
    [',', 'https://corp.example/', false],
    ['*', 'https://corp.example/', true],
    ['a.test,*', 'https://corp.example/', true],
    ['*', 'https://10.1.2.3/', true],
    ['*:8443', 'https://corp.example:8443/', true],
    ['*:8443', 'https://corp.example/', false],
    ['corp.example:8443', 'https://corp.example:8443/', true],
    ['corp.example:8443', 'https://registry.corp.example:8443/', true],
    ['corp.example:8443', 'https://corp.example/', false],
    ['corp.example:443', 'https://corp.example/', true],
    ['corp.example:80', 'http://corp.example/', true],
    ['.corp.example:5000', 'http://registry.corp.example:5000/', true],
    ['corp.example:port', 'https://corp.example/', false],
    ['10.1.2.3', 'https://10.1.2.3/', true],
    ['10.1.2.3', 'https://10.1.2.30/', false],
    ['2.3', 'https://10.1.2.3/', false],
    ['.2.3', 'https://10.1.2.3/', false],
    ['10.1.2.3:5000', 'http://10.1.2.3:5000/', true],
    ['10.1.2.3:5000', 'http://10.1.2.3:5001/', false],
    ['10.0.0.0/8', 'https://10.255.0.1/', true],
    ['10.0.0.0/8', 'https://11.0.0.1/', false],
    ['10.1.2.3/8', 'https://10.200.0.1/', true],
    ['192.168.0.0/16', 'https://192.168.40.7:5000/', true],
    ['192.168.0.0/16', 'https://192.169.0.1/', false],
    ['172.16.0.0/12', 'https://172.31.255.255/', true],
    ['172.16.0.0/12', 'https://172.32.0.0/', false],
    ['0.0.0.0/0', 'https://8.8.8.8/', true],
    ['10.1.2.3/32', 'https://10.1.2.3/', true],
    ['10.0.0.0/33', 'https://10.0.0.1/', false],
    ['10.0.0.0/8', 'https://registry.corp.example/', false],
    ['10.0.0.0/8', 'https://10.evil.test/', false],
    ['10.0.0.1-10.0.0.9', 'https://10.0.0.5/', true],
    ['10.0.0.1-10.0.0.9', 'https://10.0.0.10/', false],
    ['10.0.0.9-10.0.0.1', 'https://10.0.0.5/', false],
    ['fd00::/8', 'https://[fdab::1]/', true],
    ['[fd00::]/8', 'https://[fdab::1]/', true],
    ['fd00::/8', 'https://[fe80::1]/', false],
    ['fd00::1', 'https://[fd00:0:0:0:0:0:0:1]:5000/', true],
    ['[fd00::1]', 'https://[fd00::1]/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]/', false],
    ['10.0.0.0/8', 'https://[::ffff:10.0.0.1]/', true],
    ['my-host.corp.example', 'https://my-host.corp.example/', true],
  ])('%s: %s directly is %s', (noProxy, address, direct) => {
    const env = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: noProxy };
    expect(way(address, env)).toBe(direct ? 'direct' : `${proxy}/`);
  });

  // They answer with the credentials of the machine that asks: a proxy would read ours, or be given
  // its own.
  it.each([
    ['169.254.169.254', 'direct'],
    ['169.254.170.2', 'direct'],
    ['metadata.google.internal', 'direct'],
    ['169.254.169.254.evil.test', `${proxy}/`],
    ['metadata.google.internal.evil.test', `${proxy}/`],
    ['169.25.41.69', `${proxy}/`],
  ])('the metadata of a cloud, %s: %s', (host, expected) => {
    expect(way(`http://${host}/`, { HTTP_PROXY: proxy })).toBe(expected);
  });

  it.each(['localhost:5000', '127.0.0.1:5000', '127.8.9.1', '[::1]:5000', 'x.localhost'])(
    '%s needs none without being in it',
    (host) => expect(way(`http://${host}/`, { HTTP_PROXY: proxy })).toBe('direct'),
  );
});

describe('the proxy', () => {
  it.each<[string, string]>([
    ['http://proxy.test:3128', 'http://proxy.test:3128/'],
    ['HTTP://proxy.test:3128', 'http://proxy.test:3128/'],
    ['https://proxy.test', 'https://proxy.test/'],
    [' http://proxy.test:3128 \n', 'http://proxy.test:3128/'],
    ['proxy.test:3128', 'http://proxy.test:3128/'],
    ['proxy.test', 'http://proxy.test/'],
    ['localhost:3128', 'http://localhost:3128/'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128/'],
    ['[fd00::1]:3128', 'http://[fd00::1]:3128/'],
    ['user:p%40ss@proxy.test:3128', 'http://user:p%40ss@proxy.test:3128/'],
  ])('%j is %s', (written, meant) => {
    expect(way('https://corp.example/', { HTTPS_PROXY: written })).toBe(meant);
    expect(way('http://corp.example/', { http_proxy: written })).toBe(meant);
  });

  it.each<[string, Record<string, string>, string]>([
    ['the one for https is not for http', { HTTP_PROXY: proxy }, 'direct'],
    ['lower case wins', { HTTPS_PROXY: 'http://upper.test', https_proxy: proxy }, `${proxy}/`],
    ['empty is not set', { HTTPS_PROXY: proxy, https_proxy: ' ' }, `${proxy}/`],
    [
      'no_proxy wins over NO_PROXY',
      { HTTPS_PROXY: proxy, NO_PROXY: '*', no_proxy: 'a.test' },
      `${proxy}/`,
    ],
    ['an empty no_proxy is not set', { HTTPS_PROXY: proxy, NO_PROXY: '*', no_proxy: '' }, 'direct'],
  ])('%s', (_, env, expected) => expect(way('https://corp.example/', env)).toBe(expected));

  it.each<[string, string, RegExp]>([
    ['https_proxy', 'socks5://user:geheim@proxy.test:1080', /https_proxy .*SOCKS \(`socks5:/],
    ['HTTPS_PROXY', 'socks5h://user:geheim@proxy.test', /HTTPS_PROXY .*SOCKS \(`socks5h:/],
    ['HTTPS_PROXY', 'SOCKS://geheim', /HTTPS_PROXY .*SOCKS \(`socks:/],
    ['HTTPS_PROXY', 'ftp://geheim', /HTTPS_PROXY .*another protocol \(`ftp:/],
    ['HTTPS_PROXY', 'http://geheim:x:y', /HTTPS_PROXY is not the address of a proxy/],
    ['HTTPS_PROXY', 'http://', /HTTPS_PROXY is not the address of a proxy/],
  ])('%s=%s is refused by name, and not quoted', (name, value, words) => {
    const refused = () => way('https://corp.example/', { [name]: value });
    expect(refused).toThrow(expect.objectContaining({ code: 'network' }));
    expect(refused).toThrow(words);
    expect(refused).not.toThrow(/geheim/);
    expect(way('https://corp.example/', { [name]: value, NO_PROXY: 'corp.example' })).toBe(
      'direct',
    );
  });
});
