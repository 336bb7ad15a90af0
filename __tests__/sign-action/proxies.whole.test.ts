// Company networks: a forward proxy, an authority of one's own, TLS that is broken; registries by
// the names that people write.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type TestCertificates } from '../sandbox/certificates.ts';
import { type ConnectProxyOptions, startConnectProxy } from '../sandbox/connect-proxy.ts';
import { pushImage } from '../sandbox/images.ts';
import { type RegistryOptions, type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const host = 'registry.corp.test';
let certificates: TestCertificates;
let folder: string;
let caFile: string;

beforeAll(async () => {
  certificates = makeCertificates([host, 'registry-1.docker.io']);
  folder = await mkdtemp(join(tmpdir(), 'sign-image-ca-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, certificates.ca);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** An image in a registry that speaks TLS, reached under `name` by a proxy only. */
async function behindProxy(
  repository: string,
  name = host,
  options: RegistryOptions = {},
  proxyOptions: ConnectProxyOptions = {},
) {
  const registry = await startRegistry({
    tls: { key: certificates.key, cert: certificates.cert },
    ...options,
  });
  const digest = await plantImage(registry, repository);
  const proxy = await startConnectProxy({
    ...proxyOptions,
    routes: { [`${name}:443`]: registry.host },
  });
  return {
    registry,
    digest,
    proxy,
    [Symbol.asyncDispose]: () =>
      Promise.all([registry.close(), proxy.close()]).then(() => undefined),
  };
}

async function plantImage(registry: SandboxRegistry, repository: string): Promise<string> {
  await using plain = await startRegistry();
  const { digest } = await pushImage(plain.host, repository);
  const { blobs, manifests } = plain.store.open(repository);
  for (const bytes of blobs.values()) registry.store.addBlob(repository, bytes);
  for (const { bytes, mediaType } of manifests.values())
    registry.store.addManifest(repository, bytes, mediaType);
  return digest;
}

describe.concurrent('behind a company proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy'])(
    '%s is used, and NODE_EXTRA_CA_CERTS believed',
    async (variable) => {
      await using world = await behindProxy('acme/app');
      const env = { [variable]: world.proxy.url, NODE_EXTRA_CA_CERTS: caFile };
      const run = await signed(keyedInputs(`${host}/acme/app@${world.digest}`, key), { env });
      expect(run, run.shown).toMatchObject({
        code: 0,
        outputs: { verified: 'true', image: `${host}/acme/app@${world.digest}` },
      });
      expect(
        new Set(
          world.proxy.log.map(({ method, target, status }) => `${method} ${target} ${status}`),
        ),
      ).toEqual(new Set([`CONNECT ${host}:443 200`]));
      const kept = storedSignatures(world.registry.store, 'acme/app', world.digest, [key], false);
      expect(kept.map(({ format, verdict, listed }) => [format, verdict, listed])).toEqual([
        ['bundle', 'verified', true],
        ['legacy', 'verified', true],
      ]);
    },
  );

  it('the proxy’s password is used and never shown; a wrong one is told', async () => {
    const credentials = { username: 'corp user', password: 'p@ss/word&more' };
    await using world = await behindProxy('acme/app', host, {}, { credentials });
    const inputs = keyedInputs(`${host}/acme/app@${world.digest}`, key);
    const run = await signed(inputs, {
      env: { HTTPS_PROXY: world.proxy.urlWithCredentials, NODE_EXTRA_CA_CERTS: caFile },
    });
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const wrong = world.proxy.urlWithCredentials.replace('p%40ss', 'another-p%40ss');
    const asked = world.proxy.log.length;
    const refused = await signed(inputs, {
      env: { HTTPS_PROXY: wrong, NODE_EXTRA_CA_CERTS: caFile },
    });
    expect(refused, refused.shown).toMatchObject({ code: 1, errorCodes: ['network'] });
    expect(refused.annotations[0]?.message).toMatch(
      /the proxy wants another user name.*HTTPS_PROXY/s,
    );
    expect(world.proxy.log.length - asked).toBeLessThan(5);
  });

  it.each(['NO_PROXY', 'no_proxy'])('%s lets hosts be reached without it', async (variable) => {
    await using world = await behindProxy('acme/app');
    const env = {
      HTTPS_PROXY: world.proxy.url,
      [variable]: `other.test,${host}`,
      NODE_EXTRA_CA_CERTS: caFile,
    };
    const run = await signed(
      keyedInputs(`${host}/acme/app@${world.digest}`, key, { timeout: '60s' }),
      { env },
    );
    // Without the proxy this name leads nowhere: that it was not asked is the proof.
    expect(run, run.shown).toMatchObject({ code: 1 });
    expect(world.proxy.log).toEqual([]);
  });

  it.each<[string, string, boolean]>([
    ['NO_PROXY', 'corp.test', true],
    ['no_proxy', '.corp.test', true],
    ['NO_PROXY', '*.corp.test', true],
    ['NO_PROXY', `${host}:443`, true],
    ['NO_PROXY', 'a.test *', true],
    ['NO_PROXY', 'rp.test', false],
    ['NO_PROXY', `evil${host}`, false],
    ['NO_PROXY', `${host}:8443`, false],
    ['NO_PROXY', '0.0.0.0/0', false],
  ])('%s=%s: directly is %s', async (variable, value, direct) => {
    await using world = await behindProxy('acme/app');
    const env = {
      HTTPS_PROXY: world.proxy.url,
      [variable]: value,
      NODE_EXTRA_CA_CERTS: caFile,
    };
    const inputs = keyedInputs(`${host}/acme/app@${world.digest}`, key);
    const run = await signed({ ...inputs, ...(direct ? { timeout: '60s' } : {}) }, { env });
    expect(run, run.shown).toMatchObject({ code: direct ? 1 : 0 });
    expect(world.proxy.log.length === 0).toBe(direct);
  });

  it.each([
    ['10.0.0.0/8', true],
    ['10.11.12.13', true],
    ['10.11.12.13:5000', true],
    ['11.0.0.0/8', false],
    ['10.11.12.13:5001', false],
  ])('an address in NO_PROXY=%s is reached directly: %s', async (noProxy, direct) => {
    await using registry = await startRegistry();
    const digest = await plantImage(registry, 'acme/app');
    const proxy = await startConnectProxy({ routes: { '10.11.12.13:5000': registry.host } });
    const inputs = keyedInputs(`10.11.12.13:5000/acme/app@${digest}`, key, {
      'allow-http-registry': 'true',
      ...(direct ? { timeout: '30s' } : {}),
    });
    const run = await signed(inputs, {
      env: { http_proxy: proxy.url, https_proxy: proxy.url, no_proxy: noProxy },
    });
    expect(run, run.shown).toMatchObject({ code: direct ? 1 : 0 });
    expect(proxy.log.length === 0).toBe(direct);
    await proxy.close();
  });

  it('the proxy may be written without http://', async () => {
    await using world = await behindProxy('acme/app');
    const run = await signed(keyedInputs(`${host}/acme/app@${world.digest}`, key), {
      env: { HTTPS_PROXY: world.proxy.url.slice('http://'.length), NODE_EXTRA_CA_CERTS: caFile },
    });
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });

  it('a SOCKS proxy is refused by name, and only where it would be needed', async () => {
    await using world = await behindProxy('acme/app');
    const env = { https_proxy: 'socks5://octocat:geheimnis@proxy.corp.test:1080' };
    const run = await signed(keyedInputs(`${host}/acme/app@${world.digest}`, key), {
      env,
      secrets: ['geheimnis'],
    });
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['network'] });
    expect(run.annotations[0]?.message).toMatch(/https_proxy names a proxy that speaks SOCKS/);
    await using registry = await startRegistry();
    const { digest } = await pushImage(registry.host, 'acme/app');
    const local = await signed(keyedInputs(`${registry.host}/acme/app@${digest}`, key), { env });
    expect(local, local.shown).toMatchObject({ code: 0 });
  });

  it('a proxy that forbids a host is told at once', async () => {
    await using world = await behindProxy('acme/app', host, {}, { refuse: 403 });
    const run = await signed(keyedInputs(`${host}/acme/app@${world.digest}`, key), {
      env: { HTTPS_PROXY: world.proxy.url, NODE_EXTRA_CA_CERTS: caFile },
    });
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['network'] });
    expect(run.annotations[0]?.message).toMatch(/the proxy lets nobody through to it/);
    expect(world.proxy.log.length).toBeLessThan(5);
  });

  it('short names of Docker Hub go to registry-1.docker.io, with the login of https://index.docker.io/v1/', async () => {
    const account = { username: 'octocat', password: 'a password of the hub' };
    await using world = await behindProxy('octocat/app', 'registry-1.docker.io', {
      auth: { kind: 'token', accounts: [account] },
    });
    const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
    const run = await signed(keyedInputs(`octocat/app@${world.digest}`, key), {
      env: { HTTPS_PROXY: world.proxy.url, NODE_EXTRA_CA_CERTS: caFile },
      home: {
        '.docker/config.json': JSON.stringify({
          auths: { 'https://index.docker.io/v1/': { auth } },
        }),
      },
    });
    expect(run, run.shown).toMatchObject({
      code: 0,
      outputs: { verified: 'true', image: `docker.io/octocat/app@${world.digest}` },
    });
  });
});

