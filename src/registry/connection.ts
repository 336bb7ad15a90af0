import type { Clock } from '../clock.ts';
import type { Http, HttpRequest, HttpResponse, Patience } from '../http/http.ts';
import type { Access, Circumstances } from './answers.ts';
import { createAuthorizer } from './auth.ts';
import { createEndpoint } from './endpoint.ts';
import type { Credentials } from './login.ts';

export interface RegistryOptions {
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  /** the login for a repository of a registry, as `createCredentials` finds it */
  readonly credentials: (registry: string, repository: string) => Promise<Credentials | undefined>;
  /** whether buildx alone has a login for a registry, for messages (`hasScopedLogin`) */
  readonly scopedLogin?: (registry: string) => boolean;
  /** `pull,push` when this run will write: one token then serves everything */
  readonly access: Access;
  /** input allow-http-registry: plain HTTP, for every registry of this run */
  readonly allowHttp?: boolean;
  /** input allow-insecure-registry: any TLS certificate */
  readonly allowInsecure?: boolean;
  /** Is told every token before it is used. */
  readonly mask: (secret: string) => void;
  /** 30 s when absent */
  readonly patience?: Patience;
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
  readonly patience?: Patience;
  /** as in HttpRequest */
  readonly grace?: number;
}

/** One registry for a whole run: its address and its authorization, found out once. */
export interface Connection {
  /** `https://ghcr.io` */
  origin(): string;
  /** With the repository's authorization, which goes to the registry's own origin only. */
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
    access,
    mask,
    allowHttp = false,
    allowInsecure = false,
    patience = 30_000,
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
  const ping = () =>
    endpoint.send((at) => ({
      method: 'GET',
      url: new URL('/v2/', at),
      maxBytes: 64 * 1024,
      patience,
      tls,
    }));
  const circumstances = async (repository: string): Promise<Circumstances> => {
    const loggedIn = (await credentials(repository)) !== undefined;
    const scopedLogin = !loggedIn && options.scopedLogin?.(registry) === true;
    return { registry, access, loggedIn, scopedLogin };
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
    patience,
  });
  const send = (repository: string, request: RegistryRequest) => {
    const { path, ...rest } = request;
    const complete = { patience, atOnce, ...rest };
    if (path instanceof URL && path.origin !== origin()) return http({ ...complete, url: path });
    const below = path instanceof URL ? path.pathname + path.search : path;
    return authorize(repository, (authorization) =>
      endpoint.send((at) => ({
        ...complete,
        url: new URL(at + below),
        tls,
        headers: { ...rest.headers, ...(authorization === undefined ? {} : { authorization }) },
      })),
    );
  };
  return { origin, send, circumstances };
}
