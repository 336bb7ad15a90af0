import { Failure } from '../failure.ts';
import { type DockerLogin, dockerLogins } from './docker-config.ts';
import { basic, type Credentials, canonicalRegistry } from './login.ts';

/**
 * The credentials for a repository: its registry (`host[:port]` as in a reference) and its path
 * there. Undefined where nobody has logged in.
 */
export type FindCredentials = (
  registry: string,
  repository: string,
) => Promise<Credentials | undefined>;

export interface CredentialOptions extends DockerLogin {
  /** inputs registry-username and registry-password, and the one registry that they are for */
  readonly explicit?: {
    readonly registry: string;
    readonly username: string;
    readonly password: string;
  };
}

/**
 * Where passwords come from: the inputs for the one registry they were given for, the docker login
 * of the machine for every other. Each secret is masked before it is used. Each repository is looked
 * up once, when first needed.
 * @throws {Failure} `bad-credentials` from the answered function: an unreadable config.json, a
 * credential helper that fails
 */
export function createCredentials(options: CredentialOptions): FindCredentials {
  const logins = dockerLogins(options);
  const found = new Map<string, Promise<Credentials | undefined>>();
  const find = async (registry: string, repository: string): Promise<Credentials | undefined> => {
    const { explicit } = options;
    if (explicit === undefined || canonicalRegistry(explicit.registry) !== registry)
      return logins(registry, repository);
    const { username, password } = explicit;
    options.mask(password);
    options.mask(basic(username, password));
    if (username.includes(':')) throw badUsername();
    return { kind: 'password', username, password };
  };
  return (registry, repository) => {
    const host = canonicalRegistry(registry);
    const key = `${host}/${repository}`;
    const known = found.get(key) ?? find(host, repository);
    found.set(key, known);
    return known;
  };
}

function badUsername(): Failure {
  return new Failure(
    'bad-credentials',
    'The input registry-username has a colon in it, which no user name can have.',
    'Give the name alone: `registry-username: ${{ github.actor }}`, and the password in `registry-password`.',
  );
}
