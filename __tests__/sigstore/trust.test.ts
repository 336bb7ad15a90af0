import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Http, HttpRequest } from '../../src/http/http.ts';
import { parseSigningConfig } from '../../src/sigstore/signing-config.ts';
import {
  loadTrust,
  logIdsOf,
  publicGoodMirror,
  type TrustOptions,
} from '../../src/sigstore/trust.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { plainHttp } from './plain-http.ts';
import { TufRepository } from './tuf-repository.ts';

let folder: string;
let sigstore: Sigstore;
let repository: TufRepository;
let rootText: string;
let configText: string;
let firstRoot: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sign-image-test-'));
  [sigstore, repository] = await Promise.all([startSigstore(), new TufRepository().start()]);
  rootText = JSON.stringify(sigstore.trustedRoot);
  configText = JSON.stringify(sigstore.signingConfig.v2);
  firstRoot = (repository.files.get('1.root.json') as Buffer).toString();
  repository.publish({
    targets: {
      'trusted_root.json': Buffer.from(rootText),
      'signing_config.v0.2.json': Buffer.from(configText),
    },
  });
  await mkdir(join(folder, 'directory'));
  for (const [name, text] of Object.entries({
    root: rootText,
    config: configText,
    first: firstRoot,
    binary: '',
    large: 'x'.repeat(4 * 1024 * 1024 + 1),
  })) {
    await writeFile(join(folder, `${name}.json`), text);
  }
  await writeFile(join(folder, 'binary.json'), Buffer.of(0x7b, 0xff));
});
afterAll(async () => {
  await Promise.all([
    sigstore.close(),
    repository.stop(),
    rm(folder, { recursive: true, force: true }),
  ]);
});

/** Contacting anything is a mistake. */
const nobody: Http = async ({ url }) => {
  throw new Error(`nobody may be contacted, and ${url.href} was`);
};
const load = (options: Partial<TrustOptions>) =>
  loadTrust({
    needsSigningConfig: true,
    cacheDir: join(folder, 'cache'),
    http: nobody,
    retryBudget: () => 0,
    ...options,
  });
const root = () => TrustedRoot.fromJSON(sigstore.trustedRoot);
const path = (name: string) => join(folder, name);

describe('trust that is given', () => {
  it.each([
    ['as JSON', () => ({ trustedRoot: rootText, signingConfig: configText })],
    [
      'as JSON with space around it',
      () => ({ trustedRoot: `\n  ${rootText}\n`, signingConfig: `\n${configText}` }),
    ],
    ['as paths', () => ({ trustedRoot: path('root.json'), signingConfig: path('config.json') })],
    [
      'as a path with space around it',
      () => ({ trustedRoot: ` ${path('root.json')}\n`, signingConfig: configText }),
    ],
  ])('%s contacts nobody', async (_how, given) => {
    expect(await load(given())).toEqual({
      trustedRoot: root(),
      signingConfig: parseSigningConfig(configText),
      source: 'given',
      notices: [],
    });
  });

  it('as a trusted root alone never touches TUF, also where a signing config would be needed', async () => {
    expect(
      await load({ trustedRoot: rootText, tufMirror: repository.url, tufRoot: firstRoot }),
    ).toEqual({
      trustedRoot: root(),
      source: 'given',
      notices: [],
    });
  });

  it.each([
    ['a path that does not exist', () => path('missing.json'), 'does not exist'],
    ['a folder', () => path('directory'), 'cannot be used'],
    ['a file that is too large', () => path('large.json'), 'larger than 4194304 bytes'],
    ['a file that is no text', () => path('binary.json'), 'cannot be used'],
    ['a device without end', () => '/dev/zero', 'cannot be used'],
    ['text of two lines', () => 'one\ntwo', 'neither JSON nor a path'],
    ['nothing but space', () => '  ', 'neither JSON nor a path'],
    [
      'JSON that is too large',
      () => `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}`,
      'larger than 4194304 bytes',
    ],
  ])('is refused as %s, by the name of its input', async (_what, value, message) => {
    await expect(load({ trustedRoot: value() })).rejects.toMatchObject({
      code: 'bad-trusted-root',
      message: expect.stringContaining(message),
      fix: expect.stringContaining('`trusted-root:`'),
    });
    await expect(load({ trustedRoot: rootText, signingConfig: value() })).rejects.toMatchObject({
      code: 'bad-signing-config',
      message: expect.stringContaining(message),
      fix: expect.stringContaining('`signing-config:`'),
    });
  });

  it.each([
    ['another document', '{"mediaType":"application/json"}'],
    ['broken JSON', '{"mediaType":'],
    ['the signing config', () => configText],
  ])('is refused as %s', async (_what, value) => {
    const trustedRoot = typeof value === 'string' ? value : value();
    await expect(load({ trustedRoot })).rejects.toMatchObject({ code: 'bad-trusted-root' });
  });
});

