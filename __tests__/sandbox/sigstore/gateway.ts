import { goSyntaxError } from './go-json.ts';
import type { Answer } from './service.ts';

/** The HTTP status of a gRPC code, as grpc-gateway maps it. */
const statuses: Record<number, number> = { 3: 400, 5: 404, 6: 409, 12: 501, 13: 500 };

/** An error of a service behind grpc-gateway (Fulcio, Rekor v2): `{code, message, details}`. */
export function gatewayError(
  code: 3 | 5 | 6 | 12 | 13,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return { status: statuses[code] ?? 500, headers, body: { code, message, details: [] } };
}
export const gatewayNotFound = (): Answer => gatewayError(5, 'Not Found');
export const gatewayMethod = (): Answer => gatewayError(12, 'Method Not Allowed');

export type Message = Readonly<Record<string, unknown>>;

/** A request that protobuf's JSON form does not allow; the message is told to the client. */
export class BadMessage extends Error {}

/** The fields of a message, and whether others are refused (Rekor v2) or passed over (Fulcio). */
export interface Fields {
  readonly names: readonly string[];
  readonly others: 'refused' | 'ignored';
}

/** Parses a request body as a protobuf message in JSON; an empty body is the empty message. */
export function parseMessage(body: Buffer, fields: Fields): Message {
  const text = body.toString();
  let value: unknown = {};
  try {
    if (text.trim() !== '') value = JSON.parse(text);
  } catch (error) {
    throw new BadMessage(goSyntaxError(text, String(error)));
  }
  if (value === null) throw new BadMessage('proto: syntax error (line 1:1): unexpected token null');
  return messageOf(value, fields);
}

/**
 * A message inside another; undefined and null are the empty message. Names come in camelCase or
 * snake_case.
 */
export function messageOf(value: unknown, { names, others }: Fields): Message {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new BadMessage(
      `proto: syntax error (line 1:1): unexpected token ${Array.isArray(value) ? '[' : JSON.stringify(value)}`,
    );
  }
  const message: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const camel = /[A-Z]/.test(name)
      ? name
      : name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const known = names.find((candidate) => candidate === camel);
    if (known) message[known] = field;
    else if (others === 'refused')
      throw new BadMessage(`proto: (line 1:2): unknown field ${JSON.stringify(name)}`);
  }
  return message;
}

/** A `bytes` field: base64 of either alphabet, padded or not; absent is empty. */
export function bytesOf(message: Message, field: string): Buffer {
  const value = message[field];
  if (value === undefined || value === null) return Buffer.alloc(0);
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) {
    throw new BadMessage(
      `proto: (line 1:2): invalid value for bytes field ${field}: ${JSON.stringify(value)}`,
    );
  }
  return Buffer.from(value, 'base64');
}

/** A `string` field; absent is empty. */
export function stringOf(message: Message, field: string): string {
  const value = message[field];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string')
    throw new BadMessage(
      `proto: (line 1:2): invalid value for string field ${field}: ${JSON.stringify(value)}`,
    );
  return value;
}
