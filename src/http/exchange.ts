import type http from 'node:http';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { protocolOf } from './agents.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

/**
 * Milliseconds. `connect` ends with the TLS handshake (and the proxy's tunnel), `idle` is between
 * two pieces of a body, `whole` is everything.
 */
export interface ExchangeLimits {
  readonly connect: number;
  readonly idle: number;
  readonly whole: number;
}

/** Why an exchange brought no answer; `code` as Node names it. */
export class ExchangeError extends Error {
  readonly code: string;
  /**
   * The connection had served another request before: the server may simply have closed it
   * meanwhile.
   */
  readonly reused: boolean;

  constructor(code: string, message: string, reused: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.reused = reused;
  }
}

/** An honest server needs far less; a hostile one gets no more of our memory. */
const maxHeaderBytes = 64 * 1024;

/**
 * One request and its answer, no retry, no redirect.
 * @param limits measured by `clock`
 * @param onSent told when the connection is there and the request goes out
 * @throws {ExchangeError} when there is no complete answer
 * @throws {Failure} `too-large`; `network` for a body that is encoded although we asked for none
 */
export function exchange(
  request: HttpRequest,
  agent: http.Agent,
  { limits, clock }: { readonly limits: ExchangeLimits; readonly clock: Clock },
  onSent?: () => void,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = send(request, agent);
    const none = () => {};
    const cancel = { phase: none, whole: none };
    const finish = (settle: () => void) => {
      cancel.phase();
      cancel.whole();
      settle();
    };
    // Destroying a request that waits for a proxy's tunnel emits nothing, so the promise is settled
    // here and not by an event.
    const fail = (error: Error) =>
      finish(() => {
        reject(error);
        outgoing.destroy();
      });
    const lapse = (milliseconds: number, code: string, what: string) =>
      clock.timer(milliseconds, () => fail(new ExchangeError(code, what, false)));
    const broken = (cause: NodeJS.ErrnoException) =>
      fail(new ExchangeError(codeOf(cause), cause.message, outgoing.reusedSocket, cause));

    cancel.whole = lapse(limits.whole, 'TIMEOUT', 'no complete answer in time');
    cancel.phase = lapse(limits.connect, 'CONNECT_TIMEOUT', 'no connection in time');
    onConnected(outgoing, () => {
      cancel.phase();
      if (onSent !== undefined) setImmediate(onSent); // others that connect at the same moment come first
    });
    outgoing.on('error', broken);
    outgoing.on('response', (incoming) => {
      // Only a proxy may answer so (RFC 9110, 15.5.8): this one is on the way to plain http.
      if (incoming.statusCode === 407)
        return fail(new ExchangeError('PROXY_LOGIN', 'the proxy wants a login', false));
      const idle = () => {
        cancel.phase();
        cancel.phase = lapse(limits.idle, 'TIMEOUT', 'the answer stopped coming');
      };
      idle();
      readBody(request, incoming, idle).then(
        (body) =>
          finish(() =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: headersOf(incoming),
              body,
              url: request.url,
            }),
          ),
        (caught: Error) => (caught instanceof Failure ? fail(caught) : broken(caught)),
      );
    });
  });
}

/**
 * What Node names the failure, and what a proxy said that opens no tunnel (4xx): asked again, it
 * would say the same.
 */
function codeOf(cause: NodeJS.ErrnoException & { readonly statusCode?: unknown }): string {
  const { code = 'ECONNRESET', statusCode } = cause;
  if (code !== 'ERR_PROXY_TUNNEL' || typeof statusCode !== 'number') return code;
  if (statusCode === 407) return 'PROXY_LOGIN';
  const passing = statusCode === 408 || statusCode === 429;
  return statusCode >= 400 && statusCode < 500 && !passing ? 'PROXY_REFUSAL' : code;
}

function send(request: HttpRequest, agent: http.Agent): http.ClientRequest {
  const { request: open } = protocolOf(request.url);
  const body = request.body;
  const outgoing = open(request.url, {
    method: request.method,
    agent,
    maxHeaderSize: maxHeaderBytes,
    joinDuplicateHeaders: true,
    ...(request.tls === 'skip' ? { rejectUnauthorized: false } : {}),
    ...request.peer,
    headers: {
      'user-agent': 'sign-image',
      // Compressed answers would have to be unpacked: a small bomb becomes gigabytes. We hash the
      // bytes as they are, anyway.
      'accept-encoding': 'identity',
      ...(request.method === 'GET' || request.method === 'HEAD'
        ? {}
        : { 'content-length': String(body?.length ?? 0) }),
      ...request.headers,
    },
  });
  outgoing.end(body);
  return outgoing;
}

function onConnected(outgoing: http.ClientRequest, connected: () => void): void {
  outgoing.once('socket', (socket) => {
    // TLS may have to begin on a connection that stands.
    const secures =
      'encrypted' in socket && 'secureConnecting' in socket && socket.secureConnecting === true;
    if (!socket.connecting && !secures) return connected();
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
  });
}

/**
 * By events, not by `for await`: that is a millisecond or two of Node's own code in the way of the
 * first answer.
 */
function readBody(
  request: HttpRequest,
  incoming: http.IncomingMessage,
  heard: () => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const encoding = incoming.headers['content-encoding'] ?? 'identity';
    incoming.on('error', reject); // also where the connection ends before the body
    incoming.on('end', () => resolve(Buffer.concat(chunks, size)));
    if (request.method === 'HEAD') {
      incoming.resume();
      return;
    }
    // A declared length is refused without reading any of it.
    if (Number(incoming.headers['content-length'] ?? 0) > request.maxBytes)
      return reject(tooLarge(request));
    incoming.on('data', (chunk: Buffer) => {
      heard();
      if (encoding.toLowerCase() !== 'identity') return reject(encoded(request, encoding));
      size += chunk.length;
      if (size > request.maxBytes) return reject(tooLarge(request));
      chunks.push(chunk);
    });
  });
}

function headersOf(incoming: http.IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

function tooLarge({ url, maxBytes }: HttpRequest): Failure {
  return new Failure(
    'too-large',
    `${url.host} answered ${url.pathname} with more than ${maxBytes} bytes; the rest was not read.`,
    'Nothing that belongs to an image signature is that large: look at what this server answers there.',
  );
}

function encoded({ url }: HttpRequest, encoding: string): Failure {
  return new Failure(
    'network',
    `${url.host} answered ${url.pathname} in the encoding "${encoding.replace(/[^a-z0-9-]/gi, '?').slice(0, 30)}", although none was asked for.`,
    'A proxy on the way may compress answers: let it pass these unchanged.',
  );
}
