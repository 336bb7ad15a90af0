import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type OwnPort, openOwnPort, type Surroundings } from './own-port.ts';

/**
 * Which of a registry's listeners was asked: itself, its token service on another port, or the
 * storage hosts it points to.
 */
export type ListenerName = 'registry' | 'token' | 'storage' | 'uploads';

/** A request with its whole body, as the sandbox's handlers see it. */
export interface Asked {
  readonly listener: ListenerName;
  /** 0 for the first request to any listener of this registry */
  readonly index: number;
  readonly method: string;
  /** absolute, with the Host header the client sent */
  readonly url: URL;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * An answer. `content-length` is added; for HEAD it is that of the body, which is then not sent.
 */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

/** PEM texts for a listener with TLS. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

export interface Listener extends OwnPort {
  /** http(s)://127.0.0.1:PORT */
  readonly origin: string;
}

/** An error answer as the distribution spec writes it ("error codes"). */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: `${JSON.stringify({ errors: [{ code, message, detail: null }] })}\n`,
  };
}

/** An answer with a JSON body. */
export function jsonReply(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

/** What Go's own router says where there is no such path. */
export const pageNotFound: Reply = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: '404 page not found\n',
};

/**
 * Listens on a free port of 127.0.0.1. `serve` gets each request once its body is there, and writes
 * the answer itself.
 */
export async function listen(
  name: ListenerName,
  serve: (asked: Omit<Asked, 'index'>, response: ServerResponse) => Promise<void>,
  { tls, ...surroundings }: Surroundings & { readonly tls?: TlsFiles | undefined },
): Promise<Listener> {
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    readRequest(name, request, tls !== undefined)
      .then((asked) => serve(asked, response))
      .catch(() => response.destroy());
  };
  const server =
    tls === undefined
      ? createServer(onRequest)
      : createTlsServer({ key: tls.key, cert: tls.cert }, onRequest);
  server.keepAliveTimeout = 60_000;
  const port = await openOwnPort(server, surroundings);
  return { ...port, origin: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port.port}` };
}

/** Writes a reply as it is; a HEAD gets the headers only. */
export function send(response: ServerResponse, method: string, reply: Reply): void {
  const body = bodyOf(reply);
  response.writeHead(reply.status, headersOf(reply));
  response.end(method === 'HEAD' || noBody(reply.status) ? undefined : body);
}

export function bodyOf(reply: Reply): Buffer {
  return Buffer.from(reply.body ?? '');
}

/** The reply's headers with the content-length it should have. */
export function headersOf(reply: Reply): Record<string, string | string[]> {
  const headers = { ...reply.headers };
  if (!noBody(reply.status) && headers['content-length'] === undefined)
    headers['content-length'] = String(bodyOf(reply).length);
  return headers;
}

const noBody = (status: number) => status === 204 || status === 304;

async function readRequest(
  listener: ListenerName,
  request: IncomingMessage,
  secure: boolean,
): Promise<Omit<Asked, 'index'>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > 64 * 1024 * 1024) throw new Error('more than 64 MiB in one request');
    parts.push(part);
  }
  const url = new URL(
    request.url ?? '/',
    `http${secure ? 's' : ''}://${request.headers.host ?? '127.0.0.1'}`,
  );
  return {
    listener,
    method: request.method ?? 'GET',
    url,
    path: url.pathname,
    headers: request.headers,
    body: Buffer.concat(parts),
  };
}
