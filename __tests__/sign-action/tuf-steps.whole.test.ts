// Trust by TUF through the built action: a repository on loopback with real keys names the trusted
// root and the services.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { startConnectProxy } from '../sandbox/connect-proxy.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { newTufKey, TufRepository } from '../sigstore/tuf-repository.ts';
import { signed } from './signed.ts';

let sigstore: Sigstore;
let registry: SandboxRegistry;
let toolCache: string;
let tuf: TufRepository;
let firstRoot: string;

const targets = () => ({
  'trusted_root.json': Buffer.from(JSON.stringify(sigstore.trustedRoot)),
  'signing_config.v0.2.json': Buffer.from(JSON.stringify(sigstore.signingConfig.v1)),
});

beforeAll(async () => {
  [sigstore, registry] = await Promise.all([
    startSigstore(),
    startRegistry({ referrersApi: true, ociSubject: true }),
  ]);
  toolCache = await mkdtemp(join(tmpdir(), 'sign-image-tools-'));
  tuf = await new TufRepository().start();
  firstRoot = String(tuf.files.get('1.root.json'));
  tuf.publish({ targets: targets() });
});

afterAll(async () => {
  await Promise.all([
    sigstore.close(),
    registry.close(),
    tuf.stop(),
    rm(toolCache, { recursive: true }),
  ]);
});

let count = 0;
const fulcioRequests = () => sigstore.requests.filter(({ service }) => service === 'fulcio').length;
const sign = async (
  inputs: Readonly<Record<string, string>> = {},
  event?: object,
  variables: Readonly<Record<string, string>> = {},
) => {
  const { reference: images } = await pushImage(registry.host, `acme/app-${count++}`);
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    RUNNER_TOOL_CACHE: toolCache,
    ...variables,
  };
  const mirror = {
    'tuf-mirror': tuf.url.href,
    'tuf-root': firstRoot,
    format: 'bundle',
  };
  tuf.requests.length = 0;
  return signed(
    { images, ...mirror, ...inputs },
    { env, ...(event === undefined ? {} : { event }) },
  );
};

