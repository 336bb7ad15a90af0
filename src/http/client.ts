import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { type Agents, createAgents } from './agents.ts';
import type { AheadConnections } from './ahead.ts';
import { type Deadline, whileRunning } from './deadline.ts';
import { ExchangeError, type ExchangeLimits, exchange } from './exchange.ts';
import type { Http, HttpRequest, HttpResponse } from './http.ts';
import { networkFailure } from './network-failure.ts';
import { createPaces, type Pace } from './pace.ts';
import { createProxyRule } from './proxy.ts';
import { redirected, tooManyRedirects } from './redirect.ts';
import { mayPass, type Outcome, pauseBefore, retryBudgetFor } from './retry.ts';
import { createSlowHostBudgets, type SlowHostBudget, type SlowHostLimits } from './slow-host.ts';

/**
 * One try, for the debug log: never a header, a body or a query, where credentials and signed
 * addresses are.
 */
export interface HttpEvent {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** absent when there was no answer */
  readonly status?: number;
  /** why there was no answer, as Node names it: `ECONNREFUSED` */
  readonly error?: string;
  readonly milliseconds: number;
  /** from 1 */
  readonly attempt: number;
}

export interface HttpOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read from it */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: (event: HttpEvent) => void;
  /** told once, when a request has been handed to its connection */
  readonly onSent?: () => void;
  /** milliseconds; what is not given has its default */
  readonly limits?: Partial<ExchangeLimits>;
  readonly random?: () => number;
  /** connections that were begun before; closed with the others */
  readonly ahead?: AheadConnections;
  /**
   * what a slow host may cost; without it, as much as the limits, the retry budget and the deadline allow
   */
  readonly slowHosts?: SlowHostLimits;
}

const defaultLimits: ExchangeLimits = { connect: 10_000, idle: 10_000, whole: 30_000 };
const connectionsPerHost = 16;
const maxRedirects = 5;
/** A kept connection that the server has closed shows that at once; later it is something else. */
const staleWithin = 1_000;
/** milliseconds; a try that ends so shortly before the step's time is up was ended by that */
const lastMoment = 5;

/**
 * Makes the one HTTP client of a run. Connections are kept and shared; `close` ends them, and
 * everything that still tries: a run that has failed at the registry does not wait for a Fulcio
 * that is down.
 */
export function createHttp(options: HttpOptions): Http & { close(): void } {
  const agents = createAgents(createProxyRule(options.env), options.ahead);
  const paceOf = createPaces();
  const slowHostBudgetOf =
    options.slowHosts === undefined
      ? () => undefined
      : createSlowHostBudgets(options.slowHosts, options.clock);
  const closed = new AbortController();
  const line = { agents, closed: closed.signal, options, onSent: once(options.onSent) };
  const http: Http = async (request) => {
    let next = request;
    // A redirect goes at the expense of whoever redirected: else a chain of slow hosts would cost
    // as often as it has links.
    const slowHost = slowHostBudgetOf(request.chargedTo ?? request.url);
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const response = await persist(next, { ...line, pace: paceOf(next.url), slowHost });
      const follow = redirected(next, response);
      if (follow === undefined) return response;
      next = follow;
    }
    throw tooManyRedirects(request.url);
  };
  const close = () => {
    closed.abort();
    agents.close();
  };
  return Object.assign(http, { close });
}

/** What all requests of a client share. */
interface Line {
  readonly agents: Agents;
  /** of the host that is asked */
  readonly pace: Pace;
  readonly slowHost: SlowHostBudget | undefined;
  readonly closed: AbortSignal;
  readonly options: HttpOptions;
  /** undefined once it was told */
  readonly onSent: () => (() => void) | undefined;
}

function once(tell: (() => void) | undefined): () => (() => void) | undefined {
  let left = tell;
  const told = () => {
    left?.();
    left = undefined;
  };
  return () => left && told;
}

/**
 * Tries until there is an answer that stays, or the retry budget or time are used up. A host that answers
 * others and refuses only us with 429 is busy, not broken: the retry budget counts from its last answer
 * then.
 */
