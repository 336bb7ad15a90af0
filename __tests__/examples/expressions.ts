// Expressions of a workflow, read and evaluated by GitHub's own library. It gives an empty text for
// a name that nobody declares; here that is an error, since an example that mentions one is wrong.
import { data, Evaluator, type Expr, Lexer, Parser } from '@actions/expressions';
import type { ExprVisitor, IndexAccess } from '@actions/expressions/ast';

export type Context = Readonly<Record<string, unknown>>;

const contexts = 'github needs strategy matrix vars inputs job jobs runner env secrets steps'.split(
  ' ',
);
const functions = ['always', 'cancelled', 'success', 'failure', 'hashFiles'].map((name) => ({
  name,
  minArgs: 0,
  maxArgs: 255,
}));

/** What stands between `${{` and `}}`. @throws Error for one that does not end */
export function expressionsIn(text: string): readonly string[] {
  const found = [...text.matchAll(/\$\{\{(.*?)\}\}/gs)].map(([, inner = '']) => inner.trim());
  if (found.length !== text.split('${{').length - 1)
    throw new Error(`an expression does not end: ${text}`);
  return found;
}

/** The names that an expression mentions, each as its parts: `steps`, `build`, `outputs`. */
export function mentionsIn(expression: string): readonly (readonly string[])[] {
  return mentionsOf(parsed(expression));
}

/** A value of a workflow with its expressions replaced, as the text that a step is given. */
export function evaluateText(value: unknown, context: Context): string {
  const text = String(value);
  expressionsIn(text);
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, inner: string) => evaluate(inner.trim(), context));
}

/** Whether a step or job with this `if:` runs. Brackets may be left out there. */
export function isMet(condition: unknown, context: Context): boolean {
  if (condition === undefined) return true;
  const text = String(condition);
  const [expression = text] = expressionsIn(text);
  const value = evaluate(expression, context);
  return value !== '' && value !== 'false' && value !== '0';
}

/** @throws Error for a name that is not in the context, and for what is no expression */
function evaluate(expression: string, context: Context): string {
  const tree = parsed(expression);
  for (const parts of mentionsOf(tree)) {
    const value = parts.reduce<unknown>((found, part) => (found as Context)?.[part], context);
    if (value === undefined) throw new Error(`nothing says what ${parts.join('.')} is`);
  }
  const known = JSON.parse(JSON.stringify(context), data.reviver) as data.Dictionary;
  return new Evaluator(tree, known).evaluate().coerceString();
}

function parsed(expression: string): Expr {
  return new Parser(new Lexer(expression).lex().tokens, contexts, functions).parse();
}

function mentionsOf(tree: Expr): readonly (readonly string[])[] {
  return tree.accept<readonly (readonly string[])[]>(collector);
}

const all = (parts: readonly Expr[]) => parts.flatMap(mentionsOf);

const collector: ExprVisitor<readonly (readonly string[])[]> = {
  visitLiteral: () => [],
  visitUnary: ({ expr }) => mentionsOf(expr),
  visitBinary: ({ left, right }) => all([left, right]),
  visitLogical: ({ args }) => all(args),
  visitGrouping: ({ group }) => mentionsOf(group),
  visitContextAccess: ({ name }) => [[name.lexeme]],
  visitIndexAccess: (access) => {
    const [first = [], ...others] = mentionsOf(access.expr);
    const part = literalOf(access);
    return part === undefined ? all([access.expr]) : [[...first, part], ...others];
  },
  visitFunctionCall: ({ args }) => all(args),
};

/** `outputs` in `steps.build.outputs` and in `steps.build['outputs']`; none for a `*`. */
function literalOf({ index }: IndexAccess): string | undefined {
  return 'literal' in index ? (index.literal as data.ExpressionData).coerceString() : undefined;
}
