import type { Descriptor } from '../image/descriptor.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { CopyRepository, FetchedManifest } from './repository.ts';

type Open = (name: RepositoryName) => CopyRepository;

/** A manifest of an image that was signed once has about a thousand bytes, a list as many. */
const roomBytes = 16 * 1024 * 1024;

/**
 * Repositories that give the same answer twice in a run: what was judged is then also what is
 * copied, and nothing is asked for again. Only what is there is kept, manifests and lists of
 * referrers, at most 16 MiB; what does not fit is asked for each time. For repositories that this
 * run only reads.
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
  // A manifest that is not there may just have been pushed: it is looked for again.
  const manifest = keeping<FetchedManifest>(room, (found) => found?.bytes.length);
  // Without a list there is no API, and that stays.
  const list = keeping<readonly Descriptor[]>(room, (found) => JSON.stringify(found ?? []).length);
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
