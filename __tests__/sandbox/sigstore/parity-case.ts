import type { Json, World } from './well-formed.ts';

/** A request to one service. */
export interface ParityCase {
  readonly name: string;
  readonly send: (world: World) => Promise<Response>;
}

export type Body = object | string | Uint8Array;
const isBytes = (body: Body): body is string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array;

/** A POST of bytes as they are, or of anything else as JSON; `type` '' sends no content type. */
export function post(
  url: string,
  body: Body,
  type = 'application/json',
  headers: Record<string, string> = {},
): Promise<Response> {
  const bytes = Buffer.from(isBytes(body) ? body : JSON.stringify(body));
  return fetch(url, {
    method: 'POST',
    body: bytes,
    headers: { ...headers, ...(type ? { 'content-type': type } : {}) },
  });
}

/** The request with the value at a path of names replaced, or left out. */
export function bent(request: Json, path: string, value?: unknown): Json {
  const copy = structuredClone(request);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce<Json>((at, name) => at[name] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

export type Sender = (world: World) => Promise<Response>;
export const rows = (prefix: string, table: Record<string, Sender>): ParityCase[] =>
  Object.entries(table).map(([name, send]) => ({ name: `${prefix}: ${name}`, send }));