async function persist(request: HttpRequest, line: Line): Promise<HttpResponse> {
  const { pace, closed, options } = line;
  const { deadline, clock, random = Math.random } = options;
  const start = clock.now();
  let stale = 0;
  for (let attempt = 1; ; ) {
    const began = clock.now();
    closed.throwIfAborted();
    const { outcome, sentAt } = await attemptOnce(request, line, attempt);
    const elapsed = clock.now() - start;
    if (
      'error' in outcome &&
      outcome.error.reused &&
      !outcome.error.streamed &&
      isReset(outcome.error) &&
      clock.now() - began < staleWithin &&
      stale++ < 3
    )
      continue;
    const pause = pauseBefore(outcome, attempt, random(), clock.date().getTime());
    const limited = 'response' in outcome && outcome.response.status === 429;
    if (limited) pace.refused(sentAt, clock.now(), pause);
    else if ('response' in outcome) pace.answered(clock.now());
    const waited = limited ? Math.min(elapsed, clock.now() - pace.lastAnswer) : elapsed;
    const retryBudget = retryBudgetFor(outcome, request.retryBudget);
    if (
      !mayPass(outcome, attempt, request.mayPass) ||
      waited + pause >= retryBudget ||
      pause >= deadline.remaining()
    ) {
      if ('response' in outcome) return { ...outcome.response, attempts: attempt };
      throw networkFailure(outcome.error, request.url, attempt, elapsed);
    }
    await deadline.sleep(pause, closed);
    attempt++;
  }
}

/**
 * @throws {Failure} `timeout` when the step's time is up, before or during the try; `network` when
 * the host's is; `too-large`
 */
async function attemptOnce(
  request: HttpRequest,
  line: Line,
  attempt: number,
): Promise<{ outcome: Outcome; sentAt: number }> {
  const { agents, slowHost, options } = line;
  const { deadline, clock, onEvent } = options;
  const leave = await agents.place(request.url, request.atOnce ?? connectionsPerHost);
  let start = clock.now();
  let over: (() => void) | undefined;
  const tell = (result: { status: number } | { error: string }) =>
    onEvent?.({
      method: request.method,
      host: request.url.host,
      path: request.url.pathname,
      ...result,
      milliseconds: Math.round(clock.now() - start),
      attempt,
    });
  try {
    if (deadline.remaining() === 0) await deadline.sleep(0);
    await keepDistance(line);
    slowHost?.signal.throwIfAborted();
    start = clock.now();
    over = slowHost?.begin(request.grace);
    const work = exchange(
      request,
      agents.for(request.url),
      { limits: limitsFor(request, options), clock },
      line.onSent(),
    );
    const response = await whileRunning(
      [deadline.signal, ...(slowHost === undefined ? [] : [slowHost.signal])],
      work,
    );
    tell({ status: response.status });
    return { outcome: { response }, sentAt: start };
  } catch (caught) {
    tell({
      error:
        caught instanceof ExchangeError || caught instanceof Failure ? caught.code : 'internal',
    });
    if (!(caught instanceof ExchangeError)) throw caught;
    // Raises the step's own Failure when it was the deadline that cut this try short; its timer may
    // come a little after ours.
    if (deadline.remaining() < lastMoment) await deadline.sleep(lastMoment);
    return { outcome: { error: caught }, sentAt: start };
  } finally {
    over?.();
    leave();
  }
}

/**
 * Waits for our place in the row of a host that wants its requests apart; again, when a 429 has
 * come meanwhile.
 */
async function keepDistance({ pace, closed, options: { deadline, clock } }: Line): Promise<void> {
  for (let wait = pace.reserve(clock.now()); wait > 0; ) {
    await deadline.sleep(wait, closed);
    wait = pace.isPaused(clock.now()) ? pace.reserve(clock.now()) : 0;
  }
}

function limitsFor(request: HttpRequest, options: HttpOptions): ExchangeLimits {
  const limits = { ...defaultLimits, ...options.limits };
  // A millisecond more: a timer may be early, and then it would not be the deadline that ended the
  // try.
  const left = options.deadline.remaining() + 1;
  return {
    connect: Math.min(limits.connect, left),
    idle: Math.min(limits.idle, left),
    whole: Math.min(request.timeout ?? limits.whole, left),
  };
}

function isReset(error: ExchangeError): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}
