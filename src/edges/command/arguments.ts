import { parseArgs } from 'node:util';
import { otherNames } from '../inputs/other-names.ts';
import { actionOnly, type Flag, flagsOf, tables } from './flags.ts';
import { inFlags } from './in-flags.ts';
import { type Verb, verbs } from './words.ts';

/** A command line that is wrong: what happened, what to write. Neither quotes a value. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/** What a command line asks for. */
export interface Asked {
  readonly verb: Verb;
  /** by the name of the flag; the entries of a list on lines of their own */
  readonly values: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly debug: boolean;
}

/** A request for words: help, of a command where there is one; or the version. */
export type AskedWords =
  | { readonly words: 'help'; readonly verb?: Verb }
  | { readonly words: 'version' };

const seeHelp = (verb?: string) =>
  `See \`sign-image ${verb === undefined ? '' : `${verb} `}--help\`.`;

/**
 * Reads a command line, without the program's own name.
 *
 * Values are never quoted in what is thrown: who writes `--registry-password my secret` must not find
 * half of the secret in the log of the job.
 * @throws {WrongUse}
 */
export function readArguments(args: readonly string[]): Asked | AskedWords {
  refuseKeyText(args);
  const [first, ...others] = args;
  const isCheck = first === 'signers' && others[0] === 'check';
  const rest = isCheck ? ['--check', ...others.slice(1)] : others;
  if (first === undefined || first === '--help' || first === '-h') return { words: 'help' };
  if (first === '--version' || first === 'version') return { words: 'version' };
  if (first === 'help') return helpFor(rest[0]);
  const verb = verbs.find((one) => one === first);
  if (verb === undefined) throw noSuchCommand(first);
  const flags = flagsOf(verb);
  const given = readTokens(rest, verb, flags);
  if (isOn(given.get('help'))) return { words: 'help', verb };
  const values = new Map([...given].map(([name, entries]) => [name, entries.join('\n')]));
  for (const name of ['json', 'debug', 'help']) values.delete(name);
  return { verb, values, json: isOn(given.get('json')), debug: isOn(given.get('debug')) };
}

function helpFor(word: string | undefined): AskedWords {
  const verb = verbs.find((one) => one === word);
  if (verb === undefined && word !== undefined) throw noSuchCommand(word);
  return verb === undefined ? { words: 'help' } : { words: 'help', verb };
}

function noSuchCommand(word: string): WrongUse {
  const near = nearest(word, verbs);
  const message = word.startsWith('-')
    ? 'The command comes first, the flags after it.'
    : 'There is no such command.';
  return new WrongUse(
    message,
    near === undefined
      ? `Commands are ${verbs.map((verb) => `\`${verb}\``).join(', ')}. ${seeHelp()}`
      : `Write \`sign-image ${near} …\`.`,
  );
}

/** A private key on a command line can be read by every process of the machine. */
function refuseKeyText(args: readonly string[]): void {
  const isKey = (text: string) =>
    /PRIVATE KEY-----/.test(text) || /(^|=)\s*LS0tLS1CRUdJTi/.test(text);
  if (!args.some(isKey)) return;
  throw new WrongUse(
    'The text of a private key is among the arguments, where every process of the machine can read it.',
    'Take that key out of use if others share this machine or its logs. Put the key into a variable, and write `--key env://COSIGN_PRIVATE_KEY`; or write the path of a file.',
  );
}