describe.concurrent('TLS that does not hold', () => {
  it.each<[string, boolean, boolean, RegExp]>([
    [
      'an authority that nobody knows',
      false,
      false,
      /authority that this machine does not know.*NODE_EXTRA_CA_CERTS/s,
    ],
    ['a certificate that has expired', true, true, /certificate that has expired/],
  ])('%s is told at once, and nothing is written', async (_name, expired, caKnown, words) => {
    const made = makeCertificates([], { expired });
    const known = join(folder, `known-${expired}.pem`);
    await writeFile(known, made.ca);
    await using registry = await startRegistry({ tls: { key: made.key, cert: made.cert } });
    const digest = await plantImage(registry, 'acme/app');
    const env: Record<string, string> = caKnown ? { NODE_EXTRA_CA_CERTS: known } : {};
    // Tried again until its time was up, the step would not end before the runner of these tests
    // stops it, which throws.
    const run = await signed(keyedInputs(`${registry.host}/acme/app@${digest}`, key), { env });
    expect(run, run.shown).toMatchObject({
      code: 1,
      errorCodes: ['network'],
      outputs: { verified: 'false' },
    });
    expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toMatch(words);
    expect(registry.requests).toEqual([]);
  });

  it('`allow-insecure-registry: true` takes it', async () => {
    await using registry = await startRegistry({
      tls: { key: certificates.key, cert: certificates.cert },
    });
    const digest = await plantImage(registry, 'acme/app');
    const run = await signed(
      keyedInputs(`${registry.host}/acme/app@${digest}`, key, {
        'allow-insecure-registry': 'true',
      }),
    );
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});
