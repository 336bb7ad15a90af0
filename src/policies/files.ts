import { glob, open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { Failure } from '../failure.ts';
import { readGlobs } from '../references/glob.ts';
import { shown } from '../text/untrusted.ts';
import type { PolicyFile } from './read.ts';

/** Bounds of what the input `policy` may name. */
export const policyFileLimits = { files: 100, bytes: 1024 * 1024 } as const;

/**
 * Reads the files that the input `policy` names: paths, or globs (`*`, `**`, `?`, `{a,b}`, `[a-z]`)
 * below the workspace; a line that starts with `!` takes out what a line before it chose. A link that leads out of the workspace is refused: a pull request could
 * otherwise make the gate read a file of the machine.
 * @param entries one path or glob each
 * @param root the workspace; relative paths start here
 * @returns each file once, in the order of the entries, globs sorted by name
 * @throws {Failure} `bad-policy` for an entry without a file, too many or too large files, a link
 * that leads out, bytes that are not UTF-8
 */
export async function readPolicyFiles(
  entries: readonly string[],
  root: string,
): Promise<readonly PolicyFile[]> {
  const home = await realpath(root);
  const files = new Map<string, PolicyFile>();
  for (const [index, entry] of entries.entries()) {
    if (entry.startsWith('!')) continue;
    const isLeftOut = excludedAfter(entries, index);
    for (const path of await expand(entry, home)) {
      if (isLeftOut(shownPath(path, home))) continue;
      const real = await resolveInside(path, entry, home);
      if (files.has(real)) continue;
      if (files.size === policyFileLimits.files)
        throw bad(
          `\`policy\` names more than ${policyFileLimits.files} files`,
          'Name fewer files.',
        );
      files.set(real, {
        path: shownPath(path, home),
        text: await readText(real, 'policy', entry),
        entry,
      });
    }
  }
  return [...files.values()];
}

/**
 * Says which paths (relative to the workspace) the `!` lines behind a line take out of it.
 * @throws {Failure} `bad-input` for a glob that stands for too many others
 */
export function excludedAfter(
  entries: readonly string[],
  index: number,
): (path: string) => boolean {
  const out = entries.slice(index + 1).filter((entry) => entry.startsWith('!'));
  const { chosen } = readGlobs(
    out.map((entry) => entry.slice(1)),
    'policy',
  );
  return chosen;
}

/**
 * Reads a file that a policy names by its path, such as `keyPath` of a policy.json. A path that is
 * not absolute starts at the workspace, and must not lead out of it.
 * @throws {Failure} `bad-policy`
 */
export async function readFileOfPolicy(path: string, root: string): Promise<string> {
  const home = await realpath(root);
  const full = resolve(home, path);
  if (!isAbsolute(path) && !isInside(full, home))
    throw bad(`"${shown(path)}" leads out of the workspace`, 'Put the file into it.');
  const real = await resolveInside(full, path, home, 'a policy');
  return readText(real, 'a policy', path);
}

async function expand(entry: string, home: string): Promise<readonly string[]> {
  if (!/[*?[\]{}]/.test(entry)) return [resolve(home, entry)];
  if (isAbsolute(entry) || entry.split(/[\\/]/).includes('..')) {
    throw bad(
      `The glob "${shown(entry)}" in \`policy\` leads out of the workspace`,
      'Write a glob below it, e.g. `policy: policies/*.yaml`.',
    );
  }
  const found: string[] = [];
  const exclude = (name: string) => /(^|[\\/])(\.git|node_modules)$/.test(name);
  for await (const name of glob(entry, { cwd: home, exclude })) {
    const path = resolve(home, name);
    if (!(await stat(path).catch(() => undefined))?.isFile()) continue;
    found.push(path);
    if (found.length > policyFileLimits.files) {
      throw bad(
        `The glob "${shown(entry)}" in \`policy\` fits more than ${policyFileLimits.files} files`,
        'Write a narrower one.',
      );
    }
  }
  if (found.length === 0)
    throw bad(
      `No file fits "${shown(entry)}" in \`policy\``,
      'Check the path; `actions/checkout` must run before.',
    );
  return found.sort();
}

/**
 * A file that is named outright may lie anywhere, but a path inside the workspace must not lead out
 * of it.
 */
async function resolveInside(
  path: string,
  entry: string,
  home: string,
  whose = '`policy`',
): Promise<string> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw bad(
      `There is no file "${shown(entry)}", which ${whose} names`,
      'Check the path; `actions/checkout` must run before.',
      cause,
    );
  });
  if (isInside(path, home) && !isInside(real, home)) {
    throw bad(
      `"${shown(shownPath(path, home))}" is a link that leads out of the workspace`,
      'Put the file itself there.',
    );
  }
  return real;
}

async function readText(path: string, whose: string, entry: string): Promise<string> {
  const what = `"${shown(entry)}" in ${whose === 'policy' ? '`policy`' : whose}`;
  // Asked before it is opened: opening a pipe waits for whoever writes into it.
  if (!(await stat(path)).isFile())
    throw bad(`${what} is not a file`, 'Name files, or a glob: `policies/*.yaml`.');
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw bad(`The file ${what} cannot be read`, 'Check its permissions.', cause);
  });
  try {
    if (!(await file.stat()).isFile())
      throw bad(`${what} is not a file`, 'Name files, or a glob: `policies/*.yaml`.');
    // What a file says of its size is not believed: it may grow, or be no real file.
    const buffer = Buffer.alloc(policyFileLimits.bytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
    }
    if (length > policyFileLimits.bytes)
      throw bad(
        `"${shown(entry)}" has more than ${policyFileLimits.bytes} bytes`,
        'Name the policy itself.',
      );
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw bad(`${what} is not UTF-8 text`, 'Save it as UTF-8.', error);
  } finally {
    await file.close();
  }
}

function isInside(path: string, home: string): boolean {
  const way = relative(home, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function shownPath(path: string, home: string): string {
  return isInside(path, home) ? relative(home, path).split(sep).join('/') : path;
}

function bad(message: string, fix: string, cause?: unknown): Failure {
  return new Failure('bad-policy', `${message}.`, fix, { cause });
}
