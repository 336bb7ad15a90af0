import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '../../../src/clock.ts';
import { openOwnPort, type Surroundings } from '../own-port.ts';
import { type Fault, FaultSwitch } from './faults.ts';

export interface ServiceRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
/** An answer; an object is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | object;
}
export type Handler = (request: ServiceRequest) => Answer | Promise<Answer>;

/** What a service was asked. Bodies and headers are not kept: they carry tokens. */
export interface LoggedRequest {
  readonly service: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** What was answered; undefined where nothing was (hang, reset). */
  status?: number;
  fault?: Fault['kind'];
  readonly at: Date;
}

export interface Service {
  readonly url: string;
  readonly faults: FaultSwitch;
  close(): Promise<void>;
}

const maxBody = 16 * 1024 * 1024;

/**
 * Starts one service on a free loopback port, or in a network of its own. Every request is in `log`, and goes through the
 * service's fault switch.
 */
export async function startService(
  name: string,
  handler: Handler,
  log: LoggedRequest[],
  surroundings: Surroundings & { readonly now?: () => Date } = {},
): Promise<Service> {
  const { clock = systemClock, now = clock.date } = surroundings;
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A mistake of the sandbox itself shall be seen as one.
      if (response.headersSent) response.destroy();
      else
        send(response, {
          status: 500,
          headers: { 'content-type': 'text/plain' },
          body: `sandbox: ${error}\n`,
        });
    });
  });
  const port = await openOwnPort(server, surroundings);
  const faults = new FaultSwitch(port, clock);
  return { url: `http://127.0.0.1:${port.port}`, faults, close: () => faults.close() };

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(message);
    response.setHeader('date', now().toUTCString());
    const entry: LoggedRequest = {
      service: name,
      method: request.method,
      path: request.url.pathname + request.url.search,
      at: clock.date(),
    };
    log.push(entry);
    const fault = faults.next(request);
    if (fault) entry.fault = fault.kind;
    await faults.delay();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset' && fault.when === 'before') return reset(response);
    // A refused request is not looked at; a malformed or reset answer comes after the work was
    // done.
    const answer =
      fault?.kind === 'status'
        ? refusal(fault)
        : fault?.kind === 'echo'
          ? echo(request, fault.status)
          : request.body.length > maxBody
            ? { status: 413 }
            : await handler(request);
    if (fault?.kind === 'reset') return reset(response);
    entry.status = answer.status;
    send(response, fault?.kind === 'malformed' ? { ...answer, body: '{"unfinished": [' } : answer);
  }
}

async function read(message: IncomingMessage): Promise<ServiceRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBody + chunk.length) chunks.push(chunk);
  }
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );
  const url = new URL(message.url ?? '/', `http://${headers.host ?? '127.0.0.1'}`);
  return { method: message.method ?? 'GET', url, headers, body: Buffer.concat(chunks) };
}

function echo({ headers, body }: ServiceRequest, status: number): Answer {
  return { status, body: { message: JSON.stringify(headers), body: String(body) } };
}

function refusal(fault: Extract<Fault, { kind: 'status' }>): Answer {
  const retry = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  return {
    status: fault.status,
    headers: { 'content-type': fault.contentType ?? 'text/plain', ...retry },
    body: fault.body ?? 'injected fault\n',
  };
}

/** An RST, not an orderly end. */
const reset = (response: ServerResponse): void => {
  response.socket?.resetAndDestroy();
};

function send(response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  const isJson = typeof body === 'object' && !(body instanceof Uint8Array);
  const bytes = isJson ? Buffer.from(JSON.stringify(body)) : Buffer.from(body as string);
  response.writeHead(status, {
    ...(isJson ? { 'content-type': 'application/json' } : {}),
    ...headers,
    'content-length': bytes.length,
  });
  response.end(bytes);
}
