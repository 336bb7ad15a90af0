// Real data of Sigstore's public-good instance: its TUF repository as it stood on one day, served on
// loopback, and real signatures with their entries in the public logs, all on a clock of that day.
// SHARED names the folder that holds public-good/, whose README says where each file comes from.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { chooseServices } from '../../src/sigstore/select-services.ts';
import { parseSigningConfig } from '../../src/sigstore/signing-config.ts';
import { loadTrust } from '../../src/sigstore/trust.ts';
import { fetchTufTargets } from '../../src/sigstore/tuf.ts';
import { serve } from '../http/server.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { need } from './peers.ts';

const folder = join(need('SHARED'), 'public-good');
const read = (...path: string[]): Buffer => readFileSync(join(folder, ...path));
const json = (...path: string[]) => JSON.parse(read(...path).toString());
const onThatDay = '2026-08-22T10:00:00Z';
const trustedRootFile = readdirSync(join(folder, 'tuf', 'targets')).find((name) =>
  name.endsWith('.trusted_root.json'),
) as string;

/** The bytes with one bit turned, in the middle. */
function turned(bytes: Buffer, at = bytes.length >> 1): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8((copy[at] ?? 0) ^ 1, at);
  return copy;
}

/** The TUF repository on loopback; `change` is given what is sent, and may send something else. */
function serveTuf(change: (path: string, bytes: Buffer) => Buffer = (_, bytes) => bytes) {
  const known = new Map(
    ['', 'targets'].flatMap((below) =>
      readdirSync(join(folder, 'tuf', below), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [`/${join(below, name)}` as string, read('tuf', below, name)] as const),
    ),
  );
  return serve((request, response) => {
    const path = request.url ?? '';
    const bytes = known.get(path);
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200).end(change(path, bytes));
  });
}

/** A step on the clock of that day (or of another one). */
const onDate = (inputs: Readonly<Record<string, string>>, date = onThatDay): Promise<RunResult> =>
  runAction({
    entry: 'dist/verify.js',
    inputs,
    env: { FIXED_DATE: date },
    nodeArguments: ['--import', join(import.meta.dirname, '../sandbox/fixed-date.mjs')],
  });

const codesOf = ({ outputs }: RunResult): string[] =>
  JSON.parse(outputs.results || '[]').flatMap(
    ({ signatures }: { signatures: { code: string }[] }) => signatures.map(({ code }) => code),
  );

