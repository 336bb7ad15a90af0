import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Surroundings } from './own-port.ts';
import { type Auth, Door } from './registry-auth.ts';
import { plain, type Switches } from './registry-behaviours.ts';
import {
  answerBlob,
  answerUpload,
  type BlobSetting,
  beginUpload,
  blobReply,
} from './registry-blobs.ts';
import { answerWithFault, type Fault } from './registry-faults.ts';
import {
  type Asked,
  jsonReply,
  type Listener,
  type ListenerName,
  listen,
  pageNotFound,
  type Reply,
  refusal,
  send,
  type TlsFiles,
} from './registry-http.ts';
import { answerReferrers, answerTags } from './registry-lists.ts';
import { answerManifest, isUnsigned } from './registry-manifests.ts';
import { RegistryStore } from './registry-store.ts';

export interface RegistryOptions extends Partial<Switches>, Surroundings {
  readonly auth?: Auth;
  readonly tls?: TlsFiles;
  /** Called for every request; what it answers goes wrong. */
  readonly faults?: (asked: Asked, index: number) => Fault | undefined;
  /**
   * A hostile registry: answers instead of, or (with `usual`) after the honest handlers. Runs after
   * authentication.
   */
  readonly override?: (
    asked: Asked,
    usual: () => Reply,
  ) => Reply | undefined | Promise<Reply | undefined>;
}

/** One line of a registry's log. */
export interface LoggedRequest {
  readonly listener: ListenerName;
  readonly method: string;
  /** with its query */
  readonly path: string;
  /** what was answered, or the fault that prevented it */
  status: number | Fault['kind'] | undefined;
  /** the scheme only: a log must not hold credentials */
  readonly authorization: 'none' | 'basic' | 'bearer' | 'other';
  readonly userAgent: string | undefined;
}

export interface SandboxRegistry {
  /** 127.0.0.1:PORT, for references */
  readonly host: string;
  /** http(s)://127.0.0.1:PORT */
  readonly url: string;
  readonly store: RegistryStore;
  readonly requests: LoggedRequest[];
  /** credentials that came to a host they were not meant for; close() throws when there are any */
  readonly leaks: string[];
  readonly door: Door;
  /** Replaces the fault and override hooks. */
  set(hooks: Pick<RegistryOptions, 'faults' | 'override'>): void;
  /** Ends every connection. @throws Error when credentials leaked */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const pathGrammar = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/(.*)$/;
// distribution's reference grammar: components of lower-case letters and digits, with single
// separators between them
const nameGrammar =
  /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;

/**
 * Starts an OCI registry (distribution spec 1.1) in memory, on a free port of 127.0.0.1. Without
 * options it is docker-registry 2.8 with every check; `registry-behaviours.ts` has the others:
 * `startRegistry({ ...behaviours.ghcr.switches })`.
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<SandboxRegistry> {
  const auth = options.auth ?? { kind: 'none' };
  const clock = options.clock ?? systemClock;
  const state: State = {
    switches: { ...plain, ...options },
    hooks: { ...options },
    store: Object.assign(new RegistryStore(), { now: clock.now }),
    door: Object.assign(new Door(auth), { now: clock.now }),
    clock,
    requests: [],
    leaks: [],
    signature: randomBytes(16).toString('hex'),
    recent: [],
    listeners: new Map(),
  };
  const names: ListenerName[] = [
    'registry',
    'storage',
    'uploads',
    ...(auth.kind === 'token' && auth.ownPort === true ? (['token'] as const) : []),
  ];
  for (const name of names) {
    const listener = await listen(
      name,
      (asked, response) => serve(state, { ...asked, index: state.requests.length }, response),
      options,
    );
    state.listeners.set(name, listener);
  }
  const main = state.listeners.get('registry')!;
  state.door.realm = (asked) => `${state.listeners.get('token')?.origin ?? asked.url.origin}/token`;
  const close = async () => {
    await Promise.all([...state.listeners.values()].map((listener) => listener.close()));
    if (state.leaks.length > 0)
      throw new Error(`credentials were sent where they must not go: ${state.leaks.join('; ')}`);
  };
  return {
    host: `127.0.0.1:${main.port}`,
    url: main.origin,
    store: state.store,
    requests: state.requests,
    leaks: state.leaks,
    door: state.door,
    set: (hooks) => Object.assign(state.hooks, hooks),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface State {
  readonly switches: Switches;
  readonly hooks: Pick<RegistryOptions, 'faults' | 'override'>;
  readonly store: RegistryStore;
  readonly door: Door;
  readonly clock: Clock;
  readonly requests: LoggedRequest[];
  readonly leaks: string[];
  /** what a presigned URL of the storage host carries */
  readonly signature: string;
  /** when the last requests came, for the rate limit */
  readonly recent: number[];
  readonly listeners: Map<ListenerName, Listener>;
}

