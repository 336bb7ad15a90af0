import type http from 'node:http';
import { Failure } from '../failure.ts';
import { letGo } from '../memory.ts';
import type { HttpRequest } from './http.ts';

// Bodies that pass through in pieces, both ways.

/**
 * How much longer than for a piece of an answer one waits until a piece is taken, and until the
 * answer to all of them comes: a registry hashes and stores meanwhile.
 */
const stalled = 3;
const unanswered = 6;

/**
 * Writes a streamed body, one piece after the other. Rejects with what its writer rejects with.
 * @param watch begins to wait for the other side, so many times the limit @param rest ends that
 */
export async function feed(
  { upload }: HttpRequest,
  outgoing: http.ClientRequest,
  settled: AbortSignal,
  watch: (times: number, what: string) => void,
  rest: () => void,
): Promise<void> {
  if (upload === undefined) return;
  let left = upload.bytes;
  try {
    await upload.write(async (piece) => {
      if (settled.aborted) throw new PourError(new Error('the request is over'));
      if (piece.length > left) throw new Error('more is written than was announced');
      left -= piece.length;
      if (outgoing.write(piece)) return;
      watch(stalled, 'what is sent is not taken');
      await drained(outgoing, settled);
      rest();
    });
  } catch (caught) {
    if (settled.aborted) return; // told by what ended it
    throw caught;
  }
  if (settled.aborted) return;
  if (left > 0) throw new Error('less is written than was announced');
  watch(unanswered, 'no answer after the last byte');
  outgoing.end();
}

function drained(outgoing: http.ClientRequest, settled: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      outgoing.off('drain', done);
      reject(new PourError(new Error('the request is over')));
    };
    const done = () => {
      settled.removeEventListener('abort', over);
      resolve();
    };
    outgoing.once('drain', done);
    settled.addEventListener('abort', over, { once: true });
  });
}

/** What a taker of pieces has thrown, told apart from what the network did. */
export class PourError extends Error {
  readonly reason: Error;

  constructor(reason: unknown) {
    super('a piece was not taken', { cause: reason });
    this.reason = reason instanceof Error ? reason : new Error(String(reason));
  }
}

/** Hands the body on piece by piece: the connection is read no faster than they are taken. */
export async function pourBody(
  request: HttpRequest,
  incoming: http.IncomingMessage,
  { idle, rest }: { readonly idle: () => void; readonly rest: () => void },
  take: (piece: Buffer) => Promise<void>,
): Promise<Buffer> {
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw encoded(request, encoding);
  if (Number(incoming.headers['content-length'] ?? 0) > request.maxBytes) throw tooLarge(request);
  let size = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > request.maxBytes) throw tooLarge(request);
    rest(); // while it is taken, the other side is not what we wait for
    await take(piece).catch((caught: unknown) => {
      throw new PourError(caught);
    });
    idle();
    letGo(piece.length);
  }
  return Buffer.alloc(0);
}

export function tooLarge({ url, maxBytes }: HttpRequest): Failure {
  return new Failure(
    'too-large',
    `${url.host} answered ${url.pathname} with more than ${maxBytes} bytes; the rest was not read.`,
    'Nothing that belongs to an image signature is that large: look at what this server answers there.',
  );
}

export function encoded({ url }: HttpRequest, encoding: string): Failure {
  return new Failure(
    'network',
    `${url.host} answered ${url.pathname} in the encoding "${encoding.replace(/[^a-z0-9-]/gi, '?').slice(0, 30)}", although none was asked for.`,
    'A proxy on the way may compress answers: let it pass these unchanged.',
  );
}
