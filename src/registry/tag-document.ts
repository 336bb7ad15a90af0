import type { Digest } from '../image/digest.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import type { FetchedManifest } from './repository.ts';

/** A JSON object as it was read; fields that we do not know are in it and stay in it. */
export type JsonObject = Readonly<Record<string, unknown>>;

const maxDepth = 32;

/**
 * Reads a document that others also write, so that `writeDocument` gives back what was read:
 * numbers that a double cannot hold or spells otherwise (20 digits, `1.0`) stay as they were
 * written.
 * @returns undefined for bytes that are not one plain JSON object (see `readJson` for what is
 * refused).
 */
export function readDocument(bytes: Uint8Array): JsonObject | undefined {
  const reading = readJson(bytes, maxDepth, { keepNumbers: true });
  return 'value' in reading && isJsonObject(reading.value) ? reading.value : undefined;
}

/** The bytes of a document, without white space. */
export function writeDocument(document: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(document));
}

/** The object list in a field of a document; undefined where it is anything else. */
export function objectsOf(document: JsonObject, field: string): readonly JsonObject[] | undefined {
  const list = document[field];
  return Array.isArray(list) && list.every(isJsonObject) ? list : undefined;
}

/**
 * What lies under a tag that many signers share: a list of entries, and the rest of the document.
 */
export interface TagContent {
  /** undefined: there is nothing under the tag */
  readonly digest: Digest | undefined;
  readonly etag?: string;
  /** the document without its entries, or undefined where there is none yet */
  readonly rest: JsonObject | undefined;
  readonly entries: readonly JsonObject[];
}

/** A document ready to be written; `config` is a blob that must be there first. */
export interface RenderedTag {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly config?: Buffer;
}

/**
 * What the protocol of shared-tag.ts must know of a kind of document: the referrers index, or the
 * `.sig` or `.att` manifest.
 */
export interface TagKind {
  /** for messages: "the referrers tag" */
  readonly title: string;
  /** the value of the input `format` that does without this tag */
  readonly otherFormat: 'bundle' | 'legacy';
  /** what is kept in it, for messages */
  readonly holds: 'bundle' | 'signature' | 'attestation';
  /**
   * Takes a document apart, or says in half a sentence why it is not of this kind. @throws
   * {Failure} `too-large`
   */
  parse(fetched: FetchedManifest): TagContent | { readonly foreign: string };
  /**
   * Before a write: undefined where the document is known to be what it seems; else the registry is
   * asked, and the answer is why it is not.
   */
  doubt(content: TagContent): Promise<string | undefined> | undefined;
  /** Two entries with one key are the same thing, whoever wrote them. */
  key(entry: JsonObject): string;
  /** True when `entry` says all that `wanted` says. */
  says(entry: JsonObject, wanted: JsonObject): boolean;
  /** @throws {Failure} `too-large` for a document that readers would refuse */
  render(rest: JsonObject | undefined, entries: readonly JsonObject[]): RenderedTag;
}

/** What `parse` would answer for an absent tag. */
export const emptyTag: TagContent = { digest: undefined, rest: undefined, entries: [] };

/**
 * The entries of the next document: what is there, as it is there; then everything that any read
 * has shown; then ours. An entry of ours that somebody has stripped of what it says is written in
 * full again, in its place.
 */
export function mergeEntries(
  kind: TagKind,
  there: readonly JsonObject[],
  memory: ReadonlyMap<string, JsonObject>,
  ours: ReadonlyMap<string, JsonObject>,
): JsonObject[] {
  const keys = new Set(there.map((entry) => kind.key(entry)));
  const missing = [...new Map([...memory, ...ours])]
    .filter(([key]) => !keys.has(key))
    .map(([, entry]) => entry);
  const kept = there.map((entry) => {
    const own = ours.get(kind.key(entry));
    return own === undefined || kind.says(entry, own) ? entry : own;
  });
  return [...kept, ...missing];
}

/** A tag that can be read. `foreign` says why what lies there is not ours to read or write. */
export interface TagLook {
  /** @throws {Failure} of the registry; `too-large` */
  look(): Promise<
    | { readonly fetched?: FetchedManifest; readonly content: TagContent }
    | { readonly fetched: FetchedManifest; readonly foreign: string }
  >;
}
