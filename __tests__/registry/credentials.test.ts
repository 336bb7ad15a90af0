import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunHelper } from '../../src/registry/credential-helper.ts';
import { createCredentials } from '../../src/registry/credentials.ts';
import { hasScopedLogin } from '../../src/registry/docker-config.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'docker-login-'));
});
afterEach(() => rm(home, { recursive: true }));

async function write(path: string, content: unknown): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function finder(more: Partial<Parameters<typeof createCredentials>[0]> = {}) {
  const masked: string[] = [];
  const run: RunHelper = () => Promise.reject(new Error('no helper expected'));
  const find = createCredentials({
    env: { XDG_RUNTIME_DIR: join(home, 'no-runtime') },
    home,
    run,
    mask: (secret) => masked.push(secret),
    ...more,
  });
  return {
    masked,
    find: (registry: string, repository = 'acme/team/app') => find(registry, repository),
  };
}

const b64 = (text: string) => Buffer.from(text).toString('base64');
const password = (username: string, secret: string) => ({
  kind: 'password',
  username,
  password: secret,
});

describe('auths of config.json', () => {
  it.each([
    ['auth', { 'ghcr.io': { auth: b64('me:secret') } }, 'ghcr.io', password('me', 'secret')],
    [
      'a password with a colon',
      { 'ghcr.io': { auth: b64('me:se:cret') } },
      'ghcr.io',
      password('me', 'se:cret'),
    ],
    [
      'username and password',
      { 'ghcr.io': { username: 'me', password: 'secret' } },
      'ghcr.io',
      password('me', 'secret'),
    ],
    [
      'a key with scheme and path',
      { 'https://ghcr.io/v2/': { auth: b64('me:secret') } },
      'ghcr.io',
      password('me', 'secret'),
    ],
    [
      'a key with the path of the API',
      { 'ghcr.io/v1/': { auth: b64('me:secret') } },
      'ghcr.io',
      password('me', 'secret'),
    ],
    [
      'a key that ends in a slash, in capitals',
      { 'GHCR.io/': { auth: b64('me:secret') } },
      'ghcr.io',
      password('me', 'secret'),
    ],
    [
      'a host with port',
      { '127.0.0.1:5000': { auth: b64('me:secret') } },
      '127.0.0.1:5000',
      password('me', 'secret'),
    ],
    ['another port', { '127.0.0.1:5000': { auth: b64('me:secret') } }, '127.0.0.1:5001', undefined],
    [
      'a host that ends alike',
      { 'evil-ghcr.io': { auth: b64('me:secret') } },
      'ghcr.io',
      undefined,
    ],
    [
      'Docker Hub',
      { 'https://index.docker.io/v1/': { auth: b64('me:secret') } },
      'docker.io',
      password('me', 'secret'),
    ],
    [
      'Docker Hub by its other name',
      { 'docker.io': { auth: b64('me:secret') } },
      'index.docker.io',
      password('me', 'secret'),
    ],
    [
      'identitytoken',
      { 'x.azurecr.io': { auth: b64('0:'), identitytoken: 'it' } },
      'x.azurecr.io',
      { kind: 'identity-token', token: 'it' },
    ],
    [
      '<token>',
      { 'x.azurecr.io': { auth: b64('<token>:it') } },
      'x.azurecr.io',
      { kind: 'identity-token', token: 'it' },
    ],
    [
      'registrytoken',
      { 'r.io': { registrytoken: 'rt' } },
      'r.io',
      { kind: 'registry-token', token: 'rt' },
    ],
    ['an empty entry', { 'ghcr.io': {} }, 'ghcr.io', undefined],
    ['an empty auth', { 'ghcr.io': { auth: '' } }, 'ghcr.io', undefined],
    [
      'an auth over several lines, as `base64` wraps it',
      { 'ghcr.io': { auth: `${b64('me:secret').slice(0, 4)}\n${b64('me:secret').slice(4)}\n` } },
      'ghcr.io',
      password('me', 'secret'),
    ],
  ])('%s', async (_, auths, registry, expected) => {
    await write('.docker/config.json', { auths });
    expect(await finder().find(registry)).toEqual(expected);
  });

  const broken = (problem: string) => `its login for ghcr.io ${problem}`;
  it.each([
    ['no colon', b64('nocolon'), broken('has an `auth` without a colon')],
    ['not base64', 'me:secret', broken('has an `auth` that is not base64')],
    ['no name', b64(':secret'), broken('has an `auth` without a user name')],
    ['no password', b64('me:'), broken('has an `auth` without a password')],
    ['a line break', b64('me:secret\n'), broken('has an `auth` that ends with a line break')],
    [
      'a control character',
      b64('me:sec\u0007ret'),
      broken('has an `auth` with control characters'),
    ],
  ])('an auth nobody can log in with is told, and not quoted: %s', async (_, auth, problem) => {
    await write('.docker/config.json', { auths: { 'ghcr.io': { auth } } });
    const { find, masked } = finder();
    const failure = await find('ghcr.io').catch((caught: unknown) => caught);
    expect(failure).toMatchObject({
      code: 'bad-credentials',
      message: expect.stringContaining(problem),
    });
    expect(String(failure)).not.toContain('secret');
    expect(masked).toContain(auth);
    // It concerns nobody else.
    expect(await find('quay.io')).toBeUndefined();
  });

  it('masks every form of a secret', async () => {
    await write('.docker/config.json', { auths: { 'ghcr.io': { auth: b64('me:secret') } } });
    const { find, masked } = finder();
    await find('ghcr.io');
    expect(new Set(masked)).toEqual(new Set([b64('me:secret'), 'me:secret', 'secret']));
  });
});

