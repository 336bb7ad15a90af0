import { isJsonObject, readJson } from '../text/json.ts';
import { shownMessage } from '../text/untrusted.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * Why one signature does not count. Thrown inside this folder only: `judge` turns it into a
 * verdict.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: VerdictCode;

  /**
   * `message` is one sentence for a person; text taken from the signature must have gone through
   * `shown` of text/.
   */
  constructor(code: VerdictCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The message of anything caught, made safe to print. What a parser says when it trips over a part
 * that is not there helps nobody.
 */
export function shownError(caught: unknown): string {
  if (caught instanceof TypeError || caught instanceof RangeError)
    return 'it is not built as it should be';
  return shownMessage(caught);
}

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
