import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shownInOneLine } from '../text/untrusted.ts';
import { isWebPage, pageFix, pageInWords, pageSender } from '../text/web-page.ts';
import { meaningOf } from './refusal-meaning.ts';

/** What a run may do: decides the scope of its tokens and the advice in its errors. */
export type Access = 'pull' | 'pull,push' | 'pull,delete';

/** Who was asked for what, for the sentences of errors. */
export interface Circumstances {
  /** as in a reference: `ghcr.io`, `docker.io` */
  readonly registry: string;
  readonly access: Access;
  /** whether this run has a login for that repository */
  readonly loggedIn: boolean;
  /** it has none, and buildx alone has one: docker/login-action with `scope` stored it there */
  readonly scopedLogin?: boolean;
}

/**
 * One entry of the error body that distribution-spec defines: `{"errors":[{"code","message"}]}`.
 * Already plain text.
 */
export interface RegistryError {
  readonly code: string;
  readonly message: string;
}

/**
 * Reads the error body that distribution-spec defines; anything else has no errors in it. At most 5
 * entries, bounded and cleaned. Never throws.
 */
export function errorsOf(response: HttpResponse): readonly RegistryError[] {
  if (response.body.length > 64 * 1024) return [];
  const reading = readJson(response.body, 32);
  if ('problem' in reading || !isJsonObject(reading.value) || !Array.isArray(reading.value.errors))
    return [];
  const errors: readonly unknown[] = reading.value.errors;
  return errors.slice(0, 5).filter(isJsonObject).map(errorOf);
}

/**
 * What an answer says, for a person: its errors, or what gateways and some registries write in their
 * place (one object with a message, one line of plain text). Each as `CODE: message`. Never throws.
 */
function wordsOf(response: HttpResponse): readonly string[] {
  const errors = errorsOf(response);
  const told = errors.length > 0 ? errors : otherWords(response);
  return told
    .map(({ code, message }) => [code, message].filter(Boolean).join(': '))
    .filter(Boolean);
}

function otherWords({ headers, body }: HttpResponse): readonly RegistryError[] {
  if (body.length > 64 * 1024) return [];
  const reading = readJson(body, 32);
  if (!('problem' in reading)) return isJsonObject(reading.value) ? [errorOf(reading.value)] : [];
  const isLine = /^text\/plain\b/i.test(headers['content-type'] ?? '') && body.length <= 1000;
  return isLine ? [{ code: '', message: wordOf(body.toString('utf8'), 300) }] : [];
}

function errorOf({
  code,
  message,
  detail,
  error,
}: Readonly<Record<string, unknown>>): RegistryError {
  const text = wordOf(message, 300) || wordOf(detail, 300) || wordOf(error, 300);
  return { code: wordOf(code, 60), message: text };
}

/** The Failure for an answer that refuses what `what` says, e.g. `the manifest acme/app:v1`. */
export function refused(
  response: HttpResponse,
  what: string,
  circumstances: Circumstances,
): Failure {
  const { registry, loggedIn } = circumstances;
  const isPage = isWebPage(response) && !isChallenge(response);
  const said = wordsOf(response);
  const quote = said.length > 0 ? ` It says: ${said.join('; ')}` : '';
  const { status } = response;
  if (isPage && status === 401) return pageCame(response, what, `the registry ${registry}`);
  if (status === 401 && !loggedIn) return loginMissing(what, circumstances);
  if (status === 401 && !insufficient(response)) return wrongLogin(registry, what);
  const meaning =
    status === 429 ? undefined : meaningOf(status, said, circumstances.access === 'pull');
  if (isPage && meaning === undefined && status !== 429)
    return pageCame(response, what, `the registry ${registry}`);
  if ((status === 401 || status === 403) && meaning === undefined)
    return denied(what, quote, circumstances);
  const tries = triesOf(response);
  if (status === 429) return limited(registry, `${tries}.${quote}`, loggedIn);
  const because = meaning === undefined ? '' : ` ${meaning.sentence}`;
  return new RegistryRefusal(
    { status, said, explained: meaning !== undefined },
    status === 401 || status === 403 ? 'registry-denied' : 'registry-error',
    `${registry} answered ${status} to ${what}${tries}.${because}${quote}`,
    meaning?.fix ?? adviceFor(status, said.length > 0),
  );
}

/**
 * The Failure for a web page in the place of an answer.
 * @param who should have answered
 */
export function pageCame(response: HttpResponse, what: string, who: string): Failure {
  const { url, status } = response;
  return new Failure(
    'registry-error',
    `What came from ${url.host} for ${what} is ${pageInWords(response, who)} (status ${status}${triesOf(response)}). ${pageSender}`,
    pageFix,
  );
}

function triesOf({ attempts = 1 }: HttpResponse): string {
  return attempts > 1 ? `, also after ${attempts} tries` : '';
}