describe('keys of namespaces and repositories (containers-auth.json)', () => {
  const auths = Object.fromEntries(
    [
      'r.io',
      'r.io/acme',
      'r.io/acme/team/app',
      'https://s.io/acme',
      't.io/acme',
      'docker.io/acme',
      'https://index.docker.io/v1/',
    ].map((key) => [key, { auth: b64(`me:${key}`) }]),
  );
  it.each([
    ['the repository', 'r.io', 'acme/team/app', 'r.io/acme/team/app'],
    ['a namespace above it', 'r.io', 'acme/team/other', 'r.io/acme'],
    ['below the repository', 'r.io', 'acme/team/app/sub', 'r.io/acme/team/app'],
    ['a name that begins alike', 'r.io', 'acmeinc/app', 'r.io'],
    ['another namespace', 'r.io', 'other/app', 'r.io'],
    ['an address with a path names the host', 's.io', 'other/app', 'https://s.io/acme'],
    ['a namespace is not the host', 't.io', 'other/app', undefined],
    ['another port', 'r.io:8443', 'acme/team/app', undefined],
    ['Docker Hub, a namespace', 'docker.io', 'acme/app', 'docker.io/acme'],
    ['Docker Hub, the rest', 'docker.io', 'library/app', 'https://index.docker.io/v1/'],
  ])('%s', async (_, registry, repository, key) => {
    await write('.docker/config.json', { auths });
    expect(await finder().find(registry, repository)).toEqual(
      key === undefined ? undefined : password('me', key),
    );
  });

  it('counts before credsStore, which only Docker knows, and after credHelpers', async () => {
    const run: RunHelper = async () => ({
      exitCode: 0,
      stdout: '{"Username":"helped","Secret":"s3"}',
      stderr: '',
    });
    await write('.docker/config.json', {
      auths: { 'a.io/acme': { auth: b64('me:x') }, 'b.io/acme': { auth: b64('me:x') } },
      credsStore: 'store',
      credHelpers: { 'b.io': 'own' },
    });
    const { find } = finder({ run });
    expect([
      await find('a.io', 'acme/app'),
      await find('a.io', 'other/app'),
      await find('b.io', 'acme/app'),
    ]).toEqual([password('me', 'x'), password('helped', 's3'), password('helped', 's3')]);
  });
});

