import http from 'node:http';

/**
 * Node's module for the scheme of a URL. The one for TLS takes 8 ms to load, so a run that speaks
 * to nobody by TLS does without it.
 */
export function protocolOf({ protocol }: URL): Pick<typeof http, 'request' | 'Agent'> {
  return protocol === 'https:' ? process.getBuiltinModule('node:https') : http;
}
