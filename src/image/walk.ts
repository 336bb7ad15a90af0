import { Failure } from '../failure.ts';
import type { Descriptor } from './descriptor.ts';
import { type Digest, digestOf } from './digest.ts';
import { inParallel } from './in-parallel.ts';
import { isIndexType, maxIndexEntries, parseManifest, type ReadManifest } from './manifest.ts';

const maxDepth = 4;
/** bytes of all indexes together */
const maxBytes = 32 * 1024 * 1024;
const parallel = 4;

/**
 * Lists everything inside `root`: children of an index, and of indexes inside it; nothing for an
 * image. Indexes come before what is in them, and each digest comes once however often it is
 * listed. Only indexes are read; an image is known from its entry. With the root this is what
 * `cosign sign --recursive` signs, except that cosign stops at a media type it does not know, and
 * this lists it unopened.
 * @returns the entries as they stand in the indexes, fields unknown to us included
 * @param read the manifest with a digest; it throws where there is none
 * @throws {Failure} `bad-manifest` when there are more than 1,000 manifests, more than 4 levels
 * below the root, or more than 32 MiB of indexes, or when an entry and what it points to differ;
 * and whatever `read` throws.
 */
export async function walkIndex(
  read: (digest: Digest) => Promise<ReadManifest>,
  root: ReadManifest,
): Promise<Descriptor[]> {
  const found = new Map<Digest, Descriptor>();

  let budget = maxBytes;
  let level = [childrenOf(root, undefined)];
  for (let depth = 1; level.length > 0; depth++) {
    const fresh = level.flat().filter((child) => child.digest !== root.digest && add(found, child));
    const indexes = fresh.filter((child) => isIndexType(child.mediaType));
    if (indexes.length > 0 && depth > maxDepth)
      throw bad(`its indexes lie more than ${maxDepth} levels deep`);
    // Each entry's size is compared with the bytes that come, so this sum cannot be exceeded by
    // lying.
    budget -= indexes.reduce((sum, child) => sum + child.size, 0);
    if (budget < 0) throw bad(`its indexes have more than ${maxBytes} bytes together`);
    level = await inParallel(indexes, parallel, async (entry) =>
      childrenOf(await read(entry.digest), entry),
    );
  }
  return [...found.values()];
}

/** Notes a child; false when it is known already. */
function add(found: Map<Digest, Descriptor>, child: Descriptor): boolean {
  const known = found.get(child.digest);
  if (known !== undefined) {
    // One digest is one content: with two types for it, one reader would open what another one does
    // not.
    if (known.mediaType !== child.mediaType)
      throw bad(`it lists ${child.digest} under two media types`);
    return false;
  }
  if (found.size >= maxIndexEntries) throw bad(`it holds more than ${maxIndexEntries} manifests`);
  found.set(child.digest, child);
  return true;
}

/** What an index holds; `entry` is where it was listed, and must describe it truly. */
function childrenOf(
  { bytes, mediaType, digest }: ReadManifest,
  entry: Descriptor | undefined,
): readonly Descriptor[] {
  const actual = digestOf(bytes);
  if (actual !== digest || (entry !== undefined && actual !== entry.digest))
    throw bad(`the bytes that came for ${entry?.digest ?? digest} are others`);
  if (entry !== undefined && entry.size !== bytes.byteLength) {
    throw bad(`${digest} has ${bytes.byteLength} bytes, and its index says ${entry.size}`);
  }
  const manifest = parseManifest(bytes, mediaType);
  if (entry !== undefined && manifest.mediaType !== entry.mediaType)
    throw bad(`${digest} has another media type than its index says`);
  return manifest.kind === 'index' ? manifest.manifests : [];
}

function bad(problem: string): Failure {
  return new Failure(
    'bad-manifest',
    `The image index cannot be walked: ${problem}.`,
    'Build and push the image again, or sign the index alone with `recursive: false`.',
  );
}