describe('places', () => {
  it('REGISTRY_AUTH_FILE comes before Docker, which comes before podman', async () => {
    await write('.docker/config.json', { auths: { 'a.io': { auth: b64('home:x') } } });
    await write('other/config.json', {
      auths: { 'a.io': { auth: b64('other:x') }, 'd.io': { auth: b64('other:x') } },
    });
    const named = await write('podman.json', {
      auths: { 'a.io': { auth: b64('podman:x') }, 'b.io': { auth: b64('podman:x') } },
    });
    await write('run/containers/auth.json', {
      auths: { 'c.io': { auth: b64('run:x') }, 'd.io': { auth: b64('run:x') } },
    });
    await write('.config/containers/auth.json', { auths: { 'e.io': { auth: b64('lasting:x') } } });
    const env = { DOCKER_CONFIG: join(home, 'other'), XDG_RUNTIME_DIR: join(home, 'run') };
    const found = (more: Record<string, string>) => {
      const { find } = finder({ env: { ...env, ...more } });
      return Promise.all(['a.io', 'b.io', 'c.io', 'd.io', 'e.io'].map((name) => find(name)));
    };
    expect(await found({})).toEqual([
      password('other', 'x'),
      undefined,
      password('run', 'x'),
      password('other', 'x'),
      password('lasting', 'x'),
    ]);
    expect(await found({ REGISTRY_AUTH_FILE: named })).toEqual([
      password('podman', 'x'),
      password('podman', 'x'),
      undefined,
      password('other', 'x'),
      undefined,
    ]);
  });

  it('no file is no login', async () => expect(await finder().find('ghcr.io')).toBeUndefined());

  it.each([
    '',
    ' \n\t',
    '\ufeff',
    '{}',
    '{"auths":{}}',
    '{"auths":null}',
    '{"auths":{"ghcr.io":{}}}',
  ])('a file without a login is no login: %j', async (content) => {
    await write('.docker/config.json', content);
    expect(await finder().find('ghcr.io')).toBeUndefined();
  });

  it.each([
    ['config.json', (folder: string) => `DOCKER_CONFIG: ${folder}`],
    ['auth.json', (folder: string) => `REGISTRY_AUTH_FILE: ${join(folder, 'auth.json')}`],
  ])('DOCKER_CONFIG that names a file is told: %s', async (name, fix) => {
    const file = await write(`x/${name}`, { auths: { 'ghcr.io': { auth: b64('me:secret') } } });
    await expect(finder({ env: { DOCKER_CONFIG: file } }).find('ghcr.io')).rejects.toMatchObject({
      code: 'bad-credentials',
      message: expect.stringContaining(`DOCKER_CONFIG names the file ${file}`),
      fix: expect.stringContaining(fix(join(home, 'x'))),
    });
  });

  it.each([
    ['{"auths":', 'it is not JSON'],
    ['[]', 'it is not a JSON object'],
    ['x'.repeat(1024 * 1024 + 1), 'it is larger than 1 MiB'],
  ])('a broken file is an error and not "nobody logged in"', async (content, problem) => {
    const file = await write('.docker/config.json', content);
    await expect(finder().find('ghcr.io')).rejects.toMatchObject({
      code: 'bad-credentials',
      message: `The docker login in ${file} cannot be used: ${problem}.`,
    });
  });

  it('a folder where a file should be is an error', async () => {
    const env = { REGISTRY_AUTH_FILE: home };
    await expect(finder({ env }).find('ghcr.io')).rejects.toMatchObject({
      message: `The docker login in ${home} cannot be used: it is a folder.`,
    });
  });
});

describe('a login of docker/login-action with scope', () => {
  it.each([
    ['scope @push', 'ghcr.io@push', 'ghcr.io', true],
    ['scope acme/app@push', 'ghcr.io/acme/app@push', 'ghcr.io', true],
    ['Docker Hub', 'registry-1.docker.io/acme/app', 'docker.io', true],
    ['another registry', 'ghcr.io@push', 'quay.io', false],
    ['a name that begins alike', 'ghcr.io.evil', 'ghcr.io', false],
  ])('%s', async (_, folder, registry, there) => {
    await write(`.docker/buildx/config/${folder}/config.json`, {});
    expect(hasScopedLogin({ env: {}, home }, registry)).toBe(there);
    const moved = { env: { DOCKER_CONFIG: join(home, '.docker') }, home: '/nowhere' };
    expect(hasScopedLogin(moved, registry)).toBe(there);
    const named = { env: { BUILDX_CONFIG: join(home, '.docker/buildx') }, home: '/nowhere' };
    expect(hasScopedLogin(named, registry)).toBe(there);
    expect(hasScopedLogin({ env: {}, home: '/nowhere' }, registry)).toBe(false);
  });
});