function readTokens(
  args: readonly string[],
  verb: Verb,
  flags: ReadonlyMap<string, Flag>,
): ReadonlyMap<string, readonly string[]> {
  const options = Object.fromEntries(
    [...flags.values()].map(({ name, kind }) => [
      name,
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional' && verb === 'policy') {
      given.set('policy', [...(given.get('policy') ?? []), token.value]);
      continue;
    }
    if (token.kind === 'positional' && verb === 'inventory' && !given.has('repository')) {
      given.set('repository', [token.value]);
      continue;
    }
    if (token.kind !== 'option') throw strayArgument(verb, given.size > 0);
    const { name, rawName, value, inlineValue } = token;
    const flag = flags.get(name);
    if (flag === undefined || !(rawName.startsWith('--') || rawName === '-h'))
      throw unknownFlag(rawName, verb, flags);
    const entry = entryOf(flag, value, inlineValue);
    const before = given.get(name);
    if (before !== undefined && flag.kind !== 'list')
      throw new WrongUse(`\`--${name}\` is given twice.`, 'Keep one of the two.');
    given.set(name, [...(before ?? []), entry]);
  }
  return given;
}

/**
 * An empty value is a variable that is not set in this job. Taken for "not given", it would sign
 * keyless what was to be signed with a key, or leave a condition out.
 */
function entryOf(flag: Flag, value: string | undefined, inline: boolean | undefined): string {
  const { name, kind } = flag;
  if (kind === 'switch' && value === undefined) return 'true';
  if (value === undefined || (inline !== true && /^--?[a-z]/i.test(value)))
    throw new WrongUse(`\`--${name}\` has no value.`, `Write \`--${name} ${flag.value}\`.`);
  if (value.trim() !== '') return value;
  throw new WrongUse(
    `\`--${name}\` is given and empty: what it was to hold is not set here.`,
    `Look at the variable behind it, or leave \`--${name}\` out.`,
  );
}

function isOn(entries: readonly string[] | undefined): boolean {
  const [entry] = entries ?? [];
  if (entry === undefined || entry === 'true') return entry === 'true';
  if (entry === 'false') return false;
  throw new WrongUse('A switch is neither true nor false.', 'Write `--json` or `--json=false`.');
}

function strayArgument(verb: Verb, afterFlags: boolean): WrongUse {
  const fixes = {
    sign: 'Name images with `--images`',
    attest: 'Name images with `--images`, the document with `--predicate` or `--sbom-path`',
    verify: 'Name images with `--images`, files with `--files`',
    policy: 'Name policy files',
    signers: 'Write `sign-image signers`, or `sign-image signers check`',
    promote: 'Name images with `--images`, targets with `--to`',
    inventory: 'Name one repository',
    keygen: 'Name the files with `--output-key-prefix`',
  };
  const split = afterFlags
    ? '; write a value with spaces in quotes, and a switch `--tlog=false`'
    : '';
  return new WrongUse(
    'There is an argument that belongs to no flag.',
    `${fixes[verb]}${split}. ${seeHelp(verb)}`,
  );
}

function unknownFlag(rawName: string, verb: Verb, flags: ReadonlyMap<string, Flag>): WrongUse {
  const name = rawName.replace(/^-+/, '');
  const only = Object.hasOwn(actionOnly[verb], name) ? actionOnly[verb][name] : undefined;
  if (only !== undefined) return new WrongUse(`\`--${name}\` is no flag of this command.`, only);
  // What is no name at all may be a value that has lost its flag.
  const shown = /^[a-z][a-z0-9_-]{0,40}$/i.test(name) ? `\`--${name}\`` : 'An argument';
  return new WrongUse(
    `${shown} is no flag of \`sign-image ${verb}\`.`,
    `${meant(name, verb, flags)}${seeHelp(verb)}`,
  );
}

/** The flag that was meant, or what cosign's flag of that name is here. */
function meant(name: string, verb: Verb, flags: ReadonlyMap<string, Flag>): string {
  const names = new Set(flags.keys());
  const asInput = { get: () => '', env: { [`INPUT_${name.toUpperCase()}`]: 'given' } };
  const [mistake] =
    verb === 'keygen' || verb === 'signers' || verb === 'policy' || verb === 'inventory'
      ? []
      : otherNames(asInput, verb, tables[verb]);
  if (mistake !== undefined && mistake.right === undefined)
    return `${inFlags(mistake.fix, names)} `;
  const near = mistake?.right ?? nearest(name, [...names]);
  return near === undefined ? '' : `Write \`--${near}\`. `;
}

/**
 * The name that somebody who wrote `written` most likely meant: at most a third of its letters differ
 * (added, left out, other, or two neighbours exchanged), or one is the beginning of the other.
 * @returns undefined where no name is near
 */
export function nearest(written: string, names: readonly string[]): string | undefined {
  const plain = written.toLowerCase().replaceAll('_', '-').slice(0, 60);
  const most = Math.max(1, Math.floor(plain.length / 3));
  const [near] = names
    .map((name) => ({ name, far: distance(plain, name) }))
    .filter(({ far }) => far <= most)
    .sort((one, other) => one.far - other.far);
  const begins = (name: string) =>
    plain.length >= 3 && (name.startsWith(plain) || plain.startsWith(`${name}-`));
  return near?.name ?? names.find(begins);
}

/** Of Damerau and Levenshtein, with neighbours exchanged once ("optimal string alignment"). */
function distance(one: string, other: string): number {
  let twoBefore: number[] = [];
  let before = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const now = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      const swapped =
        column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      now.push(
        Math.min(
          at(before, column) + 1,
          at(now, column - 1) + 1,
          at(before, column - 1) + (same ? 0 : 1),
          swapped ? at(twoBefore, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    twoBefore = before;
    before = now;
  }
  return at(before, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
