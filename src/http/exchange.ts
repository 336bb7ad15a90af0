import type http from 'node:http';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { protocolOf } from './agents.ts';
import type { HttpHead, HttpRequest, HttpResponse } from './http.ts';
import { encoded, feed, PourError, pourBody, tooLarge } from './streams.ts';
import { watchTime } from './watch.ts';

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
  /** some of the body was handed on, or some of ours was taken: the same request is another one now */
  streamed = false;

  constructor(code: string, message: string, reused: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.reused = reused;
  }
}

/** What was to pass through, and is an answer of another kind, has as much as a refusal. */
const maxRefusal = 256 * 1024;
/** An honest server needs far less; a hostile one gets no more of our memory. */
const maxHeaderBytes = 64 * 1024;

/** Why what belongs to a request ends with it: without one, an error is made for each of them. */
const over = 'the request is over';

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
    let streamed = request.upload !== undefined;
    const isStreamed = request.upload !== undefined || request.receive !== undefined;
    const settled = isStreamed ? new AbortController() : undefined;
    const finish = (settle: () => void) => {
      watch.end();
      settled?.abort(over);
      settle();
      // Answered before all of ours was sent: the rest would be read as the next request.
      if (!outgoing.writableEnded) outgoing.destroy();
    };
    // Destroying a request that waits for a proxy's tunnel emits nothing, so the promise is settled
    // here and not by an event.
    const fail = (error: Error) =>
      finish(() => {
        if (error instanceof ExchangeError) error.streamed = streamed;
        reject(error);
        outgoing.destroy();
      });
    const watch = watchTime(clock, limits.whole, (code, what) =>
      fail(new ExchangeError(code, what, false)),
    );
    const broken = (cause: NodeJS.ErrnoException) =>
      fail(new ExchangeError(codeOf(cause), cause.message, outgoing.reusedSocket, cause));

    watch.phase(limits.connect, 'CONNECT_TIMEOUT', 'no connection in time');
    onConnected(outgoing, () => {
      watch.rest();
      const wait = (times: number, what: string) =>
        watch.phase(times * limits.idle, 'TIMEOUT', what);
      if (request.upload !== undefined && settled !== undefined)
        feed(request, outgoing, settled.signal, wait, watch.rest).catch(fail);
      if (onSent !== undefined) setImmediate(onSent); // others that connect at the same moment come first
    });
    outgoing.on('error', broken);
    outgoing.on('response', (incoming) => {
      // Only a proxy may answer so (RFC 9110, 15.5.8): this one is on the way to plain http.
      if (incoming.statusCode === 407)
        return fail(new ExchangeError('PROXY_LOGIN', 'the proxy wants a login', false));
      const idle = () => watch.phase(limits.idle, 'TIMEOUT', 'the answer stopped coming');
      idle();
      const head = headOf(request, incoming);
      const sink = request.receive?.(head);
      const reading =
        sink === undefined
          ? readBody(withoutSink(request), incoming, idle)
          : pourBody(request, incoming, { idle, rest: watch.rest }, async (piece) => {
              // What is buffered when a connection breaks comes after its failure was told: whoever
              // asks for the rest meanwhile would have it twice.
              if (settled?.signal.aborted === true) throw new Error('the request is over');
              streamed = true;
              return sink(piece);
            });
      reading.then(
        (body) => finish(() => resolve({ ...head, body })),
        (caught: Error) =>
          caught instanceof Failure || caught instanceof PourError
            ? fail(caught instanceof PourError ? caught.reason : caught)
            : broken(caught),
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
  const { url, body } = request;
  const { request: open } = protocolOf(url);
  // Said in parts: taken apart by Node, a URL costs as much as all the rest of a request.
  const outgoing = open({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port,
    path: url.pathname + url.search,
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
        : { 'content-length': String(request.upload?.bytes ?? body?.length ?? 0) }),
      ...request.headers,
    },
  });
  if (request.upload === undefined) outgoing.end(body);
  return outgoing;
}

/** What was to pass through and is an answer of another kind is held: then as much as a refusal has. */
function withoutSink(request: HttpRequest): HttpRequest {
  if (request.receive === undefined) return request;
  return { ...request, maxBytes: Math.min(request.maxBytes, maxRefusal) };
}

function headOf(request: HttpRequest, incoming: http.IncomingMessage): HttpHead {
  return {
    status: incoming.statusCode ?? 0,
    headers: headersOf(incoming),
    url: request.url,
  };
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

/** Headers that came twice are joined by Node already (`joinDuplicateHeaders`), but for cookies. */
function headersOf({ headers }: http.IncomingMessage): Record<string, string> {
  const { 'set-cookie': cookies } = headers;
  return (
    cookies === undefined ? headers : { ...headers, 'set-cookie': cookies.join(', ') }
  ) as Record<string, string>;
}