describe('credential helpers', () => {
  const answering = (answer: unknown, exitCode = 0) => {
    const calls: unknown[] = [];
    const run: RunHelper = async (...call) => {
      calls.push(call);
      return {
        exitCode,
        stdout: typeof answer === 'string' ? answer : JSON.stringify(answer),
        stderr: '',
      };
    };
    return { run, calls };
  };

  it('credHelpers wins over credsStore, which wins over auths', async () => {
    const auths = { 'a.io': { auth: b64('file:x') }, 'b.io': { auth: b64('file:x') } };
    await write('.docker/config.json', {
      credHelpers: { 'a.io': 'own' },
      credsStore: 'store',
      auths,
    });
    const { run, calls } = answering({ Username: 'helped', Secret: 's3' });
    const { find, masked } = finder({ run });
    expect([await find('a.io'), await find('b.io')]).toEqual([
      password('helped', 's3'),
      password('helped', 's3'),
    ]);
    expect(calls).toEqual([
      ['docker-credential-own', ['get'], 'a.io'],
      ['docker-credential-store', ['get'], 'b.io'],
    ]);
    expect(masked).toContain('s3');
  });

  it('Docker Hub is asked for under the key that docker login writes, once', async () => {
    await write('.docker/config.json', { credsStore: 'desktop' });
    const { run, calls } = answering({ Username: '<token>', Secret: 'it' });
    const { find } = finder({ run });
    expect(await Promise.all([find('docker.io'), find('index.docker.io')])).toEqual(
      Array(2).fill({ kind: 'identity-token', token: 'it' }),
    );
    expect(calls).toEqual([['docker-credential-desktop', ['get'], 'https://index.docker.io/v1/']]);
  });

  it('a helper that knows no login is no error', async () => {
    await write('.docker/config.json', {
      credsStore: 'store',
      auths: { 'a.io': { auth: b64('file:x') } },
    });
    const { run } = answering('credentials not found in native keychain\n', 1);
    const { find } = finder({ run });
    expect([await find('a.io'), await find('b.io')]).toEqual([password('file', 'x'), undefined]);
  });

  it.each([
    ['fails', 'secret-in-output: locked', 1, 'it ended with 1 for a.io'],
    ['answers no JSON', 'secret-in-output', 0, 'its answer is not {"Username", "Secret"}'],
    ['answers something else', { Secret: 1 }, 0, 'its answer is not {"Username", "Secret"}'],
    [
      'answers too much',
      `{"Username":"a","Secret":"${'x'.repeat(70_000)}"}`,
      0,
      'its answer is not {"Username", "Secret"}',
    ],
  ])('a helper that %s is named, and not quoted', async (_, answer, exitCode, problem) => {
    await write('.docker/config.json', { credHelpers: { 'a.io': 'ecr-login' } });
    const failure = await finder({ run: answering(answer, exitCode).run })
      .find('a.io')
      .catch((caught: unknown) => caught);
    expect(failure).toMatchObject({
      code: 'bad-credentials',
      message: expect.stringContaining(`docker-credential-ecr-login`),
    });
    expect(String(failure)).toContain(problem);
    expect(String(failure)).not.toContain('secret-in-output');
  });

  it('a helper that was stopped is told, and the next file is not asked', async () => {
    await write('.docker/config.json', {
      credsStore: 'store',
      auths: { 'a.io': { auth: b64('file:x') } },
    });
    const run: RunHelper = async () => ({ stopped: 'did not end within a minute' });
    await expect(finder({ run }).find('a.io')).rejects.toMatchObject({
      code: 'bad-credentials',
      message: expect.stringMatching(
        /docker-credential-store.*: it did not end within a minute\.$/,
      ),
    });
  });

  it('a helper that cannot be started is an error, and a path is no helper', async () => {
    await write('.docker/config.json', {
      credHelpers: { 'a.io': 'gone', 'b.io': '../../tmp/evil' },
    });
    await expect(finder().find('a.io')).rejects.toMatchObject({
      message: expect.stringContaining('it could not be started'),
    });
    await expect(finder().find('b.io')).rejects.toMatchObject({
      message: expect.stringContaining('this is no name of a helper'),
    });
  });
});

describe('the inputs', () => {
  const explicit = { registry: 'ghcr.io', username: 'input', password: 'given' };
  it('win for their registry, and go to no other', async () => {
    await write('.docker/config.json', {
      auths: { 'ghcr.io': { auth: b64('file:x') }, 'a.io': { auth: b64('file:x') } },
    });
    const { find, masked } = finder({ explicit });
    expect([await find('GHCR.io'), await find('a.io'), await find('evil.io')]).toEqual([
      password('input', 'given'),
      password('file', 'x'),
      undefined,
    ]);
    expect(masked).toContain('given');
  });
  it('a user name with a colon would change the password', async () => {
    await expect(
      finder({ explicit: { ...explicit, username: 'a:b' } }).find('ghcr.io'),
    ).rejects.toMatchObject({ code: 'bad-credentials' });
  });
});
