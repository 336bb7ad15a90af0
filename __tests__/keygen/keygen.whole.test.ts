// The built action against a GitHub that opens the sealed boxes.
import { describe, expect, it } from 'vitest';
import { decryptPrivateKey } from '../../src/keys/encrypted.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { readPem } from '../../src/keys/pem.ts';
import { startConnectProxy } from '../sandbox/connect-proxy.ts';
import {
  type FakeGithub,
  type GithubOptions,
  repositoryId,
  startGithub,
} from '../sandbox/kms/github-secrets.ts';
import { runAction } from '../sandbox/runner.ts';
import { findSecrets } from '../sandbox/secrets.ts';

const token = 'ghs_keygenkeygenkeygenkeygenkeygen123456';
const at = '/repos/acme/app/actions/secrets';
const names = ['COSIGN_PRIVATE_KEY', 'COSIGN_PASSWORD', 'COSIGN_PUBLIC_KEY'];
const start = (options: Omit<GithubOptions, 'token'> = {}) => startGithub({ token, ...options });
const run = (
  github: FakeGithub,
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
) =>
  runAction({
    entry: 'dist/keygen.js',
    inputs: { repository: 'acme/app', 'github-token': token, ...inputs },
    env: { GITHUB_API_URL: github.origin, ...env },
  });

async function opened(github: FakeGithub, base = at, prefix = 'COSIGN') {
  const value = (name: string) => github.stored.get(`${base}/${prefix}_${name}`)?.value ?? '';
  const [key, password, publicKey] = [value('PRIVATE_KEY'), value('PASSWORD'), value('PUBLIC_KEY')];
  const [block] = readPem(key, 'key', 'private');
  const pkcs8 = await decryptPrivateKey(block?.der ?? Buffer.alloc(0), password);
  const signer = await loadSigner({ key, password });
  const found = (await signer.publicKey())?.export({ type: 'spki', format: 'pem' });
  return {
    key,
    password,
    publicKey,
    fits: found === publicKey,
    pkcs8,
    curve: (await signer.publicKey())?.asymmetricKeyDetails?.namedCurve,
  };
}

describe('keygen behind a company proxy', () => {
  const behind = async (noProxy: string) => {
    await using github = await start();
    const routes = { 'api.corp.test:80': new URL(github.origin).host };
    const proxy = await startConnectProxy({ routes });
    const result = await run(
      github,
      {},
      {
        GITHUB_API_URL: 'http://api.corp.test',
        http_proxy: proxy.url.slice('http://'.length),
        NO_PROXY: noProxy,
      },
    );
    await proxy.close();
    return { result, asked: proxy.log.length };
  };

  it('asks GitHub by the rule of every other request', async () => {
    const { result, asked } = await behind('p.test');
    expect(result, result.shown).toMatchObject({ code: 0 });
    expect(asked).toBeGreaterThan(5);
  });

  it('says what kept it from GitHub', async () => {
    const { result, asked } = await behind('corp.test');
    expect(result, result.shown).toMatchObject({ code: 1 });
    expect(result.annotations[0]?.message).toMatch(/GitHub did not answer: api.corp.test/);
    expect(asked).toBe(0);
  });
});

