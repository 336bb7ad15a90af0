import { createServer as createPlain, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { TestCertificates } from '../certificates.ts';

/** A request as a key service sees it. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** the certificate that the caller showed, as DER */
  readonly peer?: Buffer | undefined;
}

export interface Answered {
  readonly status: number;
  /** JSON, unless it is a text */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A key service on loopback. */
export interface Service {
  readonly origin: string;
  readonly host: string;
  /** what was asked, in order; `what` is the service's own name of the operation */
  readonly asked: { what: string; status: number }[];
  /** how many requests were under way at the same time at the most */
  readonly busiest: () => number;
  /** so many next answers are this one instead (throttling, outage) */
  fail(times: number, answer: Answered): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a service; `handle` answers the name of the operation and the answer. What it throws is a
 * 500 that names the fake's own mistake.
 */
export async function startService(
  handle: (asked: Asked) => Promise<readonly [what: string, answer: Answered]>,
  tls?: TestCertificates,
): Promise<Service> {
  const asked: { what: string; status: number }[] = [];
  const failures: Answered[] = [];
  let running = 0;
  let busiest = 0;
  const answer = async (request: IncomingMessage): Promise<Answered> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(
      request.url ?? '/',
      `${tls === undefined ? 'http' : 'https'}://${request.headers.host}`,
    );
    const peer =
      tls === undefined ? undefined : (request.socket as TLSSocket).getPeerCertificate().raw;
    await wait(3); // as every network: requests that were sent side by side are seen side by side
    const failure = failures.shift();
    const [what, given] =
      failure === undefined
        ? await handle({
            method: request.method ?? '',
            url,
            headers: request.headers,
            body: Buffer.concat(chunks),
            peer,
          })
        : (['(told to fail)', failure] as const);
    asked.push({ what, status: given.status });
    return given;
  };
  const listener: RequestListener = (request, response) => {
    running++;
    busiest = Math.max(busiest, running);
    answer(request)
      .catch((error): Answered => ({ status: 500, body: `the fake failed: ${error}` }))
      .then(({ status, body, headers }) => {
        running--;
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        response
          .writeHead(status, {
            'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
            ...headers,
          })
          .end(text);
      });
  };
  const server =
    tls === undefined
      ? createPlain(listener)
      : createTls(
          { key: tls.key, cert: tls.cert, requestCert: true, rejectUnauthorized: false },
          listener,
        );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    asked,
    busiest: () => busiest,
    fail: (times, given) => failures.push(...Array<Answered>(times).fill(given)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
