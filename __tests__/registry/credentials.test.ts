import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunHelper } from '../../src/registry/credential-helper.ts';
import { createCredentials } from '../../src/registry/credentials.ts';

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
  return {
    masked,
    find: createCredentials({ env: {}, home, run, mask: (secret) => masked.push(secret), ...more }),
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
    ['an unreadable entry', { 'ghcr.io': { auth: b64('nocolon') } }, 'ghcr.io', undefined],
  ])('%s', async (_, auths, registry, expected) => {
    await write('.docker/config.json', { auths });
    expect(await finder().find(registry)).toEqual(expected);
  });

  it('masks every form of a secret', async () => {
    await write('.docker/config.json', { auths: { 'ghcr.io': { auth: b64('me:secret') } } });
    const { find, masked } = finder();
    await find('ghcr.io');
    expect(new Set(masked)).toEqual(new Set([b64('me:secret'), 'secret']));
  });
});

describe('places', () => {
  it('DOCKER_CONFIG replaces ~/.docker, and podman comes after Docker', async () => {
    await write('.docker/config.json', { auths: { 'a.io': { auth: b64('home:x') } } });
    await write('other/config.json', { auths: { 'a.io': { auth: b64('other:x') } } });
    const podman = await write('podman.json', {
      auths: { 'a.io': { auth: b64('podman:x') }, 'b.io': { auth: b64('podman:x') } },
    });
    const { find } = finder({
      env: { DOCKER_CONFIG: join(home, 'other'), REGISTRY_AUTH_FILE: podman },
    });
    expect([await find('a.io'), await find('b.io')]).toEqual([
      password('other', 'x'),
      password('podman', 'x'),
    ]);
    await write('run/containers/auth.json', { auths: { 'c.io': { auth: b64('run:x') } } });
    expect(await finder({ env: { XDG_RUNTIME_DIR: join(home, 'run') } }).find('c.io')).toEqual(
      password('run', 'x'),
    );
  });

  it('no file is no login', async () => expect(await finder().find('ghcr.io')).toBeUndefined());

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
