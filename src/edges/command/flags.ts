// The flags of each command: the rows of the table of inputs, in the order and the words of a command
// line. Loaded at every start, so nothing here loads more than that table.

import { inventoryTable } from '../inputs/inventory-table.ts';
import { promoteTable } from '../inputs/promote-table.ts';
import {
  attestTable,
  type InputRow,
  keygenTable,
  signTable,
  type Table,
  verifyTable,
} from '../inputs/table.ts';
import { inFlags } from './in-flags.ts';
import { type Verb, wordsFor } from './words.ts';

export interface Flag {
  readonly name: string;
  /** a list is given again for each entry, or has one entry a line */
  readonly kind: 'text' | 'list' | 'switch';
  /** how help names the value; absent for a switch */
  readonly value?: string;
  /** for help, and made only there */
  readonly help: () => string;
  /** never an argument; `variable` is read when the flag is not there */
  readonly secret?: { readonly variable?: string };
}

/** The inputs of each command. */
export const tables: Readonly<Record<Verb, Table>> = {
  sign: signTable,
  attest: attestTable,
  verify: verifyTable,
  signers: rowsOf(verifyTable, [
    ...['policy', 'timeout', 'trusted-root', 'tuf-mirror', 'tuf-root'],
    ...['registry', 'registry-username', 'registry-password'],
    ...['allow-http-registry', 'allow-insecure-registry'],
  ]),
  promote: promoteTable,
  inventory: inventoryTable,
  policy: rowsOf(verifyTable, ['policy', 'timeout', 'trusted-root', 'tuf-mirror', 'tuf-root']),
  keygen: keygenTable,
};

function rowsOf(table: Table, names: readonly string[]): Table {
  return Object.fromEntries(Object.entries(table).filter(([name]) => names.includes(name)));
}

/** Inputs of the actions that only GitHub Actions can do anything with, and what to do instead. */
export const actionOnly: Readonly<Record<Verb, Readonly<Record<string, string>>>> = {
  sign: {},
  attest: {},
  verify: {
    comment: 'A comment on the pull request is written by the action sign-image/verify alone.',
    'changed-only':
      'What a pull request changes, the action sign-image/verify finds out from GitHub. Here name the files in `--files`.',
    'github-token': 'Verifying asks nothing of GitHub here: leave it out.',
  },
  signers: {},
  policy: {},
  promote: {},
  inventory: {},
  keygen: {},
};

/** Variables that secrets are looked for in; the table names those that the actions have as well. */
const variables: Readonly<Record<string, string>> = {
  'registry-password': 'SIGN_IMAGE_REGISTRY_PASSWORD',
  'github-token': 'GITHUB_TOKEN',
  password: 'COSIGN_PASSWORD',
};

/** Flags of a command that are no inputs of its action. */
const outputFolder: Flag = {
  name: 'output-folder',
  kind: 'text',
  value: 'FOLDER',
  help: () => 'Write the Sigstore bundle of the first image there, and ready admission policies.',
};
const own: Readonly<Record<Verb, readonly Flag[]>> = {
  sign: [outputFolder],
  attest: [outputFolder],
  verify: [],
  signers: [
    {
      name: 'check',
      kind: 'switch',
      help: () => 'Verify one image of each publisher, as `sign-image signers check` does.',
    },
  ],
  promote: [],
  inventory: [],
  policy: [
    {
      name: 'to',
      kind: 'text',
      value: 'ivp|cip|openshift|policy-json',
      help: () => 'The kind to write.',
    },
  ],
  keygen: [
    {
      name: 'output-key-prefix',
      kind: 'text',
      value: 'PATH',
      help: () => 'PATH.key and PATH.pub are written. (default cosign)',
    },
  ],
};

/** Flags that every command has, and that are no inputs. */
export const commonFlags: readonly Flag[] = [
  { name: 'json', kind: 'switch', help: () => 'Print {"outputs": …, "results": …} on stdout.' },
  {
    name: 'debug',
    kind: 'switch',
    help: () => 'Say what is asked of whom, and the causes of errors.',
  },
  { name: 'help', kind: 'switch', help: () => 'Print this.' },
];

/** All flags of a command by their name. */
export function flagsOf(verb: Verb): ReadonlyMap<string, Flag> {
  const table = tables[verb];
  const names = new Set(Object.keys(table));
  const rows = Object.entries(table)
    .filter(([name]) => !Object.hasOwn(actionOnly[verb], name))
    .map(([name, row]) => flagOf(verb, name, row, names));
  return new Map([...rows, ...own[verb], ...commonFlags].map((flag) => [flag.name, flag]));
}

function flagOf(verb: Verb, name: string, row: InputRow, names: ReadonlySet<string>): Flag {
  const { kind } = row;
  const isSecret = row.secret === 'always';
  const variable = row.variable ?? variables[name];
  return {
    name,
    kind: kind === 'switch' ? 'switch' : isList(row) ? 'list' : 'text',
    ...(kind === 'switch' ? {} : { value: placeholderOf(name, row) }),
    help: () => helpOf(verb, name, row, names),
    ...(isSecret ? { secret: variable === undefined ? {} : { variable } } : {}),
  };
}

function helpOf(verb: Verb, name: string, row: InputRow, names: ReadonlySet<string>): string {
  // An expression of a workflow says nothing here.
  const plain = row.sentence.replace(/ \(`\$\{\{[^`]*`\)/g, '');
  const first = /^.+?\.(?= [A-Z`]|$)/.exec(plain)?.[0] ?? plain;
  const said = wordsFor(verb, name) ?? inFlags(first, names);
  const isTold = row.default !== undefined && row.default !== 'false' && row.secret !== 'always';
  return isTold ? `${said} (default ${row.default})` : said;
}

function isList({ kind }: InputRow): boolean {
  return kind === 'list' || kind === 'images' || kind === 'globs' || kind === 'annotations';
}

function placeholderOf(name: string, { kind, secret }: InputRow): string {
  if (secret === 'always') return 'env://NAME|FILE';
  if (/^(certificate|ca-)/.test(name) && secret !== undefined) return 'env://NAME|FILE';
  if (secret !== undefined) return 'env://NAME|FILE|KMS';
  if (typeof kind !== 'string') return kind.join('|');
  if (/^(policy|sarif|sbom-path)$|-file$/.test(name)) return 'FILE';
  if (/^(trusted-root|tuf-root|signing-config|predicate)$/.test(name)) return 'FILE|JSON';
  const values: Readonly<Record<string, string>> = {
    images: 'REFERENCE',
    globs: 'GLOB',
    annotations: 'NAME=VALUE',
    duration: 'DURATION',
    digest: 'sha256:…',
    url: 'URL',
    host: 'HOST',
    repository: 'REPOSITORY',
  };
  return values[kind] ?? 'TEXT';
}
