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
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';

/** A server that counts its requests, on a free port of 127.0.0.1 or in a network of its own. */
export async function serve(
  listener: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  {
    onConnection = () => {},
    network,
  }: { onConnection?: (socket: Socket) => unknown; network?: MemoryNetwork } = {},
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
  if (network === undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = network?.open(server) ?? (server.address() as AddressInfo).port;
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
      if (network === undefined) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Servers and clients in a network of their own, on a clock that nobody waits for. */
export function fakeWorld() {
  const clock = new FakeClock();
  const network = new MemoryNetwork();
  return {
    clock,
    network,
    serve: (listener: Parameters<typeof serve>[0]) => serve(listener, { network }),
    client: (options: Parameters<typeof client>[0] = {}) =>
      client({ milliseconds: 300_000, clock, ahead: network, random: () => 0.5, ...options }),
  };
}

/** A client with a step of a minute, and what it reported. */
export function client(options: Partial<HttpOptions> & { milliseconds?: number } = {}) {
  const { milliseconds = 60_000, clock = systemClock, ...rest } = options;
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
  return { method: 'GET', url: new URL(url), maxBytes: 1000, retryBudget: 0, ...more };
}
