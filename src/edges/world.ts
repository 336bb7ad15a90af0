import { constants, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Files, Masker, Programs, Surroundings, Told, World } from '../engine/world.ts';
import { Failure } from '../failure.ts';
import type { AheadConnections } from '../http/ahead.ts';
import { createHttp, type HttpEvent, type HttpOptions } from '../http/client.ts';
import { createDeadline, type EndableDeadline } from '../http/deadline.ts';
import { type Fetch, fetchOver, type HttpRequest } from '../http/http.ts';
import type { DerivedAhead } from '../keys/derive.ts';

/** What an edge makes a world of. */
export interface Surface {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly mask: Masker;
  readonly tell: (told: Told) => void;
  /** the folder that relative paths and globs start at */
  readonly workspace: string;
  /** default: none, for a run that signs nothing */
  readonly surroundings?: (world: Asking) => Surroundings;
}

/** What the surroundings of a run are asked with. */
export type Asking = Pick<World, 'http' | 'clock' | 'mask' | 'programs'>;

/** What was begun before the page of a run was loaded. */
export interface BegunBefore {
  /** to the registry of the first image */
  readonly connections?: AheadConnections | undefined;
  readonly derived?: DerivedAhead | undefined;
}

export interface OpenWorld extends World {
  /** the exit code of the run: the one given, or the signal's when the job was cancelled */
  readonly exitCode: (code: number) => number;
  /** Ends all that the run still holds open. */
  readonly close: () => void;
}

/**
 * Opens the world of a run with `timeout` milliseconds: one budget, one connection pool. Every try
 * of a request is told (`debug`), without headers, bodies and queries. Until it is closed, a signal
 * that cancels the job ends the deadline.
 */
export function openWorld(
  timeout: number,
  surface: Surface,
  more: Pick<HttpOptions, 'slowHosts' | 'ahead'> = {},
): OpenWorld {
  const { env, clock, mask, tell } = surface;
  const deadline = createDeadline(timeout, clock);
  const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
  const debug = (text: string) => tell({ kind: 'debug', text });
  const http = createHttp({
    deadline,
    clock,
    env,
    onSent,
    ...more,
    onEvent: (event) => debug(told(event)),
  });
  const cancellation = heedCancellation(deadline, clock);
  const closed = new AbortController();
  const programs: Programs = async (command, args, options = {}) => {
    const { runProgram } = await import('./programs.ts');
    const began = clock.now();
    const end = await runProgram(command, args, {
      ...options,
      env: { ...env, ...options.env },
      signal: AbortSignal.any([deadline.signal, closed.signal]),
      clock,
    });
    const how = 'stopped' in end ? end.stopped : `ended with ${end.exitCode}`;
    debug(`${command} ${how}: ${Math.round(clock.now() - began)} ms`);
    return end;
  };
  return {
    clock,
    deadline,
    http: (request: HttpRequest) => http(request),
    sent,
    programs,
    files: workspaceFiles(surface),
    env,
    mask,
    tell,
    surroundings: surface.surroundings?.({ http, clock, mask, programs }) ?? noSurroundings,
    exitCode: cancellation.exitCode,
    close: () => {
      closed.abort();
      http.close();
      cancellation.release();
    },
  };
}

const noSurroundings: Surroundings = {
  asksForIdentity: false,
  identityToken: async () => {
    throw new Error('a run that signs nothing needs no identity');
  },
  visibility: async () => ({ visibility: 'private', from: 'unknown' }),
  tokenVisibility: async () => ({ visibility: 'private', from: 'unknown' }),
};

function workspaceFiles({ env, workspace }: Pick<Surface, 'env' | 'workspace'>): Files {
  return {
    choose: async (globs) =>
      (await import('../engine/workspace-files.ts')).chooseFiles(workspace, globs),
    policies: async (entries) =>
      (await import('../policies/files.ts')).readPolicyFiles(entries, workspace),
    fileOfPolicy: async (path) =>
      (await import('../policies/files.ts')).readFileOfPolicy(path, workspace),
    readFile: async (path, maxBytes) =>
      (await import('../engine/workspace-files.ts')).readRegularFile(path, maxBytes),
    keep: async (name, bytes) =>
      (await import('../engine/workspace-files.ts')).keepFile(
        join(env.RUNNER_TEMP || tmpdir(), `sign-image-attestations-${process.pid}`),
        name,
        bytes,
      ),
    home: env.HOME ?? homedir(),
    cache: env.RUNNER_TOOL_CACHE || env.RUNNER_TEMP || tmpdir(),
  };
}

/** milliseconds; whoever asks a forge beside the run has a shorter limit for each request */
const besideTime = 300_000;

/**
 * Does some work with the API of a forge that has no part in the time of the run: what is told
 * after it, say. Goes by the same proxies and certificates as the run.
 */
export async function beside<T>(
  { env, clock, tell }: Pick<Surface, 'env' | 'clock' | 'tell'>,
  work: (fetch: Fetch) => Promise<T>,
): Promise<T> {
  const deadline = createDeadline(besideTime, clock);
  const onEvent = (event: HttpEvent) => tell({ kind: 'debug', text: told(event) });
  const http = createHttp({ deadline, clock, env, onEvent });
  try {
    return await work(fetchOver(http));
  } finally {
    http.close();
  }
}

function told({ method, host, path, status, error, milliseconds, attempt }: HttpEvent): string {
  return `${method} ${host}${path}: ${status ?? error} in ${Math.round(milliseconds)} ms${attempt > 1 ? `, try ${attempt}` : ''}`;
}

/**
 * What the runner sends when a job is cancelled: SIGINT, SIGTERM 7.5 s later, and after 2.5 s more
 * it kills.
 */
const signals = ['SIGINT', 'SIGTERM'] as const;
/**
 * For this long a cancelled run may tell what is true; whatever does not listen to the deadline ends
 * with the process.
 */
const grace = 2_000;

/** What a run knows of its cancellation. */
interface Cancellation {
  /** the code given, or 128 + the number of the signal that came */
  exitCode(code: number): number;
  /** Signals end the process again, as they do without us. */
  release(): void;
}

/**
 * Ends the deadline when the job is cancelled: nothing new is begun, what is under way is let go,
 * and the run reports what it has done until then. No signature is half written by that: what is
 * pushed has verified before, and a manifest is pushed whole or not at all.
 */
function heedCancellation(deadline: EndableDeadline, clock: Pick<Clock, 'timer'>): Cancellation {
  let came: number | undefined;
  const heed = (signal: (typeof signals)[number]) => {
    if (came !== undefined) return;
    came = 128 + constants.signals[signal];
    deadline.end(cancelled());
    clock.timer(grace, () => process.exit(came), { keepAlive: false });
  };
  for (const signal of signals) process.on(signal, heed);
  return {
    exitCode: (code) => came ?? code,
    release: () => {
      for (const signal of signals) process.off(signal, heed);
    },
  };
}

function cancelled(): Failure {
  return new Failure(
    'cancelled',
    'The job was cancelled before this was done.',
    'Run the job again: what is there already is not written twice.',
  );
}
