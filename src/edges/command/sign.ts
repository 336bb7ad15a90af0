import { type SignReport, sign } from '../../engine/sign.ts';
import type { Told } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { combineAnnotations, githubAnnotations } from '../action/github-annotations.ts';
import { readSignInputs, type SignInputs } from '../inputs/sign.ts';
import { tagWarning } from '../report/image-words.ts';
import { signOutputs } from '../report/outputs.ts';
import { identityLines, refusedBundles, signErrors, signedLine } from '../report/sign-lines.ts';
import { signVerdict } from '../report/verdict-line.ts';
import { openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import {
  exitCodes,
  type Machine,
  printJson,
  type Run,
  runCommand,
  tellText,
  thisMachine,
} from './run.ts';
import { surroundingsOf } from './surroundings.ts';
import { verifyLine } from './verify-line.ts';

/**
 * The command `sign-image sign`. Never throws.
 * @returns the exit code: 0 when everything was signed (and verified, where asked for)
 */
export function runSign(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand(asked, machine, {
    read: (source, { mask, env }) => {
      const inputs = readSignInputs(mask, source);
      return { ...inputs, annotations: annotationsOf(inputs, env) };
    },
    work: signAndReport,
    outputs: () => signOutputs({ results: [], readBack: true }),
  });
}

/** @throws {Failure} `bad-input` where there is no GitHub to tell of */
function annotationsOf(
  { annotations, githubAnnotations: asked }: SignInputs,
  env: NodeJS.ProcessEnv,
): SignInputs['annotations'] {
  if (!asked) return annotations;
  if (env.GITHUB_ACTIONS === 'true') return combineAnnotations(annotations, githubAnnotations(env));
  throw new Failure(
    'bad-input',
    '`github-annotations` signs what GitHub Actions knows of its run, and this is none.',
    'Write what is to be signed, for example `--annotations commit="$CI_COMMIT_SHA"`.',
  );
}

async function signAndReport(inputs: SignInputs, run: Run): Promise<number> {
  const { terminal, env } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress('signing');
  const world = openWorld(inputs.timeout, {
    ...run,
    tell: (told) => tell(told, run),
    surroundings: (parts) => surroundingsOf(env, inputs, parts),
  });
  try {
    return world.exitCode(report(await sign(inputs, world), inputs, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

function tell(told: Told, { terminal, env, clock }: Run): void {
  tellText(told, terminal);
  if (told.kind === 'tags') terminal.warning(tagWarning(told.tags));
  if (told.kind === 'signed') terminal.info(signedLine(told.result));
  if (told.kind === 'identity')
    terminal.info(identityLines(told.token, env.GITHUB_SERVER_URL, clock.date()));
}

/** Prints what became of the images. @returns the exit code */
function report(signed: SignReport, inputs: SignInputs, run: Run): number {
  const { terminal, clock, started } = run;
  const { results } = signed;
  const refused = refusedBundles(results);
  if (refused !== undefined) terminal.warning(refused);
  printJson(run, signOutputs({ results, readBack: inputs.verify }));
  const verdict = signVerdict(results, clock.now() - started);
  if (verdict !== undefined) terminal.info(verdict);
  const line = verdict === undefined ? undefined : verifyLine(signed, inputs);
  if (line !== undefined) terminal.info(`Verify with: ${line}`);
  for (const { failure, about } of signErrors(results)) terminal.error(failure, about);
  return results.some(({ error }) => error !== undefined) || results.length === 0
    ? exitCodes.notDone
    : exitCodes.done;
}
