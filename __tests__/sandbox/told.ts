// What a person reads of a step that failed, and whether it can be true: advice that names an
// input which the action does not have leads nowhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { RunResult } from './runner.ts';

const root = join(import.meta.dirname, '../..');
const inputsOf = (folder: string): readonly string[] =>
  Object.keys(parse(readFileSync(join(root, folder, 'action.yml'), 'utf8')).inputs);

const inputs = { sign: inputsOf('.'), verify: inputsOf('verify'), keygen: inputsOf('keygen') };
export type Action = keyof typeof inputs;

/** Message and advice of everything that the step shows as an error, a warning or a notice. */
export function told({ annotations }: RunResult): string {
  return annotations.map(({ message }) => message).join('\n');
}

/**
 * The inputs of other actions that a text tells to set: in backticks or in YAML, unless the
 * sentence says whose they are.
 */
export function strangeInputs(text: string, action: Action): readonly string[] {
  const others = Object.values(inputs)
    .flat()
    .filter((name) => !inputs[action].includes(name));
  // What docker/login-action is given is its own.
  const ours = text.replace(/^ {4}(?:registry|username|password):.*$/gm, '');
  return [...new Set(others)].filter((name) => {
    const mentions = new RegExp(
      `(?:\`|^ *)${name}(?:\`(?! of sign-image)|:)(?!.*of sign-image)`,
      'm',
    );
    return mentions.test(ours);
  });
}
