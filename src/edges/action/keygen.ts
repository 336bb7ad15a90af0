import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Masker } from '../../engine/world.ts';
import { asFailure, Failure } from '../../failure.ts';
import { makePair, makePassword } from '../../keys/make-pair.ts';
import { seal } from '../../keys/sealed-box.ts';
import { type KeygenInputs, readKeygenInputs } from '../inputs/keygen.ts';
import {
  type KeygenResult,
  keygenFailureSummary,
  keygenSummary,
} from '../report/keygen-summary.ts';
import { appendSummary, writeOutputs } from '../report/outputs.ts';
import { beside } from '../world.ts';
import { openSecrets, type SecretStore } from './keygen-secrets.ts';
import type { Log } from './log.ts';
import { openRun, tellText } from './run.ts';

/**
 * The action sign-image/keygen, from inputs to outputs. Never throws.
 * @returns the exit code: 0 when the pair is stored and was seen to be
 */
export async function runKeygen(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const { log, mask, clock } = openRun(env);
  try {
    const inputs = readKeygenInputs(mask);
    const file =
      inputs.publicKeyFile === undefined ? undefined : placeInWorkspace(inputs.publicKeyFile, env);
    const result = await beside({ env, clock, tell: (told) => tellText(told, log) }, (fetch) => {
      const tools = { env, fetch, clock };
      return makeAndStore(inputs, openSecrets(inputs.place, inputs.githubToken, tools), mask, log);
    });
    writeOutputs({ 'public-key': result.publicKey, secrets: JSON.stringify(result.secrets) }, log);
    appendSummary(keygenSummary(result, inputs, { env }), log, env);
    if (file !== undefined) await writePublicKey(file, result.publicKey);
    return 0;
  } catch (caught) {
    const failure = asFailure(caught);
    log.error(failure);
    appendSummary(keygenFailureSummary(failure, { env }), log, env);
    return 1;
  }
}

/**
 * Makes a pair, and stores it in GitHub's secrets; they are seen to be there afterwards.
 * @throws {Failure} `secret-exists`, `secret-lost`, `github-error`
 */
export async function makeAndStore(
  inputs: KeygenInputs,
  store: SecretStore,
  masker: Masker,
  log: Pick<Log, 'info' | 'warning'>,
): Promise<KeygenResult> {
  const { names, overwrite } = inputs;
  const all = [names.privateKey, names.password, names.publicKey];
  const before = new Map(
    await Promise.all(all.map(async (name) => [name, await store.find(name)] as const)),
  );
  const existing = all.filter((name) => before.get(name) !== undefined);
  // Before a key is made: a secret that is overwritten cannot be had back.
  if (existing.length > 0 && !overwrite) throw alreadyThere(existing);
  const { key, keyId } = await store.recipient();
  const password = inputs.password ?? makePassword();
  masker.mask(password);
  const pair = await makePair(password);
  masker.maskKey(pair.privateKey);
  const values = new Map([
    [names.privateKey, pair.privateKey],
    [names.password, password],
    [names.publicKey, pair.publicKey],
  ]);
  const started = store.clock();
  await writeAll(
    values,
    before,
    (name, value) => store.write(name, seal(Buffer.from(value), key), keyId),
    store,
    log,
  );
  for (const name of all) await checkWritten(name, before.get(name), started, store);
  log.info(`Stored ${all.join(', ')}.`);
  log.info(pair.publicKey);
  return { publicKey: pair.publicKey, secrets: all };
}

/**
 * All three or none: of a half-written set, what is new is taken back, so that nobody signs with a
 * key that has no password.
 */
async function writeAll(
  values: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, Date | undefined>,
  write: (name: string, value: string) => Promise<void>,
  store: SecretStore,
  log: Pick<Log, 'warning'>,
): Promise<void> {
  const written: string[] = [];
  try {
    for (const [name, value] of values) {
      written.push(name); // also when its answer is lost: it may have been written
      await write(name, value);
    }
  } catch (caught) {
    const failure = asFailure(caught);
    for (const name of written)
      if (before.get(name) === undefined) await store.remove(name).catch(() => {});
    const replaced = written.filter((name) => before.get(name) !== undefined);
    if (replaced.length > 0) {
      log.warning(
        `${replaced.join(', ')} may hold a part of the new pair, which does not fit the others: run keygen again with \`overwrite: true\`.`,
      );
    }
    throw failure;
  }
}

async function checkWritten(
  name: string,
  before: Date | undefined,
  started: Date,
  store: SecretStore,
): Promise<void> {
  const now = await store.find(name);
  // GitHub's times have whole seconds, and both are GitHub's.
  const newer =
    now !== undefined &&
    now.getTime() >= Math.floor(started.getTime() / 1000) * 1000 &&
    (before === undefined || now >= before);
  if (!newer) {
    throw new Failure(
      'secret-lost',
      `GitHub took the secret ${name} and does not show it as written just now.`,
      'Look at the secrets in the settings, and run keygen again with `overwrite: true`.',
    );
  }
}

function alreadyThere(names: readonly string[]): Failure {
  const are = names.length === 1 ? 'exists' : 'exist';
  return new Failure(
    'secret-exists',
    `${names.join(', ')} ${are} already, and what is overwritten cannot be had back.`,
    'Use another `secret-prefix`, or set `overwrite: true` if the old key is not needed any more; keep its public key to verify what it has signed.',
  );
}

/** @throws {Failure} `bad-input` for a path that leaves the workspace */
function placeInWorkspace(path: string, env: NodeJS.ProcessEnv): string {
  const workspace = resolve(env.GITHUB_WORKSPACE ?? '.');
  const file = resolve(workspace, path);
  const inside = relative(workspace, file);
  if (inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)) return file;
  throw new Failure(
    'bad-input',
    'Input public-key-file names a path outside of the workspace.',
    'Write a path in the workspace: `public-key-file: cosign.pub`.',
  );
}

async function writePublicKey(file: string, publicKey: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, publicKey);
  } catch (caught) {
    throw new Failure(
      'internal',
      'The pair is stored, and the public key could not be written to the file in `public-key-file`.',
      'Take it from the summary of this run.',
      { cause: caught },
    );
  }
}