describe('keygen', () => {
  it('stores a pair that fits, and nothing secret is left anywhere', async () => {
    await using github = await start();
    const result = await run(github, { 'public-key-file': 'keys/cosign.pub' });
    expect(result, result.stdout).toMatchObject({ code: 0 });
    const pair = await opened(github);
    expect([pair.fits, pair.curve, pair.password.length]).toEqual([true, 'prime256v1', 43]);
    expect(result.outputs).toEqual({
      'public-key': pair.publicKey,
      secrets: JSON.stringify(names),
    });
    expect([...result.files].map(([path, content]) => [path, content.toString()])).toEqual([
      ['work/keys/cosign.pub', pair.publicKey],
    ]);
    expect(result.summary).toContain(pair.publicKey.split('\n')[1]);
    expect(result.summary).toContain('ClusterImagePolicy');
    const plainPem = `-----BEGIN PRIVATE KEY-----\n${pair.pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
    expect(
      findSecrets(result, [
        pair.key,
        pair.password,
        token,
        plainPem,
        pair.pkcs8.toString('base64').slice(40),
      ]),
    ).toEqual([]);
    expect(result.masks).toContain(pair.password);
  });

  it('uses a password that is given, another prefix, and an environment', async () => {
    await using github = await start();
    const password = 'correct horse battery staple';
    const result = await run(github, {
      password,
      'secret-prefix': 'RELEASE',
      environment: 'to prod',
    });
    expect(result, result.stdout).toMatchObject({ code: 0 });
    const pair = await opened(github, '/repos/acme/app/environments/to prod/secrets', 'RELEASE');
    expect([pair.fits, pair.password]).toEqual([true, password]);
    expect(findSecrets(result, [password, pair.key])).toEqual([]);
  });

  it('stores secrets of an organisation for the one repository', async () => {
    await using github = await start();
    expect(await run(github, { organization: 'acme' })).toMatchObject({ code: 0 });
    for (const name of names)
      expect(github.stored.get(`/orgs/acme/actions/secrets/${name}`)).toMatchObject({
        visibility: 'selected',
        selected: [repositoryId],
      });
  });

  it('leaves the visibility of secrets of an organisation as it is', async () => {
    const existing = Object.fromEntries(
      names.map((name) => [`/orgs/acme/actions/secrets/${name}`, '2020-01-01T00:00:00Z']),
    );
    await using github = await start({
      existing,
      existingVisibility: { visibility: 'selected', selected: [7, 8] },
    });
    expect(await run(github, { organization: 'acme', overwrite: 'true' })).toMatchObject({
      code: 0,
    });
    for (const name of names)
      expect(github.stored.get(`/orgs/acme/actions/secrets/${name}`)).toMatchObject({
        visibility: 'selected',
        selected: [7, 8],
      });
  });

  it.each(names)('overwrites nothing unless told: %s', async (name) => {
    await using github = await start({ existing: { [`${at}/${name}`]: '2020-01-01T00:00:00Z' } });
    const result = await run(github);
    expect([result.code, result.outputs, github.stored.size]).toEqual([1, {}, 0]);
    expect(result.annotations[0]).toMatchObject({
      kind: 'error',
      properties: { title: 'sign-image: secret-exists' },
    });
    expect(github.asked.filter(({ what }) => what.startsWith('PUT'))).toEqual([]);
    expect(await run(github, { overwrite: 'true' })).toMatchObject({ code: 0 });
    expect((await opened(github)).fits).toBe(true);
  });

  it('says which token may write secrets', async () => {
    await using github = await start({ mayWrite: false });
    const result = await run(github);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('actions/create-github-app-token');
    expect(result.annotations[0]?.properties.title).toBe('sign-image: github-error');
    const unknown = await run(github, { 'github-token': 'ghs_otherotherotherother' });
    expect([unknown.code, unknown.stdout.includes('does not know the token')]).toEqual([1, true]);
    expect(findSecrets(unknown, ['ghs_otherotherotherother'])).toEqual([]);
  });

  it('takes back what is new of a half-written set', async () => {
    await using github = await start({ failsAt: 'COSIGN_PUBLIC_KEY' });
    const result = await run(github);
    expect([result.code, result.outputs, github.stored.size]).toEqual([1, {}, 0]);
  });

  it('fails when GitHub does not show what it took', async () => {
    await using github = await start({ forgetful: true });
    const lost = await run(github);
    expect([lost.code, lost.annotations[0]?.properties.title]).toEqual([
      1,
      'sign-image: secret-lost',
    ]);
    const existing = Object.fromEntries(
      names.map((name) => [`${at}/${name}`, '2020-01-01T00:00:00Z']),
    );
    await using stale = await start({ forgetful: true, existing });
    expect(await run(stale, { overwrite: 'true' })).toMatchObject({ code: 1 });
  });

  it('tries again while GitHub is busy', async () => {
    await using github = await start();
    github.fail(2, { status: 502, body: '<html>Unicorn</html>' });
    expect(await run(github)).toMatchObject({ code: 0 });
  });

  it('is for the repository of the workflow when none is named', async () => {
    await using github = await start();
    expect(await run(github, { repository: '' }, { GITHUB_REPOSITORY: 'acme/app' })).toMatchObject({
      code: 0,
    });
    expect((await opened(github)).fits).toBe(true);
  });

  it('writes the public key nowhere but into the workspace', async () => {
    await using github = await start();
    const result = await run(github, { 'public-key-file': '../cosign.pub' });
    expect([result.code, github.asked]).toEqual([1, []]);
  });
});