describe('trust from TUF', () => {
  const fromTuf = (options: Partial<TrustOptions> = {}) =>
    load({ http: plainHttp(), tufMirror: repository.url, tufRoot: firstRoot, ...options });

  it.each([
    ['as JSON', () => firstRoot],
    ['as a path', () => path('first.json')],
  ])('with the first root %s gives trusted root and signing config', async (_how, tufRoot) => {
    expect(await fromTuf({ tufRoot: tufRoot() })).toEqual({
      trustedRoot: root(),
      signingConfig: parseSigningConfig(configText),
      source: 'tuf',
      notices: [],
    });
  });

  it('fetches no signing config where none is needed', async () => {
    repository.requests.length = 0;
    expect(await fromTuf({ needsSigningConfig: false, cacheDir: path('other-cache') })).toEqual({
      trustedRoot: root(),
      source: 'tuf',
      notices: [],
    });
    expect(repository.requests.filter((file) => file.includes('signing_config'))).toEqual([]);
  });

  it('gives the signing config of the version of Rekor that is asked for', async () => {
    const apart = await new TufRepository().start();
    const texts = {
      1: JSON.stringify(sigstore.signingConfig.v1),
      2: JSON.stringify(sigstore.signingConfig.v2),
    };
    apart.publish({
      targets: {
        'trusted_root.json': Buffer.from(rootText),
        'signing_config.v0.2.json': Buffer.from(texts[1]),
        'signing_config_rekor_v2.v0.2.json': Buffer.from(texts[2]),
      },
    });
    const tufRoot = String(apart.files.get('1.root.json'));
    for (const [given, version] of [
      [{}, 1],
      [{ rekorVersion: 1 }, 1],
      [{ rekorVersion: 2 }, 2],
    ] as const) {
      const found = await fromTuf({ ...given, tufMirror: apart.url, tufRoot });
      expect(found.signingConfig).toEqual(parseSigningConfig(texts[version]));
    }
    // Whoever holds the mirror, and not its keys, cannot put another log there.
    apart.files.set(apart.targetFile('signing_config_rekor_v2.v0.2.json'), Buffer.from(texts[1]));
    const other = { tufMirror: apart.url, tufRoot, cacheDir: path('no-cache') };
    await expect(fromTuf({ ...other, rekorVersion: 2 })).rejects.toMatchObject({
      code: 'tuf-error',
    });
    await apart.stop();
  });

  it('says what to change where the repository has none for Rekor v2', async () => {
    await expect(fromTuf({ rekorVersion: 2 })).rejects.toMatchObject({
      code: 'tuf-error',
      message: `The TUF repository ${repository.url.href} publishes no signing_config_rekor_v2.v0.2.json.`,
      fix: expect.stringMatching(/^Remove `rekor-version: 2`.*`rekor-url:`.*`signing-config:`/),
    });
    expect(await fromTuf({ rekorVersion: 2, needsSigningConfig: false })).toMatchObject({
      source: 'tuf',
    });
  });

  it('is used for the trusted root alone where a signing config is given', async () => {
    const v1 = JSON.stringify(sigstore.signingConfig.v1);
    expect(await fromTuf({ signingConfig: v1 })).toEqual({
      trustedRoot: root(),
      signingConfig: parseSigningConfig(v1),
      source: 'tuf',
      notices: [],
    });
  });

  it('contacts the public-good repository where nothing is said', async () => {
    const asked: HttpRequest[] = [];
    const away: Http = async (request) => {
      asked.push(request);
      return { status: 503, headers: {}, body: Buffer.alloc(0), url: request.url };
    };
    await expect(load({ http: away })).rejects.toMatchObject({
      code: 'tuf-error',
      message: expect.stringContaining(publicGoodMirror.href),
    });
    expect(asked.map(({ url }) => url.origin)).toEqual([publicGoodMirror.origin]);
  });

  it('needs the first root of another mirror', async () => {
    await expect(load({ tufMirror: repository.url })).rejects.toMatchObject({
      code: 'bad-input',
      fix: expect.stringContaining('`tuf-root:`'),
    });
  });

  it.each([
    ['is no root', '{"signed":{}}'],
    ['is no JSON', '{'],
  ])('is a failure when the first root %s', async (_what, tufRoot) => {
    await expect(fromTuf({ tufRoot })).rejects.toMatchObject({
      code: 'tuf-error',
      message: expect.stringContaining('was not accepted'),
    });
  });
});

it('names the logs of a trusted root', () => {
  expect(logIdsOf(root()).map((id) => id.toString('base64'))).toEqual(
    (sigstore.trustedRoot as { tlogs: { logId: { keyId: string } }[] }).tlogs.map(
      ({ logId }) => logId.keyId,
    ),
  );
});
