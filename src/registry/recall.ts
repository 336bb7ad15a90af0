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
