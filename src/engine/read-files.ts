import { posix } from 'node:path';
import { Failure } from '../failure.ts';
import { inParallel } from '../image/in-parallel.ts';
import { type EnvFile, mostEnvBytes } from '../references/environment.ts';
import type { Globs } from '../references/glob.ts';
import type { FileReading, ImageUse } from '../references/image-use.ts';
import { type Beside, type FileReader, openFileReader } from './file-reader.ts';
import type { ChosenFiles, Content, World } from './world.ts';

/** What a file names. */
export interface ReadFile extends FileReading {
  readonly file: string;
}

const mostBytes = 64 * 1024 * 1024;
const atOnce = 16;

/**
 * Reads the files in a thread; those that take long when all others are read. What other files
 * decide, they are asked about: the `.env` beside and above one, the Dockerfiles of its builds.
 * @throws {Failure} `too-large`
 */
export async function readFiles(
  listed: ChosenFiles,
  globs: Globs,
  world: Pick<World, 'clock' | 'deadline'>,
): Promise<readonly ReadFile[]> {
  if (listed.files.length === 0) return [];
  const reader = openFileReader(world);
  let bytes = 0;
  const count = (content: Content) => {
    bytes += 'bytes' in content ? content.bytes.length : 0;
    if (bytes > mostBytes) throw tooLarge();
  };
  const lookUp = onceEach(listed.lookUp, count);
  const envFilesOf = envFilesIn(lookUp);
  try {
    const quick = await inParallel(listed.files, atOnce, async (file) => {
      world.deadline.signal.throwIfAborted();
      const content = await listed.contentOf(file);
      if ('why' in content)
        return { file, kinds: ['unreadable'], uses: [{ line: 1, written: file, ...content }] };
      count(content);
      const beside: Beside = { envFiles: await envFilesOf(file) };
      const reading = await reader.read(file, content.bytes, beside);
      return reading === undefined ? { file, slow: content.bytes, beside } : { file, ...reading };
    });
    const read: ReadFile[] = [];
    for (const each of quick) {
      const reading =
        'slow' in each
          ? { file: each.file, ...(await reader.readLonger(each.file, each.slow, each.beside)) }
          : each;
      if (listed.onlyCompose?.has(reading.file) && !mayBeCompose(reading)) continue;
      const uses = await inParallel(reading.uses, atOnce, (use) =>
        settle(use, reading.file, { ...listed, lookUp, chosen: globs.chosen, reader }),
      );
      read.push({ ...reading, uses: uses.flat() });
    }
    return read;
  } finally {
    await reader.close();
  }
}

/** Many files may name the same other one: it is looked up, and counted, once. */
function onceEach(
  lookUp: ChosenFiles['lookUp'],
  count: (content: Content) => void,
): ChosenFiles['lookUp'] {
  const known = new Map<string, ReturnType<ChosenFiles['lookUp']>>();
  return (path) => {
    const found =
      known.get(path) ??
      lookUp(path).then((content) => {
        if (content !== undefined) count(content);
        return content;
      });
    known.set(path, found);
    return found;
  };
}

/** By its name also where it cannot be read. */
function mayBeCompose({ file, kinds }: ReadFile): boolean {
  return kinds.includes('compose') || (kinds.includes('unreadable') && /compose[^/]*$/i.test(file));
}

/** What a use is settled with. */
export interface Surroundings extends Pick<ChosenFiles, 'lookUp' | 'exists'> {
  readonly chosen: Globs['chosen'];
  readonly reader: Pick<FileReader, 'readLonger'>;
}

/** What becomes of a use that other files have a say in. */
export async function settle(
  use: ImageUse,
  file: string,
  surroundings: Surroundings,
): Promise<readonly ImageUse[]> {
  if (use.unlessChosen !== undefined) {
    const path = posix.join(posix.dirname(file), use.unlessChosen);
    const isSettled =
      (await isChosen(path, use.mayBeFolder === true, surroundings)) &&
      (use.unlessPlain !== true || (await isPlain(path, surroundings)));
    return isSettled ? [] : [use];
  }
  if (!('told' in use) || use.build === undefined) return [use];
  const { dockerfile, arguments: given } = use.build;
  const told = surroundings.chosen(dockerfile) ? [] : [use];
  if (given.length === 0) return told;
  const content = await surroundings.lookUp(dockerfile);
  if (content === undefined || 'why' in content) return [use];
  const { uses } = await surroundings.reader.readLonger(dockerfile, content.bytes, {
    arguments: given,
  });
  return [...told, ...uses];
}

const kustomizations = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** True for a path of this repository that is chosen; of a folder, the kustomization in it. */
async function isChosen(
  path: string,
  mayBeFolder: boolean,
  { chosen, exists }: Surroundings,
): Promise<boolean> {
  if (/^\.\.(?:\/|$)|^\//.test(path)) return false;
  if (!mayBeFolder) return chosen(path);
  const folder = path.replace(/\/$/, '');
  for (const each of [folder, ...kustomizations.map((name) => posix.join(folder, name))])
    if ((await exists(each)) && !chosen(each)) return false;
  return true;
}

/**
 * True for a compose file that is the same whatever its variables are: no dollar in it, no escape
 * that may stand for one, and no word for other files.
 */
async function isPlain(path: string, { lookUp }: Surroundings): Promise<boolean> {
  const content = await lookUp(path);
  if (content === undefined || 'why' in content) return false;
  const text = Buffer.from(content.bytes).toString('latin1');
  return !/[$\\]|include|extends|build/i.test(text);
}

/** The `.env` of a file's folder and of all above, each looked up once. */
function envFilesIn(
  lookUp: (path: string) => Promise<Content | undefined>,
): (file: string) => Promise<readonly EnvFile[]> {
  const known = new Map<string, Promise<readonly EnvFile[]>>();
  const inFolder = (folder: string): Promise<readonly EnvFile[]> => {
    const earlier = known.get(folder);
    if (earlier !== undefined) return earlier;
    const path = folder === '' ? '.env' : `${folder}/.env`;
    const above = folder === '' ? [] : inFolder(parentOf(folder));
    const found = Promise.all([lookUp(path), above]).then(([content, others]) =>
      content === undefined ? others : [{ path, ...bounded(content) }, ...others],
    );
    known.set(folder, found);
    return found;
  };
  return (file) => inFolder(parentOf(file));
}

function bounded(content: Content): Content {
  return 'bytes' in content && content.bytes.length > mostEnvBytes
    ? { why: `has more than ${mostEnvBytes / 1024} KiB` }
    : content;
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function tooLarge(): Failure {
  return new Failure(
    'too-large',
    'The files that input files chooses have more than 64 MiB.',
    'Name the folders that hold manifests.',
  );
}
