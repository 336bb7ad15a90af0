import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createDeadline } from '../../../src/http/deadline.ts';
import { serve } from '../../http/server.ts';
import { makeCertificates } from '../../sandbox/certificates.ts';
import { type AwsOptions, awsCredentials, startAws } from '../../sandbox/kms/aws.ts';
import { failureOf } from '../samples.ts';
import { loadPublicKeys, loadReferencedSigner, signBy, tools, trust } from './tools.ts';

const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
const other = '9999abcd-12ab-34cd-56ef-1234567890ab';
const plain: AwsOptions = { keys: [{ id, aliases: ['alias/release'] }] };
const credentials = { ...awsCredentials, AWS_REGION: 'eu-central-1' };
const machineFor = (origin: string, more: object = {}) =>
  tools({ env: { ...credentials, AWS_ENDPOINT_URL_KMS: origin, ...more } });

describe('AWS KMS', () => {
  it.each([
    ['an id', `awskms:///${id}`],
    ['an ARN', `awskms:///arn:aws:kms:eu-central-1:111122223333:key/${id}`],
    ['an alias', 'awskms:///alias/release'],
    ['the ARN of an alias', 'awskms:///arn:aws:kms:eu-central-1:111122223333:alias/release'],
  ])('signs with a key named by %s, after one look-up', async (_, reference) => {
    await using aws = await startAws(plain);
    const machine = machineFor(aws.origin);
    const signed = await signBy(reference, machine);
    expect({ valid: signed.valid, kind: signed.kind, warnings: signed.warnings }).toEqual({
      valid: true,
      kind: 'publicKey',
      warnings: [],
    });
    expect(signed.publicKey?.equals(aws.publicKey(id))).toBe(true);
    expect(aws.asked).toEqual([
      { what: 'GetPublicKey', status: 200 },
      { what: 'Sign', status: 200 },
    ]);
    expect(machine.masked).toEqual([
      awsCredentials.AWS_SECRET_ACCESS_KEY,
      awsCredentials.AWS_SESSION_TOKEN,
    ]);
  });

  it('signs at an endpoint in the reference, over TLS only', async () => {
    const tls = makeCertificates();
    onTestFinished(trust(tls.ca));
    await using aws = await startAws({ ...plain, tls });
    const machine = tools({ env: credentials });
    expect(await signBy(`awskms://${aws.host}/alias/release`, machine)).toMatchObject({
      valid: true,
    });
  });

  it('takes RSA with PKCS #1 v1.5 although PSS is offered too, and P-384 with a warning', async () => {
    await using aws = await startAws({
      keys: [
        { id, spec: 'RSA_2048' },
        { id: other, spec: 'ECC_NIST_P384' },
      ],
    });
    expect(await signBy(`awskms:///${id}`, machineFor(aws.origin))).toMatchObject({
      valid: true,
      warnings: [],
    });
    const p384 = await signBy(`awskms:///${other}`, machineFor(aws.origin));
    expect(p384).toMatchObject({ valid: true });
    expect(p384.warnings).toEqual([expect.stringContaining('SHA-384 only')]);
  });

  it('looks a key up once for many signatures, and asks for them side by side within a bound', async () => {
    await using aws = await startAws(plain);
    const signer = await loadReferencedSigner('awskms:///alias/release', machineFor(aws.origin));
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => signer.sign(Buffer.from(`image ${index}`))),
    );
    expect(aws.asked.filter(({ what }) => what === 'GetPublicKey')).toHaveLength(1);
    expect(aws.asked.filter(({ what }) => what === 'Sign')).toHaveLength(30);
    expect(aws.busiest()).toBeLessThanOrEqual(8);
    expect(aws.busiest()).toBeGreaterThan(1);
  });

  it('signs with the key that was looked up, when its alias is turned to another meanwhile', async () => {
    await using aws = await startAws({ keys: [{ id, aliases: ['alias/release'] }, { id: other }] });
    const signer = await loadReferencedSigner('awskms:///alias/release', machineFor(aws.origin));
    aws.repoint('alias/release', other);
    await expect(signer.sign(Buffer.from('x'))).resolves.toMatchObject({
      key: { $case: 'publicKey' },
    });
    const [newest] = await loadPublicKeys('awskms:///alias/release', machineFor(aws.origin));
    expect(newest?.equals(aws.publicKey(other))).toBe(true);
  });

  it('waits while it is told to slow down', async () => {
    await using aws = await startAws(plain);
    aws.fail(3, { status: 400, body: { __type: 'ThrottlingException', message: 'Rate exceeded' } });
    expect(await signBy('awskms:///alias/release', machineFor(aws.origin))).toMatchObject({
      valid: true,
    });
    expect(aws.asked.filter(({ status }) => status === 400)).toHaveLength(3);
  });

  it('gives up inside the time of the step when it is never fast enough', async () => {
    await using aws = await startAws(plain);
    aws.fail(100, { status: 400, body: { __type: 'ThrottlingException' } });
    const machine = { ...machineFor(aws.origin), sleep: createDeadline(700, systemClock).sleep };
    expect(await failureOf(() => signBy('awskms:///alias/release', machine))).toMatchObject({
      code: 'timeout',
    });
  });

  it('takes the credentials of a container, from this machine only', async () => {
    await using aws = await startAws(plain);
    const [AccessKeyId, SecretAccessKey, Token] = Object.values(awsCredentials);
    await using container = await serve((request, response) => {
      const known =
        request.headers.authorization === 'container-token' && request.url === '/v2/credentials';
      response
        .writeHead(known ? 200 : 403)
        .end(
          JSON.stringify(
            known
              ? { AccessKeyId, SecretAccessKey, Token, Expiration: '2030-01-01T00:00:00Z' }
              : {},
          ),
        );
    });
    const env = {
      AWS_ENDPOINT_URL_KMS: aws.origin,
      AWS_REGION: 'eu-central-1',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.origin}/v2/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/t',
    };
    expect(
      await signBy('awskms:///alias/release', tools({ env, files: { '/t': 'container-token' } })),
    ).toMatchObject({ valid: true });
    const elsewhere = {
      ...env,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/v2/credentials',
    };
    expect(
      await failureOf(() =>
        signBy('awskms:///alias/release', tools({ env: elsewhere, files: { '/t': 'x' } })),
      ),
    ).toMatchObject({
      code: 'kms-credentials',
    });
  });

  it('finds credentials of a profile and a web identity', async () => {
    const env = (origin: string, more: object) => ({
      AWS_ENDPOINT_URL_KMS: origin,
      AWS_ENDPOINT_URL_STS: origin,
      ...more,
    });
    const webIdentity = { role: 'arn:aws:iam::111122223333:role/sign', token: 'eyJ.web.identity' };
    await using aws = await startAws({ ...plain, webIdentity });
    const [keyId, secret, session] = Object.values(awsCredentials);
    const profile = tools({
      env: env(aws.origin, { AWS_PROFILE: 'ci' }),
      files: {
        '/home/runner/.aws/credentials': `[default]\naws_access_key_id = wrong\n[ci]\naws_access_key_id = ${keyId}\naws_secret_access_key=${secret}\naws_session_token = ${session}\n`,
        '/home/runner/.aws/config': '[profile ci]\nregion = eu-central-1\n',
      },
    });
    expect(await signBy('awskms:///alias/release', profile)).toMatchObject({ valid: true });
    const web = tools({
      env: env(aws.origin, {
        AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
        AWS_ROLE_ARN: webIdentity.role,
        AWS_REGION: 'eu-central-1',
      }),
      files: { '/token': `${webIdentity.token}\n` },
    });
    expect(await signBy('awskms:///alias/release', web)).toMatchObject({ valid: true });
    expect(web.masked).toContain(webIdentity.token);
    const stranger = tools({
      env: { ...web.env } as Record<string, string>,
      files: { '/token': 'eyJ.other' },
    });
    expect(await failureOf(() => signBy('awskms:///alias/release', stranger))).toMatchObject({
      code: 'kms-credentials',
    });
  });

  it.each<[string, AwsOptions, object, string, string]>([
    ['an expired session', { ...plain, expired: true }, {}, 'kms-credentials', 'have expired'],
    [
      'unknown credentials',
      plain,
      { AWS_SESSION_TOKEN: 'other' },
      'kms-credentials',
      'does not know the credentials',
    ],
    [
      'a wrong secret key',
      plain,
      { AWS_SECRET_ACCESS_KEY: 'wrongwrongwrong' },
      'kms-credentials',
      'refuses the signature',
    ],
    ['a wrong clock', { ...plain, skew: 900 }, {}, 'kms-credentials', 'the clock of this runner'],
    [
      'a wrong region',
      plain,
      { AWS_REGION: 'us-east-1' },
      'kms-credentials',
      'refuses the signature',
    ],
    ['no region', plain, { AWS_REGION: '' }, 'kms-credentials', 'which AWS region'],
    ['no credentials', plain, { AWS_ACCESS_KEY_ID: '' }, 'kms-credentials', 'no AWS credentials'],
    [
      'a key that is not there',
      { keys: [] },
      {},
      'kms-key',
      'does not exist in the region eu-central-1',
    ],
    [
      'a key that it may not see',
      { keys: [{ id, aliases: ['alias/release'], denied: ['GetPublicKey'] }] },
      {},
      'kms-denied',
      'to look at',
    ],
    [
      'a key that it may not sign with',
      { keys: [{ id, aliases: ['alias/release'], denied: ['Sign'] }] },
      {},
      'kms-denied',
      'to sign with',
    ],
    [
      'a disabled key',
      { keys: [{ id, aliases: ['alias/release'], state: 'Disabled' }] },
      {},
      'kms-key',
      'is disabled',
    ],
    [
      'a key that will be deleted',
      { keys: [{ id, aliases: ['alias/release'], state: 'PendingDeletion' }] },
      {},
      'kms-key',
      'deletion',
    ],
    [
      'a symmetric key',
      { keys: [{ id, aliases: ['alias/release'], spec: 'SYMMETRIC_DEFAULT' }] },
      {},
      'unsupported-key',
      'not made for signing',
    ],
    [
      'a key for encryption',
      { keys: [{ id, aliases: ['alias/release'], spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' }] },
      {},
      'unsupported-key',
      'not made for signing',
    ],
    [
      'another curve',
      { keys: [{ id, aliases: ['alias/release'], spec: 'ECC_SECG_P256K1' }] },
      {},
      'unsupported-key',
      'secp256k1',
    ],
    [
      'P-521',
      { keys: [{ id, aliases: ['alias/release'], spec: 'ECC_NIST_P521' }] },
      {},
      'unsupported-key',
      'ECC_NIST_P521',
    ],
    [
      'a damaged signature',
      { ...plain, damage: (signature) => signature.reverse() },
      {},
      'kms-error',
      'does not belong to the key',
    ],
  ])(
    'says what to do about %s, and nothing of the credentials',
    async (_, options, env, code, words) => {
      await using aws = await startAws(options);
      const failure = await failureOf(() =>
        signBy('awskms:///alias/release', machineFor(aws.origin, env)),
      );
      expect(failure.code).toBe(code);
      expect(failure.message).toContain(words);
      expect(failure.fix.length).toBeGreaterThan(20);
      const text = JSON.stringify([failure.message, failure.fix, String(failure.cause)]);
      for (const secret of [awsCredentials.AWS_SECRET_ACCESS_KEY, awsCredentials.AWS_SESSION_TOKEN])
        expect(text).not.toContain(secret.slice(0, 12));
      if (code === 'kms-credentials')
        expect(failure.fix).toContain('aws-actions/configure-aws-credentials');
    },
  );

  it('sends credentials over no plain http to another machine', async () => {
    const machine = machineFor('http://kms.example.com');
    expect(await failureOf(() => signBy('awskms:///alias/release', machine))).toMatchObject({
      code: 'kms-credentials',
    });
  });

  it('gives up on an answer that is no JSON', async () => {
    await using aws = await startAws(plain);
    aws.fail(1, { status: 200, body: '<html>login here</html>' });
    expect(
      await failureOf(() => signBy('awskms:///alias/release', machineFor(aws.origin))),
    ).toMatchObject({ code: 'kms-error' });
  });

  it.each([
    'awskms://',
    'awskms:///',
    'awskms:///release',
    'awskms://alias/release',
    'awskms:///alias/a b',
    `awskms:///${id}/x`,
    `awskms://a@b/${id}`,
    'awskms:///arn:aws:s3:::x',
  ])('does not know the reference %s', async (reference) => {
    expect(await failureOf(() => signBy(reference, tools({})))).toMatchObject({ code: 'bad-key' });
  });
});