describe('a run with tuf-mirror and tuf-root', () => {
  it('takes trusted root and services from there, and keeps them in the tool cache', async () => {
    const run = await sign();
    expect(run, run.stdout).toMatchObject({
      code: 0,
      outputs: { verified: 'true', identity: sigstore.certificateIdentity },
    });
    const fetched = tuf.requests.filter((path) => path.startsWith('targets/'));
    expect(fetched.map((path) => path.replace(/^targets\/[0-9a-f]{64}\./, '')).toSorted()).toEqual([
      'signing_config.v0.2.json',
      'trusted_root.json',
    ]);
    expect(
      (await readdir(toolCache, { recursive: true })).filter((path) =>
        path.endsWith('timestamp.json'),
      ),
    ).toHaveLength(1);
    const again = await sign();
    expect(again).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(tuf.requests).toContain('timestamp.json');
    expect(tuf.requests.filter((path) => path.startsWith('targets/'))).toEqual([]);
  });

  it('follows a rotation of the root', async () => {
    tuf.rotateRoot({ rootKeys: [newTufKey('ecdsa'), newTufKey('ed25519')] });
    tuf.publish({ targets: targets() });
    expect(await sign()).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(tuf.requests).toContain('2.root.json');
  });

  const stale: [string, () => void][] = [
    ['has expired', () => tuf.publish({ targets: targets(), expires: { timestamp: -1 } })],
    ['goes back to an older version', () => tuf.publish({ targets: targets(), version: 1 })],
  ];
  it.each(sampled(stale, ['goes back to an older version']))(
    'refuses metadata that %s, before anything is asked of the services',
    async (_how, publish) => {
      const { version } = tuf;
      publish();
      const asked = fulcioRequests();
      const run = await sign();
      tuf.publish({ targets: targets(), version: version + 1 });
      expect(run).toMatchObject({ code: 1, errorCodes: ['tuf-error'], results: [] });
      expect(fulcioRequests()).toBe(asked);
      expect(await sign()).toMatchObject({ code: 0 });
    },
  );

  it('refuses a repository that the first root knows nothing of', async () => {
    const stranger = await new TufRepository().start();
    stranger.publish({ targets: targets() });
    const run = await sign({ 'tuf-mirror': stranger.url.href });
    await stranger.stop();
    expect(run).toMatchObject({ code: 1, errorCodes: ['tuf-error'], results: [] });
  });

  it('signs in the log of the version that is asked for, as the repository names it', async () => {
    const config = Buffer.from(JSON.stringify(sigstore.signingConfig.v2));
    const missing = await sign({ 'rekor-version': '2' });
    expect(missing).toMatchObject({ code: 1, errorCodes: ['tuf-error'], results: [] });
    expect(missing.annotations[0]?.message).toContain('publishes no signing_config_rekor_v2');
    tuf.publish({ targets: { ...targets(), 'signing_config_rekor_v2.v0.2.json': config } });
    for (const [version, service] of [
      ['1', 'rekor'],
      ['2', 'rekor2'],
    ] as const) {
      const asked = sigstore.requests.length;
      const run = await sign({ 'rekor-version': version, format: 'auto' });
      expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      const formats = run.results[0]?.signatures.map(({ format }) => format);
      expect(formats).toEqual(version === '1' ? ['bundle', 'legacy'] : ['bundle']);
      const logs = sigstore.requests.slice(asked).filter((one) => /^rekor/.test(one.service));
      expect(new Set(logs.map((one) => one.service))).toEqual(new Set([service]));
    }
    tuf.publish({ targets: targets() });
  });

  it('refuses, from a private repository, public services that are named there, before a token is fetched', async () => {
    const config = JSON.stringify(sigstore.signingConfig.v1).replaceAll(
      sigstore.fulcioUrl,
      'https://fulcio.sigstore.dev',
    );
    tuf.publish({ targets: { ...targets(), 'signing_config.v0.2.json': Buffer.from(config) } });
    const asked = sigstore.requests.length;
    const repository = { full_name: 'acme/app', private: true, visibility: 'private' };
    const run = await sign({}, { repository });
    tuf.publish({ targets: targets() });
    expect(run).toMatchObject({ code: 1, errorCodes: ['private-repository'], results: [] });
    expect(sigstore.requests.length).toBe(asked);
  });
});

describe('a run that is given trusted root and services', () => {
  it('contacts nothing else', async () => {
    const given = {
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
      'signing-config': JSON.stringify(sigstore.signingConfig.v1),
    };
    await using internet = Object.assign(await startConnectProxy({ refuse: 403 }), {
      [Symbol.asyncDispose]: async () => internet.close(),
    });
    const asked = sigstore.requests.length;
    const run = await sign(given, undefined, {
      HTTPS_PROXY: internet.url,
      HTTP_PROXY: internet.url,
    });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect([tuf.requests, internet.log]).toEqual([[], []]);
    expect(sigstore.requests.slice(asked).map(({ service }) => service)).toEqual([
      'oidc',
      'fulcio',
      'rekor',
    ]);
  });

  it('is told, where no log is named beside the trusted root, how to name one', async () => {
    const given = {
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
      'fulcio-url': sigstore.fulcioUrl,
    };
    const run = await sign(given);
    expect(run).toMatchObject({ code: 1, errorCodes: ['bad-signing-config'], results: [] });
    expect(run.annotations[0]?.message).toContain('`rekor-url:`');
    expect(tuf.requests).toEqual([]);
  });

  it.each(sampled([1, 2], ['2']))(
    'finds out by asking that a single log speaks version %i',
    async (version) => {
      const run = await sign({
        'trusted-root': JSON.stringify(sigstore.trustedRoot),
        'fulcio-url': sigstore.fulcioUrl,
        'rekor-url': version === 1 ? sigstore.rekorUrl : sigstore.rekor2Url,
        'timestamp-url': sigstore.timestampUrl,
      });
      expect(run, run.stdout).toMatchObject({
        code: 0,
        outputs: { verified: 'true' },
        results: [{ signatures: [{ timestamp: expect.any(String) }] }],
      });
    },
  );
});
