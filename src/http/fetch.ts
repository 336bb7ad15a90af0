import type { Http, HttpRequest } from './http.ts';

/** The part of the web's fetch that Octokit uses. */
export type Fetch = (
  address: string | URL,
  init?: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

/** bytes; a hundred files of a pull request with their patches are a tenth of that */
const maxBytes = 64 * 1024 * 1024;
/** milliseconds; a long list takes GitHub its time, and that is no fault */
const slowest = 30_000;
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A fetch over the one HTTP client of a run, so that proxies, certificates, the deadline and the
 * debug log are the same for GitHub's API. One try: whoever asks knows what may be asked twice.
 * @throws {Failure} as Http does; the reason of `signal`
 */
export function fetchOver(http: Http): Fetch {
  return async (address, { method = 'GET', headers = {}, body, signal } = {}) => {
    signal?.throwIfAborted();
    const work = http({
      method: method.toUpperCase() as HttpRequest['method'],
      url: new URL(address),
      headers,
      maxBytes,
      retryBudget: 0,
      grace: slowest,
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    const response = await (signal === undefined ? work : unlessAborted(work, signal));
    return new Response(withoutBody.has(response.status) ? null : new Uint8Array(response.body), {
      status: response.status,
      headers: response.headers,
    });
  };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
