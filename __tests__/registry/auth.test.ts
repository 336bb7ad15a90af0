import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { loginMissing } from '../../src/registry/answers.ts';
import { createAuthorizer } from '../../src/registry/auth.ts';
import { FakeClock } from '../fake-clock.ts';
import { serve } from '../http/server.ts';
import { type RegistryOptions, startRegistry } from '../sandbox/registry.ts';
import { login, open } from './server.ts';

const accounts = [{ username: login.username, password: login.password }];
const token = (more: object = {}): RegistryOptions => ({
  auth: { kind: 'token', accounts, ...more },
});
const walk = (registry: {
  requests: readonly { method: string; path: string; status: unknown }[];
}) =>
  registry.requests.map(({ method, path, status }) => `${method} ${path.split('?')[0]} ${status}`);

describe('bearer tokens', () => {
  it('parallel first requests cost one challenge and one token; further repositories no challenge', async () => {
    await using registry = await startRegistry(token());
    const { repository, secrets } = open(registry.host, { login });
    await Promise.all(['a', 'b', 'c'].map((tag) => repository().getManifest(tag)));
    await repository('acme/other').getManifest('a');
    expect(walk(registry)).toEqual([
      'GET /v2/acme/app/manifests/a 401',
      'GET /token 200',
      ...['a', 'b', 'c'].map((tag) => `GET /v2/acme/app/manifests/${tag} 404`),
      'GET /token 200',
      'GET /v2/acme/other/manifests/a 404',
    ]);
    expect(
      registry.requests
        .filter(({ path }) => path.startsWith('/token'))
        .map(({ path }) => new URLSearchParams(path.slice(7)).get('scope')),
    ).toEqual(['repository:acme/app:pull,push', 'repository:acme/other:pull,push']);
    expect(secrets.length).toBe(2);
  });

  it('one token serves reading and writing', async () => {
    await using registry = await startRegistry(token({ field: 'access_token', ownPort: true }));
    const { repository } = open(registry.host, { login });
    await repository().putBlob(Buffer.from('{}'));
    await repository().getManifest('v1');
    expect(registry.door.issued).toBe(1);
  });

  it('anonymous tokens are asked for without credentials', async () => {
    await using registry = await startRegistry(token({ anonymousPull: true }));
    const { repository } = open(registry.host, { access: 'pull' });
    expect(await repository().getManifest('v1')).toBeUndefined();
    expect(registry.requests.every(({ authorization }) => authorization !== 'basic')).toBe(true);
  });

  it.each([
    ['before it is refused, where the clock here tells', 61_000],
    ['after it is refused, where only the registry knows', 0],
  ])('a token that has run out is renewed %s, once for all', async (_when, later) => {
    const clocks = { registry: new FakeClock(), client: new FakeClock() };
    await using registry = await startRegistry({
      ...token({ expiresIn: 60 }),
      clock: clocks.registry,
    });
    const { repository } = open(registry.host, { login, clock: clocks.client });
    await repository().getManifest('v1');
    await clocks.registry.advance(61_000);
    await clocks.client.advance(later);
    await Promise.all(['a', 'b', 'c'].map((tag) => repository().getManifest(tag)));
    expect(registry.door.issued).toBe(2);
    const refused = registry.requests.filter(({ status }) => status === 401).length;
    // The very first request is refused to everybody: that is how a registry names its door.
    expect(refused > 1).toBe(later === 0);
  });

  it('answers that come in the same moment renew it once as well', async () => {
    let issued = 0;
    const charged = new Set<string | undefined>();
    const url = new URL('https://r.io/v2/');
    const answer = (status: number, body = '', headers = {}) => ({
      status,
      headers,
      body: Buffer.from(body),
      url,
    });
    const authorize = createAuthorizer({
      http: async ({ chargedTo }) => {
        charged.add(chargedTo?.origin);
        return answer(200, JSON.stringify({ token: `t${++issued}` }));
      },
      clock: systemClock,
      access: () => 'pull',
      origin: () => url.origin,
      credentials: async () => undefined,
      circumstances: async () => ({ registry: 'r.io', access: 'pull', loggedIn: false }),
      expectsChallenge: async () => true,
      ping: async () => answer(200),
      allowHttp: false,
      tls: 'verify',
      mask: () => {},
      retryBudget: 0,
    });
    const challenge = { 'www-authenticate': 'Bearer realm="https://auth.r.io/token"' };
    const send = (good: string) => async (sent: string | undefined) =>
      sent === `Bearer ${good}` ? answer(200) : answer(401, '', challenge);
    await authorize('a/b', send('t1'));
    const answers = await Promise.all([1, 2, 3].map(() => authorize('a/b', send('t2'))));
    expect([answers.map(({ status }) => status), issued]).toEqual([[200, 200, 200], 2]);
    expect([...charged]).toEqual(['https://r.io']); // for the time of a token service its registry pays
  });

  it('an identity token becomes a token through the OAuth2 grant', async () => {
    await using registry = await startRegistry(token({ refreshTokens: ['it'], onlyOAuth2: true }));
    const { repository } = open(registry.host, { login: { kind: 'identity-token', token: 'it' } });
    expect(await repository().getManifest('v1')).toBeUndefined();
    await expect(
      open(registry.host, { login: { kind: 'identity-token', token: 'old' } })
        .repository()
        .getManifest('v1'),
    ).rejects.toMatchObject({ code: 'bad-credentials' });
  });

  it('a registry token is sent as it is', async () => {
    await using server = await serve((request, response) => {
      const known = request.headers.authorization === 'Bearer fixed';
      response
        .writeHead(known ? 404 : 401, {
          'www-authenticate': 'Bearer realm="https://auth.example/token"',
        })
        .end();
    });
    const { repository } = open(server.host, { login: { kind: 'registry-token', token: 'fixed' } });
    expect(await repository().getManifest('v1')).toBeUndefined();
  });
});

