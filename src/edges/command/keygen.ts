import { randomUUID } from 'node:crypto';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { Failure } from '../../failure.ts';
import type { MadePair } from '../../keys/make-pair.ts';
import { type KeygenInputs, readKeygenInputs } from '../inputs/keygen.ts';
import type { InputSource } from '../inputs/read.ts';
import { parseBoolean } from '../inputs/values.ts';
import type { Asked } from './arguments.ts';
import { askPassword } from './password.ts';
import {
  exitCodes,
  type Machine,
  printJson,
  type Run,
  runCommand,
  tellText,
  thisMachine,
} from './run.ts';

type Inputs =
  | { readonly kind: 'secrets'; readonly inputs: KeygenInputs }
  | {
      readonly kind: 'files';
      readonly prefix: string;
      readonly overwrite: boolean;
      readonly password?: string;
    };

/**
 * The command `sign-image keygen`: into files, as `cosign generate-key-pair` does; or into the secrets
 * of GitHub, where a repository or an organisation is named. Never throws.
 */
export function runKeygen(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand<Inputs>(asked, machine, {
    read: (source, run) => readInputs(source, run),
    work: (inputs, run) =>
      inputs.kind === 'files' ? intoFiles(inputs, run) : intoSecrets(inputs.inputs, run),
    outputs: () => ({ 'public-key': '', secrets: '[]' }),
  });
}

/** @throws {Failure} `bad-input` */
function readInputs(source: InputSource, { mask }: Run): Inputs {
  const prefix = source.get('output-key-prefix');
  const forSecrets = ['repository', 'organization', 'environment', 'secret-prefix'].find(
    (name) => source.get(name) !== '',
  );
  if (forSecrets !== undefined) {
    if (prefix === '') return { kind: 'secrets', inputs: readKeygenInputs(mask, source) };
    throw new Failure(
      'bad-input',
      `\`output-key-prefix\` is about files, and \`${forSecrets}\` about the secrets of GitHub.`,
      'Keep one of the two.',
    );
  }
  if (source.get('public-key-file') !== '')
    throw new Failure(
      'bad-input',
      '`public-key-file` is written beside secrets of GitHub, and none are asked for.',
      'Without `repository`, both keys are written into files: `output-key-prefix: cosign`.',
    );
  const password = source.get('password', { trimWhitespace: false }).replace(/[\r\n]+$/, '');
  mask.mask(password);
  mask.mask(source.get('github-token'));
  return {
    kind: 'files',
    prefix: prefix || 'cosign',
    overwrite: parseBoolean('overwrite', source.get('overwrite'), false),
    ...(password === '' ? {} : { password }),
  };
}

async function intoFiles(
  { prefix, overwrite, password: given }: Extract<Inputs, { kind: 'files' }>,
  run: Run,
): Promise<number> {
  const { terminal, mask } = run;
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  await checkPlaces(files, overwrite); // before anybody is asked for a password
  const password = given ?? (await askPassword());
  mask.mask(password);
  if (password.length < shortestPassword)
    throw new Failure(
      'bad-password',
      `The password has fewer than ${shortestPassword} characters, which can be guessed.`,
      'Take a longer one: `openssl rand -base64 32` makes one.',
    );
  const { makePair } = await import('../../keys/make-pair.ts');
  const pair = await makePair(password);
  await writePair(files, pair, overwrite);
  terminal.info(
    `The private key is in ${files.privateKey}, encrypted: it and its password are secret.`,
  );
  terminal.info(`The public key is in ${files.publicKey}: whoever verifies needs it.`);
  printJson(run, { 'public-key': pair.publicKey, secrets: '[]' });
  return exitCodes.done;
}

const shortestPassword = 12;

async function intoSecrets(inputs: KeygenInputs, run: Run): Promise<number> {
  const [{ makeAndStore }, { openSecrets }, { beside }] = await Promise.all([
    import('../action/keygen.ts'),
    import('../action/keygen-secrets.ts'),
    import('../world.ts'),
  ]);
  const { terminal, mask, env, clock } = run;
  const tell = {
    env,
    clock,
    tell: (told: Parameters<typeof tellText>[0]) => tellText(told, terminal),
  };
  const result = await beside(tell, (fetch) => {
    const store = openSecrets(inputs.place, inputs.githubToken, { env, fetch, clock });
    return makeAndStore(inputs, store, mask, terminal);
  });
  if (inputs.publicKeyFile !== undefined) await writeFile(inputs.publicKeyFile, result.publicKey);
  printJson(run, {
    'public-key': result.publicKey,
    secrets: JSON.stringify(result.secrets),
  });
  return exitCodes.done;
}

/** Paths of the two files of a pair. */
interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** @throws {Failure} `secret-exists` where one of the files is there, unless it may be overwritten */
async function checkPlaces(files: KeyFiles, overwrite: boolean): Promise<void> {
  if (overwrite) return;
  const paths = [files.privateKey, files.publicKey];
  const there = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)));
  const existing = paths.filter((_, index) => there[index] !== undefined);
  if (existing.length > 0) throw alreadyThere(existing);
}

/**
 * Writes both files or none. The private key can be read by its owner only, from the first moment.
 * @throws {Failure} `secret-exists`; `bad-input` where they cannot be written
 */
async function writePair(files: KeyFiles, pair: MadePair, overwrite: boolean): Promise<void> {
  const written: string[] = [];
  const put = async (path: string, text: string, mode: number) => {
    // A file of another name is moved into the place of the old one: what was a link is a file then.
    const target = overwrite ? `${path}.${randomUUID()}` : path;
    await writeFile(target, text, { mode, flag: 'wx' });
    written.push(target);
  };
  try {
    await put(files.privateKey, pair.privateKey, 0o600);
    await put(files.publicKey, pair.publicKey, 0o644);
    if (!overwrite) return;
    const [privateKey = '', publicKey = ''] = written;
    await rename(privateKey, files.privateKey);
    await rename(publicKey, files.publicKey);
  } catch (caught) {
    for (const path of written) await rm(path, { force: true });
    const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'failed';
    if (code === 'EEXIST') throw alreadyThere([files.privateKey, files.publicKey]);
    throw new Failure(
      'bad-input',
      `The key files could not be written (${code}).`,
      'Choose a folder that exists: `output-key-prefix: keys/cosign`.',
      { cause: caught },
    );
  }
}

function alreadyThere(paths: readonly string[]): Failure {
  return new Failure(
    'secret-exists',
    `${paths.join(' and ')} ${paths.length === 1 ? 'exists' : 'exist'} already, and what is overwritten cannot be had back.`,
    'Use another `output-key-prefix`, or set `overwrite: true` if the old key is not needed any more; keep its public key to verify what it has signed.',
  );
}
