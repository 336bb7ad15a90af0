import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Failure } from '../failure.ts';
import type { Globs } from '../references/glob.ts';
import { mostFileBytes } from '../references/image-use.ts';
import type { ChosenFiles, KeptFile } from './world.ts';

/** What was found in the workspace. Paths have `/` and are relative to it. */
export interface WorkspaceFiles {
  /** sorted */
  readonly files: readonly string[];
  /** links to folders that may hold chosen files; they are not followed */
  readonly linkedFolders: readonly string[];
}

const mostFiles = 10_000;
const mostEntries = 500_000;

/**
 * The files of the workspace that globs choose. Only folders that may hold one are opened.
 * @throws {Failure} `too-large` for more than 10,000 files
 */
export async function listFiles(root: string, globs: Globs): Promise<WorkspaceFiles> {
  const files: string[] = [];
  const linkedFolders: string[] = [];
  const folders = [''];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (++seen > mostEntries || files.length > mostFiles) throw tooMany();
      if (entry.isDirectory()) {
        if (globs.mayHold(path)) folders.push(path);
      } else if (entry.isFile()) {
        if (globs.chosen(path)) files.push(path);
      } else if (entry.isSymbolicLink()) {
        const isFolder = await leadsToFolder(join(root, path));
        if (isFolder && (globs.mayHold(path) || globs.chosen(path))) linkedFolders.push(path);
        else if (!isFolder && globs.chosen(path)) files.push(path);
      }
    }
  }
  return { files: files.sort(), linkedFolders: linkedFolders.sort() };
}

/** All files of the workspace that globs choose. @throws {Failure} `too-large` */
export async function chooseFiles(root: string, globs: Globs): Promise<ChosenFiles> {
  const { files, linkedFolders } = await listFiles(root, globs);
  return {
    files,
    problems: linkedFolders.map((file) => ({
      file,
      why: 'is a link to a folder, and links are not followed',
    })),
    contentOf: (file) => readWorkspaceFile(root, file, mostFileBytes(file)),
    exists: async (path) => (await lookUpWorkspaceFile(root, path, 0)) !== undefined,
    lookUp: (path) => lookUpWorkspaceFile(root, path, mostFileBytes(path)),
    changedOnly: false,
  };
}

function tooMany(): Failure {
  return new Failure(
    'too-large',
    `Input files chooses more than ${mostFiles} files, or the workspace has more than ${mostEntries}.`,
    'Name the folders that hold manifests:\n```yaml\nwith:\n  files: |\n    deploy/**/*.yaml\n    **/Dockerfile\n```',
  );
}

async function leadsToFolder(path: string): Promise<boolean> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return (await handle.stat()).isDirectory();
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

/** A file of the workspace: its bytes, at most `most` and one more; or why it is not read. */
export type WorkspaceFile =
  | { readonly bytes: Buffer; readonly blob: string }
  | { readonly why: string };

/**
 * Reads a file of the workspace, through a link only as far as the workspace: a pull request could
 * link to any file of the machine, and the report would show what stands there. `blob` is the id
 * that Git gives the content (of a link: of the link).
 */
export async function readWorkspaceFile(
  root: string,
  path: string,
  most: number,
): Promise<WorkspaceFile> {
  try {
    const real = await realpath(join(root, path));
    if (!real.startsWith((await realpath(root)) + sep))
      return { why: 'is a link that leads out of the workspace' };
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return { why: 'is not a file' };
      const bytes = Buffer.alloc(Math.min(stats.size, most + 1));
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = (await handle.read(bytes, length, bytes.length - length)).bytesRead;
      const link = (await lstat(join(root, path))).isSymbolicLink()
        ? Buffer.from(await readlink(join(root, path)))
        : undefined;
      return { bytes: bytes.subarray(0, length), blob: blobId(link ?? bytes.subarray(0, length)) };
    } finally {
      await handle.close();
    }
  } catch (caught) {
    const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'error';
    return { why: code === 'ENOENT' ? 'is not in the workspace' : `cannot be read (${code})` };
  }
}

/**
 * A file of the workspace that may not be there: undefined where there is nothing, or a folder. A
 * link is not followed.
 */
export async function lookUpWorkspaceFile(
  root: string,
  path: string,
  most: number,
): Promise<WorkspaceFile | undefined> {
  if (/^\.\.(?:\/|$)/.test(path)) return undefined;
  try {
    const stats = await lstat(join(root, path));
    if (stats.isDirectory()) return undefined;
    return stats.isSymbolicLink() ? { why: 'is a link' } : readWorkspaceFile(root, path, most);
  } catch (caught) {
    const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'error';
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? undefined
      : { why: `cannot be read (${code})` };
  }
}

/**
 * The id that Git gives a content (SHA-1, as on GitHub). It compares checkouts, it proves nothing.
 */
export function blobId(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

/**
 * Reads at most `maxBytes` of a regular file, so that neither a device nor a large file named by
 * mistake fills the memory. Throws as node:fs does.
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, 'r');
  if (!(await file.stat()).isFile())
    throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc(maxBytes),
    position: 0,
    length: maxBytes,
  });
  return buffer.subarray(0, bytesRead);
}

/** Writes a file into a folder of the run, which nobody else can read. Throws as node:fs does. */
export async function keepFile(folder: string, name: string, bytes: Uint8Array): Promise<KeptFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, discard: () => rm(path, { force: true }) };
}
