import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Http, HttpRequest, HttpResponse, RetryBudget } from '../http/http.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { Access, Circumstances } from './answers.ts';
import { createAuthorizer } from './auth.ts';
import { createEndpoint } from './endpoint.ts';
import type { Credentials } from './login.ts';

/**
 * Harbor refuses to show an image that is not signed yet, with "deployment security" on, but to a
 * client that may push and has `cosign` in its name: it has to read what it is about to sign.
 */
const userAgent = 'sign-image (as cosign)';
const maxHops = 5;
/** Milliseconds: a silent try ends after 30 s, and there is time to begin another. */
export const silentBudget = 45_000;

export interface RegistryOptions {
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  /** the login for a repository of a registry, as `createCredentials` finds it */
  readonly credentials: (registry: string, repository: string) => Promise<Credentials | undefined>;
  /** whether buildx alone has a login for a registry, for messages (`hasScopedLogin`) */
  readonly scopedLogin?: (registry: string) => boolean;
  /** `pull,push` when this run will write: one token then serves everything */
  readonly access: Access;
  /**
   * repositories that this run only reads all the same: a login that may not write to them is
   * enough
   */
  readonly readOnly?: (name: RepositoryName) => boolean;
  /** input allow-http-registry: plain HTTP, for every registry of this run */
  readonly allowHttp?: boolean;
  /** input allow-insecure-registry: any TLS certificate */
  readonly allowInsecure?: boolean;
  /** Is told every token before it is used. */
  readonly mask: (secret: string) => void;
  /** 30 s when absent, and one more try for a registry that went silent */
  readonly retryBudget?: RetryBudget;
  /** connections to one registry, at most; 32 when absent */
  readonly atOnce?: number;
}

/** A request about one repository. */
export interface RegistryRequest {
  readonly method: HttpRequest['method'];
  /**
   * below the origin of the registry: `/v2/acme/app/manifests/v1` with its query, or a whole URL,
   * which may be on another host
   */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  /** instead of the registry's */
  readonly retryBudget?: RetryBudget;
  /** as in HttpRequest */
  readonly grace?: number;
  readonly timeout?: number;
  readonly upload?: NonNullable<HttpRequest['upload']>;
  readonly receive?: NonNullable<HttpRequest['receive']>;
  /** another repository of this registry that is read on the way: a blob is mounted from it */
  readonly alsoPull?: string;
}

/** One registry for a whole run: its address and its authorization, found out once. */
export interface Connection {
  /** `https://ghcr.io` */
  origin(): string;
  /**
   * With the repository's authorization, which goes to the registry's own origin only. A write that
   * is answered with 307 or 308 is sent again to the address that the registry names, at most five
   * times.
   */
  send(repository: string, request: RegistryRequest): Promise<HttpResponse>;
  circumstances(repository: string): Promise<Circumstances>;
}

/**
 * Prepares to talk to a registry; nothing is sent yet.
 * @param registry as in a reference: `docker.io`
 * @param host that is contacted: `registry-1.docker.io`
 */
export function connect(registry: string, host: string, options: RegistryOptions): Connection {
  const {
    http,
    clock,
    mask,
    allowHttp = false,
    allowInsecure = false,
    retryBudget = { failing: 30_000, asked: 30_000, silent: silentBudget },
    atOnce = 32,
  } = options;
  const tls = allowInsecure ? 'skip' : 'verify';
  const endpoint = createEndpoint({ http, clock }, host, allowHttp);
  const credentials = (repository: string) => options.credentials(registry, repository);
  // Nearly every registry wants a token, so waiting for the first answer costs nothing. One on this
  // machine mostly is open.
  const expectsChallenge = async (repository: string) =>
    !endpoint.loopback || (await credentials(repository)) !== undefined;
  const { origin } = endpoint;
  const access = (repository: string): Access =>
    options.readOnly?.({ registry, repository }) === true ? 'pull' : options.access;
  const ping = () =>
    endpoint.send((at) => ({
      method: 'GET',
      url: new URL('/v2/', at),
      maxBytes: 64 * 1024,
      retryBudget,
      tls,
    }));
  const circumstances = async (repository: string): Promise<Circumstances> => {
    const loggedIn = (await credentials(repository)) !== undefined;
    const scopedLogin = !loggedIn && options.scopedLogin?.(registry) === true;
    return { registry, access: access(repository), loggedIn, scopedLogin };
  };
  const authorize = createAuthorizer({
    http,
    clock,
    access,
    origin,
    credentials,
    circumstances,
    expectsChallenge,
    ping,
    allowHttp,
    tls,
    mask,
    retryBudget,
  });
  const sendOnce = (repository: string, request: RegistryRequest) => {
    const { path, alsoPull, ...rest } = request;
    const headers = { 'user-agent': userAgent, ...rest.headers };
    const complete = { retryBudget, atOnce, ...rest, headers };
    if (path instanceof URL && path.origin !== origin()) return http({ ...complete, url: path });
    const below = path instanceof URL ? path.pathname + path.search : path;
    const sendWith = (authorization: string | undefined) =>
      endpoint.send((at) => ({
        ...complete,
        url: new URL(at + below),
        tls,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      }));
    return authorize(repository, sendWith, alsoPull);
  };
  const send = async (repository: string, request: RegistryRequest) => {
    let response = await sendOnce(repository, request);
    for (let hops = 0; hops < maxHops && isMoved(request, response); hops++)
      response = await sendOnce(repository, { ...request, path: locationOf(response) });
    return response;
  };
  return { origin, send, circumstances };
}

/**
 * Reads follow redirects by themselves (http/redirect.ts). A write does so only where method and
 * body have to stay the same (RFC 9110, 15.4.8 and 15.4.9): what is written to a registry is public,
 * and no credentials go along.
 */
function isMoved({ method }: RegistryRequest, { status, headers }: HttpResponse): boolean {
  const isWrite = method !== 'GET' && method !== 'HEAD';
  return isWrite && (status === 307 || status === 308) && headers.location !== undefined;
}

/**
 * Where a registry says that something goes on: an upload, or a request that it moves. `Location`
 * may be relative, or on another host; its query belongs to the registry.
 * @throws {Failure} `registry-error` where there is none, or where it leaves TLS
 */
export function locationOf(response: HttpResponse): URL {
  const { url, headers } = response;
  const location = URL.parse(headers.location ?? '', url.href);
  if (location === null || headers.location === undefined || !/^https?:$/.test(location.protocol))
    throw badLocation(response);
  // Registries behind a proxy that ends TLS often name themselves with http; then TLS on the same
  // host is what they mean.
  if (url.protocol === 'https:' && location.protocol === 'http:') {
    if (location.hostname !== url.hostname) throw badLocation(response);
    location.protocol = 'https:';
    location.port = url.port;
  }
  location.username = '';
  location.password = '';
  return location;
}

function badLocation({ url }: HttpResponse): Failure {
  return new Failure(
    'registry-error',
    `${url.host} began an upload without saying where it goes on (or it goes on without TLS).`,
    'Report this to the operator of the registry; behind a proxy, it must know its own https address.',
  );
}
