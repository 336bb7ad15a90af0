/**
 * TLS of one server that stands outside of the public authorities; all PEM. `ca` replaces the known
 * authorities.
 */
export interface TlsPeer {
  readonly ca?: string;
  /** our certificate and its private key, for a server that asks for one */
  readonly cert?: string;
  readonly key?: string;
  /** the name in the server's certificate, where it is not the host of the address */
  readonly servername?: string;
}

/** Milliseconds, by what a host does. */
export type RetryBudget =
  | number
  | {
      readonly failing: number;
      /** it says itself how long to wait (429, `Retry-After`) */
      readonly asked: number;
      /**
       * it took a request and went silent: one such try takes all of `failing`, and the next one, on
       * another connection, is mostly answered; `failing` when absent
       */
      readonly silent?: number;
    };

/** A body that is too large to be held: it is written piece by piece. */
export interface StreamedBody {
  /** of all pieces together */
  readonly bytes: number;
  /**
   * Writes the body; each piece is to be awaited, so that no more than one waits in memory. Called
   * again where the request has to be sent again (another token, a write that is moved).
   */
  readonly write: (to: (piece: Uint8Array) => Promise<void>) => Promise<void>;
}

/** What is known of an answer before its body has come. */
export type HttpHead = Pick<HttpResponse, 'status' | 'headers' | 'url'>;

/** One request. The body is bytes, but for the layers of an image that is copied (`upload`). */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /**
   * Instead of `body`. Never tried again after a failure: how far it came, only the caller can find
   * out. The time limit of the whole answer is the caller's (`timeout`).
   */
  readonly upload?: StreamedBody;
  /**
   * Takes the body of an answer piece by piece, awaited, where it answers a function for its head;
   * `maxBytes` bounds it, and `body` of the response is empty. Once a piece has come, a failure is
   * not tried again: the caller asks for the rest.
   */
  readonly receive?: (head: HttpHead) => ((piece: Buffer) => Promise<void>) | undefined;
  /**
   * An answer with more bytes than this is a Failure `too-large`; reading stops at once (a hostile
   * server cannot fill the memory).
   */
  readonly maxBytes: number;
  /**
   * For how long failures that may pass (resets, 408, 429, 5xx) are tried again; never beyond the
   * deadline of the step. 0 = one try.
   */
  readonly retryBudget: RetryBudget;
  /** Other answers that may be better in a while: they are tried again as well. */
  readonly mayPass?: (response: HttpResponse) => boolean;
  /** `skip` accepts any TLS certificate of this host (input allow-insecure-registry). */
  readonly tls?: 'verify' | 'skip';
  /**
   * Whom this one host is trusted by and who we are there (a Kubernetes API server); never taken
   * along to another origin.
   */
  readonly peer?: TlsPeer;
  /**
   * Redirects are followed for GET and HEAD only, 5 at the most, without `authorization` on another
   * origin, never from https to http.
   */
  readonly redirect?: 'follow' | 'manual';
  /** This and other requests to the same host open at most so many connections; 16 when absent. */
  readonly atOnce?: number;
  /** Milliseconds one try may take from connecting to the last byte; 30 s when absent. */
  readonly timeout?: number;
  /**
   * Where the run keeps count of slow hosts: whose account this waiting is on, because that one
   * named this address; absent: the host's own.
   */
  readonly chargedTo?: URL;
  /**
   * Where the run keeps count of slow hosts: milliseconds that this answer may take for nothing, if
   * not as many as others.
   */
  readonly grace?: number;
}

/** The answer, whatever its status: what a status means is the caller's business. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; a repeated header is joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** How often it was asked until this answer; for the sentence about an outage. */
  readonly attempts?: number;
}

/**
 * Sends a request and reads the answer. Retries by itself, with jitter and `Retry-After`, inside
 * `retryBudget` and the step's deadline.
 * @throws {Failure} `network` (no answer: refused, reset, TLS, name not found), `timeout` (the
 * step's budget is used up), `too-large`.
 */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

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
