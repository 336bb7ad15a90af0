// What we sign with a key, real cosign 2, cosign 3 and skopeo accept, and refuse where they should;
// what they signed before survives us.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import {
  cosign2,
  cosign3,
  keyPassword,
  need,
  skopeo,
  startDockerRegistry,
  temporaryFolder,
} from './peers.ts';

interface Key {
  readonly privateKey: string;
  readonly publicFile: string;
}

let folder: string;
let cleanUp: () => Promise<void>;
let dockerRegistry: { host: string; stop: () => void };
const keys = new Map<string, Key>();

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  dockerRegistry = await startDockerRegistry(folder);
  for (const [name, cosign] of [
    ['cosign 2', cosign2],
    ['cosign 3', cosign3],
    ['stranger', cosign3],
  ] as const) {
    const prefix = join(folder, name.replace(' ', ''));
    expect(await cosign(['generate-key-pair', '--output-key-prefix', prefix])).toMatchObject({
      code: 0,
    });
    keys.set(name, {
      privateKey: await readFile(`${prefix}.key`, 'utf8'),
      publicFile: `${prefix}.pub`,
    });
  }
});

afterAll(async () => {
  dockerRegistry?.stop();
  await cleanUp?.();
});

const key = (name: string): Key => keys.get(name) as Key;
const hosts = {
  'docker-registry 2.8': () => dockerRegistry.host,
  'a registry with the referrers API': () => need('REGISTRY_REFERRERS'),
  'a registry without the referrers API': () => need('REGISTRY_TAGS'),
};
const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
let counter = 0;
const repository = () => `interop/keyed-${process.pid}-${counter++}`;

/** Runs the built action with a key and without a log, and expects it to succeed. */
async function sign(
  image: string,
  inputs: Record<string, string> = {},
  keyName = 'cosign 3',
  env: Record<string, string> = {},
) {
  const result = await runAction({
    inputs: {
      images: image,
      key: key(keyName).privateKey,
      'key-password': keyPassword,
      tlog: 'false',
      ...inputs,
    },
    env,
  });
  expect(result, result.stdout).toMatchObject({ code: 0 });
  return result;
}

describe.each(Object.entries(hosts))('keyed signing into %s', (_registry, host) => {
  describe.each(['cosign 2', 'cosign 3'])('with a key that %s made', (keyName) => {
    it('is accepted by cosign 2 (legacy) and cosign 3 (bundle), with its annotations, and by nobody with another key, annotation or image', async () => {
      const name = repository();
      const image = await pushImage(host(), name, { seed: keyName });
      const other = await pushImage(host(), name, { seed: `${keyName}, another image` });
      const reference = `${host()}/${name}@${image.digest}`;
      const result = await sign(
        reference,
        { annotations: 'team=röcket & <co>\nnote=a=b,c "d"' },
        keyName,
      );
      expect(result.outputs).toMatchObject({
        verified: 'true',
        image: reference,
        digest: image.digest,
      });

      const own = ['--key', key(keyName).publicFile, ...offline];
      const annotated = [...own, '-a', 'team=röcket & <co>'];
      for (const cosign of [cosign2, cosign3]) {
        expect(await cosign(['verify', ...annotated, reference])).toMatchObject({ code: 0 });
        expect(await cosign(['verify', ...own, '-a', 'team=other', reference])).not.toMatchObject({
          code: 0,
        });
        expect(
          await cosign(['verify', '--key', key('stranger').publicFile, ...offline, reference]),
        ).not.toMatchObject({ code: 0 });
        expect(
          await cosign(['verify', ...own, `${host()}/${name}@${other.digest}`]),
        ).not.toMatchObject({ code: 0 });
      }
    });
  });

  it('keeps what cosign 2 and cosign 3 signed before', async () => {
    const name = repository();
    const image = await pushImage(host(), name, { seed: 'existing' });
    const reference = `${host()}/${name}@${image.digest}`;
    const keyFile = async (keyName: string) => {
      const file = join(folder, `${keyName.replace(' ', '')}-${counter++}.key`);
      await writeFile(file, key(keyName).privateKey);
      return file;
    };
    const plain = ['--yes', '--tlog-upload=false', '--allow-http-registry'];
    expect(
      await cosign2(['sign', '--key', await keyFile('cosign 2'), ...plain, reference]),
    ).toMatchObject({ code: 0 });
    expect(
      await cosign3([
        'sign',
        '--key',
        await keyFile('cosign 2'),
        '--use-signing-config=false',
        ...plain,
        reference,
      ]),
    ).toMatchObject({
      code: 0,
    });
    await sign(reference, {}, 'cosign 3');
    for (const keyName of ['cosign 2', 'cosign 3']) {
      const args = ['verify', '--key', key(keyName).publicFile, ...offline, reference];
      expect(await cosign2(args), `cosign 2, key of ${keyName}`).toMatchObject({ code: 0 });
      expect(await cosign3(args), `cosign 3, key of ${keyName}`).toMatchObject({ code: 0 });
    }
  });

  it('signs an index and every manifest inside it', async () => {
    const name = repository();
    const image = await pushImage(host(), name, {
      seed: 'platforms',
      platforms: 3,
      attestations: true,
    });
    await sign(`${host()}/${name}@${image.digest}`, { recursive: 'true' });
    for (const digest of [image.digest, ...image.platforms.map((platform) => platform.digest)]) {
      const args = [
        'verify',
        '--key',
        key('cosign 3').publicFile,
        ...offline,
        `${host()}/${name}@${digest}`,
      ];
      expect(await cosign2(args)).toMatchObject({ code: 0 });
      expect(await cosign3(args)).toMatchObject({ code: 0 });
    }
  });
});

