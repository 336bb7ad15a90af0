import { describe, expect, it } from 'vitest';
import type { HttpRequest, HttpResponse } from '../../src/http/http.ts';
import { redirected } from '../../src/http/redirect.ts';

const request: HttpRequest = {
  method: 'GET',
  url: new URL('https://ghcr.io/v2/acme/app/blobs/x'),
  headers: { Accept: 'a/b', Authorization: 'Bearer secret', 'x-vault-token': 'secret' },
  maxBytes: 10,
  retryBudget: 0,
  tls: 'skip',
};
const to = (location: string, status = 307): HttpResponse => ({
  status,
  headers: { location },
  body: Buffer.alloc(0),
  url: request.url,
});

describe('redirected', () => {
  it.each(['/other', 'https://ghcr.io/other', '//ghcr.io:443/other'])(
    'keeps everything within the origin: %s',
    (location) => {
      expect(redirected(request, to(location))).toEqual({
        ...request,
        url: new URL('https://ghcr.io/other'),
      });
    },
  );
  it.each([
    'https://evil.example/x',
    'https://ghcr.io.evil.example/x',
    'https://u:p@evil.example/x',
    'https://ghcr.io@evil.example/x',
  ])('shows no header that could be a credential, and trusts no certificate, at %s', (location) => {
    const next = redirected(request, to(location));
    expect(next).toEqual({
      method: 'GET',
      maxBytes: 10,
      retryBudget: 0,
      url: expect.any(URL),
      headers: { Accept: 'a/b' },
    });
    expect([next?.url.username, next?.url.password]).toEqual(['', '']);
  });
  it('another port of the host is another origin, for which any certificate was allowed', () => {
    expect(redirected(request, to('https://ghcr.io:8443/x'))).toMatchObject({
      headers: { Accept: 'a/b' },
      tls: 'skip',
    });
  });
  it('refuses plain http after https', () => {
    expect(() => redirected(request, to('http://ghcr.io/x'))).toThrow(
      expect.objectContaining({ code: 'network' }),
    );
  });
  it.each([
    ['a POST', { ...request, method: 'POST' as const }, to('/x')],
    ['manual', { ...request, redirect: 'manual' as const }, to('/x')],
    ['a 304', request, to('/x', 304)],
    ['a file', request, to('file:///etc/passwd')],
    ['nonsense', request, to('http://[')],
  ])('leaves the answer as it is for %s', (_, asked, answer) => {
    expect(redirected(asked, answer)).toBeUndefined();
  });
});