describe('the TUF repository', () => {
  const names = [
    'trusted_root.json',
    'signing_config.v0.2.json',
    'signing_config_rekor_v2.v0.2.json',
  ];
  let cacheDir: string;
  beforeAll(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'public-good-'));
  });
  afterAll(() => rm(cacheDir, { recursive: true }));
  afterEach(() => void vi.useRealTimers());

  let counter = 0;
  const fetched = async (server: Awaited<ReturnType<typeof serveTuf>>, date = onThatDay) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(date) });
    const deadline = createDeadline(60_000, systemClock);
    const http = createHttp({ deadline, clock: systemClock, env: {} });
    try {
      return await fetchTufTargets(names, {
        mirror: new URL(`http://${server.host}`),
        root: read('tuf', '1.root.json'),
        cacheDir: join(cacheDir, String(counter++)),
        http,
        retryBudget: () => 0,
      });
    } finally {
      http.close();
    }
  };

  it('gives the trusted root and both signing configs, through all fifteen roots', async () => {
    await using server = await serveTuf();
    const { targets, notices } = await fetched(server);
    expect(notices).toEqual([]);
    const asked = server.requests.map(({ url }) => url);
    expect(asked.filter((url) => url.endsWith('.root.json'))).toEqual(
      Array.from({ length: 15 }, (_, index) => `/${index + 2}.root.json`),
    );
    const [root, ...configs] = names.map((name) => targets.get(name) as Buffer);
    expect(root).toEqual(read('tuf', 'targets', trustedRootFile));
    expect(parseTrustedRoot(root as Buffer).tlogs).toHaveLength(2);
    const versions = configs.map((config) =>
      parseSigningConfig(config.toString()).rekor.map(({ majorApiVersion }) => majorApiVersion),
    );
    expect(versions).toEqual([[1], [2, 1]]);
  });

  it.each([
    [1, 'https://rekor.sigstore.dev/', 1],
    [2, 'https://log2025-1.rekor.sigstore.dev/', 2],
    [undefined, 'https://rekor.sigstore.dev/', 1],
  ] as const)('says which log signs with rekor-version %s', async (rekorVersion, url, version) => {
    await using server = await serveTuf();
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(onThatDay) });
    const asked = rekorVersion === undefined ? {} : { rekorVersion };
    const http = createHttp({
      deadline: createDeadline(60_000, systemClock),
      clock: systemClock,
      env: {},
    });
    const { signingConfig } = await loadTrust({
      ...asked,
      needsSigningConfig: true,
      tufMirror: new URL(`http://${server.host}`),
      tufRoot: read('tuf', '1.root.json').toString(),
      cacheDir: join(cacheDir, String(counter++)),
      http,
      retryBudget: () => 0,
    }).finally(http.close);
    const need = { fulcio: true, log: true };
    const at = (now: string) => chooseServices(signingConfig, asked, need, new Date(now));
    expect(at(onThatDay).logs).toEqual([{ url: new URL(url), version }]);
    expect(at(onThatDay).timestamps).toHaveLength(1);
    // Before that shard began there was none of version 2, and none is made up.
    if (rekorVersion === 2) expect(() => at('2025-12-31')).toThrow('asks for a Rekor v2');
  });

  const files = [
    ...Array.from({ length: 14 }, (_, index) => `/${index + 2}.root.json`),
    '/timestamp.json',
    '/165.snapshot.json',
    '/14.targets.json',
    `/targets/${trustedRootFile}`,
  ];
  it.each(files)('is refused with one bit of %s changed', async (file) => {
    let changed = 0;
    await using server = await serveTuf((path, bytes) => {
      if (path !== file) return bytes;
      changed++;
      return turned(bytes);
    });
    await expect(fetched(server)).rejects.toMatchObject({ code: 'tuf-error' });
    expect(changed).toBeGreaterThan(0);
  });

  it.each(['2026-08-29T10:00:00Z', '2027-08-22T10:00:00Z'])(
    'is refused at %s, when it has expired',
    async (date) => {
      await using server = await serveTuf();
      await expect(fetched(server, date)).rejects.toMatchObject({ code: 'tuf-error' });
    },
  );
});

