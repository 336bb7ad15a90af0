import { isJsonObject, readJson } from '../image/json.ts';
import { Refusal } from './refusal.ts';

export { isJsonObject as isObject };

/** How much of a JSON text is read before it is refused. */
export interface JsonLimits {
  readonly maxBytes: number;
  /** levels of arrays and objects */
  readonly maxDepth: number;
}

/**
 * Reads JSON of a signature that an attacker may have written, so that every careful reader sees
 * the same in it: valid UTF-8, one value, no key twice in one object, no half surrogate pairs (Go
 * replaces them), bounded size and depth (RFC 8259 sections 4 and 8, RFC 7493).
 * @throws {Refusal} `too-large`, or `malformed` for anything else that is wrong.
 */
export function parseJson(bytes: Uint8Array, what: string, limits: JsonLimits): unknown {
  if (bytes.length > limits.maxBytes) {
    throw new Refusal(
      'too-large',
      `The ${what} has ${bytes.length} bytes; at most ${limits.maxBytes} are read.`,
    );
  }
  const reading = readJson(bytes, limits.maxDepth);
  if ('problem' in reading)
    throw new Refusal('malformed', `The ${what} cannot be read: ${reading.problem}.`);
  if (!isWellFormed(reading.value))
    throw new Refusal(
      'malformed',
      `The ${what} cannot be read: it holds half of a surrogate pair.`,
    );
  return reading.value;
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, item]) => name.isWellFormed() && isWellFormed(item));
}
