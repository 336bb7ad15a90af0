import { imageLists } from './signed.ts';

/**
 * What an expression of an ImageValidatingPolicy asks for: at least `count` of these attestors have
 * signed; `nothing` where it says nothing about signatures.
 */
export type SignatureCheck = (Call & { readonly count: number }) | 'nothing';

interface Call {
  readonly attestors: readonly NamedAttestor[];
  /** they have made this attestation, and not a signature */
  readonly attestation?: NamedAttestor;
}

export interface NamedAttestor {
  readonly name: string;
  /** of its name in the text */
  readonly offset: number;
}

/** An expression that says something else; `message` ends a sentence that starts with it. */
export class OutsideOfSubset extends Error {
  /** of the first character that is not understood */
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Longer than any expression of these forms; time is in proportion to it. */
const longestExpression = 20_000;
const deepest = 20;

/**
 * Reads the expressions (CEL, cel-spec langdef) that ask how many attestors have signed, and no
 * others: what is not understood word for word could mean that anybody may have signed.
 *
 *     check := 'true' | 'size(' LIST { '+' LIST } ')' '>' 0 | LIST.map(v, CALL).all(e, e OP N) | LIST.all(v, CALL OP N)
 *     LIST  := images.NAME | images.?NAME.orValue([]) | '(' LIST { '+' LIST } ')'
 *     CALL  := verifyImageSignatures(v, [attestors.NAME, attestors["NAME"], …])
 *            | verifyAttestationSignatures(v, attestations.NAME, [attestors.NAME, …])
 *
 * OP is `>`, `>=` or `==`. An image is of one list or another; all of them must be checked, so the
 * list does not matter to what is asked.
 * @throws {OutsideOfSubset}
 */
export function readExpression(text: string): SignatureCheck {
  if (text.length > longestExpression)
    throw new OutsideOfSubset(0, `is longer than ${longestExpression} characters`);
  const reader = new ExpressionReader(tokensOf(text), text.length);
  return reader.expression();
}

interface Token {
  readonly text: string;
  readonly offset: number;
  readonly kind: 'name' | 'number' | 'string' | 'sign';
}

/** Comments end with their line; `u`, `r"…"` and `"""` are other literals and none of these. */
function tokensOf(text: string): readonly Token[] {
  const pattern =
    /(?<blank>[ \t\r\n\f]+|\/\/[^\n]*)|(?<name>[A-Za-z_]\w*)|(?<number>\d+)(?![\w.])|(?<string>"[^"\\\r\n]*"|'[^'\\\r\n]*')(?!["'])|(?<sign>>=|==|\.\?|[.,()[\]+>])/y;
  const tokens: Token[] = [];
  while (pattern.lastIndex < text.length) {
    const offset = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) throw outside(offset, text.slice(offset, offset + 1));
    for (const kind of ['name', 'number', 'string', 'sign'] as const) {
      const found = groups[kind];
      if (found !== undefined) tokens.push({ text: found, offset, kind });
    }
  }
  return tokens;
}

function outside(offset: number, found: string): OutsideOfSubset {
  return new OutsideOfSubset(
    offset,
    `is not one of the expressions that are understood here: at "${found}" it goes on in another way`,
  );
}

