// Evaluates the expressions that the examples use: paths, text, `||`, `&&`, `==`, `!=`, `!`,
// brackets, contains and startsWith. What is not there is an error here, where GitHub would quietly
// give an empty text.
import { expressionsIn } from './expressions.ts';

export type Context = Readonly<Record<string, unknown>>;

/** A value of a workflow with its expressions replaced, as the text that a step is given. */
export function evaluateText(value: unknown, context: Context): string {
  const text = String(value);
  expressionsIn(text);
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, inner: string) => String(evaluate(inner, context)));
}

/**
 * The value of one expression. @throws Error for a name that is not in the context, and for syntax
 * that no example uses
 */
export function evaluate(expression: string, context: Context): unknown {
  const tokens = expression.match(/'(?:[^']|'')*'|\|\||&&|==|!=|!|[(),]|[A-Za-z_][\w.-]*/g) ?? [];
  if (tokens.join('') !== expression.replace(/\s+(?=(?:[^']*'[^']*')*[^']*$)/g, ''))
    throw new Error(`not understood: ${expression}`);
  const rest = [...tokens];
  const value = either(rest, context);
  if (rest.length > 0) throw new Error(`not understood: ${expression}`);
  return value;
}

function either(rest: string[], context: Context): unknown {
  let value = both(rest, context);
  while (rest[0] === '||') {
    rest.shift();
    const other = both(rest, context);
    value = value || other;
  }
  return value;
}

function both(rest: string[], context: Context): unknown {
  let value = compared(rest, context);
  while (rest[0] === '&&') {
    rest.shift();
    const other = compared(rest, context);
    value = value && other;
  }
  return value;
}

function compared(rest: string[], context: Context): unknown {
  const value = single(rest, context);
  if (rest[0] !== '==' && rest[0] !== '!=') return value;
  const equal = rest.shift() === '==';
  return (value === single(rest, context)) === equal;
}

function single(rest: string[], context: Context): unknown {
  const token = rest.shift() ?? '';
  if (token === '!') return !single(rest, context);
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
  if (token === '(') {
    const value = either(rest, context);
    rest.shift();
    return value;
  }
  if (rest[0] === '(') return called(token, rest, context);
  return lookUp(token, context);
}

function called(name: string, rest: string[], context: Context): unknown {
  const values: unknown[] = [];
  while (rest.shift() !== ')') values.push(either(rest, context));
  const [one, other] = values.map(String);
  if (name === 'contains') return one?.includes(other ?? '');
  if (name === 'startsWith') return one?.startsWith(other ?? '');
  throw new Error(`no example needs ${name}() yet`);
}

function lookUp(path: string, context: Context): unknown {
  const value = path
    .split('.')
    .reduce<unknown>((found, part) => (found as Context | undefined)?.[part], context);
  if (value === undefined) throw new Error(`nothing says what ${path} is`);
  return value;
}
