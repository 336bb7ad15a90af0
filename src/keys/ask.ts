import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { HttpRequest, HttpResponse } from '../http/http.ts';
import { isLoopback } from '../http/proxy.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import type { KeyTools } from './provider.ts';

/** A JSON object that a service answered. */
export type Answer = Readonly<Record<string, unknown>>;

/** bytes; a key with all its versions is a tenth of that */
const maxAnswer = 512 * 1024;
/**
 * for how many milliseconds a service that is busy is asked again, always within the budget of the
 * step
 */
const retryBudget = 45_000;
const firstPause = 200;

/**
 * A request to a key service; redirects are never followed, since the request carries credentials.
 */
export type KmsRequest = Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body' | 'peer' | 'tls'>;

export interface Asking {
  /** of the service, for messages */
  readonly service: string;
  /** made anew for every try, since a signed request has a time in it */
  readonly request: () => KmsRequest | Promise<KmsRequest>;
  /**
   * true for an answer that means "slower, please" in the service's own words; 429 and 5xx are
   * known already
   */
  readonly isBusy?: (response: HttpResponse) => boolean;
}

/**
 * Asks a key service, again with growing, jittered pauses while it is too busy.
 * @returns the last answer, whatever its status
 * @throws {Failure} `network`, `timeout`, `too-large`
 */
export async function ask(tools: KeyTools, { request, isBusy }: Asking): Promise<HttpResponse> {
  const start = tools.clock.now();
  for (let attempt = 1; ; attempt++) {
    const response = await tools.http({
      ...(await request()),
      maxBytes: maxAnswer,
      retryBudget,
      redirect: 'manual',
    });
    const pause = Math.random() * firstPause * 2 ** Math.min(attempt, 5) + firstPause / 2;
    if (isBusy?.(response) !== true || tools.clock.now() - start + pause > retryBudget)
      return response;
    await tools.sleep(pause);
  }
}

/** A request, with this object as its JSON where there is one. */
export function jsonRequest(
  method: KmsRequest['method'],
  url: URL,
  headers: Readonly<Record<string, string>>,
  body?: object,
): KmsRequest {
  if (body === undefined) return { method, url, headers };
  return {
    method,
    url,
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** The JSON object in an answer, or undefined: error pages of proxies are HTML. */
export function jsonOf(response: HttpResponse): Answer | undefined {
  const reading = readJson(response.body, 16);
  return 'value' in reading && isJsonObject(reading.value) ? reading.value : undefined;
}

/** A field that must be a text with something in it. @throws {Failure} `kms-error` */
export function textIn(answer: Answer | undefined, field: string, service: string): string {
  const value = answer === undefined ? undefined : answer[field];
  if (typeof value !== 'string' || value === '') throw strangeAnswer(service, `without "${field}"`);
  return value;
}

/**
 * The bytes of base64 or base64url. @throws {Failure} `kms-error` for other texts: Node would skip
 * what it does not know
 */
export function bytesOf(text: string, service: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text))
    throw strangeAnswer(service, 'with something other than base64 in it');
  return Buffer.from(text, 'base64');
}

/** The public key in an answer. @throws {Failure} `kms-error` where Node cannot read it */
export function publicKeyIn(service: string, read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (caught) {
    if (caught instanceof Failure) throw caught;
    throw strangeAnswer(service, 'without a public key that can be read');
  }
}

/**
 * The service's own word for what is wrong; never its message, which may quote the request with its
 * credentials.
 */
export function word(value: unknown): string {
  return typeof value === 'string' && /^[\w.#:/ -]{1,80}$/.test(value) ? value : '';
}

/** The service said something that its reference does not foresee. */
export function strangeAnswer(service: string, how: string): Failure {
  return new Failure(
    'kms-error',
    `${service} gave an answer ${how}, which cannot be used.`,
    'Check that the address in the reference is that of the service, and that no proxy on the way answers in its place.',
  );
}

/** The service did not do it, for a reason that is its own. */
export function serviceFailed(
  service: string,
  status: number,
  code: string,
  attempts = 1,
): Failure {
  const busy = status === 429 || status >= 500 || /throttl|limit|exhausted|busy/i.test(code);
  const said = code === '' ? `status ${status}` : `${code}, status ${status}`;
  const tries = attempts > 1 ? ` after ${attempts} tries` : '';
  return new Failure(
    'kms-error',
    `${service} did not sign or show the key (${said})${tries}.`,
    busy
      ? 'It is busy or down: run the step again later, or ask for a higher quota.'
      : 'Its audit log tells more about this request.',
  );
}

/**
 * Refuses addresses that credentials could be read from on the way: only https, and plain http on
 * this machine.
 */
export function safeUrl(text: string, name: string): URL {
  const url = URL.parse(text);
  if (url !== null && url.username === '' && url.password === '') {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
      return url;
  }
  throw new Failure(
    'kms-credentials',
    `${name} is not an https address, and credentials are sent there.`,
    `Set it to an address such as \`${name}: https://keys.example.com\`; plain http is taken on this machine only.`,
  );
}

/** For a program that is not there: undefined. The Failure of a step whose time is up goes on. */
export function absent(caught: unknown): undefined {
  if (caught instanceof Failure) throw caught;
  return undefined;
}
