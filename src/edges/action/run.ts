import { type Clock, systemClock } from '../../clock.ts';
import type { Surroundings, Told, World } from '../../engine/world.ts';
import { secretForms } from '../../keys/mask.ts';
import type { SignInputs } from '../inputs/sign.ts';
import type { Surface } from '../world.ts';
import { createLog, type Log } from './log.ts';
import { createMasker } from './masker.ts';

/** What a page of GitHub Actions has of its run. */
export interface Run extends Pick<Surface, 'env' | 'clock' | 'mask' | 'workspace'> {
  readonly log: Log;
  /** when the run began, by `clock.now()` */
  readonly started: number;
}

/** Opens the run that this process is. */
export function openRun(env: NodeJS.ProcessEnv, clock: Clock = systemClock): Run {
  return {
    env,
    clock,
    log: createLog(),
    mask: createMasker(secretForms),
    workspace: env.GITHUB_WORKSPACE || '.',
    started: clock.now(),
  };
}

/** Tells in the log what is a sentence already; an edge has words for the rest. */
export function tellText(told: Told, log: Pick<Log, 'debug' | 'notice' | 'warning'>): void {
  if ('text' in told) log[told.kind](told.text);
}

/** What GitHub Actions knows of this run; the code for it is loaded when something is asked. */
export function surroundingsOf(
  env: NodeJS.ProcessEnv,
  inputs: Pick<SignInputs, 'githubToken'>,
  world: Pick<World, 'http' | 'clock' | 'mask'>,
): Surroundings {
  const open = async () => (await import('./surroundings.ts')).openSurroundings(env, inputs, world);
  let opened: ReturnType<typeof open> | undefined;
  const once = () => {
    opened ??= open();
    return opened;
  };
  return {
    asksForIdentity: Boolean(
      env.ACTIONS_ID_TOKEN_REQUEST_URL && env.ACTIONS_ID_TOKEN_REQUEST_TOKEN,
    ),
    identityToken: async (...asked) => (await once()).identityToken(...asked),
    visibility: async () => (await once()).visibility(),
    tokenVisibility: async (claims) => (await once()).tokenVisibility(claims),
  };
}
