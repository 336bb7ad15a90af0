import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../sandbox/certificates.ts';
import { type AzureOptions, type FakeAzure, startAzure } from '../../sandbox/kms/azure.ts';
import { failureOf } from '../samples.ts';
import { loadPublicKeys, loadReferencedSigner, signBy, tools, trust } from './tools.ts';

const tls = makeCertificates();
beforeAll(() => trust(tls.ca));
afterAll(() => trust(''));

const two = [{ version: 'a1' }, { version: 'b2' }];
const referenceAt = (azure: FakeAzure, version = '') =>
  `azurekms://${azure.host}/release${version}`;
const start = (options: Omit<AzureOptions, 'tls'> = {}) => startAzure({ tls, ...options });
const operations = (azure: FakeAzure) => azure.asked.map(({ what }) => what);

describe('Azure Key Vault', () => {
  it('signs with the newest version, as a client with a federated token', async () => {
    await using azure = await start({ versions: two });
    const env = await azure.federatedEnv();
    const machine = tools({ env });
    const signed = await signBy(referenceAt(azure), machine);
    expect({ valid: signed.valid, warnings: signed.warnings }).toEqual({
      valid: true,
      warnings: [],
    });
    expect(signed.publicKey?.equals(azure.publicKey('b2'))).toBe(true);
    expect(operations(azure)).toEqual(['token', 'get', 'sign']);
    expect(machine.masked).toContain(env.AZURE_FEDERATED_TOKEN);
  });

  it('signs with a client secret, a token in a file, and the session of the Azure CLI', async () => {
    await using azure = await start();
    expect(await signBy(referenceAt(azure), tools({ env: azure.secretEnv() }))).toMatchObject({
      valid: true,
    });
    const { AZURE_FEDERATED_TOKEN = '', ...env } = await azure.federatedEnv();
    const file = tools({
      env: { ...env, AZURE_FEDERATED_TOKEN_FILE: '/token' },
      files: { '/token': AZURE_FEDERATED_TOKEN },
    });
    expect(await signBy(referenceAt(azure), file)).toMatchObject({ valid: true });
    const accessToken = azure.cliToken();
    const cli = tools({
      programs: {
        az: () => ({ stdout: Buffer.from(JSON.stringify({ accessToken, tokenType: 'Bearer' })) }),
      },
    });
    expect(await signBy(referenceAt(azure), cli)).toMatchObject({ valid: true });
    expect(cli.programs).toEqual([
      'az account get-access-token --resource https://vault.azure.net --output json',
    ]);
    expect(cli.masked).toContain(accessToken);
  });

  it('makes DER of what the vault answers, whatever the numbers are', async () => {
    await using azure = await start();
    const signer = await loadReferencedSigner(
      referenceAt(azure),
      tools({ env: azure.secretEnv() }),
    );
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => signer.sign(Buffer.from(`image ${index}`))),
    );
    expect(operations(azure).filter((what) => what === 'get')).toHaveLength(1);
  });

  it.each([
    [{ version: 'a1', kty: 'RSA-HSM' }, 0],
    [{ version: 'a1', kty: 'EC-HSM' }, 0],
    [{ version: 'a1', crv: 'P-384' }, 1],
  ] as const)('signs with a key of the kind %o', async (version, warnings) => {
    await using azure = await start({ versions: [version] });
    const signed = await signBy(referenceAt(azure), tools({ env: azure.secretEnv() }));
    expect({ valid: signed.valid, warnings: signed.warnings.length }).toEqual({
      valid: true,
      warnings,
    });
  });

  it('uses the version that is named, and shows all versions that may have signed', async () => {
    await using azure = await start({
      versions: [...two, { version: 'c3', enabled: false }, { version: 'd4' }],
    });
    const machine = tools({ env: azure.secretEnv() });
    expect(
      (await signBy(referenceAt(azure, '/a1'), machine)).publicKey?.equals(azure.publicKey('a1')),
    ).toBe(true);
    const keys = await loadPublicKeys(referenceAt(azure), machine);
    expect(
      keys.map((key) =>
        ['a1', 'b2', 'c3', 'd4'].find((version) => key.equals(azure.publicKey(version))),
      ),
    ).toEqual(['d4', 'b2', 'a1']);
    expect(await loadPublicKeys(referenceAt(azure, '/a1'), machine)).toHaveLength(1);
  });

  it('shows the newest version alone where it may not list them', async () => {
    await using azure = await start({ versions: two, denied: ['list'] });
    const keys = await loadPublicKeys(referenceAt(azure), tools({ env: azure.secretEnv() }));
    expect(keys.map((key) => key.equals(azure.publicKey('b2')))).toEqual([true]);
  });

  it('waits while it is told to slow down', async () => {
    await using azure = await start();
    const machine = tools({ env: azure.secretEnv() });
    azure.fail(2, {
      status: 429,
      body: { error: { code: 'Throttled' } },
      headers: { 'retry-after': '0' },
    });
    expect(await signBy(referenceAt(azure), machine)).toMatchObject({ valid: true });
  });

  it.each<[string, Omit<AzureOptions, 'tls'>, string, string]>([
    ['a refusal to look', { denied: ['get'] }, 'kms-denied', 'to look at'],
    ['a refusal to sign', { denied: ['sign'] }, 'kms-denied', 'to sign with'],
    ['a disabled key', { versions: [{ version: 'a1', enabled: false }] }, 'kms-key', 'is disabled'],
    [
      'a key for wrapping',
      { versions: [{ version: 'a1', ops: ['wrapKey'] }] },
      'unsupported-key',
      'not made for signing',
    ],
    ['another curve', { versions: [{ version: 'a1', crv: 'P-521' }] }, 'unsupported-key', 'P-521'],
    ['a token that has expired', { expired: true }, 'kms-credentials', 'does not accept the token'],
  ])('says what to do about %s', async (_, options, code, words) => {
    await using azure = await start(options);
    const failure = await failureOf(() =>
      signBy(referenceAt(azure), tools({ env: azure.secretEnv() })),
    );
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
    for (const secret of azure.secrets)
      expect(`${failure.message}${failure.fix}${failure.cause}`).not.toContain(secret);
  });

  it('says what to do about a key and a version that are not there', async () => {
    await using azure = await start();
    const machine = tools({ env: azure.secretEnv() });
    expect(await failureOf(() => signBy(`azurekms://${azure.host}/other`, machine))).toMatchObject({
      code: 'kms-key',
    });
    expect(await failureOf(() => signBy(referenceAt(azure, '/ff'), machine))).toMatchObject({
      code: 'kms-key',
    });
  });

  it('names the login step where nothing logs in', async () => {
    await using azure = await start();
    const wrong = await failureOf(() =>
      signBy(
        referenceAt(azure),
        tools({ env: { ...azure.secretEnv(), AZURE_CLIENT_SECRET: 'wrong-secret' } }),
      ),
    );
    expect(wrong).toMatchObject({
      code: 'kms-credentials',
      message: expect.stringContaining('AADSTS7000215'),
    });
    const none = await failureOf(() => signBy(referenceAt(azure), tools({})));
    expect(none.fix).toContain('azure/login');
    const noSession = tools({
      programs: {
        az: () => ({ exitCode: 1, stderr: "ERROR: Please run 'az login' to setup account." }),
      },
    });
    expect((await failureOf(() => signBy(referenceAt(azure), noSession))).message).toContain(
      'has no session',
    );
    const ended = tools({
      programs: {
        az: () => ({
          exitCode: 1,
          stderr: 'AADSTS700024: Client assertion is not within its valid time range.',
        }),
      },
    });
    expect((await failureOf(() => signBy(referenceAt(azure), ended))).message).toContain(
      'has expired',
    );
  });

  it.each([
    'azurekms://vault.example.com/release',
    'azurekms://my-vault.vault.azure.net.evil.com/release',
    'azurekms://vault.azure.net/release',
    'azurekms://a.b.vault.azure.net/release',
    'azurekms://my-vault.vault.azure.net:8443/release',
    'azurekms://my-vault.vault.azure.net/',
    'azurekms://my-vault.vault.azure.net/release/v/x',
    'azurekms://user@my-vault.vault.azure.net/release',
  ])('sends no token for %s', async (reference) => {
    const machine = tools({
      programs: { az: () => ({ stdout: Buffer.from('{"accessToken":"token"}') }) },
    });
    expect(await failureOf(() => signBy(reference, machine))).toMatchObject({ code: 'bad-key' });
    expect(machine.programs).toEqual([]);
  });

  it.each([
    ['my-vault.vault.azure.cn', 'https://vault.azure.cn'],
    ['my-vault.vault.usgovcloudapi.net', 'https://vault.usgovcloudapi.net'],
    ['my-hsm.managedhsm.azure.net', 'https://managedhsm.azure.net'],
  ])('asks for a token of the cloud that %s is in', async (host, resource) => {
    const machine = tools({ programs: { az: () => ({ exitCode: 1 }) } });
    await failureOf(() => signBy(`azurekms://${host}/release`, machine));
    expect(machine.programs).toEqual([
      `az account get-access-token --resource ${resource} --output json`,
    ]);
  });
});