describe('skopeo with a sigstoreSigned policy', () => {
  it('copies what we signed, and refuses what nobody or a stranger signed', async () => {
    const host = dockerRegistry.host;
    const name = repository();
    const signed = await pushImage(host, name, { seed: 'signed', tag: 'signed' });
    await pushImage(host, name, { seed: 'unsigned', tag: 'unsigned' });
    const strange = await pushImage(host, name, { seed: 'strange', tag: 'strange' });
    await sign(`${host}/${name}:signed@${signed.digest}`);
    await sign(`${host}/${name}:strange@${strange.digest}`, {}, 'stranger');

    const policy = join(folder, 'policy.json');
    const rule = {
      type: 'sigstoreSigned',
      keyPath: key('cosign 3').publicFile,
      signedIdentity: { type: 'matchRepository' },
    };
    await writeFile(
      policy,
      JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [host]: [rule] } } }),
    );
    const registriesD = join(folder, 'registries.d');
    await mkdir(registriesD);
    await writeFile(
      join(registriesD, 'default.yaml'),
      `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`,
    );
    const copy = (tag: string) =>
      skopeo([
        '--policy',
        policy,
        '--registries.d',
        registriesD,
        'copy',
        '--src-tls-verify=false',
        `docker://${host}/${name}:${tag}`,
        `dir:${join(folder, `copy-${tag}`)}`,
      ]);
    expect(await copy('signed')).toMatchObject({ code: 0 });
    expect((await copy('unsigned')).output).toMatch(/signature was required|no signature/i);
    expect(await copy('strange')).not.toMatchObject({ code: 0 });
  });
});

describe('registries that ask for more', () => {
  it('signs with a user name and a password', async () => {
    const host = need('REGISTRY_BASIC');
    const [username, password] = need('REGISTRY_BASIC_AUTH').split(':') as [string, string];
    const name = repository();
    const image = await pushImage(host, name, {
      seed: 'basic',
      credentials: { username, password },
    });
    const reference = `${host}/${name}@${image.digest}`;
    const refused = await runAction({
      inputs: {
        images: reference,
        key: key('cosign 3').privateKey,
        'key-password': keyPassword,
        tlog: 'false',
      },
    });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('docker/login-action');
    await sign(reference, { 'registry-username': username, 'registry-password': password });
    const args = [
      'verify',
      '--key',
      key('cosign 3').publicFile,
      ...offline,
      '--registry-username',
      username,
      '--registry-password',
      password,
      reference,
    ];
    expect(await cosign3(args)).toMatchObject({ code: 0 });
    expect(await cosign2(args)).toMatchObject({ code: 0 });
  });

  it('signs over TLS with a private CA, and refuses a certificate it does not know', async () => {
    const host = need('REGISTRY_TLS');
    const name = repository();
    const ca = await readFile(need('REGISTRY_TLS_CA'), 'utf8');
    const image = await pushImage(host, name, { seed: 'tls', tls: true, ca });
    const reference = `${host}/${name}@${image.digest}`;
    const refused = await runAction({
      inputs: {
        images: reference,
        key: key('cosign 3').privateKey,
        'key-password': keyPassword,
        tlog: 'false',
      },
    });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('NODE_EXTRA_CA_CERTS');
    await sign(reference, {}, 'cosign 3', { NODE_EXTRA_CA_CERTS: need('REGISTRY_TLS_CA') });
    const args = [
      'verify',
      '--key',
      key('cosign 3').publicFile,
      '--insecure-ignore-tlog=true',
      '--registry-cacert',
      need('REGISTRY_TLS_CA'),
      reference,
    ];
    expect(await cosign3(args)).toMatchObject({ code: 0 });
  });
});