class ExpressionReader {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  #at = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens;
    this.#end = end;
  }

  expression(): SignatureCheck {
    const check = this.#check();
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return check;
  }

  #check(): SignatureCheck {
    if (this.#took('true')) return 'nothing';
    if (this.#took('size')) return this.#size();
    // A sum without brackets would bind the call to its last list alone.
    this.#operand(0);
    this.#want('.');
    return this.#took('map') ? this.#mapped() : this.#all();
  }

  /** `size(LIST) > 0`: there is an image, as there is here. */
  #size(): 'nothing' {
    this.#want('(');
    this.#list(0);
    this.#want(')', '>', '0');
    return 'nothing';
  }

  #mapped(): SignatureCheck {
    this.#want('(');
    const image = this.#variable();
    this.#want(',');
    const call = this.#call(image);
    this.#want(')', '.', 'all', '(');
    const each = this.#variable();
    this.#want(',', each);
    return this.#counted(call);
  }

  #all(): SignatureCheck {
    this.#want('all', '(');
    const image = this.#variable();
    this.#want(',');
    return this.#counted(this.#call(image));
  }

  #counted(call: Call): SignatureCheck {
    const count = this.#comparison(call.attestors.length);
    this.#want(')');
    return { ...call, count };
  }

  /**
   * How many must have signed. `== N` is that only where N is all of them: more would be denied. A
   * number that everybody reaches is no condition.
   */
  #comparison(most: number): number {
    const operator = this.#next('sign');
    if (!['>', '>=', '=='].includes(operator.text)) throw this.#unexpected(operator);
    const number = this.#next('number');
    const count = Number(number.text) + (operator.text === '>' ? 1 : 0);
    const said = `"${operator.text} ${number.text}"`;
    const problem =
      count < 1
        ? `holds for everybody: ${said} asks for nobody`
        : count > most
          ? `can never hold: ${said} asks for more than the ${most} attestors it names`
          : operator.text === '==' && count !== most
            ? `refuses an image that more than ${count} have signed: write ">= ${count}"`
            : undefined;
    if (problem !== undefined) throw new OutsideOfSubset(operator.offset, problem);
    return count;
  }

  #call(image: string): Call {
    const isAttested = this.#took('verifyAttestationSignatures');
    if (!isAttested) this.#want('verifyImageSignatures');
    this.#want('(', image, ',');
    const attestation = isAttested ? { attestation: this.#named('attestations') } : {};
    if (isAttested) this.#want(',');
    this.#want('[');
    const attestors = [this.#named('attestors')];
    while (this.#took(',')) attestors.push(this.#named('attestors'));
    this.#want(']', ')');
    return { attestors, ...attestation };
  }

  #named(of: 'attestors' | 'attestations'): NamedAttestor {
    this.#want(of);
    if (this.#took('[')) {
      const { text, offset } = this.#next('string');
      this.#want(']');
      return { name: text.slice(1, -1), offset };
    }
    this.#want('.');
    const { text, offset } = this.#next('name');
    return { name: text, offset };
  }

  #list(depth: number): void {
    do this.#operand(depth);
    while (this.#took('+'));
  }

  #operand(depth: number): void {
    if (depth > deepest) throw this.#unexpected();
    if (this.#took('(')) {
      this.#list(depth + 1);
      this.#want(')');
    } else this.#images();
  }

  #images(): void {
    this.#want('images');
    const optional = this.#took('.?');
    if (!optional) this.#want('.');
    const name = this.#next('name');
    if (!imageLists.includes(name.text))
      throw new OutsideOfSubset(
        name.offset,
        `names images.${name.text}, and a Pod has ${imageLists.join(', ')}`,
      );
    if (optional) this.#want('.', 'orValue', '(', '[', ']', ')');
  }

  /** A name that hides nothing: `images` or `attestors` as a variable would mean something else. */
  #variable(): string {
    const token = this.#next('name');
    if (reserved.includes(token.text)) throw this.#unexpected(token);
    return token.text;
  }

  #next(kind: Token['kind']): Token {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind) throw this.#unexpected(token);
    this.#at++;
    return token;
  }

  #took(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.text !== text || token.kind === 'string') return false;
    this.#at++;
    return true;
  }

  #want(...texts: readonly string[]): void {
    for (const text of texts) if (!this.#took(text)) throw this.#unexpected();
  }

  #unexpected(token = this.#tokens[this.#at]): OutsideOfSubset {
    return outside(token?.offset ?? this.#end, token?.text ?? 'its end');
  }
}

/** Words of CEL, and names that Kyverno gives a meaning. */
const reserved = `true false null in as break const continue else for function if import let loop
  package namespace return var void while images attestors attestations variables object oldObject
  request namespaceObject verifyImageSignatures verifyAttestationSignatures size params
  globalContext resource`.split(/\s+/);
