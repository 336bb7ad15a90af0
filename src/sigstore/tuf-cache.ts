import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, readJson } from '../text/json.ts';

/**
 * Files of one TUF repository that are kept between runs. Reading and writing never fails: without
 * a cache there is only more to fetch.
 */
export interface TufCache {
  has(file: string): Promise<boolean>;
  /** undefined where it is missing, unreadable or larger than `maxBytes` */
  read(file: string, maxBytes: number): Promise<Buffer | undefined>;
  /** all at once or not at all: a reader beside us never sees half a file */
  write(file: string, bytes: Uint8Array): Promise<void>;
  /**
   * timestamp, snapshot and targets metadata into `folder`, for tuf-js to compare with (rollback)
   */
  copyMetadata(folder: string): Promise<void>;
  /**
   * the metadata that tuf-js has left in `folder`, and new roots; what another job made newer
   * meanwhile stays
   */
  keepMetadata(folder: string, roots: ReadonlyMap<string, Buffer>): Promise<void>;
}

const maxMetadata = 5_000_000;
const metadata = /^(?:timestamp|snapshot|targets)\.json$/;

/** Opens a cache in `folder`, which is made where it is missing. */
export async function openTufCache(folder: string): Promise<TufCache> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined);
  const read = (file: string, maxBytes: number) => readBounded(join(folder, file), maxBytes);
  const write = (file: string, bytes: Uint8Array) => replace(join(folder, file), bytes);
  const copied = new Map<string, Buffer>();
  return {
    read,
    write,
    async has(file) {
      return (await read(file, maxMetadata)) !== undefined;
    },
    async copyMetadata(target) {
      await Promise.all(
        ['timestamp.json', 'snapshot.json', 'targets.json'].map(async (file) => {
          const bytes = await read(file, maxMetadata);
          if (bytes === undefined) return;
          copied.set(file, bytes);
          await writeFile(join(target, file), bytes);
        }),
      );
    },
    async keepMetadata(source, roots) {
      await Promise.all([...roots].map(([file, bytes]) => write(file, bytes)));
      // The timestamp last: it is what makes the others count.
      const files = (await readdir(source)).filter((file) => metadata.test(file)).toSorted();
      for (const file of files) {
        const bytes = await readBounded(join(source, file), maxMetadata);
        const held = await read(file, maxMetadata);
        // A file that nobody touched since was just judged by tuf-js; only one that appeared
        // meanwhile is compared by its own word.
        const touched = held !== undefined && copied.get(file)?.equals(held) !== true;
        if (bytes !== undefined && (!touched || versionOf(bytes) >= versionOf(held)))
          await write(file, bytes);
      }
    },
  };
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > maxBytes) return undefined;
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(size),
      position: 0,
      length: size,
    });
    return bytesRead === size ? buffer : undefined;
  } catch {
    return undefined;
  }
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, bytes, { flag: 'wx', mode: 0o600 });
    await rename(draft, path);
  } catch {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

/** `signed.version`; 0 where there is none, so that anything readable replaces what is not. */
function versionOf(bytes: Buffer | undefined): number {
  const reading = bytes === undefined ? { problem: '' } : readJson(bytes, 50);
  const signed =
    'value' in reading && isJsonObject(reading.value) ? reading.value.signed : undefined;
  const version = isJsonObject(signed) ? signed.version : undefined;
  return typeof version === 'number' ? version : 0;
}
