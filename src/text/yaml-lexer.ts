import { Lexer } from 'yaml';

/**
 * What this needs of the library's lexer: its steps are no part of its types. A test reads a text
 * that only this reader takes, so another version of the library cannot pass unnoticed.
 */
interface OpenLexer {
  indentNext: number;
  lex(source: string): Generator<string, void>;
  parseFlowCollection(): Step;
  parseQuotedScalar(): Step;
}

type Step = Generator<string, unknown, unknown>;

/**
 * YAML 1.2 asks that lines inside of quotes and brackets stand right of the key. The readers of
 * kubectl, kustomize, Helm and compose, and PyYAML, do not look at it there: a quote that closes at
 * its key's column is an ordinary file for them, and for this reader too.
 */
class IndentationFreeLexer extends (Lexer as unknown as new () => OpenLexer) {
  override *parseFlowCollection(): Step {
    return yield* this.#anywhere(super.parseFlowCollection());
  }

  override *parseQuotedScalar(): Step {
    return yield* this.#anywhere(super.parseQuotedScalar());
  }

  *#anywhere(step: Step): Step {
    const { indentNext } = this;
    this.indentNext = 0;
    try {
      return yield* step;
    } finally {
      this.indentNext = indentNext;
    }
  }
}

/** The lexemes of a text, as the library's parser takes them. */
export function lexemes(text: string): Generator<string, void> {
  return new IndentationFreeLexer().lex(text);
}
