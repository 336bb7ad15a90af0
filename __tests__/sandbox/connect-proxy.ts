import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';

export interface ConnectProxyOptions {
  /** who may use it; without: everybody */
  readonly credentials?: { readonly username: string; readonly password: string };
  /**
   * `host:port` a client names → `host:port` on this machine where that is. Others than these and
   * loopback are refused: 403.
   */
  readonly routes?: Readonly<Record<string, string>>;
  /** refuse everything with this status, as a proxy does whose policy forbids a host */
  readonly refuse?: number;
}

/** One thing that went through, or was refused. */
export interface ProxyLogEntry {
  /** `CONNECT`, or the method of an absolute-form request */
  readonly method: string;
  /** host:port for CONNECT, the whole URL otherwise */
  readonly target: string;
  readonly status: number;
  readonly authorized: boolean;
}

export interface ConnectProxy {
  /** http://127.0.0.1:PORT: for HTTPS_PROXY and HTTP_PROXY */
  readonly url: string;
  /** the same with the credentials in it */
  readonly urlWithCredentials: string;
  readonly log: ProxyLogEntry[];
  close(): Promise<void>;
}

/**
 * Starts a forward proxy on loopback: CONNECT tunnels (RFC 9110, 9.3.6) and absolute-form requests
 * (RFC 9112, 3.2.2).
 */
export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const log: ProxyLogEntry[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((asked, answer) => forward(asked, answer, options, log));
  server.on('connect', (asked: IncomingMessage, socket: Socket, head: Buffer) =>
    tunnel(asked, socket, head, options, log, sockets),
  );
  server.on('connection', (socket) => track(sockets, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { username, password } = options.credentials ?? { username: '', password: '' };
  const userinfo =
    options.credentials === undefined
      ? ''
      : `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`;
  return {
    url: `http://127.0.0.1:${port}`,
    urlWithCredentials: `http://${userinfo}127.0.0.1:${port}`,
    log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
}

/** 0: may pass; otherwise the status that refuses. */
function refusal(
  asked: IncomingMessage,
  destination: string | undefined,
  { credentials, refuse }: ConnectProxyOptions,
): number {
  if (credentials !== undefined && !isAuthorized(asked, credentials)) return 407;
  if (refuse !== undefined) return refuse;
  return destination === undefined ? 403 : 0;
}

function isAuthorized(
  asked: IncomingMessage,
  { username, password }: { username: string; password: string },
): boolean {
  return (
    asked.headers['proxy-authorization'] ===
    `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  );
}

function destinationOf(target: string, { routes = {} }: ConnectProxyOptions): string | undefined {
  return (
    routes[target] ?? (/^(127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(target) ? target : undefined)
  );
}

function tunnel(
  asked: IncomingMessage,
  socket: Socket,
  head: Buffer,
  options: ConnectProxyOptions,
  log: ProxyLogEntry[],
  sockets: Set<Socket>,
): void {
  const target = asked.url ?? '';
  const destination = destinationOf(target, options);
  const refused = refusal(asked, destination, options);
  const authorized = asked.headers['proxy-authorization'] !== undefined;
  if (refused !== 0 || destination === undefined) {
    log.push({ method: 'CONNECT', target, status: refused, authorized });
    socket.end(
      `HTTP/1.1 ${refused} Refused\r\n${refused === 407 ? 'Proxy-Authenticate: Basic realm="sandbox"\r\n' : ''}Content-Length: 0\r\n\r\n`,
    );
    return;
  }
  const { hostname, port } = new URL(`http://${destination}`);
  const upstream = connect(Number(port), hostname.replace(/[[\]]/g, ''));
  track(sockets, upstream);
  let open = false;
  upstream.once('connect', () => {
    open = true;
    log.push({ method: 'CONNECT', target, status: 200, authorized });
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  });
  upstream.once('error', () => {
    if (open) return socket.destroy();
    log.push({ method: 'CONNECT', target, status: 502, authorized });
    return socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
  });
  socket.once('close', () => upstream.destroy());
}

function forward(
  asked: IncomingMessage,
  answer: ServerResponse,
  options: ConnectProxyOptions,
  log: ProxyLogEntry[],
): void {
  const target = asked.url ?? '';
  const authorized = asked.headers['proxy-authorization'] !== undefined;
  const finish = (status: number, headers: Record<string, string> = {}) => {
    log.push({ method: asked.method ?? '', target, status, authorized });
    answer.writeHead(status, headers).end();
  };
  if (!URL.canParse(target)) {
    finish(400);
    return;
  }
  const url = new URL(target);
  const destination = destinationOf(`${url.hostname}:${url.port || '80'}`, options);
  const refused = refusal(asked, destination, options);
  if (refused !== 0 || destination === undefined) {
    finish(refused, refused === 407 ? { 'proxy-authenticate': 'Basic realm="sandbox"' } : {});
    return;
  }
  const { hostname, port } = new URL(`http://${destination}`);
  const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = asked.headers;
  const sent = request(
    { hostname, port, method: asked.method, path: `${url.pathname}${url.search}`, headers },
    (upstream) => {
      log.push({
        method: asked.method ?? '',
        target,
        status: upstream.statusCode ?? 0,
        authorized,
      });
      answer.writeHead(upstream.statusCode ?? 502, upstream.headers);
      upstream.pipe(answer);
    },
  );
  sent.on('error', () => finish(502));
  asked.pipe(sent);
}

/**
 * `node connect-proxy.ts`: prints {url}, then a line of JSON for everything that goes through; ends
 * with its standard input.
 */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [username, password] = process.argv.slice(2);
  const proxy = await startConnectProxy(
    username === undefined || password === undefined ? {} : { credentials: { username, password } },
  );
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  say({ url: proxy.url });
  const push = proxy.log.push.bind(proxy.log);
  proxy.log.push = (...entries) => {
    for (const entry of entries) say(entry);
    return push(...entries);
  };
  process.stdin.resume().on('end', () => process.exit(0));
}
