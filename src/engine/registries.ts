import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { isSameRepository, type RepositoryName } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { Target } from '../image/targets.ts';
import type { Access } from '../registry/answers.ts';
import { openRegistry } from '../registry/client.ts';
import type { RegistryOptions } from '../registry/connection.ts';
import { createCredentials } from '../registry/credentials.ts';
import { hasScopedLogin } from '../registry/docker-config.ts';
import type { CopyRepository, Repository } from '../registry/repository.ts';
import { RunMemory } from '../registry/run-memory.ts';
import type { StoreOptions } from '../registry/store.ts';
import type { RegistryRequest } from './request.ts';
import type { World } from './world.ts';

/** The registries of one run. */
export interface Registries<Store = unknown> {
  readonly open: (name: RepositoryName) => CopyRepository;
  /**
   * where the signatures of an image lie
   * @param place a repository for this image alone
   */
  readonly store: (image: Pick<Image, 'name' | 'digest'>, place?: RepositoryName) => Store;
}

export interface RegistrySetting {
  readonly request: RegistryRequest;
  /** what the login of the request is decided by */
  readonly targets: readonly Pick<Target, 'reference' | 'source'>[];
  readonly access: Access;
  /** where the signatures of all images lie; absent: in the repository of each */
  readonly signatureRepository?: RepositoryName | undefined;
  readonly limits?: Pick<RegistryOptions, 'retryBudget' | 'atOnce'>;
  /** put around every repository of this run */
  readonly around?: (open: Registries['open']) => Registries['open'];
  /**
   * told when the bytes of a signature have been asked for: soon there will be something to judge
   */
  readonly onSignature?: () => void;
}

/**
 * How this run talks to registries: credentials from the inputs, else from the docker login of the
 * machine.
 * @throws {Failure} `bad-input`, see `loginRegistry`
 */
export function registryOptions(
  setting: Omit<RegistrySetting, 'around' | 'onSignature'>,
  { http, clock, programs, env, files, mask: masker }: World,
): RegistryOptions {
  const { request, targets, access, signatureRepository, limits = {} } = setting;
  const { username, password, allowHttp, allowInsecure } = request;
  const registry = loginRegistry(request, targets);
  const explicit =
    registry === undefined || username === undefined || password === undefined
      ? {}
      : { explicit: { registry, username, password } };
  const machine = { env, home: files.home };
  const credentials = createCredentials({
    ...explicit,
    ...machine,
    run: async (command, args, stdin) => {
      const end = await programs(command, args, { stdin: Buffer.from(stdin) });
      return 'stopped' in end ? end : { ...end, stdout: end.stdout.toString('utf8') };
    },
    mask: masker.mask,
  });
  return {
    http,
    clock,
    credentials,
    scopedLogin: (name) => hasScopedLogin(machine, name),
    access,
    // Where signatures go elsewhere, nothing is written beside the images.
    readOnly: (name) =>
      signatureRepository !== undefined && !isSameRepository(name, signatureRepository),
    allowHttp,
    allowInsecure,
    mask: masker.mask,
    ...limits,
  };
}

/**
 * Opens the registries of a run. Nothing is requested before it is needed.
 * @param openStore how the place of signatures is opened: `openReader`, or `openStore`, whose code
 * is only loaded where it is named
 * @throws {Failure} `bad-input`, see `loginRegistry`
 */
export function openRegistries<Store>(
  setting: RegistrySetting,
  world: World,
  openStore: (repository: Repository, image: Digest, options: StoreOptions) => Store,
): Registries<Store> {
  const { signatureRepository, around, onSignature = () => {} } = setting;
  const { clock, deadline, tell } = world;
  const bare = openRegistry(registryOptions(setting, world));
  const open = around?.(bare) ?? bare;
  const shared = { clock, deadline, memory: new RunMemory() };
  const onUnlisted = (name: string) =>
    tell({
      kind: 'notice',
      text: `The referrers API of ${name} does not list what the registry took, so the bundle is listed under the referrers tag (sha256-…) as well, where other tools look too.`,
    });
  const store: Registries<Store>['store'] = (image, place = signatureRepository ?? image.name) => {
    const repository = open(place);
    const getBlob: Repository['getBlob'] = (...blob) => {
      const bytes = repository.getBlob(...blob);
      setImmediate(onSignature); // on a connection that stands, the request has left by then
      return bytes;
    };
    return openStore({ ...repository, getBlob }, image.digest, { ...shared, onUnlisted });
  };
  return { open, store };
}

/**
 * The registry that the login of the inputs goes to: input `registry`, else the one that all
 * entries of `images` are on. What `files` and `metadata` name has no say.
 * @returns undefined without a login
 * @throws {Failure} `bad-input` that lists them, where `images` lie on several
 */
export function loginRegistry(
  { host, username }: Pick<RegistryRequest, 'host' | 'username'>,
  targets: readonly Pick<Target, 'reference' | 'source'>[],
): string | undefined {
  if (username === undefined) return undefined;
  if (host !== undefined) return host;
  const named = targets.filter(({ source }) => source === 'images');
  const different = [...new Set(named.map(({ reference }) => reference.registry))];
  if (different.length < 2) return different[0];
  throw new Failure(
    'bad-input',
    `registry-username and registry-password are for one registry, and the images are on ${different.length}: ${different.slice(0, 5).join(', ')}.`,
    'Name the one that they are for in `registry`, and log in to the others with docker/login-action before this step.',
  );
}
