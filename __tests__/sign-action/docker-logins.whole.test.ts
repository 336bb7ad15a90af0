// Where the built action finds a login for a registry that wants one: all that docker and podman
// leave on a machine.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey } from './keyed-world.ts';
import { type SignedOptions, signed } from './signed.ts';

const key = makeKey();
const account = { username: 'octocat', password: 'pAss-w0rd-of-a-registry' };
const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
const wrong = Buffer.from(`${account.username}:another-password`).toString('base64');
const auths = (entries: Readonly<Record<string, unknown>>) => JSON.stringify({ auths: entries });

async function run(options: (host: string) => Pick<SignedOptions, 'home' | 'workspace' | 'env'>) {
  await using plain = await startRegistry();
  const image = await pushImage(plain.host, 'acme/team/app');
  await using registry = await startRegistry({ auth: { kind: 'token', accounts: [account] } });
  const { blobs, manifests } = plain.store.open('acme/team/app');
  for (const bytes of blobs.values()) registry.store.addBlob('acme/team/app', bytes);
  for (const { bytes, mediaType } of manifests.values())
    registry.store.addManifest('acme/team/app', bytes, mediaType);
  const reference = `${registry.host}/acme/team/app@${image.digest}`;
  return await signed(keyedInputs(reference, key), {
    ...options(registry.host),
    secrets: [account.password, auth],
  });
}

describe.concurrent('a login that is found', () => {
  it.each<[string, (host: string) => Pick<SignedOptions, 'home' | 'workspace' | 'env'>]>([
    [
      'of the registry',
      (host) => ({ home: { '.docker/config.json': auths({ [host]: { auth } }) } }),
    ],
    [
      'of a namespace, beside one of the registry that is of no use',
      (host) => ({
        home: {
          '.docker/config.json': auths({ [host]: { auth: wrong }, [`${host}/acme`]: { auth } }),
        },
      }),
    ],
    [
      'of the repository, beside one of its namespace that is of no use',
      (host) => ({
        home: {
          '.docker/config.json': auths({
            [`${host}/acme`]: { auth: wrong },
            [`${host}/acme/team/app`]: { auth },
            [`${host}/acme/team`]: { auth: wrong },
          }),
        },
      }),
    ],
    [
      'in REGISTRY_AUTH_FILE, beside an older one in config.json',
      (host) => ({
        env: { REGISTRY_AUTH_FILE: 'podman-auth.json' },
        workspace: { 'podman-auth.json': auths({ [host]: { auth } }) },
        home: { '.docker/config.json': auths({ [host]: { auth: wrong } }) },
      }),
    ],
    [
      'in config.json, beside a blank REGISTRY_AUTH_FILE',
      (host) => ({
        env: { REGISTRY_AUTH_FILE: 'podman-auth.json' },
        workspace: { 'podman-auth.json': '\n' },
        home: { '.docker/config.json': auths({ [host]: { auth } }) },
      }),
    ],
    [
      "in podman's lasting file, beside an empty config.json",
      (host) => ({
        home: {
          '.docker/config.json': '',
          '.config/containers/auth.json': auths({ [host]: { auth } }),
        },
      }),
    ],
  ])('%s', async (_, options) => {
    const result = await run(options);
    expect(result, result.shown).toMatchObject({ code: 0, results: [{ verified: true }] });
  });
});

describe.concurrent('a login that cannot be used is told', () => {
  it.each<
    [string, string, string, (host: string) => Pick<SignedOptions, 'home' | 'workspace' | 'env'>]
  >([
    [
      'of another namespace',
      'registry-denied',
      'this job has none for it.',
      (host) => ({ home: { '.docker/config.json': auths({ [`${host}/other`]: { auth } }) } }),
    ],
    [
      'that docker/login-action stored with `scope`',
      'registry-denied',
      'docker/login-action with `scope` has stored one for buildx alone',
      (host) => ({
        home: {
          [`.docker/buildx/config/${host}@push/config.json`]: auths({ [host]: { auth } }),
        },
      }),
    ],
    [
      'without a colon',
      'bad-credentials',
      'has an `auth` without a colon',
      (host) => ({
        home: {
          '.docker/config.json': auths({
            [host]: { auth: Buffer.from(account.password).toString('base64') },
          }),
        },
      }),
    ],
    [
      'below a DOCKER_CONFIG that is a file',
      'bad-credentials',
      'DOCKER_CONFIG names the file',
      (host) => ({
        env: { DOCKER_CONFIG: 'config.json' },
        workspace: { 'config.json': auths({ [host]: { auth } }) },
      }),
    ],
  ])('%s', async (_, code, sentence, options) => {
    const result = await run(options);
    expect(result, result.shown).toMatchObject({ code: 1, errorCodes: [code] });
    expect(result.shown).toContain(sentence);
  });
});
