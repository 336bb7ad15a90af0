/** Why a text is no YAML that is read here; thrown, and caught by who reads the file. */
export class UnreadableYaml extends Error {
  /** counted from 1 */
  readonly line: number;
  /** an action `{{ }}` stands where YAML has a map in braces: the file is a template */
  readonly isTemplate: boolean;

  /** @param message the end of a sentence that starts with the file, without a full stop */
  constructor(line: number, message: string, options: UnreadableOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.line = line;
    this.isTemplate = options.isTemplate ?? false;
  }
}

interface UnreadableOptions {
  readonly isTemplate?: boolean;
  readonly cause?: unknown;
}
