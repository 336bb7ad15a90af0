import http from 'node:http';
import https from 'node:https';
import { isLoopback } from './host.ts';

/** Connections of a run: kept open, shared by all requests, bounded per host. */
export interface Agents {
  for(url: URL): http.Agent;
  /** Waits for a free place at this host; the function answered gives it back. */
  place(url: URL): Promise<() => void>;
  close(): void;
}

/**
 * Node's own agents read HTTPS_PROXY, HTTP_PROXY and NO_PROXY (upper or lower case) from `env`. Loopback is always reached directly, as Go
 * programs (docker, cosign) do it: through a proxy it would be another machine, and plain HTTP with a password is fine on this one only.
 * @param perHost at most so many connections to one host; more requests wait in line, outside of the agent, so that their clocks do not run
 */
export function createAgents(env: Readonly<Record<string, string | undefined>>, perHost: number): Agents {
  const made = new Map<string, http.Agent>();
  const places = new Map<string, { taken: number; line: (() => void)[] }>();
  const agentFor = (url: URL) => {
    const direct = isLoopback(url.hostname);
    const key = `${url.protocol}${direct}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const options = { keepAlive: true, maxFreeSockets: perHost, ...(direct ? {} : { proxyEnv: env as NodeJS.ProcessEnv }) };
    const agent = url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    made.set(key, agent);
    return agent;
  };
  const place = async (url: URL) => {
    const host = places.get(url.host) ?? { taken: 0, line: [] };
    places.set(url.host, host);
    if (host.taken < perHost) host.taken++;
    else await new Promise<void>((resolve) => host.line.push(resolve));
    return () => {
      const next = host.line.shift();
      if (next === undefined) host.taken--;
      else next();
    };
  };
  const close = () => {
    for (const agent of made.values()) agent.destroy();
  };
  return { for: agentFor, place, close };
}
