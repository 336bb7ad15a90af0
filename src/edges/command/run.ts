import { type Clock, systemClock } from '../../clock.ts';
import type { Told } from '../../engine/world.ts';
import { asFailure, type Failure, type FailureCode } from '../../failure.ts';
import type { InputSource } from '../inputs/read.ts';
import type { Surface } from '../world.ts';
import type { Asked } from './arguments.ts';
import { flagsOf } from './flags.ts';
import { sourceOf } from './given.ts';
import { openTerminal, type Streams, type Terminal } from './terminal.ts';

/** What a command has of its run. */
export interface Run extends Pick<Surface, 'env' | 'clock' | 'mask' | 'workspace'> {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** when the run began, by `clock.now()` */
  readonly started: number;
  /** Tells what ended the run. @returns the exit code */
  readonly failed: (caught: unknown) => number;
}

/** The process that a command is; a test puts others in their place. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly streams: Streams;
  readonly clock: Clock;
}

export const thisMachine: Machine = { env: process.env, streams: process, clock: systemClock };

/** What a command does, in two parts: what fails in the first one is wrong use. */
export interface Steps<T> {
  /** Reads the inputs, and masks what is secret in them. */
  readonly read: (source: InputSource, run: Run) => T | Promise<T>;
  /** @returns the exit code */
  readonly work: (inputs: T, run: Run) => Promise<number>;
  /** what `--json` has in `outputs` where there is nothing to report */
  readonly outputs: () => Readonly<Record<string, string>>;
}

export const exitCodes = { done: 0, notDone: 1, wrongUse: 2 } as const;

/**
 * Runs a command. Never throws.
 * @returns the exit code
 */
export async function runCommand<T>(
  asked: Asked,
  { env, streams, clock }: Machine,
  steps: Steps<T>,
): Promise<number> {
  const names = new Set(flagsOf(asked.verb).keys());
  const terminal = openTerminal({ streams, clock, env, names, debug: asked.debug });
  const started = clock.now();
  const failed = (caught: unknown, wrongUse = isWrongUse) => {
    const failure = asFailure(caught);
    terminal.error(failure);
    const { code: name, message, fix } = failure;
    if (asked.json)
      terminal.json({ outputs: steps.outputs(), results: [], error: { code: name, message, fix } });
    return wrongUse(failure) ? exitCodes.wrongUse : exitCodes.notDone;
  };
  const { json } = asked;
  const { mask } = terminal;
  const run: Run = { env, clock, mask, workspace: '.', terminal, json, started, failed };
  try {
    let inputs: T;
    try {
      inputs = await steps.read(sourceOf(asked, env), run);
    } catch (caught) {
      return failed(caught, ({ code }) => code !== 'internal');
    }
    return await steps.work(inputs, run).catch(failed);
  } finally {
    terminal.close();
  }
}

/** What the engine finds wrong in the request itself, before it asks anybody. */
const wrongRequests: readonly FailureCode[] = [
  'bad-input',
  'bad-reference',
  'bad-digest',
  'bad-metadata',
  'bad-annotation',
  'bad-predicate',
];

function isWrongUse({ code }: Failure): boolean {
  return wrongRequests.includes(code);
}

/** Prints what a program reads. @param outputs those of the action of the same name */
export function printJson(
  { terminal, json }: Pick<Run, 'terminal' | 'json'>,
  { results, ...outputs }: Readonly<Record<string, string>>,
): void {
  if (json) terminal.json({ outputs, results: results ? JSON.parse(results) : [] });
}

/** Tells what is a sentence already; a command has words for the rest. */
export function tellText(told: Told, terminal: Terminal): void {
  if ('text' in told) terminal[told.kind](told.text);
}
