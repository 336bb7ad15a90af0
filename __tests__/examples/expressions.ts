// Expressions of a workflow, as far as a person gets them wrong: contexts that are not there, names
// that nobody declares.

export interface Mention {
  /** `steps.build.outputs.digest`, or a function with `(` at its end */
  readonly text: string;
  readonly parts: readonly string[];
}

const functions = new Set(
  'always cancelled success failure contains startsWith endsWith format join toJSON fromJSON hashFiles'.split(
    ' ',
  ),
);
const literals = new Set(['true', 'false', 'null']);

/** What stands between `${{` and `}}`. @throws Error for one that does not end */
export function expressionsIn(text: string): readonly string[] {
  const found = [...text.matchAll(/\$\{\{(.*?)\}\}/gs)].map(([, inner = '']) => inner.trim());
  if (found.length !== text.split('${{').length - 1)
    throw new Error(`an expression does not end: ${text}`);
  return found;
}

/** The contexts and functions that an expression mentions. */
export function mentionsIn(expression: string): readonly Mention[] {
  const bare = expression.replace(/'(?:[^']|'')*'/g, "''");
  const found = bare.matchAll(/(?<![\w.'-])([A-Za-z_][\w-]*)((?:\.(?:[\w-]+|\*))*)\s*(\()?/g);
  return [...found].flatMap(([, name = '', path = '', call]) => {
    if (literals.has(name)) return [];
    return call === undefined
      ? [{ text: name + path, parts: (name + path).split('.') }]
      : [{ text: `${name}(`, parts: [] }];
  });
}

/**
 * Where a value stands decides which contexts it may use. As GitHub's "Context availability" has
 * it.
 */
const inJob = ['github', 'needs', 'strategy', 'matrix', 'vars', 'inputs'];
const inStep = [...inJob, 'job', 'runner', 'env', 'secrets', 'steps'];
export const contexts = {
  workflow: ['github', 'inputs', 'vars'],
  workflowEnv: ['github', 'inputs', 'vars', 'secrets'],
  jobIf: ['github', 'needs', 'vars', 'inputs'],
  job: inJob,
  jobSecrets: [...inJob, 'secrets'],
  jobEnv: [...inJob, 'secrets'],
  jobOutputs: inStep,
  step: inStep,
  stepIf: inStep.filter((name) => name !== 'secrets'),
  callOutput: ['github', 'jobs', 'vars', 'inputs'],
} as const;

export type Place = keyof typeof contexts;

/** What is wrong with the contexts and functions of one expression at this place. */
export function wrongMentions(expression: string, place: Place): readonly string[] {
  const allowed: readonly string[] = contexts[place];
  return mentionsIn(expression).flatMap(({ text, parts: [first = ''] }) => {
    if (text.endsWith('('))
      return functions.has(text.slice(0, -1)) ? [] : [`there is no function ${text}`];
    return allowed.includes(first) ? [] : [`${text} is not available here`];
  });
}