/** Registries behind a web server may refuse with a page, but only a registry asks for a login so. */
function isChallenge({ status, headers }: HttpResponse): boolean {
  return status === 401 && /^(basic|bearer) /i.test(headers['www-authenticate'] ?? '');
}

/** What a registry answered when it refused. */
export interface Answered {
  readonly status: number;
  /** `CODE: message` of each error */
  readonly said: readonly string[];
  /** the words have a meaning that is known here */
  readonly explained: boolean;
}

/** A refusal with its answer: whoever wrote may know what it means for that write. */
export class RegistryRefusal extends Failure {
  readonly answered: Answered;

  constructor(answered: Answered, ...rest: ConstructorParameters<typeof Failure>) {
    super(...rest);
    this.answered = answered;
  }
}

/** The YAML that logs in to this registry. */
export function loginStep(registry: string): string {
  const host = registry === 'docker.io' ? '' : `    registry: ${registry}\n`;
  const [username, password] =
    registry === 'ghcr.io'
      ? ['github.actor', 'secrets.GITHUB_TOKEN']
      : ['secrets.REGISTRY_USERNAME', 'secrets.REGISTRY_PASSWORD'];
  return `- uses: docker/login-action@v4\n  with:\n${host}    username: \${{ ${username} }}\n    password: \${{ ${password} }}`;
}

/** 401 and there is no login to try. */
export function loginMissing(what: string, circumstances: Circumstances): Failure {
  const { registry, scopedLogin } = circumstances;
  const only = scopedLogin
    ? ': docker/login-action with `scope` has stored one for buildx alone'
    : '';
  return new Failure(
    'registry-denied',
    `${registry} wants a login for ${what}, and this job has none for it${only}.`,
    howToLogIn(circumstances),
  );
}

/** On ghcr.io the login is the token of the job, which opens packages only where the job says so. */
function howToLogIn({ registry, scopedLogin, access }: Circumstances): string {
  const right = access === 'pull' ? 'read' : 'write';
  const job = registry === 'ghcr.io' ? `, and give the job \`packages: ${right}\`` : '';
  return scopedLogin
    ? `Log in without \`scope\` as well, which is for builds only:\n${loginStep(registry)}`
    : `Log in before this step${job}:\n${loginStep(registry)}`;
}

/** 401 although there is a login. */
export function wrongLogin(registry: string, what: string): Failure {
  return new Failure(
    'bad-credentials',
    `${registry} does not accept the login of this job for ${what}: the user name or the password is wrong, or has expired.`,
    `Correct what the login before this step is given (or \`registry-username\` and \`registry-password\` of this step):\n${loginStep(registry)}`,
  );
}

function denied(what: string, quote: string, circumstances: Circumstances): Failure {
  const { registry, access, loggedIn } = circumstances;
  const right = access === 'pull' ? 'read' : 'write';
  const who = loggedIn ? 'The login of this job' : 'Somebody without a login';
  const deed = { pull: 'pull', 'pull,push': 'push', 'pull,delete': 'delete' }[access];
  const message = `${who} may not ${deed}: ${registry} refused ${what}.${quote}`;
  if (!loggedIn) return new Failure('registry-denied', message, howToLogIn(circumstances));
  if (registry === 'ghcr.io')
    return new Failure(
      'registry-denied',
      message,
      `Give the job the right to packages:\npermissions:\n  packages: ${right}\nand, if the package belongs to another repository, add this one under "Manage Actions access" of the package.`,
    );
  const verb = { pull: 'pull from', 'pull,push': 'push to', 'pull,delete': 'delete in' }[access];
  return new Failure(
    'registry-denied',
    message,
    `Let that account ${verb} this repository, or log in as one that may:\n${loginStep(registry)}`,
  );
}

function limited(registry: string, tries: string, loggedIn: boolean): Failure {
  const fix = loggedIn
    ? 'Run the job again later, or let fewer jobs run at once.'
    : `Registries let those in more often who log in:\n${loginStep(registry)}`;
  return new Failure('registry-error', `${registry} answered 429, too many requests${tries}`, fix);
}

function adviceFor(status: number, hasWords: boolean): string {
  if (status >= 500)
    return 'Run the job again; if it stays, look at the status page or the log of the registry.';
  return hasWords
    ? 'Check the name of the image. If it is right, ask the people who run the registry what its words mean: they are its own.'
    : 'Check the name of the image. If it is right, the debug log (**Enable debug logging**) shows the request, for the people who run the registry or the proxy in front of it.';
}

/**
 * RFC 6750, 3.1: the token is good but not for this. Docker Hub says so to a login without the
 * right to push.
 */
function insufficient(response: HttpResponse): boolean {
  return /error="?insufficient_scope/i.test(response.headers['www-authenticate'] ?? '');
}

function wordOf(value: unknown, most: number): string {
  return typeof value === 'string' ? shownInOneLine(value, most) : '';
}
