import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock } from '../../src/clock.ts';
import { createHttp, type HttpEvent, type HttpOptions } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import type { HttpRequest } from '../../src/http/http.ts';

/** A server on a free port of 127.0.0.1 that counts its requests. */
export async function serve(
  listener: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  onConnection: (socket: Socket) => unknown = () => {},
) {
  const requests: {
    method: string;
    url: string;
    headers: IncomingMessage['headers'];
    body: string;
  }[] = [];
  const handle: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    });
    listener(request, response, requests.length);
  };
  const server = createServer(
    (request, response) =>
      void Promise.resolve(handle(request, response)).catch(() => response.destroy()),
  );
  let connections = 0;
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    connections++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    /** connections that are not closed */
    open: () => open.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client with a short step, and what it reported. */
export function client(options: Partial<HttpOptions> & { milliseconds?: number } = {}) {
  const { milliseconds = 10_000, clock = systemClock, ...rest } = options;
  const events: HttpEvent[] = [];
  const http = createHttp({
    deadline: createDeadline(milliseconds, clock),
    clock,
    env: {},
    onEvent: (event) => events.push(event),
    ...rest,
  });
  return { http, events };
}

export function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url: new URL(url), maxBytes: 1000, patience: 0, ...more };
}