async function serve(
  state: State,
  asked: Asked,
  response: Parameters<typeof send>[0],
): Promise<void> {
  const logged: LoggedRequest = {
    listener: asked.listener,
    method: asked.method,
    path: `${asked.path}${asked.url.search}`,
    status: undefined,
    authorization: schemeOf(asked.headers.authorization),
    userAgent: asked.headers['user-agent'],
  };
  state.requests.push(logged);
  const answer = async () => answerRequest(state, asked);
  const fault = state.hooks.faults?.(asked, asked.index);
  if (fault !== undefined) {
    logged.status = await answerWithFault(
      fault,
      asked.method,
      response,
      { listener: state.listeners.get(asked.listener)!, clock: state.clock },
      answer,
    );
    return;
  }
  const reply = await answer();
  logged.status = reply.status;
  send(response, asked.method, reply);
}

function schemeOf(header: string | undefined): LoggedRequest['authorization'] {
  if (header === undefined) return 'none';
  const scheme = header.split(' ')[0]?.toLowerCase();
  return scheme === 'basic' || scheme === 'bearer' ? scheme : 'other';
}

async function answerRequest(state: State, asked: Asked): Promise<Reply> {
  if (asked.listener === 'storage' || asked.listener === 'uploads')
    return answerElsewhere(state, asked);
  const busy = limit(state);
  if (busy !== undefined) return busy;
  if (asked.listener === 'token' || asked.path === '/token') return state.door.token(asked);
  const { name, action } = access(asked);
  const refused = state.door.check(asked, name, action);
  if (refused !== undefined) return refused;
  const usual = () => moved(state, asked) ?? unseen(state, asked) ?? answered(state, asked);
  return (await state.hooks.override?.(asked, usual)) ?? usual();
}

function answered(state: State, asked: Asked): Reply {
  return inDialect(route(state, asked), state.switches);
}

function moved({ switches, listeners }: State, { path, url }: Asked): Reply | undefined {
  if (switches.movedUploads === false || !path.includes('/blobs/uploads/')) return undefined;
  const location = `${listeners.get('uploads')!.origin}${path}${url.search}`;
  return { status: switches.movedUploads, headers: { location } };
}

function unseen({ switches, store, door }: State, asked: Asked): Reply | undefined {
  const { method, path, headers } = asked;
  const [, name = '', kind, reference = ''] = pathGrammar.exec(path) ?? [];
  if (!switches.onlySigned || kind !== 'manifests' || (method !== 'GET' && method !== 'HEAD'))
    return undefined;
  const signs = headers['user-agent']?.includes('cosign') === true && door.mayPush(asked, name);
  return signs || !isUnsigned(name, reference, store)
    ? undefined
    : refusal(412, 'PROJECTPOLICYVIOLATION', 'The image is not signed by cosign.');
}

/** What a request needs: the repository, and pull, push or delete (distribution's scopes). */
function access({ path, method }: Asked): { name?: string; action?: string } {
  const name = pathGrammar.exec(path)?.[1]?.replace(/\/blobs$/, '');
  if (name === undefined) return {};
  if (method === 'DELETE')
    return { name, action: path.includes('/blobs/uploads/') ? 'push' : 'delete' };
  return { name, action: method === 'GET' || method === 'HEAD' ? 'pull' : 'push' };
}

