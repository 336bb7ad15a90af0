import { isJsonObject, readJson } from '../text/json.ts';
import { Refusal } from './refusal.ts';

export { isJsonObject as isObject };

/** How much of a JSON text is read before it is refused. */
export interface JsonLimits {
  readonly maxBytes: number;
  /** levels of arrays and objects */
  readonly maxDepth: number;
}

/**
 * Reads JSON of a signature that an attacker may have written, of bounded size, as `readJson` does:
 * so that every careful reader sees the same in it.
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
  return reading.value;
}