describe('a keyed signature of 2023 with its entry in the public Rekor', () => {
  const manifest = read('keyed-rekor', 'manifest.json');
  const layer = json('keyed-rekor', 'layer.json');
  const names = {
    signature: 'dev.cosignproject.cosign/signature',
    bundle: 'dev.sigstore.cosign/bundle',
  };

  type Laid = {
    readonly mediaType: string;
    readonly annotations: Record<string, string>;
    payloadBytes: Buffer;
  };

  /** The image with its signature in a registry, after an edit. */
  async function lay(edit: (own: Laid) => void = () => {}) {
    const registry = await startRegistry();
    const repository = 'real/key-1';
    const copy = structuredClone(layer);
    const own = { ...copy, payloadBytes: Buffer.from(copy.payload, 'base64') };
    edit(own);
    const config = registry.store.addBlob(repository, '{}');
    const digest = registry.store.addManifest(
      repository,
      manifest,
      JSON.parse(manifest.toString()).mediaType,
    );
    const payload = registry.store.addBlob(repository, own.payloadBytes);
    const signatures = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
      layers: [
        {
          mediaType: own.mediaType,
          digest: payload,
          size: own.payloadBytes.length,
          annotations: own.annotations,
        },
      ],
    };
    registry.store.addManifest(
      repository,
      JSON.stringify(signatures),
      signatures.mediaType,
      `${digest.replace(':', '-')}.sig`,
    );
    return { registry, reference: `${registry.host}/${repository}@${digest}` };
  }

  const asked = (reference: string, mirror: string) => ({
    images: reference,
    key: read('keyed-rekor', 'cosign.pub').toString(),
    'tuf-mirror': `http://${mirror}`,
    'tuf-root': read('tuf', '1.root.json').toString(),
  });

  it('verifies with the log required, by the trusted root of the TUF repository', async () => {
    await using server = await serveTuf();
    const { registry, reference } = await lay();
    await using _ = registry;
    const result = await onDate(asked(reference, server.host));
    expect(result, result.shown).toMatchObject({
      code: 0,
      outputs: { verified: 'true', 'tlog-index': '11608800' },
    });
    // The clock is that of the step: on the day of this machine the repository is too old or new.
    const today = await onDate(asked(reference, server.host), '2027-01-01T00:00:00Z');
    expect(today.shown).toContain('tuf-error');
    expect(today.code).toBe(1);
  });

  const inBundle =
    (
      change: (bundle: { SignedEntryTimestamp: string; Payload: Record<string, unknown> }) => void,
    ) =>
    (own: Laid) => {
      const bundle = JSON.parse(own.annotations[names.bundle] ?? '');
      change(bundle);
      own.annotations[names.bundle] = JSON.stringify(bundle);
    };
  const bit = (text: string): string => turned(Buffer.from(text, 'base64')).toString('base64');

  it.each<[string, (own: Laid) => void, string]>([
    [
      'its signature',
      (own) => (own.annotations[names.signature] = bit(own.annotations[names.signature] ?? '')),
      'wrong-key',
    ],
    [
      'its payload',
      (own) =>
        (own.payloadBytes = Buffer.from(own.payloadBytes.toString().replace('key-1', 'key-0'))),
      'wrong-key',
    ],
    [
      'the promise',
      inBundle((bundle) => (bundle.SignedEntryTimestamp = bit(bundle.SignedEntryTimestamp))),
      'bad-log-entry',
    ],
    [
      'the entry',
      inBundle(({ Payload }) => (Payload.body = bit(String(Payload.body)))),
      'bad-log-entry',
    ],
    [
      'the time',
      inBundle(({ Payload }) => (Payload.integratedTime = Number(Payload.integratedTime) ^ 1)),
      'bad-log-entry',
    ],
    [
      'the index',
      inBundle(({ Payload }) => (Payload.logIndex = Number(Payload.logIndex) ^ 1)),
      'bad-log-entry',
    ],
    [
      'the log',
      inBundle(
        ({ Payload }) =>
          (Payload.logID = turned(Buffer.from(String(Payload.logID), 'hex')).toString('hex')),
      ),
      'bad-log-entry',
    ],
    ['its entry taken away', (own) => delete own.annotations[names.bundle], 'no-log-entry'],
  ])('does not with one bit changed: %s', async (_, edit, code) => {
    await using server = await serveTuf();
    const { registry, reference } = await lay(edit);
    await using _registry = registry;
    const result = await onDate(asked(reference, server.host));
    expect([result.code, codesOf(result)], result.shown).toEqual([1, [code]]);
  });

  it('does not with one bit of the trusted root changed', async () => {
    await using server = await serveTuf((path, bytes) =>
      path === `/targets/${trustedRootFile}` ? turned(bytes) : bytes,
    );
    const { registry, reference } = await lay();
    await using _ = registry;
    const result = await onDate(asked(reference, server.host));
    expect(result).toMatchObject({ code: 1 });
    expect(result.shown).toContain('tuf-error');
  });
});

