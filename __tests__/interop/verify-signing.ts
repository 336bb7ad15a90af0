// Real cosign 2, cosign 3 and skopeo as signers, for the gate to judge.
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { realSigstore } from '../sigstore/world.ts';
import { cosign2, cosign3, keyPassword, need, type Ran, skopeo } from './peers.ts';

export type Cosign = typeof cosign3;

export async function accepted(running: Promise<Ran>): Promise<void> {
  const ran = await running;
  expect(ran, ran.output).toMatchObject({ code: 0 });
}

/**
 * A key pair that cosign made, or an RSA key of openssl's form that it imported; the path without
 * `.key` and `.pub`.
 */
export async function makeKey(
  folder: string,
  name: string,
  made: 'generated' | 'RSA, imported',
  cosign: Cosign,
): Promise<string> {
  const prefix = join(folder, name);
  if (made === 'generated') {
    await accepted(cosign(['generate-key-pair', '--output-key-prefix', prefix]));
    return prefix;
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(`${prefix}.pem`, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  await accepted(
    cosign(['import-key-pair', '--yes', '--key', `${prefix}.pem`, '--output-key-prefix', prefix]),
  );
  return prefix;
}

const http = ['--yes', '--allow-http-registry'];
const withoutLog = [...http, '--tlog-upload=false'];
const config = (name: string) => [
  '--signing-config',
  need(`SIGNING_CONFIG_${name.toUpperCase()}`),
  '--trusted-root',
  need('TRUSTED_ROOT'),
];
const services = () => ['--fulcio-url', need('FULCIO_URL'), '--rekor-url', need('REKOR_URL')];

/** How each peer is told to sign with a key and without a log. */
export const keyedSigners: Readonly<
  Record<string, (key: string, reference: string, more?: readonly string[]) => Promise<Ran>>
> = {
  'cosign 2, legacy': (key, reference, more = []) =>
    cosign2(['sign', '--key', `${key}.key`, ...withoutLog, ...more, reference]),
  'cosign 3, legacy': (key, reference, more = []) =>
    cosign3([
      'sign',
      '--key',
      `${key}.key`,
      ...withoutLog,
      '--use-signing-config=false',
      '--new-bundle-format=false',
      ...more,
      reference,
    ]),
  'cosign 3, bundle': (key, reference, more = []) =>
    cosign3([
      'sign',
      '--key',
      `${key}.key`,
      ...withoutLog,
      '--use-signing-config=false',
      ...more,
      reference,
    ]),
};

/**
 * The same with a log, and what makes a keyless signature; `timestamp`: cosign needs to be told
 * that the time comes from one.
 */
export const loggedSigners: Readonly<
  Record<
    string,
    {
      readonly sign: (reference: string, signer: readonly string[]) => Promise<Ran>;
      readonly ignore?: true;
      readonly timestamp?: true;
    }
  >
> = {
  'cosign 3, bundle, Rekor v1': {
    sign: (reference, signer) => cosign3(['sign', ...http, ...signer, ...config('v1'), reference]),
  },
  'cosign 3, bundle, Rekor v1 and timestamp': {
    sign: (reference, signer) =>
      cosign3(['sign', ...http, ...signer, ...config('v1_tsa'), reference]),
    timestamp: true,
  },
  'cosign 3, bundle, Rekor v2 and timestamp': {
    sign: (reference, signer) => cosign3(['sign', ...http, ...signer, ...config('v2'), reference]),
    timestamp: true,
  },
  'cosign 3, bundle, timestamp alone': {
    sign: (reference, signer) => cosign3(['sign', ...http, ...signer, ...config('tsa'), reference]),
    timestamp: true,
    ignore: true,
  },
  'cosign 2, legacy, Rekor v1': {
    sign: (reference, signer) => cosign2(['sign', ...http, ...signer, ...services(), reference]),
  },
  'cosign 2, legacy, Rekor v1 and timestamp': {
    sign: (reference, signer) =>
      cosign2([
        'sign',
        ...http,
        ...signer,
        ...services(),
        '--timestamp-server-url',
        `${need('TSA_URL').replace(/\/$/, '')}${timestampPath()}`,
        reference,
      ]),
    timestamp: true,
  },
};

/** The signing config names the service, cosign 2 the address below it. */
const timestampPath = () => (need('TSA_URL').includes('/api/') ? '' : '/api/v1/timestamp');

export async function identityToken(): Promise<readonly string[]> {
  return ['--identity-token', await (await realSigstore()).token()];
}

/** skopeo signs while it copies, in the legacy format. */
export async function skopeoSign(folder: string, key: string, reference: string): Promise<void> {
  const registries = join(folder, 'registries.d');
  const passphrase = join(folder, 'passphrase');
  const host = reference.slice(0, reference.indexOf('/'));
  await writeFile(passphrase, keyPassword);
  await writeFile(
    join(registries, 'default.yaml'),
    `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`,
  );
  const policy = join(folder, 'anything.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const signing = [
    '--sign-by-sigstore-private-key',
    `${key}.key`,
    '--sign-passphrase-file',
    passphrase,
  ];
  const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await accepted(
    skopeo([
      '--policy',
      policy,
      '--registries.d',
      registries,
      'copy',
      ...plain,
      ...signing,
      `docker://${reference}`,
      `docker://${reference}`,
    ]),
  );
}
