import { type KeyObject, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptPrivateKey } from '../../../src/keys/encrypted.ts';
import { makeCertificates } from '../../sandbox/certificates.ts';
import { awsCredentials, startAws } from '../../sandbox/kms/aws.ts';
import { startAzure } from '../../sandbox/kms/azure.ts';
import { googleKey, startGoogle } from '../../sandbox/kms/google.ts';
import { startKubernetes } from '../../sandbox/kms/kubernetes.ts';
import type { Service } from '../../sandbox/kms/service.ts';
import { startVault, vaultToken } from '../../sandbox/kms/vault.ts';
import { freshKey } from '../samples.ts';

/** A runner on which somebody has logged in to a service that keeps a key. */
export interface KeyWorld {
  readonly reference: string;
  readonly env: Readonly<Record<string, string>>;
  readonly home?: Readonly<Record<string, string>>;
  readonly workspace?: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
  readonly service: Service;
  /** what may be in no log, output or file */
  readonly secrets: readonly string[];
  /**
   * what a run asks the service for, and how often: `signatures` stands for one of each signature
   */
  readonly asks: Readonly<Record<string, number | 'signatures'>>;
  [Symbol.asyncDispose](): Promise<void>;
}

const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';

async function folder(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'sign-image-keys-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function aws(): Promise<KeyWorld> {
  const tls = makeCertificates();
  const files = await folder({ 'ca.pem': tls.ca });
  const service = await startAws({ tls, keys: [{ id: keyId, aliases: ['alias/release'] }] });
  return {
    reference: `awskms://${service.host}/alias/release`,
    env: {
      ...awsCredentials,
      AWS_REGION: 'eu-central-1',
      NODE_EXTRA_CA_CERTS: join(files.path, 'ca.pem'),
    },
    publicKey: service.publicKey(keyId),
    service,
    secrets: [awsCredentials.AWS_SECRET_ACCESS_KEY, awsCredentials.AWS_SESSION_TOKEN],
    asks: { GetPublicKey: 1, Sign: 'signatures' },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await files.remove();
    },
  };
}

async function awsRsa(): Promise<KeyWorld> {
  const service = await startAws({ keys: [{ id: keyId, spec: 'RSA_2048' }] });
  return {
    reference: `awskms:///${service.arn(keyId)}`,
    env: { ...awsCredentials, AWS_ENDPOINT_URL_KMS: service.origin },
    publicKey: service.publicKey(keyId),
    service,
    secrets: [awsCredentials.AWS_SECRET_ACCESS_KEY, awsCredentials.AWS_SESSION_TOKEN],
    asks: { GetPublicKey: 1, Sign: 'signatures' },
    [Symbol.asyncDispose]: service[Symbol.asyncDispose],
  };
}

async function google(file: 'serviceAccountFile' | 'externalAccountFile'): Promise<KeyWorld> {
  const service = await startGoogle({ versions: [{}, {}] });
  const login =
    file === 'serviceAccountFile' ? { token: 1 } : { oidc: 1, sts: 1, generateAccessToken: 1 };
  return {
    reference: `gcpkms://${googleKey}`,
    env: service.env('gha-creds-0123.json'),
    workspace: { 'gha-creds-0123.json': service[file] },
    publicKey: service.publicKey(2),
    service,
    secrets: service.secrets,
    asks: { ...login, list: 1, getPublicKey: 1, asymmetricSign: 'signatures' },
    [Symbol.asyncDispose]: service[Symbol.asyncDispose],
  };
}

async function azure(login: 'cli' | 'federated'): Promise<KeyWorld> {
  const tls = makeCertificates();
  const service = await startAzure({ tls, versions: [{ version: 'a1' }, { version: 'b2' }] });
  const token = service.cliToken();
  const answer = JSON.stringify({
    accessToken: token,
    expiresOn: '2030-01-01 00:00:00.000000',
    tokenType: 'Bearer',
  });
  // The Azure CLI as azure/login leaves it: a session, from which it gives a token for exactly one
  // resource.
  const az = `#!/bin/sh\n[ "$*" = "account get-access-token --resource https://vault.azure.net --output json" ] || exit 2\necho '${answer}'\n`;
  const files = await folder({ 'ca.pem': tls.ca, az });
  await chmod(join(files.path, 'az'), 0o755);
  const session =
    login === 'cli' ? { PATH: `${files.path}:${process.env.PATH}` } : await service.federatedEnv();
  return {
    reference: `azurekms://${service.host}/release`,
    env: { ...session, NODE_EXTRA_CA_CERTS: join(files.path, 'ca.pem') },
    publicKey: service.publicKey('b2'),
    service,
    secrets: service.secrets,
    asks: { ...(login === 'cli' ? {} : { token: 1 }), get: 1, sign: 'signatures' },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await files.remove();
    },
  };
}

async function vault(): Promise<KeyWorld> {
  const service = await startVault({ versions: 3, namespace: 'teams/release', mount: 'images' });
  return {
    reference: 'hashivault://release',
    env: service.env(),
    publicKey: service.publicKey(3),
    service,
    secrets: [vaultToken],
    asks: { read: 1, sign: 'signatures' },
    [Symbol.asyncDispose]: service[Symbol.asyncDispose],
  };
}

async function kubernetes(): Promise<KeyWorld> {
  const fresh = freshKey();
  const password = randomBytes(20).toString('base64url');
  const key = await encryptPrivateKey(
    fresh.privateKey.export({ type: 'pkcs8', format: 'der' }),
    password,
  );
  const service = await startKubernetes({
    secrets: {
      'build/cosign': { 'cosign.key': key, 'cosign.password': password, 'cosign.pub': fresh.spki },
    },
  });
  return {
    reference: 'k8s://build/cosign',
    env: {},
    home: { '.kube/config': service.kubeconfig() },
    publicKey: fresh.publicKey,
    service,
    secrets: [service.token, key, password, fresh.pkcs8],
    asks: { get: 1 },
    [Symbol.asyncDispose]: service[Symbol.asyncDispose],
  };
}

/** Every provider, with a login that its login action leaves. */
export const keyWorlds: readonly (readonly [name: string, start: () => Promise<KeyWorld>])[] = [
  ['AWS KMS', aws],
  ['AWS KMS, RSA', awsRsa],
  ['Google Cloud KMS, workload identity federation', () => google('externalAccountFile')],
  ['Google Cloud KMS, service account', () => google('serviceAccountFile')],
  ['Azure Key Vault, session of the CLI', () => azure('cli')],
  ['Azure Key Vault, federated token', () => azure('federated')],
  ['Vault', vault],
  ['a Kubernetes secret', kubernetes],
];
