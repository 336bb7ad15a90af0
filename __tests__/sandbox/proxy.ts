import { spawn } from 'node:child_process';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, systemClock } from '../../src/clock.ts';

export interface DelayProxyOptions {
  /** HOST:PORT of a registry that speaks plain http */
  readonly target: string;
  /** added before the head of every answer; default 50 */
  readonly perResponseMs?: number;
  /** added before the first answer of every connection, for its handshake; default 20 */
  readonly perConnectionMs?: number;
  /** that of the machine when absent */
  readonly clock?: Clock;
}

/** One request as the client saw it, in milliseconds since the proxy started. */
export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly start: number;
  readonly end: number;
}

export interface ProxyStatistics {
  readonly requests: number;
  readonly connections: number;
  /** the longest chain of requests of which each began after the one before had ended */
  readonly depth: number;
  /** the most requests at one moment */
  readonly parallel: number;
  readonly log: readonly ProxiedRequest[];
}

export interface DelayProxy {
  /** 127.0.0.1:PORT: use it in references instead of the registry's */
  readonly host: string;
  readonly url: string;
  statistics(): ProxyStatistics;
  reset(): void;
  close(): Promise<void>;
}

/**
 * Stands before a registry as a slow network: every answer comes `perResponseMs` later, every
 * connection costs `perConnectionMs`. The Host header is kept, so a registry that builds Location
 * from it points to the proxy; where Location or the realm of a challenge name the target's own
 * address, they are rewritten. Redirects to other hosts stay as they are (and are not delayed).
 */
export async function startDelayProxy({
  target,
  perResponseMs = 50,
  perConnectionMs = 20,
  clock = systemClock,
}: DelayProxyOptions): Promise<DelayProxy> {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: 256,
  });
  let log: ProxiedRequest[] = [];
  let connections = 0;
  const began = clock.now();
  const readyAt = new WeakMap<object, number>();
  const handle = async (asked: IncomingMessage, answer: ServerResponse) => {
    const start = clock.now();
    const body = await bodyOf(asked);
    await clock.sleep(Math.max(0, (readyAt.get(asked.socket) ?? 0) - clock.now()));
    const upstream = await forward(asked, body, target, agent);
    await clock.sleep(perResponseMs);
    answer.writeHead(
      upstream.statusCode ?? 502,
      rewrite(upstream.headers, target, asked.headers.host ?? ''),
    );
    // The moment the last byte is handed over: what the client begins after it counts as one step
    // deeper.
    upstream.on('end', () => {
      const entry = {
        method: asked.method ?? '',
        path: asked.url ?? '',
        status: upstream.statusCode ?? 0,
      };
      log.push({ ...entry, start: start - began, end: clock.now() - began });
    });
    upstream.pipe(answer);
  };
  const server = createServer((asked, answer) => {
    handle(asked, answer).catch(() => answer.destroy());
  });
  server.keepAliveTimeout = 120_000;
  server.on('connection', (socket) => {
    connections += 1;
    socket.setNoDelay(true);
    readyAt.set(socket, clock.now() + perConnectionMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    statistics: () => ({
      requests: log.length,
      connections,
      depth: depthOf(log),
      parallel: parallelOf(log),
      log: [...log],
    }),
    reset: () => {
      log = [];
      connections = 0;
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The longest chain of requests that do not overlap: taking always the next that ends first gives
 * it.
 */
export function depthOf(log: readonly Pick<ProxiedRequest, 'start' | 'end'>[]): number {
  let depth = 0;
  let free = Number.NEGATIVE_INFINITY;
  for (const { start, end } of [...log].sort((a, b) => a.end - b.end)) {
    if (start < free) continue;
    depth += 1;
    free = end;
  }
  return depth;
}

/** The most requests at one moment. */
export function parallelOf(log: readonly Pick<ProxiedRequest, 'start' | 'end'>[]): number {
  return Math.max(
    0,
    ...log.map(
      ({ start }) => log.filter((other) => other.start <= start && start < other.end).length,
    ),
  );
}

async function bodyOf(asked: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of asked as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

function forward(
  asked: IncomingMessage,
  body: Buffer,
  target: string,
  agent: Agent,
  again = true,
): Promise<IncomingMessage> {
  const { 'transfer-encoding': _, connection: __, ...headers } = asked.headers;
  const length: IncomingHttpHeaders =
    body.length > 0 || asked.method === 'PUT' || asked.method === 'POST'
      ? { 'content-length': String(body.length) }
      : {};
  const { hostname, port } = new URL(`http://${target}`);
  return new Promise((resolve, reject) => {
    const options = {
      hostname,
      port,
      agent,
      method: asked.method,
      path: asked.url,
      headers: { ...headers, ...length },
    };
    const sent = request(options, resolve);
    // An idle connection that the registry closed just now: nothing was done with the request.
    sent.on('error', (error) =>
      again && sent.reusedSocket
        ? resolve(forward(asked, body, target, agent, false))
        : reject(error),
    );
    sent.end(body);
  });
}

function rewrite(headers: IncomingHttpHeaders, target: string, proxy: string): IncomingHttpHeaders {
  const { connection: _, 'keep-alive': __, ...kept } = headers;
  for (const name of ['location', 'www-authenticate'] as const) {
    const value = kept[name];
    if (value !== undefined) kept[name] = value.replaceAll(`http://${target}`, `http://${proxy}`);
  }
  return kept;
}

/**
 * The same proxy in a process of its own, so that what is measured shares no event loop with it.
 */
export interface DelayProxyProcess {
  readonly host: string;
  readonly url: string;
  readonly pid: number;
  statistics(): Promise<ProxyStatistics>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** Starts `node proxy.ts TARGET` and waits for its line. */
export async function startDelayProxyProcess(
  options: DelayProxyOptions,
  node = process.execPath,
): Promise<DelayProxyProcess> {
  const { target, perResponseMs = 50, perConnectionMs = 20 } = options;
  const script = fileURLToPath(import.meta.url);
  const child = spawn(node, [script, target, String(perResponseMs), String(perConnectionMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the proxy ended with ${code}`)));
  });
  const { host, url, control } = JSON.parse(line) as { host: string; url: string; control: string };
  return {
    host,
    url,
    pid: child.pid ?? 0,
    statistics: async () => (await (await fetch(control)).json()) as ProxyStatistics,
    reset: async () => {
      await fetch(control, { method: 'DELETE' });
    },
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * `node proxy.ts TARGET [PER_RESPONSE_MS [PER_CONNECTION_MS]]`: prints {host, url, control} and
 * ends with its standard input.
 */
async function main([
  target = '',
  perResponseMs = '50',
  perConnectionMs = '20',
]: string[]): Promise<void> {
  const proxy = await startDelayProxy({
    target,
    perResponseMs: Number(perResponseMs),
    perConnectionMs: Number(perConnectionMs),
  });
  const control = createServer((asked, answer) => {
    if (asked.method === 'DELETE') proxy.reset();
    answer.setHeader('content-type', 'application/json').end(JSON.stringify(proxy.statistics()));
  });
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
  const { port } = control.address() as AddressInfo;
  process.stdout.write(
    `${JSON.stringify({ host: proxy.host, url: proxy.url, control: `http://127.0.0.1:${port}/` })}\n`,
  );
  process.stdin.resume().on('end', () => process.exit(0));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await main(process.argv.slice(2));
