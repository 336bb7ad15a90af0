import { isJsonObject, readJson } from '../image/json.ts';

/** A JSON object as it was read; fields that we do not know are in it and stay in it. */
export type JsonObject = Readonly<Record<string, unknown>>;

const maxDepth = 32;
/**
 * Node 24 has both halves of "JSON.parse source text access" (ECMA-262, 2025); TypeScript's es2024
 * library does not know them yet.
 */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/**
 * Reads a document that others also write, so that `writeDocument` gives back what was read:
 * numbers that a double cannot hold or spells otherwise (20 digits, `1.0`) stay as they were
 * written.
 * @returns undefined for bytes that are not one plain JSON object (see `readJson` for what is
 * refused).
 */
export function readDocument(bytes: Uint8Array): JsonObject | undefined {
  if ('problem' in readJson(bytes, maxDepth)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const keepNumbers = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value;
  const document: unknown = JSON.parse(text, keepNumbers);
  return isJsonObject(document) ? document : undefined;
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
