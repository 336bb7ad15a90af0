import { homedir } from 'node:os';
import type { Clock } from '../clock.ts';
import { heedCancellation } from '../edges/action/cancellation.ts';
import type { Log } from '../edges/action/log.ts';
import type { Masker } from '../edges/action/masker.ts';
import type { ProgramEnd } from '../edges/action/programs.ts';
import type { RegistryInputs } from '../edges/inputs/sign.ts';
import { createHttp, type HttpEvent, type HttpOptions } from '../http/client.ts';
import { createDeadline, type Deadline } from '../http/deadline.ts';
import { type Fetch, fetchOver } from '../http/fetch.ts';
import type { Http, HttpRequest } from '../http/http.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import { openRegistry } from '../registry/client.ts';
import type { RegistryOptions } from '../registry/connection.ts';
import { createCredentials } from '../registry/credentials.ts';
import { hasScopedLogin } from '../registry/docker-config.ts';
import type { Repository } from '../registry/repository.ts';
import { RunMemory } from '../registry/run-memory.ts';
import { openStore, type SignatureStore } from '../registry/store.ts';

/** The network of one run: one budget, one connection pool. */
export interface Network {
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly http: Http & { close(): void };
  /**
   * Runs a program of the runner, with the environment of the step and `env`. What still runs at
   * the deadline, or when `http` is closed, is stopped.
   * @throws Node's error where there is no such program; {Failure} `timeout`, `cancelled`
   */
  readonly run: (
    command: string,
    args: readonly string[],
    options?: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: Uint8Array },
  ) => Promise<ProgramEnd>;
  /**
   * Resolves when a first request is on its way: the moment to load what is needed with its answer.
   * Never rejects.
   */
  readonly sent: Promise<void>;
  /** the exit code of the step: the one given, or the signal's when the job was cancelled */
  readonly exitCode: (code: number) => number;
}

/**
 * Opens the network of a step with `timeout` milliseconds; every try goes to the debug log, without
 * headers, bodies and queries. Until it is closed, a signal that cancels the job ends the deadline.
 */
export function openNetwork(
  timeout: number,
  { env, log, clock }: { env: NodeJS.ProcessEnv; log: Log; clock: Clock },
  more: Pick<HttpOptions, 'slowHosts' | 'ahead'> = {},
): Network {
  const deadline = createDeadline(timeout, clock);
  const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
  const http = createHttp({
    deadline,
    clock,
    env,
    onSent,
    ...more,
    onEvent: (event) => log.debug(told(event)),
  });
  const cancellation = heedCancellation(deadline, clock);
  const closed = new AbortController();
  const run: Network['run'] = async (command, args, options = {}) => {
    const { runProgram } = await import('../edges/action/programs.ts');
    const began = clock.now();
    const end = await runProgram(command, args, {
      ...options,
      env: { ...env, ...options.env },
      signal: AbortSignal.any([deadline.signal, closed.signal]),
      clock,
    });
    const how = 'stopped' in end ? end.stopped : `ended with ${end.exitCode}`;
    log.debug(`${command} ${how}: ${Math.round(clock.now() - began)} ms`);
    return end;
  };
  const close = () => {
    closed.abort();
    http.close();
    cancellation.release();
  };
  return {
    clock,
    deadline,
    run,
    sent,
    http: Object.assign((request: HttpRequest) => http(request), { close }),
    exitCode: cancellation.exitCode,
  };
}

/** milliseconds; whoever asks GitHub beside the run has a shorter limit for each request */
const githubTime = 300_000;

/**
 * Does some work with GitHub's API that has no part in the time of the step: what is told after it,
 * say. Goes by the same proxies and certificates as the step.
 */
export async function withGithub<T>(
  { env, log, clock }: { env: NodeJS.ProcessEnv; log: Log; clock: Clock },
  work: (fetch: Fetch) => Promise<T>,
): Promise<T> {
  const deadline = createDeadline(githubTime, clock);
  const http = createHttp({ deadline, clock, env, onEvent: (event) => log.debug(told(event)) });
  try {
    return await work(fetchOver(http));
  } finally {
    http.close();
  }
}

function told({ method, host, path, status, error, milliseconds, attempt }: HttpEvent): string {
  return `${method} ${host}${path}: ${status ?? error} in ${Math.round(milliseconds)} ms${attempt > 1 ? `, try ${attempt}` : ''}`;
}

/** The registries of one run. */
export interface Registries {
  readonly open: (name: RepositoryName) => Repository;
  /** where the signatures of an image lie */
  readonly store: (image: Pick<Image, 'name' | 'digest'>) => SignatureStore;
}

export interface RegistrySetting {
  readonly inputs: RegistryInputs;
  /** the registry that registry-username and -password are for (action/input-rules.ts) */
  readonly loginRegistry: string | undefined;
  readonly access: 'pull' | 'pull,push';
  readonly env: NodeJS.ProcessEnv;
  readonly masker: Masker;
  readonly limits?: Pick<RegistryOptions, 'patience' | 'atOnce'>;
  /**
   * told when the bytes of a signature have been asked for: soon there will be something to judge
   */
  readonly onSignature?: () => void;
  /** told what a person should know of a registry, once for each repository */
  readonly onNotice?: (sentence: string) => void;
}

/**
 * Opens the registries: credentials from the inputs, else from the docker login of the machine.
 * Nothing is requested before it is needed.
 */
export function openRegistries(
  {
    inputs,
    loginRegistry: registry,
    access,
    env,
    masker,
    limits = {},
    onSignature = () => {},
    onNotice = () => {},
  }: RegistrySetting,
  { http, clock, deadline, run }: Network,
): Registries {
  const { username, password, allowHttp, allowInsecure } = inputs;
  const explicit =
    registry === undefined || username === undefined || password === undefined
      ? {}
      : { explicit: { registry, username, password } };
  const machine = { env, home: env.HOME ?? homedir() };
  const credentials = createCredentials({
    ...explicit,
    ...machine,
    run: async (command, args, stdin) => {
      const end = await run(command, args, { stdin: Buffer.from(stdin) });
      return 'stopped' in end ? end : { ...end, stdout: end.stdout.toString('utf8') };
    },
    mask: masker.mask,
  });
  const open = openRegistry({
    http,
    clock,
    credentials,
    scopedLogin: (name) => hasScopedLogin(machine, name),
    access,
    allowHttp,
    allowInsecure,
    mask: masker.mask,
    ...limits,
  });
  const shared = { clock, deadline, memory: new RunMemory() };
  const onUnlisted = (name: string) =>
    onNotice(
      `The referrers API of ${name} does not list what the registry took, so the bundle is listed under the referrers tag (sha256-…) as well, where other tools look too.`,
    );
  const store = (image: Pick<Image, 'name' | 'digest'>) => {
    const repository = open(image.name);
    const getBlob: Repository['getBlob'] = (...blob) => {
      const bytes = repository.getBlob(...blob);
      setImmediate(onSignature); // on a connection that stands, the request has left by then
      return bytes;
    };
    return openStore({ ...repository, getBlob }, image.digest, { ...shared, onUnlisted });
  };
  return { open, store };
}
