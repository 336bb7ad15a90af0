import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { askHelper, type HelperTools } from './credential-helper.ts';
import { type Credentials, canonicalRegistry, entryCredentials } from './login.ts';

/** What is needed to read the docker login of a machine. */
export interface DockerLogin extends HelperTools {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the user's home folder */
  readonly home: string;
}

interface Config {
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}
/** One answer of a credential helper for each server: a helper may ask a person or a service. */
type Asked = Map<string, Promise<Credentials | undefined>>;

const largestFile = 1024 * 1024;

/**
 * Reads what `docker login` and `podman login` left: `REGISTRY_AUTH_FILE`, then
 * `DOCKER_CONFIG`/config.json or ~/.docker/config.json, then podman's own files. The first file
 * that has a login counts. In each, `credHelpers` comes first, then the longest key of `auths` that
 * names the repository or a namespace above it (containers-auth.json(5)), then `credsStore`, then
 * the key of the registry (as in Docker). The files are read once, when first needed.
 * @returns a function of the registry (`ghcr.io`) and the repository in it (`acme/app`)
 * @throws {Failure} `bad-credentials`, from the answered function
 */
export function dockerLogins(
  options: DockerLogin,
): (registry: string, repository: string) => Promise<Credentials | undefined> {
  let configs: readonly Config[] | undefined;
  const asked: Asked = new Map();
  return async (registry, repository) => {
    configs ??= placesOf(options)
      .map(readConfig)
      .filter((config) => config !== undefined);
    for (const config of configs) {
      const credentials = await loginIn(config, { registry, repository }, options, asked);
      if (credentials !== undefined) return credentials;
    }
    return undefined;
  };
}

/**
 * True where buildx has a login for this registry that belongs to it alone: docker/login-action with
 * `scope` stores one in `buildx/config/REGISTRY[/REPOSITORY][@SCOPE]`, where only builds look.
 */
export function hasScopedLogin(
  { env, home }: Pick<DockerLogin, 'env' | 'home'>,
  registry: string,
): boolean {
  const buildx = env.BUILDX_CONFIG || join(env.DOCKER_CONFIG || join(home, '.docker'), 'buildx');
  const canonical = canonicalRegistry(registry);
  const host = canonical === 'docker.io' ? 'registry-1.docker.io' : canonical;
  try {
    const names = readdirSync(join(buildx, 'config')).map((name) => name.toLowerCase());
    return names.some((name) => name === host || name.startsWith(`${host}@`));
  } catch {
    return false; // there is no such folder
  }
}

interface Place {
  readonly registry: string;
  readonly repository: string;
}

async function loginIn(
  { path, content }: Config,
  place: Place,
  login: DockerLogin,
  asked: Asked,
): Promise<Credentials | undefined> {
  const keys = keysOf(place.registry);
  const helpers = isJsonObject(content.credHelpers) ? content.credHelpers : {};
  const auths = isJsonObject(content.auths) ? content.auths : {};
  const ask = (name: unknown, server: string) => {
    if (typeof name !== 'string' || name === '') return undefined;
    const question = JSON.stringify([name, server]);
    const answer = asked.get(question) ?? askHelper(name, server, login);
    asked.set(question, answer);
    return answer;
  };
  const inAuths = (key: string | undefined) =>
    key === undefined
      ? undefined
      : entryCredentials(auths[key], login.mask, (problem) =>
          unreadable(path, `its login for ${key} ${problem}`),
        );
  const helped = keys.find((key) => Object.hasOwn(helpers, key));
  return (
    (helped === undefined ? undefined : await ask(helpers[helped], helped)) ??
    inAuths(namespaceKeys(keys, place.repository).find((key) => Object.hasOwn(auths, key))) ??
    (helped === undefined ? await ask(content.credsStore, keys[0] ?? place.registry) : undefined) ??
    inAuths(registryKey(keys, auths))
  );
}

/**
 * The keys under which a registry can stand in a config file. Docker Hub has the one it had in
 * 2014.
 */
function keysOf(registry: string): readonly string[] {
  if (canonicalRegistry(registry) !== 'docker.io') return [registry];
  return ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];
}

/** `ghcr.io/acme/team/app`, `ghcr.io/acme/team`, `ghcr.io/acme`: whole parts of the path only. */
function namespaceKeys(hosts: readonly string[], repository: string): readonly string[] {
  const parts = repository.split('/');
  const paths = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  const plain = hosts.filter((host) => !host.includes('/'));
  return paths.flatMap((path) => plain.map((host) => `${host}/${path}`));
}

function registryKey(
  keys: readonly string[],
  auths: Readonly<Record<string, unknown>>,
): string | undefined {
  return (
    keys.find((key) => Object.hasOwn(auths, key)) ??
    Object.keys(auths).find((written) => keys.includes(hostOf(written)))
  );
}

/**
 * `https://ghcr.io/v2/`, `ghcr.io/v1/`, `ghcr.io/` → `ghcr.io`: older logins wrote addresses. A key
 * with any other path and without a scheme names a namespace: its password is not for the rest of
 * the registry.
 */
function hostOf(key: string): string {
  const lower = key.toLowerCase();
  const address = lower.replace(/^https?:\/\//, '');
  return address === lower ? lower.replace(/\/(v[12]\/?)?$/, '') : address.replace(/\/.*$/s, '');
}

function placesOf({ env, home }: DockerLogin): readonly string[] {
  const docker = join(dockerFolder(env.DOCKER_CONFIG) ?? join(home, '.docker'), 'config.json');
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE, docker];
  const runtime = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? ''}`;
  const podman = env.XDG_RUNTIME_DIR
    ? join(runtime, 'containers', 'auth.json')
    : join(runtime, 'auth.json');
  const lasting = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers', 'auth.json');
  return [docker, podman, lasting];
}

/** `docker` finds nothing below a file, and says nothing: then everybody looks for the password. */
function dockerFolder(folder: string | undefined): string | undefined {
  if (!folder) return undefined;
  if (statSync(folder, { throwIfNoEntry: false })?.isFile() !== true) return folder;
  const isDocker = basename(folder) === 'config.json';
  throw new Failure(
    'bad-credentials',
    `DOCKER_CONFIG names the file ${folder}; it has to name the folder that config.json is in, or nothing in it is read.`,
    isDocker
      ? `Name the folder:\nenv:\n  DOCKER_CONFIG: ${dirname(folder)}`
      : `Another variable names a file of another name:\nenv:\n  REGISTRY_AUTH_FILE: ${folder}`,
  );
}

/** A file that is not there, empty or blank holds no login (so do Docker and podman). */
function readConfig(path: string): Config | undefined {
  let bytes: Buffer;
  try {
    if (statSync(path).size > largestFile) throw unreadable(path, 'it is larger than 1 MiB');
    bytes = readFileSync(path);
  } catch (caught) {
    if (caught instanceof Failure) throw caught;
    const code = (caught as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const why = code === 'EISDIR' ? 'it is a folder' : `it cannot be read (${code})`;
    throw unreadable(path, why, caught);
  }
  if (bytes.toString('utf8').trim() === '') return undefined;
  const reading = readJson(bytes, 32);
  if ('problem' in reading) throw unreadable(path, reading.problem);
  if (!isJsonObject(reading.value)) throw unreadable(path, 'it is not a JSON object');
  return { path, content: reading.value };
}

function unreadable(path: string, problem: string, cause?: unknown): Failure {
  return new Failure(
    'bad-credentials',
    `The docker login in ${path} cannot be used: ${problem}.`,
    'Log in again before this step (docker/login-action), or give `registry-username` and `registry-password`.',
    { cause },
  );
}
