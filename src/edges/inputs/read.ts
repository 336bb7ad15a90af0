import { getInput } from '@actions/core';
import type { Masker } from '../../engine/world.ts';
import { type Digest, parseDigest } from '../../image/digest.ts';
import { parseRepository, type RepositoryName } from '../../image/reference.ts';
import { type Annotations, parseAnnotations } from './annotations.ts';
import type { InputRow, Kind, Table } from './table.ts';
import {
  parseBoolean,
  parseChoice,
  parseDuration,
  parseGlobs,
  parseImages,
  parseList,
  parseRegistryHost,
  parseServiceUrl,
} from './values.ts';

/** Where inputs come from: the runner, the flags of a command, or a table in a test. */
export interface InputSource {
  get(name: string, options?: { trimWhitespace: boolean }): string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const runnerInputs: InputSource = {
  get: (name, options) => getInput(name, options),
  env: process.env,
};

type Parsed<K extends Kind> = K extends readonly string[]
  ? K[number]
  : K extends 'list' | 'images' | 'globs'
    ? readonly string[]
    : K extends 'annotations'
      ? Annotations
      : K extends 'switch'
        ? boolean
        : K extends 'duration'
          ? number
          : K extends 'digest'
            ? Digest
            : K extends 'url'
              ? URL
              : K extends 'repository'
                ? RepositoryName
                : string;

/** Kinds of which an empty input has a value. */
type Filled = 'list' | 'images' | 'globs' | 'annotations' | 'switch';

type Value<R extends InputRow> =
  | Parsed<R['kind']>
  | (R['kind'] extends Filled
      ? never
      : R extends { readonly default: `\${{${string}` }
        ? undefined
        : R extends { readonly default: string }
          ? never
          : undefined);

/** The values of a table's inputs, by their names. */
export type Values<T extends Table> = { readonly [Name in keyof T]: Value<T[Name]> };

/**
 * Reads the inputs of a table. What is secret is masked first, before anything that can fail or
 * print.
 * @throws {Failure} `bad-input`, `bad-digest`, `bad-annotation`, naming the input and what to write
 * instead
 */
export function readTable<T extends Table>(
  table: T,
  source: InputSource,
  masker: Masker,
): Values<T> {
  const texts = new Map(
    Object.entries(table).map(([name, row]) => [name, textOf(name, row, source)] as const),
  );
  for (const [name, { secret }] of Object.entries(table)) maskInput(secret, texts.get(name));
  masker.maskBasic(texts.get('registry-username'), texts.get('registry-password'));
  const values = Object.entries(table).map(([name, row]) => [
    name,
    parseInput(name, row, texts.get(name)),
  ]);
  return Object.fromEntries(values) as Values<T>;

  function maskInput(secret: InputRow['secret'], text: string | undefined): void {
    if (secret === 'always') masker.mask(text);
    if (secret !== 'key' && secret !== 'unless-public') return;
    const mask = secret === 'key' ? masker.maskKey : masker.maskPrivateKey;
    mask(text);
    mask(source.env[/^env:\/\/(\w+)$/.exec(text ?? '')?.[1] ?? '']);
  }
}

/**
 * A line break at the end of a password is the secret store's, or part of the password of a key that
 * `echo` made: the key's reader tries both. Elsewhere it is none.
 */
function textOf(
  name: string,
  { kind, variable }: InputRow,
  source: InputSource,
): string | undefined {
  if (kind !== 'password')
    return source.get(name) || (variable && (source.env[variable] ?? '').trim()) || undefined;
  const given = source.get(name, { trimWhitespace: false });
  const text = withoutBreak(given);
  if (variable === undefined) return text === '' ? undefined : text;
  return text === '' ? source.env[variable] : given;
}

function withoutBreak(text: string): string {
  return text.replace(/[\r\n]+$/, '');
}

function parseInput(name: string, row: InputRow, given: string | undefined): unknown {
  const { kind } = row;
  const fallback = row.default?.startsWith('${{') ? undefined : row.default;
  const text = given ?? fallback;
  if (typeof kind !== 'string')
    return text === undefined ? undefined : parseChoice(name, text, kind);
  if (kind === 'switch') return parseBoolean(name, text ?? '', false);
  if (kind === 'images') return parseImages(text ?? '');
  if (kind === 'globs') return parseGlobs(text ?? '');
  if (kind === 'list') return parseList(text ?? '', 'keep-commas');
  if (kind === 'annotations') return parseAnnotations(text ?? '');
  if (text === undefined) return undefined;
  if (kind === 'duration') return parseDuration(name, text);
  if (kind === 'digest') return parseDigest(text);
  if (kind === 'url') return parseServiceUrl(name, text);
  if (kind === 'host') return parseRegistryHost(text);
  if (kind === 'repository') return parseRepository(text, name);
  return text;
}

/** `{ [name]: value }`, or nothing where there is no value. */
export function optional<K extends string, T>(
  name: K,
  value: T | undefined,
): { readonly [key in K]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in K]?: T });
}
