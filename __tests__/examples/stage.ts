// Where examples are played: registries in place of those they name, a Sigstore in place of the
// public one, keys in place of the secrets.
import { generateKeyPairSync } from 'node:crypto';
import { encryptPrivateKey } from '../../src/keys/encrypted.ts';
import type { Credentials } from '../sandbox/registry-client.ts';
import { type KnownRegistry, startRegistryLike } from '../sandbox/registry-like.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';

export interface Stage {
  /** the registry that stands for a host, such as `ghcr.io` */
  readonly registries: Readonly<Record<string, KnownRegistry>>;
  readonly sigstore: Sigstore;
  readonly secrets: Readonly<Record<string, string>>;
  /** PEM of the key in the secrets, and of one that signed nothing */
  readonly publicKey: string;
  readonly strangersKey: string;
  /** a text with the hosts of the stage in place of those it names */
  placed(text: string): string;
  /** who may push to the registry at this host of the stage */
  credentialsFor(host: string): { credentials?: Credentials };
  close(): Promise<void>;
}

/** With `open`, the registry that stands for ghcr.io asks for no login, as for public packages. */
export async function setStage({
  open = false,
  more = {},
}: {
  readonly open?: boolean;
  /** registries that stand for other hosts */
  readonly more?: Readonly<Record<string, KnownRegistry>>;
} = {}): Promise<Stage> {
  const [ghcr, production, ttl, sigstore] = await Promise.all([
    startRegistryLike(open ? 'ttlsh' : 'ghcr'),
    startRegistryLike('harbor'),
    startRegistryLike('ttlsh'),
    startSigstore(),
  ]);
  const registries = {
    'ghcr.io': ghcr,
    'registry.example.com': production,
    'ttl.sh': ttl,
    ...more,
  };
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const password = 'a password only for the examples';
  const pem = (key: typeof publicKey) => key.export({ type: 'spki', format: 'pem' }).toString();
  return {
    registries,
    sigstore,
    secrets: {
      GITHUB_TOKEN: ghcr.credentials?.password ?? 'ghs_tokenOfTheJobtokenOfTheJobtokenOfThe',
      COSIGN_PRIVATE_KEY: await encryptPrivateKey(
        privateKey.export({ type: 'pkcs8', format: 'der' }),
        password,
      ),
      COSIGN_PASSWORD: password,
      PRODUCTION_USERNAME: production.credentials?.username ?? '',
      PRODUCTION_PASSWORD: production.credentials?.password ?? '',
    },
    publicKey: pem(publicKey),
    strangersKey: pem(stranger),
    placed: (text) =>
      Object.entries(registries).reduce(
        (all, [name, { registry }]) => all.replaceAll(name, registry.host),
        text,
      ),
    credentialsFor: (host) => {
      const credentials = Object.values(registries).find(
        ({ registry }) => registry.host === host,
      )?.credentials;
      return credentials === undefined ? {} : { credentials };
    },
    close: async () => {
      await Promise.all([
        sigstore.close(),
        ...Object.values(registries).map(({ registry }) => registry.close()),
      ]);
    },
  };
}
