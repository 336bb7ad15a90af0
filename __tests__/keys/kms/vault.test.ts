import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifies } from '../../../src/signature/key.ts';
import { startVault, type VaultOptions, vaultToken } from '../../sandbox/kms/vault.ts';
import { failureOf } from '../samples.ts';
import { loadPublicKeys, loadReferencedSigner, signBy, tools } from './tools.ts';

const reference = 'hashivault://release';

describe('Vault', () => {
  it.each([['hashivault://release'], ['openbao://release']])(
    'signs by %s after one look-up',
    async (name) => {
      await using vault = await startVault();
      const machine = tools({ env: vault.env() });
      const signed = await signBy(name, machine);
      expect({ valid: signed.valid, warnings: signed.warnings }).toEqual({
        valid: true,
        warnings: [],
      });
      expect(vault.asked).toEqual([
        { what: 'read', status: 200 },
        { what: 'sign', status: 200 },
      ]);
      expect(machine.masked).toEqual([vaultToken]);
    },
  );

  it.each([
    ['ecdsa-p384', 1],
    ['rsa-2048', 0],
    ['rsa-3072', 0],
  ] as const)('signs with a key of the type %s, with SHA-256', async (type, warnings) => {
    await using vault = await startVault({ type });
    const signed = await signBy(reference, tools({ env: vault.env() }));
    expect({ valid: signed.valid, warnings: signed.warnings.length }).toEqual({
      valid: true,
      warnings,
    });
  });

  it('uses namespace, mount, and the token that vault login leaves', async () => {
    await using vault = await startVault({ namespace: 'teams/release', mount: 'keys/images' });
    const { VAULT_TOKEN: token = '', ...env } = vault.env();
    expect(
      await signBy(reference, tools({ env, files: { '/home/runner/.vault-token': `${token}\n` } })),
    ).toMatchObject({ valid: true });
  });

  it('signs with the newest version, and keeps to it when the key is rotated between two signatures', async () => {
    await using vault = await startVault({ versions: 3 });
    const signer = await loadReferencedSigner(reference, tools({ env: vault.env() }));
    const [before, after] = [randomBytes(50), randomBytes(50)];
    const first = await signer.sign(before);
    vault.rotate();
    const second = await signer.sign(after);
    expect([
      verifies(vault.publicKey(3), before, first.signature),
      verifies(vault.publicKey(3), after, second.signature),
    ]).toEqual([true, true]);
    expect(
      (await signBy(reference, tools({ env: vault.env() }))).publicKey?.equals(vault.publicKey(4)),
    ).toBe(true);
    const keys = await loadPublicKeys(reference, tools({ env: vault.env() }));
    expect(
      keys.map((key) => [1, 2, 3, 4].find((version) => key.equals(vault.publicKey(version)))),
    ).toEqual([4, 3, 2, 1]);
  });

  it('orders versions as numbers', async () => {
    await using vault = await startVault({ versions: 11 });
    expect(
      (await signBy(reference, tools({ env: vault.env() }))).publicKey?.equals(vault.publicKey(11)),
    ).toBe(true);
  });

  it.each<[string, VaultOptions, Record<string, string>, string, string]>([
    [
      'a token that is not known',
      {},
      { VAULT_TOKEN: 'hvs.other' },
      'kms-credentials',
      'does not know the token',
    ],
    ['a lease that has ended', { leaseEnds: 0 }, {}, 'kms-credentials', 'or it has expired'],
    ['no address', {}, { VAULT_ADDR: '' }, 'kms-credentials', 'VAULT_ADDR is not set'],
    ['no token', {}, { VAULT_TOKEN: '' }, 'kms-credentials', 'no Vault token'],
    [
      'another namespace',
      { namespace: 'teams' },
      { VAULT_NAMESPACE: 'other' },
      'kms-denied',
      'to look at',
    ],
    [
      'another mount',
      { mount: 'images' },
      { TRANSIT_SECRET_ENGINE_PATH: 'transit' },
      'kms-key',
      'no key in the transit engine',
    ],
    ['a policy without read', { allowed: ['sign'] }, {}, 'kms-denied', 'to look at'],
    ['a policy without sign', { allowed: ['read'] }, {}, 'kms-denied', 'to sign with'],
    ['a symmetric key', { type: 'aes256-gcm96' }, {}, 'unsupported-key', 'aes256-gcm96'],
    ['P-521', { type: 'ecdsa-p521' }, {}, 'unsupported-key', 'ecdsa-p521'],
    [
      'versions that may not sign any more',
      { minEncryptionVersion: 5 },
      {},
      'kms-key',
      'refuses to sign',
    ],
    [
      'a signature of another version',
      { versions: 2, claims: 1 },
      {},
      'kms-error',
      'another version',
    ],
    [
      'plain http elsewhere',
      {},
      { VAULT_ADDR: 'http://vault.example.com' },
      'kms-credentials',
      'not an https address',
    ],
    [
      'a mount that leaves its place',
      {},
      { TRANSIT_SECRET_ENGINE_PATH: '../sys' },
      'bad-key',
      'not a path of Vault',
    ],
  ])('says what to do about %s, and nothing of the token', async (_, options, env, code, words) => {
    await using vault = await startVault(options);
    const failure = await failureOf(() =>
      signBy(reference, tools({ env: { ...vault.env(), ...env } })),
    );
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
    expect(`${failure.message}${failure.fix}${failure.cause}`).not.toContain(vaultToken);
    if (code === 'kms-credentials' && !words.includes('https'))
      expect(failure.fix).toContain('hashicorp/vault-action');
  });

  it('says what to do about a key that is not there', async () => {
    await using vault = await startVault();
    expect(
      await failureOf(() => signBy('hashivault://other', tools({ env: vault.env() }))),
    ).toMatchObject({ code: 'kms-key' });
  });

  it('waits while it is told to slow down, and gives up on a sealed one', async () => {
    await using vault = await startVault();
    vault.fail(2, {
      status: 429,
      body: { errors: ['request path "transit": rate limit quota exceeded'] },
    });
    expect(await signBy(reference, tools({ env: vault.env() }))).toMatchObject({ valid: true });
  });

  it.each([
    'hashivault://',
    'hashivault://a/b',
    'hashivault://../sys',
    'hashivault://-a',
    'hashivault://a b',
  ])('does not know the reference %s', async (text) => {
    expect(await failureOf(() => signBy(text, tools({})))).toMatchObject({ code: 'bad-key' });
  });
});