describe('keyless signatures of the public instance', () => {
  const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const github = 'https://token.actions.githubusercontent.com';
  const repository = 'real/app';

  async function ask(
    registry: SandboxRegistry,
    digest: string,
    more: Readonly<Record<string, string>>,
  ): Promise<RunResult> {
    return onDate({
      images: `${registry.host}/${repository}@${digest}`,
      'trusted-root': read('tuf', 'targets', trustedRootFile).toString(),
      'certificate-oidc-issuer': github,
      ...more,
    });
  }

  const signers = [
    {
      name: 'docker-github-builder',
      digest: 'sha256:c6fc458cc8718628e8fb8b699d2991056590e0fed4ea0d6f86583705202bdce4',
      identity:
        'https://github.com/docker/github-builder-experimental/.github/workflows/build.yml@refs/heads/build-reusable-workflow',
      index: '658949873',
    },
    {
      name: 'kubewarden-controller',
      digest: 'sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172',
      identity:
        'https://github.com/kubewarden/kubewarden-controller/.github/workflows/release.yml@refs/tags/v1.34.0',
      index: '1261105807',
    },
  ];

  /** The bundle as a referrer of the image; where its manifest was not had, HEAD names its digest. */
  async function lay(digest: string, bundle: Buffer): Promise<SandboxRegistry> {
    const registry = await startRegistry({
      referrersApi: true,
      override: (asked, usual) =>
        asked.method === 'HEAD' && asked.path.endsWith(digest)
          ? {
              status: 200,
              headers: {
                'content-type': manifestType,
                'content-length': '1380',
                'docker-content-digest': digest,
              },
            }
          : usual(),
    });
    const { store } = registry;
    const descriptor = (bytes: Buffer | string, mediaType: string) => ({
      mediaType,
      digest: store.addBlob(repository, bytes),
      size: Buffer.byteLength(bytes),
    });
    const referrer = {
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: bundleType,
      config: descriptor('{}', 'application/vnd.oci.empty.v1+json'),
      layers: [descriptor(bundle, bundleType)],
      subject: { mediaType: manifestType, size: 1380, digest },
    };
    store.addManifest(repository, JSON.stringify(referrer), manifestType);
    return registry;
  }

  it.each(signers)(
    'of $name verifies, and by nobody else',
    async ({ name, digest, identity, index }) => {
      await using registry = await lay(digest, read(name, 'bundle.sigstore.json'));
      const honest = await ask(registry, digest, { 'certificate-identity': identity });
      expect(honest, honest.shown).toMatchObject({
        code: 0,
        outputs: { verified: 'true', 'tlog-index': index, identity, issuer: github },
      });
      const other = await ask(registry, digest, { 'certificate-identity': `${identity}x` });
      expect([other.code, codesOf(other)]).toEqual([1, ['wrong-identity']]);
    },
  );

  const places: readonly [
    string,
    (bundle: ReturnType<typeof json>) => [object: Record<string, string>, field: string],
    RegExp,
  ][] = [
    ['the signature', ({ dsseEnvelope }) => [dsseEnvelope.signatures[0], 'sig'], /bad-signature/],
    [
      'the payload',
      ({ dsseEnvelope }) => [dsseEnvelope, 'payload'],
      /bad-signature|malformed|wrong-/,
    ],
    [
      'the certificate',
      ({ verificationMaterial }) => [verificationMaterial.certificate, 'rawBytes'],
      /./,
    ],
    [
      'the promise',
      ({ verificationMaterial }) => [
        verificationMaterial.tlogEntries[0].inclusionPromise,
        'signedEntryTimestamp',
      ],
      /bad-log-entry/,
    ],
    [
      'the root of the proof',
      ({ verificationMaterial }) => [
        verificationMaterial.tlogEntries[0].inclusionProof,
        'rootHash',
      ],
      /bad-log-entry/,
    ],
    [
      'the entry',
      ({ verificationMaterial }) => [verificationMaterial.tlogEntries[0], 'canonicalizedBody'],
      /bad-log-entry/,
    ],
    [
      'the timestamp',
      ({ verificationMaterial }) => [
        verificationMaterial.timestampVerificationData.rfc3161Timestamps[0],
        'signedTimestamp',
      ],
      /bad-timestamp/,
    ],
  ];
  const cases = signers.flatMap((signer) =>
    places.map((place) => [signer.name, ...place, signer] as const),
  );
  it.each(cases)(
    'of %s does not with one bit changed: %s',
    async (name, _, placeOf, code, { digest, identity }) => {
      const bundle = json(name, 'bundle.sigstore.json');
      const [object, field] = placeOf(bundle);
      object[field] = turned(Buffer.from(object[field] ?? '', 'base64')).toString('base64');
      await using registry = await lay(digest, Buffer.from(JSON.stringify(bundle)));
      const result = await ask(registry, digest, { 'certificate-identity': identity });
      expect(result, result.shown).toMatchObject({ code: 1, outputs: { verified: 'false' } });
      expect(codesOf(result).join()).toMatch(code);
      expect(codesOf(result)).not.toContain('verified');
    },
  );

  it('provenance of a service account in log2025 is no signature, whoever made it', async () => {
    const digest = 'sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf';
    await using registry = await lay(
      digest,
      read('log2025-service-account', 'bundle.sigstore.json'),
    );
    const result = await ask(registry, digest, {
      'certificate-identity': 'untrusted-sa@sigstore-conformance.iam.gserviceaccount.com',
      'certificate-oidc-issuer': 'https://accounts.google.com',
    });
    expect([result.code, codesOf(result)], result.shown).toEqual([1, ['wrong-predicate']]);
  });
});
