import type net from 'node:net';
import { createProxyRule, isLoopback } from './proxy.ts';

/** Connections that were begun while the run was still being loaded. */
export interface AheadConnections {
  /** One to this host that has not failed, perhaps not there yet; each is given out once. */
  take(host: string, port: number): net.Socket | undefined;
  close(): void;
}

/** A run that looks for all signatures of one image begins with so many requests. */
const count = 4;

/**
 * Begins to connect to the registry of the first image, before the program that will use it is
 * loaded: loading takes as long as a round trip or two. Nothing is sent. Whether this registry may
 * be asked at all, and how, is decided later by what checks the inputs; where it is not, or a proxy
 * stands before it, the connections are closed unused.
 * @param env the inputs of the step as the runner gives them (`INPUT_IMAGES`), and the proxies
 */
export function connectAhead(env: Readonly<Record<string, string | undefined>>): AheadConnections {
  const place = placeOf(env);
  const open = place === undefined ? [] : Array.from({ length: count }, () => begin(place));
  return {
    take(host, port) {
      if (host !== place?.host || port !== place.port) return undefined;
      const socket = open.shift();
      if (socket === undefined || socket.destroyed) return undefined;
      return socket.ref();
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function begin(place: Place): net.Socket {
  // Asked for here: what is begun before a connection must not wait until it is loaded.
  const socket = process.getBuiltinModule('node:net').connect({ ...place, noDelay: true });
  socket.on('error', () => {}); // whoever takes it hears of it too; nobody else needs to
  return socket.unref();
}

/**
 * Only what is plain to see: a name without a host, say, is left to those who know what it means.
 */
function placeOf(env: Readonly<Record<string, string | undefined>>): Place | undefined {
  const [, written, port] =
    /^[\s,]*([a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(?::(\d{1,5}))?\//i.exec(env.INPUT_IMAGES ?? '') ??
    [];
  if (
    written === undefined ||
    !(/[.:]/.test(written) || port !== undefined || written === 'localhost')
  )
    return undefined;
  const plain = isLoopback(written) || env['INPUT_ALLOW-HTTP-REGISTRY'] === 'true';
  const host =
    written === 'docker.io' ? 'registry-1.docker.io' : written.replace(/^\[(.*)\]$/, '$1');
  const place = { host, port: Number(port ?? (plain ? 80 : 443)) };
  return isDirect(place, plain, env) ? place : undefined;
}

/** A host that plain http is allowed for may answer by TLS all the same: neither needs a proxy. */
function isDirect(
  { host, port }: Place,
  plain: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const proxyFor = createProxyRule(env);
  const name = host.includes(':') ? `[${host}]` : host;
  try {
    return (plain ? ['http', 'https'] : ['https']).every((scheme) => {
      const url = URL.parse(`${scheme}://${name}:${port}/`);
      return url !== null && proxyFor(url) === undefined;
    });
  } catch {
    return false; // told by the first request
  }
}
