import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignReport } from '../../engine/sign.ts';
import type { Surroundings, Told, World } from '../../engine/world.ts';
import type { AheadConnections } from '../../http/ahead.ts';
import { formatRepository } from '../../image/reference.ts';
import { quote } from '../../policies/cosign-command.ts';
import { breaksLine, shownMessage } from '../../text/untrusted.ts';
import { surroundingsOf as githubSurroundings } from '../action/run.ts';
import type { SignInputs, WriteInputs } from '../inputs/sign.ts';
import { tagWarning } from '../report/lists.ts';
import { type SignOutcome, signOutputs } from '../report/outputs.ts';
import {
  attestedLine,
  identityLines,
  isInNoLog,
  refusedBundles,
  signErrors,
  signedLine,
  timestampOnly,
} from '../report/sign-lines.ts';
import { signVerdict } from '../report/verdict-line.ts';
import { type Asking, openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import { exitCodes, type Machine, printJson, type Run, runCommand, tellText } from './run.ts';

/** A command that writes something beside images. */
export interface WriteCommand<Inputs>
  extends Pick<Parameters<typeof runCommand<Inputs>>[2], 'read'> {
  /** "signing" */
  readonly doing: string;
  readonly ahead?: AheadConnections | undefined;
  readonly write: (inputs: Inputs, world: World) => Promise<SignReport>;
}

/**
 * Runs one. Never throws.
 * @returns the exit code: 0 when everything was written (and verified, where asked for)
 */
export function runWriting<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  asked: Asked,
  machine: Machine,
  command: WriteCommand<Inputs>,
): Promise<number> {
  const folder = asked.values.get('output-folder');
  return runCommand(asked, machine, {
    read: command.read,
    work: (inputs, run) => writeAndReport(inputs, run, command, folder),
    outputs: () => signOutputs({ results: [], readBack: true }),
  });
}

async function writeAndReport<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  inputs: Inputs,
  run: Run,
  { doing, write, ahead }: WriteCommand<Inputs>,
  folder: string | undefined,
): Promise<number> {
  const { terminal, env } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress(doing);
  const surface = {
    ...run,
    tell: (told: Told) => tell(told, run),
    surroundings: (parts: Asking) => surroundingsOf(env, inputs, parts),
  };
  const world = openWorld(inputs.timeout, surface, ahead === undefined ? {} : { ahead });
  try {
    const written = await write(inputs, world);
    const saved = folder === undefined ? {} : await save(written, folder, run);
    return world.exitCode(report(written, saved, inputs, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

type Saved = Pick<SignOutcome, 'bundlePath' | 'policiesPath'>;

/**
 * Writes what `--output-folder` asks for. That a disk is full is no reason to fail what is in the
 * registry.
 */
async function save(written: SignReport, folder: string, { terminal }: Run): Promise<Saved> {
  try {
    const [first] = written.results;
    const bundlePath = join(folder, 'bundle.sigstore.json');
    await mkdir(folder, { recursive: true });
    if (first?.bundle !== undefined) await writeFile(bundlePath, first.bundle);
    const { savePolicies } = await import('../../engine/save-policies.ts');
    const isWritten = written.results.some(({ status }) => status !== 'failed');
    const policies = isWritten ? savePolicies(written, folder, 'policies') : undefined;
    return {
      ...(first?.bundle === undefined ? {} : { bundlePath }),
      ...(policies === undefined ? {} : { policiesPath: policies.folder }),
    };
  } catch (caught) {
    terminal.warning(`--output-folder could not be written: ${shownMessage(caught)}`);
    return {};
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
function report(written: SignReport, saved: Saved, inputs: WriteInputs, run: Run): number {
  const { terminal, clock, started } = run;
  const { results } = written;
  const refused = refusedBundles(results);
  if (refused !== undefined) terminal.warning(refused);
  const unlogged = timestampOnly(results, written.logOutage);
  if (unlogged !== undefined) terminal.warning(unlogged);
  printJson(run, signOutputs({ results, readBack: inputs.verify, ...saved }));
  const attested = results.find((result) => result.attested !== undefined)?.attested;
  if (attested !== undefined) terminal.info(attestedLine(attested));
  const verdict = signVerdict(results, clock.now() - started);
  if (verdict !== undefined) terminal.info(verdict);
  const line = verdict === undefined ? undefined : verifyLine(written, inputs);
  if (line !== undefined) terminal.info(`Verify with: ${line}`);
  for (const { failure, about } of signErrors(results)) terminal.error(failure, about);
  return results.some(({ error }) => error !== undefined) || results.length === 0
    ? exitCodes.notDone
    : exitCodes.done;
}

/**
 * What the CI system that this command runs in knows of the run. The code for it is loaded when
 * something is asked: signing with a key asks nothing.
 */
export function surroundingsOf(
  env: NodeJS.ProcessEnv,
  inputs: Pick<SignInputs, 'githubToken' | 'identityToken'>,
  parts: Asking,
): Surroundings {
  if (env.GITHUB_ACTIONS === 'true') return githubSurroundings(env, inputs, parts);
  const open = async () => (await import('./ci-systems.ts')).openCiSystem(env, inputs, parts);
  let opened: ReturnType<typeof open> | undefined;
  const once = () => {
    opened ??= open();
    return opened;
  };
  return {
    // A program, a service or a file is asked; where there is none, that is told at the first use.
    asksForIdentity: true,
    identityToken: async (...asked) => (await once()).identityToken(...asked),
    visibility: async () => (await once()).visibility(),
    tokenVisibility: async (claims) => (await once()).tokenVisibility(claims),
  };
}

/**
 * The command that verifies what was signed, for the first image. Undefined where a name in it could
 * not be pasted into a shell: nobody should paste those.
 */
export function verifyLine(
  { results, authorities, tlog, privateSigstore, signatureRepository }: SignReport,
  { recursive, registry }: Pick<WriteInputs, 'recursive' | 'registry'>,
): string | undefined {
  const [first] = results;
  if (first?.digest === undefined) return undefined;
  const { identity, issuer } = first.signer;
  const byKey = identity === undefined;
  const pairs: readonly (readonly [string, string])[] = [
    ['images', first.image],
    ...(byKey
      ? [['key', 'cosign.pub'] as const]
      : [
          ['certificate-identity', identity] as const,
          ...(issuer === undefined ? [] : [['certificate-oidc-issuer', issuer] as const]),
          ...(authorities === undefined ? [] : [['ca-roots', 'ca-roots.pem'] as const]),
          ...(authorities?.intermediates
            ? [['ca-intermediates', 'ca-intermediates.pem'] as const]
            : []),
        ]),
    ...(first.attested === undefined
      ? []
      : [
          ['attestation-type', first.attested.predicateType] as const,
          ['signature', 'ignore'] as const,
        ]),
    ...(signatureRepository === undefined
      ? []
      : [['signature-repository', formatRepository(signatureRepository)] as const]),
    ...(tlog && !isInNoLog(first) ? [] : [['tlog', 'ignore'] as const]),
    ...(privateSigstore ? [['trusted-root', 'trusted_root.json'] as const] : []),
  ];
  const switches = [
    ...(recursive ? ['--recursive'] : []),
    ...(registry.allowHttp ? ['--allow-http-registry'] : []),
    ...(registry.allowInsecure ? ['--allow-insecure-registry'] : []),
  ];
  const words = pairs.map(([name, value]) => `--${name} ${quote(value)}`);
  const line = ['sign-image verify', ...words, ...switches].join(' ');
  return breaksLine(line) ? undefined : line;
}
