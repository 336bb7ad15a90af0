// Loaded only where others may stand in for a service, or a timestamp for the log.
import type { SignatureBundle, Witness } from '@sigstore/sign';
import { type Choice, createTurns, type StandIn, type Turns } from '../sigstore/in-turn.ts';
import { createRekor } from '../sigstore/rekor.ts';
import type { ChosenServices, ServiceKind } from '../sigstore/select-services.ts';
import { ServiceDown } from '../sigstore/service-call.ts';
import { createTimestampWitness } from '../sigstore/timestamp.ts';
import type { World } from './world.ts';

export interface TurnTools extends Pick<World, 'http' | 'clock' | 'tell'> {
  readonly retryBudget: () => number;
  readonly logIds: () => Promise<readonly Buffer[]>;
  /** which will do at this moment */
  readonly choose: () => ChosenServices;
  /** told of each one that stands in */
  readonly onStandIn: (standIn: StandIn) => void;
}

const names = { fulcio: 'Fulcio', logs: 'Rekor', timestamps: 'the timestamp authority' } as const;

/** The services of one kind, to be tried in turn. */
export function inTurn(kind: ServiceKind, tools: TurnTools): Turns {
  const { tell, choose } = tools;
  const name = names[kind];
  const onStandIn = (standIn: StandIn) => {
    tell({ kind: 'notice', text: standInWords(standIn) });
    tools.onStandIn(standIn);
  };
  return createTurns({ ...tools, name, choose: () => choiceOf(choose(), kind), onStandIn });
}

/** "Rekor at A is used in place of B, which is down: …" */
function standInWords({ name, url, inPlaceOf }: StandIn): string {
  const others = inPlaceOf.map((one) => one.url.origin).join(' and ');
  const verb = inPlaceOf.length === 1 ? 'is' : 'are';
  const why = inPlaceOf.map((one) => one.why).join(' ');
  const first = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  return `${first} at ${url.origin} is used in place of ${others}, which ${verb} down: ${why}`;
}

function choiceOf(chosen: ChosenServices, kind: ServiceKind): Choice {
  const used =
    kind === 'logs'
      ? chosen.logs
      : kind === 'timestamps'
        ? chosen.timestamps.map((url) => ({ url }))
        : [chosen.fulcio].flatMap((url) => (url === undefined ? [] : [{ url }]));
  const alone = used.map((one) => ({ ...one, operator: one.url.href }));
  return { count: used.length, candidates: chosen.standIns?.[kind] ?? alone };
}

/** @param most at one time; the legacy format has room for one */
export function logInTurn(turns: Turns, tools: TurnTools, most?: number): Witness {
  return {
    async testify(content: SignatureBundle, publicKey: string) {
      const made = await turns(
        (turn) => createRekor({ ...tools, ...turn }).testify(content, publicKey),
        most,
      );
      return { tlogEntries: made.flatMap(({ tlogEntries }) => tlogEntries ?? []) };
    },
  };
}

/** The same of timestamp authorities. */
export function timestampInTurn(turns: Turns, tools: TurnTools, most?: number): Witness {
  return {
    async testify(content: SignatureBundle, publicKey: string) {
      const made = await turns(
        (turn) => createTimestampWitness({ ...tools, ...turn }).testify(content, publicKey),
        most,
      );
      return {
        rfc3161Timestamps: made.flatMap(({ rfc3161Timestamps }) => rfc3161Timestamps ?? []),
      };
    },
  };
}

/** What stands in for the log entry while every log is down (input `tlog-fallback`). */
export interface LogFallback {
  /** why no log is asked any more in this run; undefined while one answers */
  readonly outage: () => ServiceDown | undefined;
  /**
   * What `ask` answers, or `otherwise` once every log has been down for as long as it may be waited
   * for. @throws {Failure} whatever else `ask` throws: who refuses, or lies, is not down
   */
  readonly unlessDown: <R>(ask: () => Promise<R>, otherwise: R) => Promise<R>;
}

/** One for a run: what was waited for once is not waited for again by the next image. */
export function createLogFallback({ tell }: Pick<World, 'tell'>): LogFallback {
  let outage: ServiceDown | undefined;
  return {
    outage: () => outage,
    async unlessDown(ask, otherwise) {
      if (outage !== undefined) return otherwise;
      try {
        return await ask();
      } catch (caught) {
        if (!(caught instanceof ServiceDown)) throw caught;
        if (outage === undefined) tell({ kind: 'notice', text: fallbackWords(caught) });
        outage = caught;
        return otherwise;
      }
    },
  };
}

function fallbackWords({ message }: ServiceDown): string {
  return `The transparency log is down, and is not asked again in this run: what is signed from here on has a timestamp only (\`tlog-fallback: timestamp\`). ${message}`;
}

/** A log that may be down. */
export function withFallback(log: Witness, { unlessDown }: LogFallback): Witness {
  return { testify: (...signed) => unlessDown(() => log.testify(...signed), {}) };
}
