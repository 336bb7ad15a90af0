// Keys in services and on tokens sign through the built action, and real cosign 2 and 3 verify with
// the public key. SoftHSM2 and OpenSC are the real programs (Debian: softhsm2, opensc); the
// services are the sandbox's.
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyWorlds } from '../keys/kms/worlds.ts';
import { pushImage } from '../sandbox/images.ts';
import { awsCredentials, startAws } from '../sandbox/kms/aws.ts';
import { startGithub } from '../sandbox/kms/github-secrets.ts';
import { type RunOptions, runAction } from '../sandbox/runner.ts';
import { findSecrets } from '../sandbox/secrets.ts';
import { cosign2, cosign3, run, startDockerRegistry, temporaryFolder } from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let registry: { host: string; stop: () => void };
beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  registry = await startDockerRegistry(folder);
});
afterAll(async () => {
  registry?.stop();
  await cleanUp?.();
});

const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
let counter = 0;

/**
 * An image, and both formats of a signature by this key, checked by both cosigns; a stranger's key
 * is refused by both.
 */
async function signAndVerify(
  key: string,
  publicKey: string,
  options: RunOptions = {},
  verifyArguments: readonly string[] = [],
) {
  const name = `interop/kms-${process.pid}-${counter++}`;
  const image = await pushImage(registry.host, name);
  const reference = `${registry.host}/${name}@${image.digest}`;
  const result = await runAction({
    ...options,
    inputs: { images: reference, key, tlog: 'false', format: 'both', ...options.inputs },
  });
  expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  const file = join(folder, `key-${counter}.pub`);
  await writeFile(file, publicKey);
  const other = join(folder, 'other');
  if (!existsSync(`${other}.pub`))
    expect(await cosign3(['generate-key-pair', '--output-key-prefix', other])).toMatchObject({
      code: 0,
    });
  for (const [cosign, peer] of [
    [cosign2, 'cosign 2'],
    [cosign3, 'cosign 3'],
  ] as const) {
    const verified = await cosign([
      'verify',
      '--key',
      file,
      ...verifyArguments,
      ...offline,
      reference,
    ]);
    expect(verified, `${peer}: ${verified.output}`).toMatchObject({ code: 0 });
    expect(
      await cosign(['verify', '--key', `${other}.pub`, ...offline, reference]),
    ).not.toMatchObject({ code: 0 });
  }
  return { result, reference };
}

describe.each(keyWorlds)('%s', (_, start) => {
  it('signs, and cosign 2 and 3 verify', async () => {
    await using world = await start();
    const { env, home = {}, workspace = {}, publicKey, secrets, reference } = world;
    const { result } = await signAndVerify(
      reference,
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      {
        env,
        home,
        workspace,
      },
    );
    expect(findSecrets(result, secrets)).toEqual([]);
  });
});

describe('a P-384 key of a service that signs it with SHA-384 only', () => {
  it('is what the warning says: cosign refuses it', async () => {
    const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
    await using aws = await startAws({ keys: [{ id, spec: 'ECC_NIST_P384' }] });
    const name = `interop/kms-384-${process.pid}`;
    const { reference } = await pushImage(registry.host, name);
    const result = await runAction({
      inputs: { images: reference, key: `awskms:///${id}`, tlog: 'false', format: 'both' },
      env: { ...awsCredentials, AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL_KMS: aws.origin },
    });
    expect(result, result.stdout).toMatchObject({ code: 0 });
    expect(
      result.annotations.filter(
        ({ kind, message }) => kind === 'warning' && message.includes('SHA-384 only'),
      ),
    ).toHaveLength(1);
    const file = join(folder, 'p384.pub');
    await writeFile(file, aws.publicKey(id).export({ type: 'spki', format: 'pem' }));
    for (const cosign of [cosign2, cosign3])
      expect(await cosign(['verify', '--key', file, ...offline, reference])).not.toMatchObject({
        code: 0,
      });
  });
});

