import type { Clock } from '../clock.ts';
import type { Http, HttpResponse, RetryBudget } from '../http/http.ts';
import type { Access, Circumstances } from './answers.ts';
import { basic, type Credentials } from './login.ts';
import { type Challenge, parseChallenges, requestToken, type Token } from './token.ts';

/**
 * Sends one request with this `authorization` header, or without. May be called twice: the second
 * time with a better one.
 */
export type Send = (authorization: string | undefined) => Promise<HttpResponse>;

/**
 * Sends a request about a repository with whatever authorization the registry wants to see. The
 * answer may still be a 401.
 */
export type Authorizer = (
  repository: string,
  send: Send,
  /** a repository that the token shall open for reading as well */
  alsoPull?: string,
) => Promise<HttpResponse>;

export interface AuthOptions {
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  /** to a repository */
  readonly access: (repository: string) => Access;
  /** `https://ghcr.io`, as it is known at that moment */
  readonly origin: () => string;
  /** the login for a repository */
  readonly credentials: (repository: string) => Promise<Credentials | undefined>;
  /** for the sentences of errors */
  readonly circumstances: (repository: string) => Promise<Circumstances>;
  /** whether to let the first request find out alone what the registry wants, while others wait */
  readonly expectsChallenge: (repository: string) => Promise<boolean>;
  /** GET /v2/ without authorization */
  readonly ping: () => Promise<HttpResponse>;
  readonly allowHttp: boolean;
  readonly tls: 'verify' | 'skip';
  readonly mask: (secret: string) => void;
  readonly retryBudget: RetryBudget;
}

/**
 * The authorization of one registry for a whole run: one challenge, one token per repository,
 * shared by parallel requests, renewed when it runs out or is refused once. Follows distribution's
 * spec/auth/token.md; falls back to HTTP Basic where the registry wants that.
 * @throws {Failure} from the authorizer: `registry-denied`, `bad-credentials`, `registry-error`,
 * and what `send` throws
 */
export function createAuthorizer(options: AuthOptions): Authorizer {
  const state: State = { tokens: new Map(), scopes: new Map() };
  return async (repository, send, alsoPull) => {
    const about = { repository, alsoPull };
    if (
      state.challenge === undefined &&
      !state.open &&
      (await options.expectsChallenge(repository))
    ) {
      const first = await probe(state, options, send);
      if (first !== undefined) return answer(state, options, about, first, undefined, send);
    }
    const authorization = await headerFor(state, options, about);
    return answer(state, options, about, await send(authorization), authorization, send);
  };
}

/** What a request is about. */
interface About {
  readonly repository: string;
  readonly alsoPull: string | undefined;
}

interface State {
  challenge?: Challenge;
  /** an answer came without any challenge: nobody needs to wait for one */
  open?: boolean;
  probing?: Promise<void> | undefined;
  pinged?: Promise<Challenge | undefined>;
  readonly tokens: Map<string, Promise<Token>>;
  /** what a registry asked for beyond our own scope, by repository */
  readonly scopes: Map<string, readonly string[]>;
}

/**
 * The first request goes out without authorization; all others wait for what its answer teaches.
 * Undefined for those who waited.
 */
