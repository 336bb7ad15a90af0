import type { Clock } from '../clock.ts';
import { asFailure, Failure } from '../failure.ts';
import type { Http, HttpRequest, HttpResponse, RetryBudget } from '../http/http.ts';
import { isCertificateFailure, isPlainTextFailure } from '../http/network-failure.ts';
import { isLoopback } from '../http/proxy.ts';
import { mayPass, retryBudgetFor } from '../http/retry.ts';

/** Where a registry is on the wire, and whether it speaks TLS. */
export interface Endpoint {
  /** `https://ghcr.io`; on loopback a guess until the first answer */
  origin(): string;
  readonly loopback: boolean;
  /** Sends the request that `build` makes for an origin. */
  send(build: (origin: string) => HttpRequest): Promise<HttpResponse>;
}

interface EndpointTools {
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * TLS everywhere; plain HTTP where the user allowed it, and on loopback, unless the server there
 * turns out to want TLS. That is found out with the first request, so a plain registry costs
 * nothing: a TLS server answers 400 to plain HTTP (Go) or closes the connection (others).
 * @throws {Failure} `network` from `send`, with the input that allows what happened
 */
export function createEndpoint(tools: EndpointTools, host: string, allowHttp: boolean): Endpoint {
  const loopback = isLoopback(new URL(`http://${host}`).hostname);
  let scheme: 'http' | 'https' | undefined = loopback ? undefined : allowHttp ? 'http' : 'https';
  const origins = {
    http: new URL(`http://${host}`).origin,
    https: new URL(`https://${host}`).origin,
  };
  const send = async (build: (origin: string) => HttpRequest) => {
    try {
      if (scheme !== undefined) return await tools.http(build(origins[scheme]));
      const found = await findOut(tools, (known) => build(origins[known]));
      scheme = found.scheme;
      return found.response;
    } catch (caught) {
      throw explained(caught);
    }
  };
  return { origin: () => origins[scheme ?? 'http'], loopback, send };
}

async function findOut(
  { http, clock }: EndpointTools,
  build: (scheme: 'http' | 'https') => HttpRequest,
): Promise<{ scheme: 'http' | 'https'; response: HttpResponse }> {
  const begin = clock.now();
  const elapsed = () => clock.now() - begin;
  const plain = build('http');
  const first = await http({ ...plain, retryBudget: 0 }).catch(asFailure);
  const answered = !(first instanceof Failure);
  if (answered ? mayWantTls(plain, first) : closedOnUs(first)) {
    const secured = await http({ ...build('https'), retryBudget: 0 }).catch(asFailure);
    if (!(secured instanceof Failure))
      return { scheme: 'https', response: await persist(http, build('https'), secured, elapsed()) };
    // A certificate that we do not like is still one: plain HTTP would only hide what is wrong.
    if (isCertificateFailure(secured) || secured.code !== 'network') throw secured;
  }
  return { scheme: 'http', response: await persist(http, plain, first, elapsed()) };
}

/**
 * What the try without a retry budget came to, or, where that may pass, what the request comes to with
 * the retry budget that is left: a registry that never answers would else be waited for twice.
 */
function persist(
  http: Http,
  request: HttpRequest,
  first: HttpResponse | Failure,
  elapsed: number,
): HttpResponse | Promise<HttpResponse> {
  const outcome: { response: HttpResponse } | { error: Failure } =
    first instanceof Failure ? { error: first } : { response: first };
  const passes = 'response' in outcome ? mayPass(outcome, 1) : outcome.error.code === 'network';
  if (passes && retryBudgetFor(outcome, request.retryBudget) > elapsed) {
    return http({ ...request, retryBudget: shorter(request.retryBudget, elapsed) });
  }
  if ('error' in outcome) throw outcome.error;
  return outcome.response;
}

function shorter(retryBudget: RetryBudget, by: number): RetryBudget {
  if (typeof retryBudget === 'number') return retryBudget - by;
  const { failing, asked, silent = failing } = retryBudget;
  return { failing: failing - by, asked: asked - by, silent: silent - by };
}

/** Go's words; the answer to a HEAD has none. */
function mayWantTls({ method }: HttpRequest, response: HttpResponse): boolean {
  if (response.status !== 400) return false;
  return (
    method === 'HEAD' ||
    /HTTP request to an HTTPS (server|port)/i.test(
      response.body.subarray(0, 1000).toString('latin1'),
    )
  );
}

function closedOnUs({ cause }: Failure): boolean {
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_');
}

function explained(caught: unknown): unknown {
  if (!(caught instanceof Failure) || caught.code !== 'network') return caught;
  const { message, fix, cause } = caught;
  if (isPlainTextFailure(caught))
    return new Failure(
      'network',
      message,
      'If this registry has no TLS: `allow-http-registry: true`.',
      { cause },
    );
  if (!isCertificateFailure(caught)) return caught;
  return new Failure(
    'network',
    message,
    `${fix} For a registry in a test: \`allow-insecure-registry: true\`.`,
    { cause },
  );
}
