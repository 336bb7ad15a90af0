import type { Clock } from '../../../src/clock.ts';
import type { OwnPort } from '../own-port.ts';
import type { ServiceRequest } from './service.ts';

/** What a service does instead of answering properly. */
export type Fault =
  /**
   * Answers without doing anything: 429, 5xx, with `Retry-After` (seconds, or an HTTP date); or
   * with what a proxy in its place would say.
   */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: number | string;
      readonly body?: string;
      /** default `text/plain` */
      readonly contentType?: string;
    }
  /** Refuses, and sends back what it was sent: the headers and the body. */
  | { readonly kind: 'echo'; readonly status: number }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Resets the connection: before the request was looked at, or after it was done. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /** Does the work, and answers with JSON that ends in the middle. */
  | { readonly kind: 'malformed' };

export interface FaultLimit {
  /** For so many requests. */
  readonly times?: number;
  /** For so many milliseconds from now. */
  readonly milliseconds?: number;
  /** Only these requests. */
  readonly matching?: (request: ServiceRequest) => boolean;
}

interface Plan {
  readonly fault: Fault;
  readonly matching: (request: ServiceRequest) => boolean;
  readonly until: number;
  left: number;
}

/** The switch of one service, and its counters. */
export class FaultSwitch {
  /** Milliseconds that every answer waits. */
  latency = 0;
  /** Requests that came in since the start. */
  requests = 0;
  /** Requests among them that a fault befell. */
  faulted = 0;
  readonly #plans: Plan[] = [];
  readonly #port: Pick<OwnPort, 'open' | 'close'>;
  readonly #clock: Clock;
  #up = true;
  #cancelRise = () => {};

  constructor(port: Pick<OwnPort, 'open' | 'close'>, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  /**
   * Plans a fault. Without a limit it stays until `clear()`. Plans are used up in the order in
   * which they were made.
   */
  inject(
    fault: Fault,
    { times = Infinity, milliseconds = Infinity, matching = () => true }: FaultLimit = {},
  ): void {
    this.#plans.push({ fault, left: times, until: this.#clock.now() + milliseconds, matching });
  }

  /** Ends every planned fault and the latency; a service that is down stays down. */
  clear(): void {
    this.#plans.length = 0;
    this.latency = 0;
  }

  /**
   * Refuses connections, and ends those that are open: until `up()`, or for so many milliseconds.
   */
  async down(milliseconds?: number): Promise<void> {
    if (!this.#up) return;
    this.#up = false;
    await this.#port.close();
    if (milliseconds !== undefined)
      this.#cancelRise = this.#clock.timer(milliseconds, () => void this.up(), {
        keepAlive: false,
      });
  }

  /** Accepts connections again, on the same port. */
  async up(): Promise<void> {
    this.#cancelRise();
    if (this.#up) return;
    this.#up = true;
    await this.#port.open();
  }

  /** For the service: the fault that befalls this request. */
  next(request: ServiceRequest): Fault | undefined {
    this.requests++;
    const plan = this.#plans.find(
      ({ left, until, matching }) => left > 0 && this.#clock.now() < until && matching(request),
    );
    if (!plan) return undefined;
    plan.left--;
    this.faulted++;
    return plan.fault;
  }

  /** For the service: waits as long as `latency` says. */
  async delay(): Promise<void> {
    if (this.latency > 0) await this.#clock.sleep(this.latency);
  }

  /** For the service: ends it for good. */
  async close(): Promise<void> {
    this.#cancelRise();
    if (this.#up) await this.#port.close();
    this.#up = false;
  }
}
