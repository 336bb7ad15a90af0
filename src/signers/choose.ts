import { type ImageReference, parseReference, type RepositoryName } from '../image/reference.ts';
import { readGlobs } from '../references/glob.ts';
import type { KnownImages, Mirror, SignerList } from './list.ts';

/** The image that a list is asked about. */
export interface AskedImage {
  readonly name: RepositoryName;
  /** as it was written, tags and digests included */
  readonly references: readonly string[];
}

/** What a list says of an image. */
export interface Chosen {
  readonly entry: KnownImages;
  /** the image that this one is a copy of, `registry/repository` */
  readonly copyOf?: string;
  /** the place of that image where the mirror has it, for what lies beside it in other repositories */
  readonly mirror?: Mirror;
  /** every tag that it is named with predates the signatures: the first of them */
  readonly before?: string;
}

/**
 * Finds images in a list: the first entry whose globs fit the name, and one of the tags. What a
 * mirror has copied is looked for under its own name first, then under the name that was copied.
 */
export function openList({
  entries,
  mirrors,
}: SignerList): (image: AskedImage) => Chosen | undefined {
  const hosts = Map.groupBy(
    entries.flatMap((entry, order) =>
      entry.images.map((glob) => ({ entry, order, glob, host: glob.split('/')[0] ?? '' })),
    ),
    ({ host }) => host,
  );
  const fits = new Map<string, (name: string) => boolean>();
  const fitsGlob = (glob: string, name: string) => {
    let chosen = fits.get(glob);
    if (chosen === undefined) {
      chosen = readGlobs([glob], 'policy').chosen;
      fits.set(glob, chosen);
    }
    return chosen(name);
  };
  const find = (name: string, tags: readonly (string | undefined)[]) => {
    const fitting = (hosts.get(name.split('/')[0] ?? '') ?? [])
      .filter(({ entry, glob }) => fitsGlob(glob, name) && fitsTags(entry, tags))
      .map(({ entry }) => entry);
    return tags.includes(undefined) ? joined(fitting) : fitting[0];
  };
  return ({ name, references }) => {
    const tags = tagsOf(references);
    const whole = `${name.registry}/${name.repository}`;
    const own = find(whole, tags);
    if (own !== undefined) return { entry: own, ...beforeOf(own, tags) };
    for (const mirror of mirrors) {
      if (!whole.startsWith(`${mirror.at}/`)) continue;
      const copyOf = `${mirror.of}${whole.slice(mirror.at.length)}`;
      const entry = find(copyOf, tags);
      if (entry !== undefined) return { entry, copyOf, mirror, ...beforeOf(entry, tags) };
    }
    return undefined;
  };
}

/**
 * The tags that an image is named with; undefined stands for none, or one in front of a digest:
 * nobody checks that one, so whoever writes it could choose an older entry with it.
 */
function tagsOf(references: readonly string[]): readonly (string | undefined)[] {
  const tags = references.map((text) => {
    const { tag, digest } = readable(text);
    return digest === undefined ? tag : undefined;
  });
  return tags.length === 0 ? [undefined] : tags;
}

function readable(text: string): Partial<ImageReference> {
  try {
    return parseReference(text.trim());
  } catch {
    return {};
  }
}

/**
 * What counts for an image whose tag nobody knows, which may be any of them: whoever signs one. The
 * entries behind the first that is for all tags never count.
 */
function joined(entries: readonly KnownImages[]): KnownImages | undefined {
  const forAll = entries.findIndex(({ tags }) => tags === undefined);
  const counting = forAll < 0 ? entries : entries.slice(0, forAll + 1);
  const signed = counting.filter(({ signers }) => signers !== undefined);
  const [first = counting[0]] = signed;
  if (signed.length < 2 || first === undefined) return first;
  const known = joins.get(first);
  if (known !== undefined) return known;
  const { tlog: _, ...rest } = first;
  const entry = {
    ...rest,
    signers: signed.flatMap(({ signers = [] }) => signers),
    ...(signed.every(({ tlog }) => tlog === 'ignore') ? { tlog: 'ignore' as const } : {}),
  };
  joins.set(first, entry);
  return entry;
}

/** The same entry each time, so that its signatures are judged once. */
const joins = new WeakMap<KnownImages, KnownImages>();

/** Where no tag is known the entry counts: an image is not left unjudged for want of one. */
function fitsTags({ tags: globs }: KnownImages, tags: readonly (string | undefined)[]): boolean {
  if (globs === undefined) return true;
  const { chosen } = readGlobs(globs, 'policy');
  return tags.some((tag) => tag === undefined || chosen(tag));
}

function beforeOf(
  { since }: KnownImages,
  tags: readonly (string | undefined)[],
): { readonly before?: string } {
  if (since === undefined) return {};
  const known = tags.flatMap((tag) => (tag === undefined ? [] : [tag]));
  if (known.length < tags.length || !known.every((tag) => isBefore(tag, since))) return {};
  return { before: known[0] ?? '' };
}

/**
 * The numbers of a version, as tags have them: `v1.26.0`, `1.21`, `v1.26.0-rc.1`, `1.10-labs`.
 * @returns undefined for a tag that is no version: `latest`, `edge-26.6.3`, a commit
 */
export function versionOf(tag: string): readonly number[] | undefined {
  const found = /^v?(\d{1,6}(?:\.\d{1,6}){1,3})(?:[-_+].*)?$/.exec(tag);
  return found?.[1]?.split('.').map(Number);
}

/** True for a tag that is an earlier version; false where one of the two is none. */
export function isBefore(tag: string, since: string): boolean {
  const one = versionOf(tag);
  const other = versionOf(since);
  if (one === undefined || other === undefined) return false;
  for (let at = 0; at < other.length; at++) {
    const difference = (one[at] ?? other[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