async function probe(
  state: State,
  options: AuthOptions,
  send: Send,
): Promise<HttpResponse | undefined> {
  while (state.probing !== undefined) {
    await state.probing;
    if (state.challenge !== undefined || state.open) return undefined;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  state.probing = promise;
  try {
    const response = await send(undefined);
    if (response.status === 401) learn(state, options, response);
    else state.open = true;
    return response;
  } finally {
    state.probing = undefined;
    resolve();
  }
}

/** Takes the answer, or, after a 401, gets a (new) authorization and sends once more. */
async function answer(
  state: State,
  options: AuthOptions,
  about: About,
  response: HttpResponse,
  sent: string | undefined,
  send: Send,
): Promise<HttpResponse> {
  const { repository } = about;
  const challenge =
    response.status === 401
      ? learn(state, options, response)
      : await hidden(state, options, repository, response, sent);
  if (challenge === undefined) return response;
  if (sent !== undefined) rememberScopes(state, options, repository, challenge);
  const authorization = await headerFor(state, options, about, sent);
  return authorization === undefined || authorization === sent ? response : send(authorization);
}

/**
 * Registries that let strangers in tell them that a private image is missing or forbidden
 * (Artifactory), or that a policy keeps it from them (Harbor, 412), without a challenge. Whoever has a login asks once, at the address that always has
 * one, before that is believed.
 */
async function hidden(
  state: State,
  options: AuthOptions,
  repository: string,
  response: HttpResponse,
  sent: string | undefined,
): Promise<Challenge | undefined> {
  if (sent !== undefined || ![403, 404, 412].includes(response.status)) return undefined;
  if ((await options.credentials(repository)) === undefined) return undefined;
  state.pinged ??= options
    .ping()
    .then((answer) => (answer.status === 401 ? learn(state, options, answer) : undefined));
  state.pinged.catch(() => delete state.pinged);
  return state.pinged;
}

function learn(state: State, options: AuthOptions, response: HttpResponse): Challenge | undefined {
  // A host that the registry redirected to has no say in where our credentials go.
  if (response.url.origin !== options.origin()) return undefined;
  const challenges = parseChallenges(response.headers['www-authenticate']);
  const challenge =
    challenges.find(
      ({ scheme, parameters }) => scheme === 'bearer' && parameters.realm !== undefined,
    ) ?? challenges.find(({ scheme }) => scheme === 'basic');
  if (challenge !== undefined) state.challenge = challenge;
  return challenge;
}

/**
 * Some registries protect more than the repository that is asked for (a proxied one, say); their
 * own words name it.
 */
function rememberScopes(
  state: State,
  { access }: AuthOptions,
  repository: string,
  { parameters }: Challenge,
): void {
  const ours = new Set<string>(access(repository).split(','));
  const foreign = (parameters.scope ?? '').split(' ').filter((scope) => {
    const [, name, actions] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
    return (
      scope !== '' &&
      !(name === repository && actions?.split(',').every((action) => ours.has(action)))
    );
  });
  if (foreign.length > 0) state.scopes.set(repository, foreign.slice(0, 4));
}

/** @param refused the header that was answered with 401: not again */
async function headerFor(
  state: State,
  options: AuthOptions,
  about: About,
  refused?: string,
): Promise<string | undefined> {
  const { challenge } = state;
  const { repository } = about;
  if (challenge === undefined) return undefined;
  const credentials = await options.credentials(repository);
  if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`;
  if (challenge.scheme === 'bearer')
    return `Bearer ${await tokenFor(state, options, about, challenge, credentials, refused)}`;
  return credentials?.kind === 'password'
    ? `Basic ${basic(credentials.username, credentials.password)}`
    : undefined;
}

async function tokenFor(
  state: State,
  options: AuthOptions,
  { repository, alsoPull }: About,
  challenge: Challenge,
  credentials: Credentials | undefined,
  refused: string | undefined,
): Promise<string> {
  const circumstances = await options.circumstances(repository);
  const key = alsoPull === undefined ? repository : `${repository} ${alsoPull}`;
  // From here on nothing is awaited between looking for a token and asking for one.
  for (;;) {
    const known = state.tokens.get(key);
    if (known === undefined) break;
    const { value, usableUntil } = await known;
    if (options.clock.now() < usableUntil && `Bearer ${value}` !== refused) return value;
    // Whoever comes first renews; the others find the new one in the next round.
    if (state.tokens.get(key) === known) break;
  }
  const { access, origin, allowHttp, tls, retryBudget } = options;
  const scopes = [
    `repository:${repository}:${access(repository)}`,
    ...(alsoPull === undefined ? [] : [`repository:${alsoPull}:pull`]),
    ...(state.scopes.get(repository) ?? []),
  ];
  const question = {
    challenge,
    repository,
    scopes,
    credentials,
    origin: origin(),
    allowHttp,
    tls,
    circumstances,
    retryBudget,
  };
  const fresh = requestToken(options, question, options.mask);
  state.tokens.set(key, fresh);
  fresh.catch(() => {
    if (state.tokens.get(key) === fresh) state.tokens.delete(key);
  });
  return (await fresh).value;
}
