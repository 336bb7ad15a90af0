import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../image/json.ts';
import { askHelper, type RunHelper } from './credential-helper.ts';
import { basic, type Credentials, canonicalRegistry } from './login.ts';

/** What is needed to read the docker login of a machine. */
export interface DockerLogin {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the user's home folder */
  readonly home: string;
  readonly run: RunHelper;
  /** Is told every secret before anybody else sees it. */
  readonly mask: (secret: string) => void;
}

type Config = Readonly<Record<string, unknown>>;

const largestFile = 1024 * 1024;

/**
 * Reads what `docker login` (or `podman login`) left: `DOCKER_CONFIG`/config.json or
 * ~/.docker/config.json, then podman's auth.json. In each file `credHelpers` comes before
 * `credsStore` before `auths`, as in Docker. The files are read once, when first needed.
 * @throws {Failure} `bad-credentials`, from the answered function
 */
export function dockerLogins(
  options: DockerLogin,
): (registry: string) => Promise<Credentials | undefined> {
  let configs: readonly Config[] | undefined;
  return async (registry) => {
    configs ??= placesOf(options)
      .map(readConfig)
      .filter((config) => config !== undefined);
    for (const config of configs) {
      const credentials =
        (await fromHelper(config, registry, options)) ?? fromAuths(config, registry, options.mask);
      if (credentials !== undefined) return credentials;
    }
    return undefined;
  };
}

/**
 * The keys under which a registry can stand in a config file. Docker Hub has the one it had in
 * 2014.
 */
function keysOf(registry: string): readonly string[] {
  if (canonicalRegistry(registry) !== 'docker.io') return [registry];
  return ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];
}

function placesOf({ env, home }: DockerLogin): readonly string[] {
  const places = [join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json')];
  if (env.REGISTRY_AUTH_FILE) places.push(env.REGISTRY_AUTH_FILE);
  else if (env.XDG_RUNTIME_DIR) places.push(join(env.XDG_RUNTIME_DIR, 'containers', 'auth.json'));
  return places;
}

function readConfig(path: string): Config | undefined {
  let bytes: Buffer;
  try {
    if (statSync(path).size > largestFile) throw unreadable(path, 'it is larger than 1 MiB');
    bytes = readFileSync(path);
  } catch (caught) {
    if (caught instanceof Failure) throw caught;
    const code = (caught as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, `it cannot be read (${code})`, caught);
  }
  const reading = readJson(bytes, 32);
  if ('problem' in reading) throw unreadable(path, reading.problem);
  if (!isJsonObject(reading.value)) throw unreadable(path, 'it is not a JSON object');
  return reading.value;
}

async function fromHelper(
  config: Config,
  registry: string,
  { run, mask }: DockerLogin,
): Promise<Credentials | undefined> {
  const keys = keysOf(registry);
  const helpers = isJsonObject(config.credHelpers) ? config.credHelpers : {};
  const ownKey = keys.find((key) => Object.hasOwn(helpers, key));
  const name = ownKey === undefined ? config.credsStore : helpers[ownKey];
  if (typeof name !== 'string' || name === '') return undefined;
  return askHelper(name, ownKey ?? keys[0] ?? registry, run, mask);
}

function fromAuths(
  config: Config,
  registry: string,
  mask: (secret: string) => void,
): Credentials | undefined {
  const auths = isJsonObject(config.auths) ? config.auths : {};
  const keys = keysOf(registry);
  const exact = keys.find((key) => Object.hasOwn(auths, key));
  const key = exact ?? Object.keys(auths).find((written) => keys.includes(hostOf(written)));
  const entry = key === undefined ? undefined : auths[key];
  if (!isJsonObject(entry)) return undefined;
  const text = (field: string) =>
    typeof entry[field] === 'string' && entry[field] !== '' ? entry[field] : undefined;
  for (const field of ['auth', 'password', 'identitytoken', 'registrytoken']) {
    const secret = text(field);
    if (secret !== undefined) mask(secret);
  }
  const registryToken = text('registrytoken');
  if (registryToken !== undefined) return { kind: 'registry-token', token: registryToken };
  const identityToken = text('identitytoken');
  if (identityToken !== undefined) return { kind: 'identity-token', token: identityToken };
  return passwordOf(text('auth'), text('username'), text('password'), mask);
}

/** `auth` is base64 of `username:password`; it wins over the two fields, as in Docker. */
function passwordOf(
  auth: string | undefined,
  username: string | undefined,
  password: string | undefined,
  mask: (secret: string) => void,
): Credentials | undefined {
  const decoded =
    auth === undefined ? '' : Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  const pair =
    colon > 0
      ? { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
      : { username, password };
  if (pair.username === undefined || pair.password === undefined || pair.password === '')
    return undefined;
  mask(pair.password);
  mask(basic(pair.username, pair.password));
  if (pair.username === '<token>') return { kind: 'identity-token', token: pair.password };
  return { kind: 'password', username: pair.username, password: pair.password };
}

/** `https://ghcr.io/v2/` → `ghcr.io`: older logins wrote addresses. */
function hostOf(key: string): string {
  return key
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '');
}

function unreadable(path: string, problem: string, cause?: unknown): Failure {
  return new Failure(
    'bad-credentials',
    `The docker login in ${path} cannot be used: ${problem}.`,
    'Log in again before this step (docker/login-action), or give `registry-username` and `registry-password`.',
    { cause },
  );
}
