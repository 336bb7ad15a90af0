import { asFailure, Failure } from '../failure.ts';
import { isLoopback } from '../http/host.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { isCertificateFailure, isPlainTextFailure } from '../http/network-failure.ts';

/** Where a registry is on the wire, and whether it speaks TLS. */
export interface Endpoint {
  /** `https://ghcr.io`; on loopback a guess until the first answer */
  origin(): string;
  readonly loopback: boolean;
  /** Sends the request that `build` makes for an origin. */
  send(build: (origin: string) => HttpRequest): Promise<HttpResponse>;
}

/**
 * TLS everywhere; plain HTTP where the user allowed it, and on loopback, unless the server there turns out to want TLS. That is found out with
 * the first request, so a plain registry costs nothing: a TLS server answers 400 to plain HTTP (Go) or closes the connection (others).
 * @throws {Failure} `network` from `send`, with the input that allows what happened
 */
export function createEndpoint(http: Http, host: string, allowHttp: boolean): Endpoint {
  const loopback = isLoopback(new URL(`http://${host}`).hostname);
  let scheme: 'http' | 'https' | undefined = loopback ? undefined : allowHttp ? 'http' : 'https';
  const at = (known: 'http' | 'https') => `${known}://${host}`;
  const send = async (build: (origin: string) => HttpRequest) => {
    try {
      if (scheme !== undefined) return await http(build(new URL(at(scheme)).origin));
      const found = await findOut(http, (known) => build(new URL(at(known)).origin));
      scheme = found.scheme;
      return found.response;
    } catch (caught) {
      throw explained(caught);
    }
  };
  return { origin: () => new URL(at(scheme ?? 'http')).origin, loopback, send };
}

async function findOut(
  http: Http,
  build: (scheme: 'http' | 'https') => HttpRequest,
): Promise<{ scheme: 'http' | 'https'; response: HttpResponse }> {
  const plain = build('http');
  try {
    const response = await http({ ...plain, patience: 0 });
    if (!wantsTls(response)) {
      const passing = [408, 429, 500, 502, 503, 504].includes(response.status) && plain.patience > 0;
      return { scheme: 'http', response: passing ? await http(plain) : response };
    }
  } catch (caught) {
    const failure = asFailure(caught);
    if (failure.code !== 'network' || !closedOnUs(failure)) return { scheme: 'http', response: await again(http, plain, failure) };
    try {
      return { scheme: 'https', response: await http({ ...build('https'), patience: 0 }) };
    } catch (secured) {
      if (isCertificateFailure(asFailure(secured))) throw secured;
      return { scheme: 'http', response: await again(http, plain, failure) };
    }
  }
  return { scheme: 'https', response: await http(build('https')) };
}

function again(http: Http, request: HttpRequest, failure: Failure): Promise<HttpResponse> {
  if (failure.code !== 'network' || request.patience === 0) throw failure;
  return http(request);
}

function wantsTls(response: HttpResponse): boolean {
  return response.status === 400 && /HTTP request to an HTTPS (server|port)/i.test(response.body.subarray(0, 1000).toString('latin1'));
}

function closedOnUs({ cause }: Failure): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_');
}

function explained(caught: unknown): unknown {
  if (!(caught instanceof Failure) || caught.code !== 'network') return caught;
  const { message, fix, cause } = caught;
  if (isPlainTextFailure(caught))
    return new Failure('network', message, 'If this registry has no TLS: `allow-http-registry: true`.', { cause });
  if (!isCertificateFailure(caught)) return caught;
  return new Failure('network', message, `${fix} For a registry in a test: \`allow-insecure-registry: true\`.`, { cause });
}