describe('a token: SoftHSM2 through pkcs11-tool', () => {
  const pin = '84736251';
  const module = '/usr/lib/softhsm/libsofthsm2.so';
  let env: Record<string, string>;
  const tool = (...args: string[]) =>
    run('pkcs11-tool', ['--module', module, '--token-label', 'release key', ...args], {
      ...env,
      THE_PIN: pin,
    });

  beforeAll(async () => {
    await mkdir(join(folder, 'tokens'));
    await writeFile(
      join(folder, 'softhsm2.conf'),
      `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`,
    );
    env = { SOFTHSM2_CONF: join(folder, 'softhsm2.conf') };
    expect(
      await run(
        'softhsm2-util',
        ['--init-token', '--free', '--label', 'release key', '--pin', pin, '--so-pin', '12345678'],
        env,
      ),
    ).toMatchObject({ code: 0 });
    for (const [id, type] of [
      ['01', 'EC:prime256v1'],
      ['02', 'rsa:2048'],
      ['03', 'EC:secp384r1'],
    ] as const) {
      expect(
        await tool(
          '--login',
          '--pin',
          'env:THE_PIN',
          '--keypairgen',
          '--key-type',
          type,
          '--id',
          id,
          '--label',
          `key ${id}`,
        ),
      ).toMatchObject({ code: 0 });
    }
  });

  /** From the token's list: some versions of OpenSC cannot show P-384 in another form. */
  const publicKey = async (id: string) => {
    const { output } = await tool('--list-objects', '--type', 'pubkey', '--id', id);
    const block =
      output.split('Public Key Object;').find((text) => text.includes(`ID:         ${id}`)) ?? '';
    const point = /EC_POINT:\s*04\w\w04(\w+)/.exec(block)?.[1];
    if (point !== undefined) {
      const [x, y] = [point.slice(0, point.length / 2), point.slice(point.length / 2)].map((half) =>
        Buffer.from(half, 'hex').toString('base64url'),
      ) as [string, string];
      const jwk = { kty: 'EC', crv: point.length === 128 ? 'P-256' : 'P-384', x, y };
      return createPublicKey({ key: jwk, format: 'jwk' })
        .export({ type: 'spki', format: 'pem' })
        .toString();
    }
    const file = join(folder, `token-${id}.der`);
    expect(
      await tool('--read-object', '--type', 'pubkey', '--id', id, '--output-file', file),
    ).toMatchObject({ code: 0 });
    return createPublicKey({ key: await readFile(file), format: 'der', type: 'spki' })
      .export({ type: 'spki', format: 'pem' })
      .toString();
  };

  it.each([
    ['EC P-256 by label', '01', 'object=key%2001'],
    ['EC P-256 by id', '01', 'id=%01'],
    ['RSA', '02', 'id=%02'],
    ['EC P-384, with SHA-256', '03', 'object=key%2003'],
  ])('signs with %s', async (_, id, object) => {
    const uri = `pkcs11:token=release%20key;${object}?module-path=${module}`;
    const { result, reference } = await signAndVerify(uri, await publicKey(id), {
      env: { ...env, COSIGN_PKCS11_PIN: pin },
      debug: true,
    });
    expect(findSecrets(result, [pin])).toEqual([]);
    const gate = await runAction({
      entry: 'dist/verify.js',
      inputs: { images: reference, key: uri, tlog: 'ignore' },
      env,
    });
    expect(gate, gate.stdout).toMatchObject({ code: 0 });
  });

  it('takes module and PIN where cosign does', async () => {
    const { result } = await signAndVerify(
      `pkcs11:token=release%20key;id=%01?pin-value=${pin}`,
      await publicKey('01'),
      {
        env: { ...env, COSIGN_PKCS11_MODULE_PATH: module },
      },
    );
    expect(findSecrets(result, [pin])).toEqual([]);
  });

  it.each([
    ['a wrong PIN', 'pkcs11:token=release%20key;id=%01', '99999999', 'refuses the PIN'],
    ['no PIN', 'pkcs11:token=release%20key;id=%01', '', 'without a PIN'],
    ['another token', 'pkcs11:token=other;id=%01', pin, 'no token on this runner'],
    ['another key', 'pkcs11:token=release%20key;id=%09', pin, 'has no key'],
  ])('says what to do about %s', async (_, uri, given, words) => {
    const image = await pushImage(registry.host, 'interop/kms-wrong', { seed: words });
    const result = await runAction({
      inputs: { images: image.reference, key: `${uri}?module-path=${module}`, tlog: 'false' },
      env: { ...env, COSIGN_PKCS11_PIN: given },
    });
    expect(result.code).toBe(1);
    expect(result.stdout).toContain(words);
    if (given !== '') expect(findSecrets(result, [given])).toEqual([]);
  });
});

describe('a pair that keygen made', () => {
  it('signs here and in cosign 2 and 3, and is verified by all of them', async () => {
    const token = 'ghs_keygenkeygenkeygenkeygenkeygen123456';
    await using github = await startGithub({ token });
    const made = await runAction({
      entry: 'dist/keygen.js',
      inputs: { repository: 'acme/app', 'github-token': token, 'public-key-file': 'cosign.pub' },
      env: { GITHUB_API_URL: github.origin },
    });
    expect(made, made.stdout).toMatchObject({ code: 0 });
    const secret = (name: string) =>
      github.stored.get(`/repos/acme/app/actions/secrets/COSIGN_${name}`)?.value ?? '';
    const [privateKey, password, publicKey] = [
      secret('PRIVATE_KEY'),
      secret('PASSWORD'),
      secret('PUBLIC_KEY'),
    ];
    expect(made.files.get('work/cosign.pub')?.toString()).toBe(publicKey);
    await signAndVerify(privateKey, publicKey, { inputs: { 'key-password': password } });

    const file = join(folder, 'made');
    await writeFile(`${file}.key`, privateKey, { mode: 0o600 });
    await writeFile(`${file}.pub`, publicKey);
    const env = { COSIGN_PASSWORD: password };
    const plain = [
      'sign',
      '--key',
      `${file}.key`,
      '--yes',
      '--tlog-upload=false',
      '--allow-http-registry',
    ];
    for (const [cosign, more] of [
      [cosign2, []],
      [cosign3, ['--use-signing-config=false']],
    ] as const) {
      const { reference } = await pushImage(registry.host, `interop/kms-made-${process.pid}`, {
        seed: counter++,
      });
      const signed = await cosign([...plain, ...more, reference], env);
      expect(signed, signed.output).toMatchObject({ code: 0 });
      expect(await cosign(['verify', '--key', `${file}.pub`, ...offline, reference])).toMatchObject(
        { code: 0 },
      );
      const gate = await runAction({
        entry: 'dist/verify.js',
        inputs: { images: reference, key: publicKey, tlog: 'ignore' },
      });
      expect(gate, gate.stdout).toMatchObject({ code: 0 });
    }
    for (const cosign of [cosign2, cosign3]) {
      const shown = await cosign(
        ['public-key', '--key', `${file}.key`, '--outfile', `${file}.shown`],
        env,
      );
      expect(shown, shown.output).toMatchObject({ code: 0 });
      expect(await readFile(`${file}.shown`, 'utf8')).toBe(publicKey);
    }
  });
});
