import type { Clock } from '../clock.ts';
import { Failure, type FailureCode } from '../failure.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { isCertificateFailure, isPlainTextFailure } from '../http/network-failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shownInOneLine } from '../text/untrusted.ts';
import { isWebPage, pageFix, pageInWords, pageSender } from '../text/web-page.ts';

/** A Sigstore service that is called over HTTP. */
export interface ServiceEndpoint {
  /** as a person knows it: `Fulcio`, `Rekor`, `the timestamp authority` */
  readonly name: string;
  /** the code its failures carry */
  readonly code: FailureCode;
  readonly url: URL;
  readonly http: Http;
  readonly clock: Clock;
  /**
   * milliseconds that may be spent on waiting for this service, asked anew for each call (what the
   * step has left, minus a reserve)
   */
  readonly retryBudget: () => number;
  /**
   * milliseconds that one try may take, where another service would do: that one needs time, not
   * another try here; default: half of the retry budget
   */
  readonly tryLimit?: (() => number) | undefined;
}

/**
 * A service gives no answer, or says that it is not at work (5xx, 429), for as long as it may be
 * waited for. Another of its kind would do as well.
 */
export class ServiceDown extends Failure {}

/**
 * One request to a service. `path` is appended to the service's URL; undefined = the URL itself.
 */
export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  readonly path?: string;
  readonly contentType?: string;
  readonly accept: string;
  /** beside those above: the credential of the one who asks */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  /** milliseconds for one try; what the Http takes where absent */
  readonly timeout?: number;
  /** other answers that may be better in a while */
  readonly mayPass?: HttpRequest['mayPass'];
}

/**
 * Sends one request to a Sigstore service; the Http does the waiting and the retries.
 * @returns the answer with any status that says something about this request (below 500, not 408
 * and not 429).
 * @throws {Failure} with the code of the service: it gave no answer or kept failing (`ServiceDown`),
 * or sent too much. Says which service, for how long and, where the Http tells it, how often it was asked.
 */
export async function callService(
  service: ServiceEndpoint,
  request: ServiceRequest,
): Promise<HttpResponse> {
  const started = service.clock.now();
  const headers: Record<string, string> = { ...request.headers, accept: request.accept };
  if (request.contentType !== undefined) headers['content-type'] = request.contentType;
  const retryBudget = Math.max(0, service.retryBudget());
  let response: HttpResponse;
  try {
    response = await service.http({
      method: request.method,
      url: request.path === undefined ? service.url : below(service.url, request.path),
      headers,
      maxBytes: request.maxBytes,
      retryBudget,
      // A redirected answer would come from a host that nobody configured.
      redirect: 'manual',
      ...(request.mayPass === undefined ? {} : { mayPass: request.mayPass }),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...timeoutOf(request, service.tryLimit?.() ?? retryBudget / 2),
    });
  } catch (caught) {
    throw unreachable(service, service.clock.now() - started, caught);
  }
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    throw keptFailing(service, response, service.clock.now() - started);
  }
  if (isWebPage(response)) throw pageCame(service, response);
  return response;
}

/** What the Http gives one try where nothing is said (milliseconds). */
const oneTry = 30_000;

/**
 * A try that hangs must leave time for another: with less than a minute of retry budget it gets half of
 * that, and never less than a second.
 * @param limit milliseconds
 */
function timeoutOf({ timeout }: ServiceRequest, limit: number): { timeout?: number } {
  if (limit >= 1_000 && limit < (timeout ?? oneTry)) return { timeout: limit };
  return timeout === undefined ? {} : { timeout };
}

/** `base` with `path` appended to its own path (base URLs of a signing config may have one). */
export function below(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
  return url;
}

/**
 * A JSON object out of a service's answer.
 * @throws {Failure} with the code of the service where it is not one.
 */
