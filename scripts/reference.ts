// Writes docs/inputs.md: every input and output of every action. `npm run reference`; a test
// compares the file with what this makes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { promoteTable } from '../src/edges/inputs/promote-table.ts';
import {
  attestTable,
  keygenTable,
  signTable,
  type Table,
  verifyTable,
} from '../src/edges/inputs/table.ts';

const root = join(import.meta.dirname, '..');

/** The actions, by their path in a workflow after `OWNER/sign-image`. */
export const actions: readonly (readonly [path: string, inputs: Table])[] = [
  ['', signTable],
  ['/verify', verifyTable],
  ['/attest', attestTable],
  ['/promote', promoteTable],
  ['/keygen', keygenTable],
];

/** An action.yml, as far as it is compared with the table of inputs. */
export interface ActionFile {
  readonly name: string;
  readonly description: string;
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

export function readAction(path: string): ActionFile {
  return parse(readFileSync(join(root, `.${path}`, 'action.yml'), 'utf8')) as ActionFile;
}

/** docs/inputs.md. */
export function reference(): string {
  const parts = actions.map(([path, inputs]) => {
    const { outputs } = readAction(path);
    return [
      `## OWNER/sign-image${path}@v1`,
      '### Inputs',
      table(
        ['input', 'default', 'meaning'],
        Object.entries(inputs).map(([name, { default: value, sentence }]) => [
          `\`${name}\``,
          value === undefined ? '' : `\`${value}\``,
          sentence,
        ]),
      ),
      '### Outputs',
      table(
        ['output', 'meaning'],
        Object.entries(outputs).map(([name, { description }]) => [`\`${name}\``, description]),
      ),
    ].join('\n\n');
  });
  const head = [
    '# Inputs and outputs',
    '`npm run reference` writes this page from the table of inputs and the action.yml files.',
    'A list takes one entry a line; a line that starts with `#` is a comment. Outputs that are true are written even when a step fails.',
  ];
  return `${[...head, ...parts].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(join(root, 'docs/inputs.md'), reference());
