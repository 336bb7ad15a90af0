import type { ServerResponse } from 'node:http';
import type { Clock } from '../../src/clock.ts';
import { bodyOf, headersOf, type Listener, type Reply, send } from './registry-http.ts';

/**
 * What goes wrong with one request. `apply` in a fault: the registry has done what was asked before
 * it went wrong.
 */
export type Fault =
  /** the connection is reset; nothing was done */
  | { readonly kind: 'reset-before' }
  /** everything was done, then the connection is reset before a byte of the answer */
  | { readonly kind: 'reset-after' }
  /**
   * the registry is gone for `ms` (200): this connection and all others are reset, new ones refused
   * (ECONNREFUSED)
   */
  | { readonly kind: 'refuse'; readonly ms?: number }
  /** no answer, ever */
  | { readonly kind: 'hang'; readonly apply?: boolean }
  /** the headers at once, then a byte of the body every `everyMs` */
  | { readonly kind: 'slow-body'; readonly everyMs: number }
  /** the whole content-length, half of the body, end of connection */
  | { readonly kind: 'truncate' }
  /** a body that never ends (until the client hangs up), in pieces of `bytes` */
  | { readonly kind: 'endless-body'; readonly bytes?: number; readonly everyMs?: number }
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly apply?: boolean;
    }
  /** the right status, and half of the JSON */
  | { readonly kind: 'malformed-json' }
  /** the right answer, `ms` later */
  | { readonly kind: 'latency'; readonly ms: number }
  /** bytes that are not HTTP */
  | { readonly kind: 'garbage' };

export const faultKinds = [
  'reset-before',
  'reset-after',
  'refuse',
  'hang',
  'slow-body',
  'truncate',
  'endless-body',
  'status',
  'malformed-json',
  'latency',
  'garbage',
] as const satisfies readonly Fault['kind'][];

/**
 * Answers a request wrongly. `answer` does what the registry would have done.
 * @returns the status for the log: a number, or the fault's kind where there was no answer.
 */
export async function answerWithFault(
  fault: Fault,
  method: string,
  response: ServerResponse,
  { listener, clock }: { readonly listener: Listener; readonly clock: Clock },
  answer: () => Promise<Reply>,
): Promise<number | Fault['kind']> {
  const socket = response.socket;
  switch (fault.kind) {
    case 'reset-before':
      socket?.resetAndDestroy();
      return fault.kind;
    case 'reset-after':
      await answer();
      socket?.resetAndDestroy();
      return fault.kind;
    case 'refuse':
      socket?.resetAndDestroy();
      await listener.close();
      clock.timer(fault.ms ?? 200, () => listener.open().catch(() => undefined), {
        keepAlive: false,
      });
      return fault.kind;
    case 'hang':
      if (fault.apply === true) await answer();
      return fault.kind;
    case 'status':
      if (fault.apply === true) await answer();
      send(response, method, {
        status: fault.code,
        headers: { ...fault.headers },
        body: fault.body ?? '',
      });
      return fault.code;
    case 'garbage':
      socket?.end('\u0016\u0003\u0001 this is not HTTP\r\n\r\n');
      return fault.kind;
    case 'latency':
      await clock.sleep(fault.ms);
      break;
    default:
      return await spoilBody(fault, method, response, await answer(), clock);
  }
  const reply = await answer();
  send(response, method, reply);
  return reply.status;
}

async function spoilBody(
  fault: Extract<Fault, { kind: 'slow-body' | 'truncate' | 'endless-body' | 'malformed-json' }>,
  method: string,
  response: ServerResponse,
  reply: Reply,
  clock: Clock,
): Promise<number> {
  const body = bodyOf(reply);
  if (fault.kind === 'malformed-json') {
    const half = body.length === 0 ? '{"errors":[' : body.subarray(0, Math.ceil(body.length / 2));
    send(response, method, { ...reply, body: half });
  } else if (fault.kind === 'truncate') {
    response.writeHead(
      reply.status,
      headersOf({
        ...reply,
        headers: { 'content-length': String(Math.max(body.length, 2)), ...reply.headers },
      }),
    );
    response.write(body.length > 1 ? body.subarray(0, Math.ceil(body.length / 2)) : '{', () =>
      response.socket?.end(),
    );
  } else if (fault.kind === 'slow-body') {
    response.writeHead(reply.status, headersOf(reply));
    for (const byte of body) {
      if (response.destroyed || response.socket === null) break;
      response.write(Buffer.from([byte]));
      await clock.sleep(fault.everyMs);
    }
    response.end();
  } else {
    const { 'content-length': _, ...headers } = headersOf(reply);
    response.writeHead(reply.status, headers);
    const piece = Buffer.alloc(fault.bytes ?? 64 * 1024, 0x20);
    while (!response.destroyed && response.socket !== null && !response.socket.destroyed) {
      if (!response.write(piece)) await drained(response);
      await clock.sleep(fault.everyMs ?? 1);
    }
  }
  return reply.status;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
