import { randomUUID } from 'node:crypto';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { Failure } from '../../failure.ts';
import type { MadePair } from '../../keys/make-pair.ts';

/** Paths of the two files of a pair. */
export interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** @throws {Failure} `secret-exists` where one of the files is there, unless it may be overwritten */
export async function checkPlaces(files: KeyFiles, overwrite: boolean): Promise<void> {
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
export async function writePair(
  files: KeyFiles,
  pair: MadePair,
  overwrite: boolean,
): Promise<void> {
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
