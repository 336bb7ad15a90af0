import http from 'node:http';
import type net from 'node:net';
import type { AheadConnections } from './ahead.ts';
import type { ProxyRule } from './proxy.ts';

/** Connections of a run: kept open, shared by all requests, bounded per host. */
export interface Agents {
  /** @throws {Failure} `network` where the proxy cannot be used */
  for(url: URL): http.Agent;
  /**
   * Waits until fewer than `most` requests to this host are under way; the function answered gives
   * the place back. Waiting is outside of Node's agent, so that the limits of a request do not run
   * meanwhile.
   */
  place(url: URL, most: number): Promise<() => void>;
  close(): void;
}

/**
 * Makes an agent for each way to a host. Node's agents open the tunnel of a proxy; which hosts need
 * one our own rule says, as Node's differs from the runner's (it knows no subdomains and no CIDR
 * ranges in NO_PROXY).
 * @param ahead connections that are used before new ones are opened
 */
export function createAgents(proxyFor: ProxyRule, ahead?: AheadConnections): Agents {
  const made = new Map<string, http.Agent>();
  const places = new Map<string, { taken: number; line: (() => void)[] }>();
  const agentFor = (url: URL) => {
    const proxy = proxyFor(url)?.href;
    const key = `${url.protocol}${proxy ?? ''}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const proxyEnv = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
    const options = { keepAlive: true, ...(proxy === undefined ? {} : { proxyEnv }) };
    const { Agent } = protocolOf(url);
    const agent = new Agent(options);
    if (ahead !== undefined && proxy === undefined)
      useFirst(ahead, agent, url.protocol === 'https:');
    made.set(key, agent);
    return agent;
  };
  const place = async (url: URL, most: number) => {
    const host = places.get(url.host) ?? { taken: 0, line: [] };
    places.set(url.host, host);
    if (host.taken < most) host.taken++;
    else await new Promise<void>((resolve) => host.line.push(resolve));
    return () => {
      const next = host.line.shift();
      if (next === undefined) host.taken--;
      else next();
    };
  };
  const close = () => {
    for (const agent of made.values()) agent.destroy();
    ahead?.close();
  };
  return { for: agentFor, place, close };
}

/** Lets an agent take connections that are there already. TLS begins on one when it stands. */
function useFirst(ahead: AheadConnections, agent: http.Agent, tls: boolean): void {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = ahead.take(String(options.host), Number(options.port));
    if (socket === undefined) return create(options, callback);
    if (!tls) return socket;
    const secure = () => create({ ...options, socket } as typeof options);
    if (!socket.connecting) return secure();
    const failed = (error: Error) => callback?.(error, socket);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      callback?.(null, secure() as net.Socket);
    });
    return undefined;
  };
}

/**
 * Node's module for the scheme of a URL. The one for TLS takes 8 ms to load, so a run that speaks
 * to nobody by TLS does without it.
 */
export function protocolOf({ protocol }: URL): Pick<typeof http, 'request' | 'Agent'> {
  return protocol === 'https:' ? process.getBuiltinModule('node:https') : http;
}