describe('a registry that lets strangers in', () => {
  it('and says that the private image is missing, is asked for a challenge once by whoever has a login', async () => {
    await using server = await serve((request, response) => {
      if (request.headers.authorization !== undefined)
        response.writeHead(200, { 'content-type': 'a/b' }).end('{}');
      else if (request.url === '/v2/')
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else response.writeHead(404).end();
    });
    const { repository } = open(server.host, { login });
    const found = await Promise.all(['a', 'b'].map((tag) => repository().getManifest(tag)));
    expect(found.map((manifest) => manifest?.bytes.toString())).toEqual(['{}', '{}']);
    expect(server.requests.filter(({ url }) => url === '/v2/').length).toBe(1);
    expect(await open(server.host).repository().getManifest('a')).toBeUndefined();
  });
});

describe('refusals', () => {
  it('without a login the error shows how to log in', async () => {
    await using registry = await startRegistry(token());
    await expect(open(registry.host).repository().getManifest('v1')).rejects.toMatchObject({
      code: 'registry-denied',
      message: `${registry.host} wants a login for access to acme/app (pull,push), and this job has none for it.`,
      fix: expect.stringContaining(
        `uses: docker/login-action@v4\n  with:\n    registry: ${registry.host}`,
      ),
    });
  });

  it.each([
    ['ghcr.io', 'pull', 'Log in before this step, and give the job `packages: read`:\n- uses'],
    [
      'ghcr.io',
      'pull,push',
      'Log in before this step, and give the job `packages: write`:\n- uses',
    ],
    ['r.example', 'pull', 'Log in before this step:\n- uses'],
  ] as const)('without a login on %s for %s: the right of the job, too', (registry, access, fix) =>
    expect(loginMissing('it', { registry, access, loggedIn: false }).fix).toContain(fix),
  );

  it.each([{ kind: 'token', accounts } as const, { kind: 'basic', accounts } as const])(
    'a wrong password is told apart ($kind)',
    async (auth) => {
      await using registry = await startRegistry({ auth });
      const failure = await open(registry.host, { login: { ...login, password: 'wrong horse' } })
        .repository()
        .getManifest('v1')
        .catch((caught: unknown) => caught);
      expect(failure).toMatchObject({
        code: 'bad-credentials',
        message: expect.stringContaining('does not accept the login of this job'),
      });
      expect(JSON.stringify(failure) + String(failure)).not.toContain('wrong horse');
    },
  );

  it.each([
    ['a smaller token, then 401', { excess: 'reduce' }],
    ['a smaller token, then 403', { excess: 'reduce', insufficientStatus: 403 }],
    ['no token', { excess: 'refuse' }],
  ])('a login without the right to push: %s', async (_, more) => {
    await using registry = await startRegistry(
      token({ ...more, accounts: [{ ...accounts[0], actions: ['pull'] }] }),
    );
    await expect(
      open(registry.host, { login }).repository().putBlob(Buffer.from('{}')),
    ).rejects.toMatchObject({
      code: 'registry-denied',
      message: expect.stringContaining('The login of this job may not push'),
    });
  });
});

describe('hostile registries', () => {
  const challenging = (realm: () => string) =>
    serve((request, response) => {
      if (request.url?.startsWith('/v2/') && request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm()}"` }).end();
      else response.writeHead(404).end();
    });

  it.each([
    'http://auth.example/token',
    'http://127.0.0.1.evil.example/',
    'https://u:p@auth.example/',
    'ftp://auth.example/',
    'token',
    '',
  ])('credentials do not go to the realm %j', async (realm) => {
    await using server = await challenging(() => realm);
    await expect(open(server.host, { login }).repository().getManifest('v1')).rejects.toMatchObject(
      {
        code: 'registry-error',
        message: expect.stringContaining('not an https address'),
      },
    );
    expect(server.requests.length).toBe(1);
  });

  it('a host that the registry redirects to cannot ask for the credentials', async () => {
    await using thief = await serve(
      (_, response) =>
        void response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end(),
    );
    await using server = await serve(
      (_, response) => void response.writeHead(307, { location: thief.origin }).end(),
    );
    await expect(open(server.host, { login }).repository().getManifest('v1')).rejects.toMatchObject(
      { code: expect.any(String) },
    );
    expect(
      [...thief.requests, ...server.requests].filter(
        ({ headers }) => headers.authorization !== undefined,
      ),
    ).toEqual([]);
  });

  it.each([['{}'], ['{"token":""}'], ['{"token":"a\\r\\nx-evil: 1"}'], ['not json'], ['[]']])(
    '%s is no token',
    async (body) => {
      await using server = await serve((request, response) => {
        if (request.url?.startsWith('/token')) response.end(body);
        else
          response
            .writeHead(401, {
              'www-authenticate': `Bearer realm="http://${request.headers.host}/token"`,
            })
            .end();
      });
      await expect(
        open(server.host, { login }).repository().getManifest('v1'),
      ).rejects.toMatchObject({
        code: 'registry-error',
        message: expect.stringContaining('without a token'),
      });
    },
  );

  it('a registry that refuses every token is asked twice, not for ever', async () => {
    await using server = await serve((request, response) => {
      if (request.url?.startsWith('/token')) response.end('{"token":"t"}');
      else
        response
          .writeHead(401, {
            'www-authenticate': `Bearer realm="http://${request.headers.host}/token"`,
          })
          .end();
    });
    await expect(open(server.host, { login }).repository().getManifest('v1')).rejects.toMatchObject(
      { code: 'bad-credentials' },
    );
    expect(server.requests.length).toBeLessThanOrEqual(5);
  });
});