export function jsonAnswer(
  service: ServiceEndpoint,
  response: HttpResponse,
): Readonly<Record<string, unknown>> {
  const reading = readJson(response.body, 20);
  if ('value' in reading && isJsonObject(reading.value)) return reading.value;
  throw badAnswer(service, 'problem' in reading ? reading.problem : 'it is not a JSON object');
}

/** What the clock of a service says; undefined where the answer does not (RFC 9110, 6.6.1). */
export function dateOf({ headers }: HttpResponse): Date | undefined {
  const date = new Date(headers.date ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * The failure for an answer that is not what the API promises, e.g. a login page of a proxy, or a
 * service that lies.
 */
export function badAnswer(service: ServiceEndpoint, problem: string, cause?: unknown): Failure {
  return new Failure(
    service.code,
    `The answer of ${service.name} at ${service.url.origin} cannot be used: ${problem.replace(/\.$/, '')}.`,
    `Check that ${service.url.href} is the address of ${service.name} and that no proxy answers in its place.`,
    cause === undefined ? undefined : { cause },
  );
}

/**
 * What a service wrote about a refusal, for a person: one line of at most 200 characters, without
 * anything that looks like a token (a service could send back what it was sent, and the message
 * ends in a public log).
 */
export function refusalText(response: HttpResponse): string {
  const reading = readJson(response.body, 20);
  const message =
    'value' in reading && isJsonObject(reading.value) ? reading.value.message : undefined;
  const text =
    typeof message === 'string' ? message : response.body.subarray(0, 2000).toString('utf8');
  const withoutTokens = text
    .replace(/[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_.-]+/g, '…')
    .replace(/[A-Za-z0-9_+/=-]{80,}/g, '…');
  return shownInOneLine(withoutTokens, 200);
}

function unreachable(service: ServiceEndpoint, elapsed: number, caught: unknown): Failure {
  const why = caught instanceof Failure ? caught.message : 'the request failed';
  return new (isOutage(caught) ? ServiceDown : Failure)(
    service.code,
    `${capitalized(service.name)} at ${service.url.origin} gave no usable answer in ${seconds(elapsed)}: ${why}`,
    'Run the job again when the service is back; a longer `timeout:` waits longer. Check the address, and `HTTPS_PROXY` and `NO_PROXY` on a runner behind a proxy.',
    { cause: caught },
  );
}

/**
 * Who shows a wrong certificate, or sends too much, has answered; and at the end of the step's time
 * nobody else would.
 */
function isOutage(caught: unknown): boolean {
  return (
    caught instanceof Failure &&
    caught.code === 'network' &&
    !isCertificateFailure(caught) &&
    !isPlainTextFailure(caught)
  );
}

/** Whatever its status is, it says nothing about the request: no service here answers with a page. */
function pageCame(service: ServiceEndpoint, response: HttpResponse): Failure {
  return new Failure(
    service.code,
    `What came from ${service.url.origin} is ${pageInWords(response, service.name)} (status ${response.status}). ${pageSender}`,
    pageFix,
  );
}

function keptFailing(service: ServiceEndpoint, response: HttpResponse, elapsed: number): Failure {
  const attempts = response.attempts;
  const often =
    attempts === undefined ? '' : `, asked ${attempts === 1 ? 'once' : `${attempts} times`}`;
  const isPage = isWebPage(response);
  const said = isPage
    ? `${pageInWords(response, service.name)}. ${pageSender}`
    : refusalText(response);
  return new ServiceDown(
    service.code,
    `${capitalized(service.name)} at ${service.url.origin} answered ${response.status} for ${seconds(elapsed)}${often}${said === '' ? '.' : `: ${said}`}`,
    isPage
      ? `Run the job again. If it stays: ${pageFix.slice(0, 1).toLowerCase()}${pageFix.slice(1)}`
      : response.status === 429
        ? 'The service limits how often it is asked: sign fewer images at once, or run the job again later with a longer `timeout:`.'
        : 'Run the job again when the service is back; a longer `timeout:` waits longer.',
  );
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
