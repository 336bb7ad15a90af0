import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Http, HttpRequest, HttpResponse, RetryBudget } from '../http/http.ts';
import { isLoopback } from '../http/proxy.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import { isWebPage } from '../text/web-page.ts';
import { type Circumstances, loginMissing, pageCame, refused, wrongLogin } from './answers.ts';
import { basic, type Credentials } from './login.ts';

/** A bearer token for one repository. */
export interface Token {
  readonly value: string;
  /** milliseconds on the clock that was given */
  readonly usableUntil: number;
}

/** What a token service is asked, and for whom. */
export interface TokenQuestion {
  readonly challenge: Challenge;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** where the registry itself is: `https://ghcr.io` */
  readonly origin: string;
  /** input allow-http-registry */
  readonly allowHttp: boolean;
  readonly tls: 'verify' | 'skip';
  readonly circumstances: Circumstances;
  readonly retryBudget: RetryBudget;
}

/** distribution's token specification: at least so long, also when the answer does not say. */
const leastSeconds = 60;
const margin = 5_000;
const maxTokenBytes = 256 * 1024;

/**
 * Asks the token service that a registry named (distribution, spec/auth/token.md; with an identity
 * token spec/auth/oauth.md). The service is usually another host than the registry, and credentials
 * do go there, but only over TLS.
 * @throws {Failure} `registry-denied` without a login, `bad-credentials` with a wrong one,
 * `registry-error`
 */
export async function requestToken(
  { http, clock }: { readonly http: Http; readonly clock: Pick<Clock, 'now'> },
  question: TokenQuestion,
  mask: (secret: string) => void,
): Promise<Token> {
  const asked = clock.now();
  const realm = realmOf(question);
  const sameHost = realm.hostname === new URL(question.origin).hostname;
  const response = await http({
    ...asking(realm, question),
    maxBytes: maxTokenBytes,
    retryBudget: question.retryBudget,
    tls: sameHost ? question.tls : 'verify',
    chargedTo: new URL(question.origin),
  });
  if (response.status !== 200) throw refusedToken(response, realm, question);
  if (isWebPage(response)) throw pageCame(response, accessWords(question), serviceWords(question));
  const { value, seconds } = readToken(response, question);
  mask(value);
  return { value, usableUntil: asked + seconds * 1000 - margin };
}

function asking(
  realm: URL,
  { challenge, scopes, credentials }: TokenQuestion,
): Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
  const service = challenge.parameters.service;
  const accept = { accept: 'application/json' };
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'sign-image',
      scope: scopes.join(' '),
    });
    if (service !== undefined) form.set('service', service);
    form.set('refresh_token', credentials.token);
    const headers = { ...accept, 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) };
  }
  if (service !== undefined) realm.searchParams.set('service', service);
  for (const scope of scopes) realm.searchParams.append('scope', scope);
  if (credentials?.kind !== 'password') return { method: 'GET', url: realm, headers: accept };
  const { username, password } = credentials;
  return {
    method: 'GET',
    url: realm,
    headers: { ...accept, authorization: `Basic ${basic(username, password)}` },
  };
}

/**
 * A registry over TLS that names a realm without it would have the password sent for everybody on
 * the way to read.
 */
function realmOf({ challenge, origin, allowHttp, circumstances }: TokenQuestion): URL {
  const written = challenge.parameters.realm ?? '';
  const realm = URL.parse(written);
  const plain =
    origin.startsWith('http:') && realm !== null && (allowHttp || isLoopback(realm.hostname));
  if (
    realm !== null &&
    realm.username === '' &&
    (realm.protocol === 'https:' || (realm.protocol === 'http:' && plain))
  )
    return realm;
  throw new Failure(
    'registry-error',
    `${circumstances.registry} wants the login to be sent to "${shown(written, 100)}", which is not an https address.`,
    'Nothing was sent there. The operator of the registry has to give its token service TLS.',
  );
}

function readToken(
  response: HttpResponse,
  { circumstances }: TokenQuestion,
): { value: string; seconds: number } {
  const reading = readJson(response.body, 16);
  const answer = 'value' in reading && isJsonObject(reading.value) ? reading.value : {};
  const value = [answer.token, answer.access_token].find(
    (candidate) => typeof candidate === 'string' && candidate !== '',
  );
  // The token becomes a header: what is not visible ASCII would not be one.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new Failure(
      'registry-error',
      `The token service of ${circumstances.registry} answered without a token.`,
      'Report this to the operator of the registry.',
    );
  }
  const seconds = typeof answer.expires_in === 'number' ? answer.expires_in : leastSeconds;
  return { value, seconds: Math.max(leastSeconds, seconds) };
}

function accessWords({
  circumstances,
  repository,
}: Pick<TokenQuestion, 'circumstances' | 'repository'>) {
  return `access to ${repository} (${circumstances.access})`;
}

function serviceWords({ circumstances }: Pick<TokenQuestion, 'circumstances'>): string {
  return `the token service of ${circumstances.registry}`;
}

function refusedToken(
  response: HttpResponse,
  realm: URL,
  { circumstances, credentials, repository }: TokenQuestion,
): Failure {
  const what = accessWords({ circumstances, repository });
  if (isWebPage(response) && response.status !== 401)
    return pageCame(response, what, serviceWords({ circumstances }));
  if (
    response.status === 401 ||
    response.status === 403 ||
    (response.status === 400 && credentials?.kind === 'identity-token')
  ) {
    if (credentials === undefined) return loginMissing(what, circumstances);
    return response.status === 403
      ? refused(response, what, circumstances)
      : wrongLogin(circumstances.registry, what);
  }
  return refused(response, `${what} (asked at ${realm.host})`, circumstances);
}

/** One challenge of a `WWW-Authenticate` header. Scheme and parameter names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What a registry sends is far below; a hostile one gets no more of our time. */
const longestHeader = 8 * 1024;
const word = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";

/**
 * Reads all challenges of a `WWW-Authenticate` header (RFC 9110, 11.6.1): several in one header,
 * quoted strings with escapes, any case. What cannot be read ends the list; an unreadable header
 * has no challenges. Never throws.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  if (header === undefined || header.length > longestHeader) return challenges;
  const parameter = new RegExp(
    `[\\s,]*(${word})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${word}(?=[\\s,]|$)))`,
    'y',
  );
  const scheme = new RegExp(
    `[\\s,]*(${word})(?=[\\s,]|$)(?:[ \\t]+[A-Za-z0-9._~+/-]+=*[ \\t]*(?=,|$))?`,
    'y',
  );
  let at = 0;
  while (at < header.length) {
    parameter.lastIndex = scheme.lastIndex = at;
    const named = parameter.exec(header);
    const current = challenges.at(-1);
    if (named !== null && current !== undefined) {
      const [, name = '', quoted, bare = ''] = named;
      const key = name.toLowerCase();
      // The first one counts, so that nothing behind it can change what it says.
      if (!Object.hasOwn(current.parameters, key))
        current.parameters[key] = quoted?.replace(/\\(.)/g, '$1') ?? bare;
      at = parameter.lastIndex;
      continue;
    }
    const next = scheme.exec(header);
    if (next?.[1] === undefined) break;
    challenges.push({ scheme: next[1].toLowerCase(), parameters: Object.create(null) });
    at = scheme.lastIndex;
  }
  return challenges;
}
