// Where workflows of the builder are played: a registry like each one that can be chosen, the key
// services, and the logins of clouds.
import type { KeyObject } from 'node:crypto';
import { type Registry, registries, type Signer } from '../../site/builder/choices.ts';
import { registryWords } from '../../site/builder/logins.ts';
import type { Login } from '../examples/play.ts';
import { type Stage, setStage } from '../examples/stage.ts';
import { type KeyWorld, keyWorlds } from '../keys/kms/worlds.ts';
import { type KnownRegistry, startRegistryLike } from '../sandbox/registry-like.ts';

export interface BuilderStage extends Stage {
  readonly vars: Readonly<Record<string, string>>;
  readonly logins: Readonly<Record<string, Login>>;
  readonly keyServices: ReadonlyMap<Signer, KeyWorld>;
}

const hostOf = (registry: Registry): string => registryWords[registry].image.split('/', 1)[0] ?? '';

const services: readonly (readonly [Signer, string])[] = [
  ['awskms', 'AWS KMS'],
  ['gcpkms', 'Google Cloud KMS, workload identity federation'],
  ['azurekms', 'Azure Key Vault, session of the CLI'],
  ['hashivault', 'Vault'],
];

/** Google's registry knows its tokens by this name. */
const tokenUser = 'oauth2accesstoken';

async function likeGoogle(): Promise<KnownRegistry> {
  const password = 'ya29.a-token-of-the-sandbox-that-nobody-else-has';
  const account = { username: tokenUser, password };
  const known = await startRegistryLike('gar', { auth: { kind: 'token', accounts: [account] } });
  return { ...known, credentials: account };
}

export async function setBuilderStage(): Promise<BuilderStage> {
  const others = registries
    .map(({ value }) => value)
    .filter((name) => name !== 'ghcr' && name !== 'ttlsh');
  const more = Object.fromEntries(
    await Promise.all(
      others.map(async (name) => [
        hostOf(name),
        await (name === 'gar' ? likeGoogle() : startRegistryLike(name)),
      ]),
    ),
  ) as Record<string, KnownRegistry>;
  const [stage, worlds] = await Promise.all([
    setStage({ more }),
    Promise.all(
      services.map(async ([signer, name]) => {
        const [, begin] = keyWorlds.find(([world]) => world === name) ?? [];
        if (begin === undefined) throw new Error(`no key service ${name}`);
        return [signer, await begin()] as const;
      }),
    ),
  ]);
  const passwords = others.flatMap((name) => {
    const { login } = registryWords[name];
    const { username = '', password = '' } = more[hostOf(name)]?.credentials ?? {};
    return login === undefined ? [] : [{ login, username, password }];
  });
  return {
    ...stage,
    secrets: {
      ...stage.secrets,
      ...Object.fromEntries(passwords.map((one) => [`${one.login}_TOKEN`, one.password])),
    },
    vars: {
      ...Object.fromEntries(passwords.map((one) => [`${one.login}_USERNAME`, one.username])),
      AWS_ROLE: 'arn:aws:iam::123456789012:role/sign-image',
      AWS_REGION: 'eu-central-1',
      AZURE_CLIENT_ID: '1',
      AZURE_TENANT_ID: '2',
      AZURE_SUBSCRIPTION_ID: '3',
      GOOGLE_WORKLOAD_IDENTITY_PROVIDER: 'projects/1/locations/global/workloadIdentityPools/p',
      GOOGLE_SERVICE_ACCOUNT: 'sign-image@acme.iam.gserviceaccount.com',
      VAULT_ADDR: worlds.find(([signer]) => signer === 'hashivault')?.[1].env.VAULT_ADDR ?? '',
    },
    logins: cloudLogins(),
    keyServices: new Map(worlds),
    close: async () => {
      await stage.close();
      for (const [, world] of worlds) await world[Symbol.asyncDispose]();
    },
  };
}

/** A cloud logs in a job that may ask for a token, and says so to its registry. */
function cloudLogins(): Readonly<Record<string, Login>> {
  const clouds = new WeakMap<object, Set<string>>();
  const enter =
    (name: string, outputs: (stage: Stage) => Record<string, string> = () => ({})): Login =>
    (step, machine, stage) => {
      if (machine.permissions['id-token'] !== 'write')
        throw new Error(`${name}: the job may ask for no token`);
      if (Object.values(step.with).includes('')) throw new Error(`${name}: an empty input`);
      clouds.set(machine, (clouds.get(machine) ?? new Set()).add(name));
      return outputs(stage);
    };
  const docker =
    (registry: string, cloud: string): Login =>
    (_, machine, stage) => {
      if (clouds.get(machine)?.has(cloud) !== true) throw new Error(`not logged in to ${cloud}`);
      const host = stage.placed(registry);
      const { username, password } = stage.credentialsFor(host).credentials ?? {};
      machine.auths[host] = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
      return {};
    };
  return {
    'aws-actions/configure-aws-credentials': enter('aws'),
    'azure/login': enter('azure'),
    'hashicorp/vault-action': enter('vault'),
    'google-github-actions/auth': enter('google', ({ registries: all }) => ({
      access_token: all[hostOf('gar')]?.credentials?.password ?? '',
    })),
    'docker/login-action': (step, machine, stage) => {
      const { registry = 'docker.io', username, password } = step.with;
      if (registry.includes('.dkr.ecr.')) return docker(registry, 'aws')(step, machine, stage);
      if (registry === hostOf('ghcr')) return undefined;
      if (!username || !password) throw new Error(`no password for ${registry}`);
      const auth = Buffer.from(`${username}:${password}`).toString('base64');
      machine.auths[stage.placed(registry)] = { auth };
      return {};
    },
    'Log in to the registry': (step, machine, stage) => {
      const [, name] = /^az acr login --name (\w+)$/.exec(step.run ?? '') ?? [];
      if (name === undefined) return undefined;
      return docker(`${name}.azurecr.io`, 'azure')(step, machine, stage);
    },
  };
}

/** PEM of a public key. */
export const spki = (key: KeyObject): string =>
  key.export({ type: 'spki', format: 'pem' }).toString();
