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
