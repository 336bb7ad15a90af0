// Loaded only where several services of a kind may be used, or where one ends during the run.
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Candidate } from './select-services.ts';
import { ServiceDown, type ServiceEndpoint } from './service-call.ts';

/** Who will do: `count` of them are used at once, in this order; the others stand in. */
export interface Choice {
  readonly count: number;
  readonly candidates: readonly Candidate[];
}

/** One service that is asked now, and how long it may be waited for. */
export type Turn = Candidate & Pick<ServiceEndpoint, 'retryBudget' | 'tryLimit'>;

/**
 * Asks as many services as are to be used, or `most`.
 * @returns their answers
 * @throws {ServiceDown} where all that will do are down; {Failure} whatever else one of them says
 */
export type Turns = <R>(ask: (turn: Turn) => Promise<R>, most?: number) => Promise<readonly R[]>;

/** One that is used in place of others that are down. */
export interface StandIn {
  /** as a person knows it: `Rekor` */
  readonly name: string;
  readonly url: URL;
  readonly inPlaceOf: readonly { readonly url: URL; readonly why: string }[];
}

export interface TurnOptions {
  readonly name: string;
  readonly clock: Clock;
  /** asked anew for each signature: a service may end, and the next one begin, during a run */
  readonly choose: () => Choice;
  /** milliseconds for all of them together */
  readonly retryBudget: () => number;
  /** told once of each service that stands in */
  readonly onStandIn: (standIn: StandIn) => void;
}

/** What one is waited for at first, where others would do (milliseconds). */
const shortTurn = 20_000;

/**
 * Tries services in turn. Each is waited for 20 seconds, or its share of what there is; when all
 * are down, they share the rest, in the same order. One that was down is asked last from then on.
 * Only `ServiceDown` hands on to the next: who refuses, or answers wrongly, is not down, and an
 * attacker who made one answer wrongly must not choose the next.
 */
export function createTurns(options: TurnOptions): Turns {
  const down = new Map<string, ServiceDown>();
  const told = new Set<string>();
  return async (ask, most = Number.POSITIVE_INFINITY) => {
    const { count, candidates } = options.choose();
    const isDown = ({ url }: Candidate) => Number(down.has(url.href));
    const order = candidates.toSorted((a, b) => isDown(a) - isDown(b));
    const lanes = Math.min(count, most);
    const call = openCall(order, lanes, options);
    const lane = async () => {
      const failures: ServiceDown[] = [];
      for (let next = call.next(); next !== undefined; next = call.next()) {
        try {
          const answer = await ask(next);
          down.delete(next.url.href);
          if (candidates.findIndex(({ url }) => url === next?.url) >= lanes) tell(next);
          return { answer };
        } catch (caught) {
          if (!(caught instanceof ServiceDown)) throw caught;
          failures.push(caught);
          down.set(next.url.href, caught);
          call.release(next);
        }
      }
      return { failures };
    };
    return answersOf(await Promise.all(Array.from({ length: lanes }, lane)), options.name);
  };

  function tell({ url }: Candidate): void {
    if (told.has(url.href)) return;
    told.add(url.href);
    const inPlaceOf = [...down].map(([href, { message: why }]) => ({ url: new URL(href), why }));
    options.onStandIn({ name: options.name, url, inPlaceOf });
  }
}

/** One signature's way through the services. Lanes side by side never share an operator. */
function openCall(order: readonly Candidate[], lanes: number, options: TurnOptions) {
  const { clock } = options;
  const end = clock.now() + options.retryBudget();
  const left = () => Math.max(0, end - clock.now());
  const held = new Set<string>();
  const tried = { short: new Set<Candidate>(), long: new Set<Candidate>() };
  const open = (round: keyof typeof tried) =>
    order.filter((one) => !tried[round].has(one) && !held.has(one.operator));
  const take = (round: keyof typeof tried): Turn | undefined => {
    const [next, ...others] = open(round);
    if (next === undefined) return undefined;
    tried[round].add(next);
    held.add(next.operator);
    const share = left() / (others.length + (round === 'short' ? 2 : 1));
    const limit = round === 'short' ? Math.min(shortTurn, share) : share;
    const until = clock.now() + limit;
    const retryBudget = () => Math.max(0, until - clock.now());
    return others.length === 0 && round === 'long'
      ? { ...next, retryBudget }
      : { ...next, retryBudget, tryLimit: () => share };
  };
  return {
    next: () => (order.length > lanes && left() > 0 ? take('short') : undefined) ?? take('long'),
    release: ({ operator }: Candidate) => void held.delete(operator),
  };
}

type Lane<R> = { readonly answer: R } | { readonly failures: readonly ServiceDown[] };

/** All answers, or why there are not enough. */
function answersOf<R>(lanes: readonly Lane<R>[], name: string): readonly R[] {
  const answers = lanes.flatMap((lane) => ('answer' in lane ? [lane.answer] : []));
  if (answers.length === lanes.length) return answers;
  const failures = lanes.flatMap((lane) => ('failures' in lane ? lane.failures : []));
  const last = failures.at(-1);
  if (last === undefined) throw new Error(`there is no ${name} to ask`);
  const causes = [...new Set(failures.map(({ message }) => message))];
  const message =
    causes.length === 1 ? last.message : `None of ${causes.length} answers: ${causes.join(' ')}`;
  // Some are there and others are not: that is no outage of all.
  if (answers.length > 0) throw new Failure(last.code, last.message, last.fix, { cause: last });
  throw new ServiceDown(last.code, message, last.fix, { cause: last });
}