function route(state: State, asked: Asked): Reply {
  const { store, switches } = state;
  if (asked.path === '/v2/')
    return jsonReply(200, {}, { 'docker-distribution-api-version': 'registry/2.0' });
  if (asked.path === '/v2') return { status: 301, headers: { location: '/v2/' } };
  if (asked.path.endsWith('/blobs/uploads'))
    return { status: 301, headers: { location: `${asked.path}/${asked.url.search}` } };
  const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(asked.path);
  const [, name = '', kind, rest = ''] =
    upload === null
      ? (pathGrammar.exec(asked.path) ?? [])
      : [upload[0], upload[1], 'uploads', upload[2]];
  if (kind === undefined || rest.includes('/')) return pageNotFound;
  if (!nameGrammar.test(name) || name.length > 255)
    return refusal(400, 'NAME_INVALID', 'invalid repository name');
  switch (kind) {
    case 'manifests':
      return answerManifest(asked, name, rest, store, switches);
    case 'blobs':
      return answerBlob(asked, name, rest, blobSetting(state, asked));
    case 'uploads':
      return rest === ''
        ? beginUpload(asked, name, blobSetting(state, asked))
        : answerUpload(asked, name, rest, blobSetting(state, asked));
    case 'tags':
      return rest === 'list' ? answerTags(asked, name, store, switches) : pageNotFound;
    default:
      return answerReferrers(asked, name, rest, store, switches);
  }
}

/** go-containerregistry writes its errors as text/plain, and never an ETag. */
function inDialect(reply: Reply, switches: Switches): Reply {
  if (switches.dialect !== 'ggcr') return reply;
  const { etag: _, ...headers } = reply.headers ?? {};
  return {
    ...reply,
    headers:
      reply.status >= 400 ? { ...headers, 'content-type': 'text/plain; charset=utf-8' } : headers,
  };
}

function blobSetting(state: State, asked: Asked): BlobSetting {
  return {
    store: state.store,
    switches: state.switches,
    storageUrl: (name, digest) =>
      `${state.listeners.get('storage')!.origin}/${name}/${digest}?signature=${state.signature}`,
    uploadOrigin: state.listeners.get('uploads')!.origin,
    mayPull: (name) => state.door.mayPull(asked, name),
  };
}

/**
 * The hosts of presigned URLs: whoever sends Authorization there has leaked it (S3 and Azure refuse
 * that, too).
 */
function answerElsewhere(state: State, asked: Asked): Reply {
  const { authorization, cookie } = asked.headers;
  if (authorization !== undefined || cookie !== undefined) {
    state.leaks.push(
      `${schemeOf(authorization)} at ${asked.listener}: ${asked.method} ${asked.path}`,
    );
    return {
      status: 400,
      headers: { 'content-type': 'application/xml' },
      body: '<Error><Code>InvalidArgument</Code></Error>',
    };
  }
  if (asked.listener === 'uploads') {
    const [, name, id] = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(asked.path) ?? [];
    if (name === undefined || id === undefined) return pageNotFound;
    return id === ''
      ? beginUpload(asked, name, blobSetting(state, asked))
      : answerUpload(asked, name, id, blobSetting(state, asked));
  }
  const [, name = '', digest = ''] = /^\/(.+)\/([^/]+)$/.exec(asked.path) ?? [];
  const bytes = state.store.find(name)?.blobs.get(digest);
  const signed = asked.url.searchParams.get('signature') === state.signature;
  if (!signed || bytes === undefined || asked.method !== 'GET')
    return {
      status: 403,
      headers: { 'content-type': 'application/xml' },
      body: '<Error><Code>AccessDenied</Code></Error>',
    };
  return blobReply(asked, digest, bytes);
}

function limit({ switches, recent, store, clock }: State): Reply | undefined {
  if (switches.rateLimit === undefined) return undefined;
  const now = store.now();
  while (recent.length > 0 && now - recent[0]! >= 1000) recent.shift();
  if (recent.length < switches.rateLimit) {
    recent.push(now);
    return undefined;
  }
  const date = new Date(Math.ceil(clock.date().getTime() / 1000) * 1000 + 1000).toUTCString();
  const headers: Record<string, string> =
    switches.retryAfter === 'none'
      ? {}
      : { 'retry-after': switches.retryAfter === 'date' ? date : '1' };
  return refusal(429, 'TOOMANYREQUESTS', 'too many requests', headers);
}
