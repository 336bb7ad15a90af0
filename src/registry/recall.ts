import type { Descriptor } from '../image/descriptor.ts';
import { parseManifest } from '../image/manifest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { CopyRepository, FetchedManifest } from './repository.ts';

type Open = (name: RepositoryName) => CopyRepository;

/** A manifest of an image that was signed once has about a thousand bytes, a list as many. */
const roomBytes = 16 * 1024 * 1024;

/**
 * Repositories that give the same answer twice in a run: what was judged is then also what is
 * copied, and nothing is asked for again. Only answers that show something are kept, at most 16 MiB.
 * One that shows nothing, or that cannot be read, may be a fault that passes: kept, it would leave a
 * signature behind unseen. For repositories that this run only reads.
 */
export function recalling(open: Open): Open {
  const room = { left: roomBytes };
  const known = new Map<string, CopyRepository>();
  return (name) => {
    const key = `${name.registry}/${name.repository}`;
    const repository = known.get(key) ?? recallingOne(open(name), room);
    known.set(key, repository);
    return repository;
  };
}

function recallingOne(repository: CopyRepository, room: { left: number }): CopyRepository {
  const manifest = keeping<FetchedManifest>(room, (found) =>
    showsSomething(found) ? found.bytes.length : undefined,
  );
  const list = keeping<readonly Descriptor[]>(room, (found = []) =>
    found.length > 0 ? JSON.stringify(found).length : undefined,
  );
  return {
    ...repository,
    getManifest: async (reference, maxBytes = Number.POSITIVE_INFINITY) => {
      const ask = () => repository.getManifest(reference, maxBytes);
      const kept = await manifest(reference, ask);
      return kept === undefined || kept.bytes.length <= maxBytes ? kept : ask();
    },
    listReferrers: (digest) => list(digest, () => repository.listReferrers(digest)),
  };
}

function showsSomething(found: FetchedManifest | undefined): found is FetchedManifest {
  if (found === undefined) return false;
  try {
    const parsed = parseManifest(found.bytes, found.mediaType);
    return (parsed.kind === 'index' ? parsed.manifests : parsed.layers).length > 0;
  } catch {
    return false; // told by whoever reads it
  }
}

/**
 * Keeps answers by their keys, while there is room. One that is under way serves all who ask.
 * @param sizeOf bytes; undefined for what is not kept
 */
function keeping<T>(room: { left: number }, sizeOf: (answer: T | undefined) => number | undefined) {
  const kept = new Map<string, Promise<T | undefined>>();
  return (key: string, ask: () => Promise<T | undefined>): Promise<T | undefined> => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const answer = ask();
    kept.set(key, answer);
    answer.then(
      (found) => {
        const size = sizeOf(found);
        if (size === undefined || size > room.left) kept.delete(key);
        else room.left -= size;
      },
      () => kept.delete(key),
    );
    return answer;
  };
}

/** A target that several look at, each by a view of its own. */
export interface SharedLooks {
  /** Opens repositories for one who looks; what it writes is written by the writer. */
  readonly view: () => Open;
}

/**
 * A target, for one who compares it with the source and one who verifies what is there. What both ask
 * is asked once: an answer is shared by its whole question, at most 16 MiB of them. It serves each of
 * them once, since whoever asks again wants to know what is so by then. None is served in a
 * repository in which this run has begun to write: what was read before must not stand for what is
 * there after.
 * @param read opens what is read before anything is written, @param write what is written to, and
 * read from then on
 */
export function sharedLooks(read: Open, write: Open): SharedLooks {
  const room = { left: roomBytes };
  const known = new Map<string, (asked: Set<string>) => CopyRepository>();
  const at = (name: RepositoryName) => {
    const key = `${name.registry}/${name.repository}`;
    const opened = known.get(key) ?? looksAt(read(name), write(name), room);
    known.set(key, opened);
    return opened;
  };
  return {
    view: () => {
      const views = new Map<unknown, CopyRepository>();
      return (name) => {
        const looks = at(name);
        const view = views.get(looks) ?? looks(new Set());
        views.set(looks, view);
        return view;
      };
    },
  };
}

function looksAt(reader: CopyRepository, writer: CopyRepository, room: { left: number }) {
  const manifest = keeping<FetchedManifest>(room, (found) => found?.bytes.length ?? 0);
  const head = keeping<Descriptor>(room, () => 0);
  const list = keeping<readonly Descriptor[]>(room, (found = []) => JSON.stringify(found).length);
  let written = false;
  const now = () => (written ? writer : reader);
  const writing = () => {
    written = true;
    return writer;
  };
  return (asked: Set<string>): CopyRepository => {
    const once = <T>(
      key: string,
      keep: (key: string, ask: () => Promise<T>) => Promise<T>,
      ask: () => Promise<T>,
    ) => {
      if (written || asked.has(key)) return ask();
      asked.add(key);
      return keep(key, ask);
    };
    return {
      name: writer.name,
      head: (reference) => once(`HEAD ${reference}`, head, () => now().head(reference)),
      getManifest: (reference, most) =>
        once(`GET ${reference} ${most}`, manifest, () => now().getManifest(reference, most)),
      listReferrers: (digest) => once(`list ${digest}`, list, () => now().listReferrers(digest)),
      getBlob: (digest, most) => now().getBlob(digest, most),
      putBlob: (bytes) => writing().putBlob(bytes),
      putManifest: (...write) => writing().putManifest(...write),
      blobs: {
        has: (digest) => writer.blobs.has(digest),
        read: (...what) => writer.blobs.read(...what),
        begin: (...what) => writing().blobs.begin(...what),
      },
    };
  };
}
