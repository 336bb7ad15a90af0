import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/keys/google.ts';
import {
  crc,
  type FakeGoogle,
  type GoogleOptions,
  googleKey,
  startGoogle,
} from '../../sandbox/kms/google.ts';
import { failureOf } from '../samples.ts';
import { loadPublicKeys, loadReferencedSigner, signBy, tools } from './tools.ts';

const reference = `gcpkms://${googleKey}`;
const pss = 'RSA_SIGN_PSS_2048_SHA256';
const machineFor = (google: FakeGoogle, file = google.serviceAccountFile) =>
  tools({ env: google.env('/c.json'), files: { '/c.json': file } });
const operations = (google: FakeGoogle) => google.asked.map(({ what }) => what);

describe('Google Cloud KMS', () => {
  it('signs with the newest version that is enabled, as a service account', async () => {
    await using google = await startGoogle({ versions: [{}, {}, { state: 'DISABLED' }] });
    const machine = machineFor(google);
    const signed = await signBy(reference, machine);
    expect({ valid: signed.valid, warnings: signed.warnings }).toEqual({
      valid: true,
      warnings: [],
    });
    expect(signed.publicKey?.equals(google.publicKey(2))).toBe(true);
    expect(operations(google)).toEqual(['token', 'list', 'getPublicKey', 'asymmetricSign']);
    const visible = google.secrets.filter((secret) => secret.startsWith('ya29.'));
    expect(machine.masked).toEqual(expect.arrayContaining(visible));
  });

  it('orders versions as numbers', async () => {
    await using google = await startGoogle({ versions: Array.from({ length: 11 }, () => ({})) });
    expect(
      (await signBy(reference, machineFor(google))).publicKey?.equals(google.publicKey(11)),
    ).toBe(true);
  });

  it('logs in by workload identity federation, as google-github-actions/auth sets it up', async () => {
    await using google = await startGoogle();
    expect(await signBy(reference, machineFor(google, google.externalAccountFile))).toMatchObject({
      valid: true,
    });
    expect(operations(google)).toEqual([
      'oidc',
      'sts',
      'generateAccessToken',
      'list',
      'getPublicKey',
      'asymmetricSign',
    ]);
  });

  it('uses exactly the version that is named, without listing', async () => {
    await using google = await startGoogle({ versions: [{}, {}], denied: ['list'] });
    for (const word of ['cryptoKeyVersions', 'versions']) {
      const signed = await signBy(`${reference}/${word}/1`, machineFor(google));
      expect(signed.publicKey?.equals(google.publicKey(1))).toBe(true);
    }
  });

  it('logs in and looks up once for ten signatures', async () => {
    await using google = await startGoogle();
    const signer = await loadReferencedSigner(reference, machineFor(google));
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => signer.sign(Buffer.from(`image ${index}`))),
    );
    const counts = Map.groupBy(operations(google), (what) => what);
    expect([...counts].map(([what, all]) => [what, all.length])).toEqual([
      ['token', 1],
      ['list', 1],
      ['getPublicKey', 1],
      ['asymmetricSign', 10],
    ]);
  });

  it('shows all versions that may have signed, the newest first', async () => {
    await using google = await startGoogle({ versions: [{}, { state: 'DISABLED' }, {}] });
    const keys = await loadPublicKeys(reference, machineFor(google));
    expect(
      keys.map((key) => [1, 3].find((version) => key.equals(google.publicKey(version)))),
    ).toEqual([3, 1]);
  });

  it.each([
    ['RSA_SIGN_PKCS1_2048_SHA256', 0],
    ['EC_SIGN_P384_SHA384', 1],
  ] as const)('signs with %s', async (algorithm, warnings) => {
    await using google = await startGoogle({ versions: [{ algorithm }] });
    const signed = await signBy(reference, machineFor(google));
    expect({ valid: signed.valid, warnings: signed.warnings.length }).toEqual({
      valid: true,
      warnings,
    });
  });

  it.each<[string, GoogleOptions, string, string]>([
    ['RSA-PSS', { versions: [{ algorithm: pss }] }, 'unsupported-key', 'RSA-PSS'],
    [
      'SHA-512',
      { versions: [{ algorithm: 'RSA_SIGN_PKCS1_4096_SHA512' }] },
      'unsupported-key',
      'RSA_SIGN_PKCS1_4096_SHA512',
    ],
    [
      'a key for decryption',
      { versions: [{ algorithm: 'RSA_DECRYPT_OAEP_2048_SHA256' }] },
      'unsupported-key',
      'RSA_DECRYPT',
    ],
    [
      'no version that is enabled',
      { versions: [{ state: 'DESTROYED' }] },
      'kms-key',
      'no version that is enabled',
    ],
    ['a refusal to list', { denied: ['list'] }, 'kms-denied', 'to look at'],
    ['a refusal to sign', { denied: ['asymmetricSign'] }, 'kms-denied', 'to sign with'],
    ['tokens that have expired', { expired: true }, 'kms-credentials', 'or they have expired'],
    ['a signature damaged on the way', { damage: 'signature' }, 'kms-error', 'CRC32C'],
    ['a public key damaged on the way', { damage: 'pem' }, 'kms-error', 'CRC32C'],
    ['a digest damaged on the way', { damage: 'digest' }, 'kms-error', 'digest arrived undamaged'],
  ])('says what to do about %s', async (_, options, code, words) => {
    await using google = await startGoogle(options);
    const failure = await failureOf(() => signBy(reference, machineFor(google)));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
    const text = `${failure.message}${failure.fix}${failure.cause}`;
    for (const secret of google.secrets) expect(text).not.toContain(secret.slice(0, 20));
  });

  it('says what to do about a version that is disabled, or is not there', async () => {
    await using google = await startGoogle({ versions: [{ state: 'DISABLED' }] });
    expect(
      await failureOf(() => signBy(`${reference}/cryptoKeyVersions/1`, machineFor(google))),
    ).toMatchObject({ code: 'kms-key' });
    expect(
      (await failureOf(() => signBy(`${reference}/cryptoKeyVersions/9`, machineFor(google))))
        .message,
    ).toContain('does not exist');
  });

  it('waits while its quota is used up', async () => {
    await using google = await startGoogle();
    google.fail(2, { status: 429, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } } });
    expect(await signBy(reference, machineFor(google))).toMatchObject({ valid: true });
  });

  it.each<[string, (google: FakeGoogle) => string]>([
    [
      'a key of another account',
      (google) => google.serviceAccountFile.replace('sign-images@acme', 'other@acme'),
    ],
    ['a file of another kind', () => '{"type":"gdch_service_account"}'],
    ['a file that is no JSON', () => 'not json'],
    [
      'an audience of another pool',
      (google) =>
        google.externalAccountFile.replace(
          '"//iam.googleapis.com/projects/1/',
          '"//iam.googleapis.com/projects/2/',
        ),
    ],
    [
      'a token endpoint on plain http elsewhere',
      (google) =>
        google.serviceAccountFile.replace(/http:\/\/127[^"]*/, 'http://example.com/token'),
    ],
  ])('refuses %s, with the login step', async (_, file) => {
    await using google = await startGoogle();
    const failure = await failureOf(() => signBy(reference, machineFor(google, file(google))));
    expect(failure.code).toBe('kms-credentials');
  });

  it('names the login step where there are no credentials', async () => {
    const failure = await failureOf(() => signBy(reference, tools({})));
    expect(failure).toMatchObject({
      code: 'kms-credentials',
      message: 'There are no Google credentials on this runner.',
    });
    expect(failure.fix).toContain('google-github-actions/auth');
  });

  it.each([
    'gcpkms://',
    'gcpkms://projects/a',
    `${reference}/cryptoKeyVersions/latest`,
    `${reference}/x`,
    'gcpkms://projects/../locations/a/keyRings/b/cryptoKeys/c',
  ])('does not know the reference %s', async (text) => {
    expect(await failureOf(() => signBy(text, tools({})))).toMatchObject({ code: 'bad-key' });
  });

  it('counts CRC-32C as its definition does', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    for (const text of ['', 'a', 'sign-image'.repeat(50)])
      expect(String(crc32c(Buffer.from(text)))).toBe(crc(Buffer.from(text)));
  });
});
