import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What a test reads of an action.yml. */
export interface ActionFile {
  readonly inputs: Readonly<
    Record<
      string,
      { readonly description: string; readonly default?: string; readonly required?: boolean }
    >
  >;
  readonly outputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: { readonly using: string; readonly main: string };
  readonly branding: { readonly icon: string; readonly color: string };
}

/** An action.yml, by its path from the root of the repository. */
export function readAction(path: string): ActionFile {
  return parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')) as ActionFile;
}

/**
 * The inputs of an action as the README shows them. action.yml is the source: change the text
 * there.
 */
export function inputsTable({ inputs }: ActionFile): string {
  const rows = Object.entries(inputs).map(([name, input]) => [
    `\`${name}\``,
    input.default ? `\`${input.default}\`` : '',
    input.description,
  ]);
  return table(['input', 'default', 'meaning'], rows);
}

/** The outputs of an action as the README shows them. */
export function outputsTable({ outputs }: ActionFile): string {
  const rows = Object.entries(outputs).map(([name, output]) => [`\`${name}\``, output.description]);
  return table(['output', 'meaning'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
