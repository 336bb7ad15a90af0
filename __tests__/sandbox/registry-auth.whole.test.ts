import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { makeCertificates } from './certificates.ts';
import { pushImage } from './images.ts';
import { startRegistry } from './registry.ts';
import type { TokenAuth } from './registry-auth.ts';
import { behaviours } from './registry-behaviours.ts';

const pusher = { username: 'octocat', password: 'correct horse' };
const reader = { username: 'reader', password: 'battery staple', actions: ['pull'] as const };
const token = (more: Partial<TokenAuth> = {}): TokenAuth => ({
  kind: 'token',
  accounts: [pusher, reader],
  ...more,
});
const basic = ({ username, password }: { username: string; password: string }) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
});

/** Asks for a token as the challenge of `path` says; answers the token service's response. */
async function askToken(
  url: string,
  scope: string | undefined,
  headers: Record<string, string> = {},
  service = 'sandbox-registry',
) {
  const query = new URLSearchParams({ service, ...(scope === undefined ? {} : { scope }) });
  const response = await fetch(`${url}/token?${query}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

const tags = (url: string, bearer: string, name = 'a/b') =>
  fetch(`${url}/v2/${name}/tags/list`, { headers: { authorization: `Bearer ${bearer}` } });
const begin = (url: string, bearer: string) =>
  fetch(`${url}/v2/a/b/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}` },
  });

describe('basic auth', () => {
  it('lets in who knows the password, and nobody else', async () => {
    await using registry = await startRegistry({
      auth: { kind: 'basic', accounts: [pusher, reader] },
    });
    await pushImage(registry.host, 'a/b', { credentials: pusher });
    await expect(pushImage(registry.host, 'a/b')).rejects.toThrow('401');
    await expect(
      pushImage(registry.host, 'a/b', { credentials: { ...pusher, password: 'wrong' } }),
    ).rejects.toThrow('401');
    await expect(pushImage(registry.host, 'a/b', { credentials: reader })).rejects.toThrow('403');
    const challenged = await fetch(`${registry.url}/v2/`);
    expect([challenged.status, challenged.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="sandbox"',
    ]);
  });
});

describe('token auth', () => {
  it('says where to get a token, and for what', async () => {
    await using registry = await startRegistry({ auth: token({ ownPort: true }) });
    const asked = await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: 'POST' });
    const challenge = asked.headers.get('www-authenticate') ?? '';
    expect([asked.status, challenge.replace(/:\d+/, ':PORT')]).toEqual([
      401,
      'Bearer realm="http://127.0.0.1:PORT/token",service="sandbox-registry",scope="repository:a/b:pull,push"',
    ]);
    expect(challenge).not.toContain(registry.host);
    await pushImage(registry.host, 'a/b', { credentials: pusher });
  });

  it.each<[string, (url: string) => Promise<{ status: number }>, number]>([
    ['without credentials', (url) => askToken(url, 'repository:a/b:pull'), 401],
    [
      'with a wrong password',
      (url) => askToken(url, 'repository:a/b:pull', basic({ ...pusher, password: 'x' })),
      401,
    ],
    [
      'for another service',
      (url) => askToken(url, 'repository:a/b:pull', basic(pusher), 'other'),
      400,
    ],
    ['for a scope that is none', (url) => askToken(url, 'everything', basic(pusher)), 400],
    ['with the refresh token of nobody', (url) => refresh(url, 'guessed'), 401],
    ['with another method', (url) => fetch(`${url}/token`, { method: 'PUT' }), 405],
  ])('gives no token %s', async (_name, ask, status) => {
    await using registry = await startRegistry({ auth: token() });
    expect((await ask(registry.url)).status).toBe(status);
    expect(registry.door.issued).toBe(0);
  });

  it('anonymous tokens pull and do not push', async () => {
    await using registry = await startRegistry({ auth: token({ anonymousPull: true }) });
    registry.store.addManifest('a/b', '{}', 'application/x', 'one');
    const { body } = await askToken(registry.url, 'repository:a/b:pull,push');
    expect((await tags(registry.url, body.token!)).status).toBe(200);
    const push = await begin(registry.url, body.token!);
    expect([push.status, push.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="insufficient_scope"'),
    ]);
  });

  it('a token opens one repository only, and nothing when it is guessed or too old', async () => {
    await using registry = await startRegistry({
      auth: token({ expiresIn: 60, insufficientStatus: 403 }),
    });
    registry.store.addManifest('a/b', '{}', 'application/x', 'one');
    const { body } = await askToken(registry.url, 'repository:a/b:pull', basic(pusher));
    expect((await tags(registry.url, body.token!)).status).toBe(200);
    expect((await tags(registry.url, body.token!, 'a/other')).status).toBe(403);
    expect((await begin(registry.url, body.token!)).status).toBe(403);
    expect((await tags(registry.url, `${body.token}x`)).status).toBe(401);
    registry.door.now = () => systemClock.now() + 60_001;
    expect((await tags(registry.url, body.token!)).headers.get('www-authenticate')).toContain(
      'error="invalid_token"',
    );
  });

  it('refuses excess where the registry does not reduce it', async () => {
    await using registry = await startRegistry({ auth: token({ excess: 'refuse' }) });
    expect((await askToken(registry.url, 'repository:a/b:pull,push', basic(reader))).status).toBe(
      403,
    );
    expect((await askToken(registry.url, 'repository:a/b:pull', basic(reader))).status).toBe(200);
  });

  it('takes a refresh token by OAuth2, and only so where only that is allowed (ACR)', async () => {
    await using registry = await startRegistry({
      ...behaviours.acr.switches,
      auth: token({ refreshTokens: ['identity-token'], onlyOAuth2: true }),
    });
    const answer = await refresh(registry.url, 'identity-token');
    const { access_token: bearer } = (await answer.json()) as { access_token: string };
    expect((await begin(registry.url, bearer)).status).toBe(202);
    expect((await askToken(registry.url, 'repository:a/b:pull', basic(pusher))).status).toBe(401);
  });
});

function refresh(url: string, refreshToken: string): Promise<Response> {
  const form = {
    grant_type: 'refresh_token',
    service: 'sandbox-registry',
    scope: 'repository:a/b:pull,push',
    refresh_token: refreshToken,
  };
  return fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(form) });
}

describe('TLS', () => {
  const get = (url: string, ca?: string) =>
    new Promise<number>((resolve, reject) => {
      request(`${url}/v2/`, { agent: false, ...(ca === undefined ? {} : { ca }) }, (response) =>
        resolve(response.resume().statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });

  it('serves who trusts its authority', async () => {
    const tls = makeCertificates();
    await using registry = await startRegistry({ tls });
    expect(await get(registry.url, tls.ca)).toBe(200);
    expect((await pushImage(registry.host, 'a/b', { tls: true, ca: tls.ca })).digest).toMatch(
      /^sha256:/,
    );
    await expect(get(registry.url)).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    await expect(get(registry.url, makeCertificates().ca)).rejects.toThrow(/certificate/);
  });

  it('can be out of date', async () => {
    const tls = makeCertificates([], { expired: true });
    await using registry = await startRegistry({ tls });
    await expect(get(registry.url, tls.ca)).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
  });
});
