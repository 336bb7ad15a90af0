import { isJsonObject, readJson } from '../text/json.ts';

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
