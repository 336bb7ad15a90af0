import { posix } from 'node:path';
import { breaksLine } from '../text/untrusted.ts';

/** A `.env` beside or above a compose file: its content; or why nobody can say what it sets. */
export type EnvFile = { readonly path: string } & (
  | { readonly bytes: Uint8Array }
  | { readonly why: string }
);

/** What stands around a compose file and decides what its variables are. */
export interface Environment {
  /** the folder of the compose file; empty for the root */
  readonly folder: string;
  /** folders that have a `.env` which may set something */
  readonly folders: readonly string[];
  /** why a variable may have another value than its default: the end of a sentence */
  readonly replaces: (name: string) => string | undefined;
  /** what `COMPOSE_FILE` of a `.env` may name */
  readonly composeFiles: () => readonly ComposeFiles[];
}

interface ComposeFiles {
  /** where it stands: file and line */
  readonly place: string;
  /** from the root; undefined where they are not known for certain */
  readonly paths: readonly string[] | undefined;
}

/** What a `.env` may have; nobody writes a longer one. */
export const mostEnvBytes = 64 * 1024;

const advice = '; write the image without a variable';

/** compose sets the first itself, shells and systems the others: their defaults never count. */
const alwaysSet: ReadonlySet<string> = new Set(
  'COMPOSE_PROJECT_NAME HOME USER LOGNAME USERNAME PATH PWD OLDPWD SHELL SHLVL HOSTNAME LANG TERM _'.split(
    ' ',
  ),
);

/**
 * What the variables of a compose file are when compose runs it. A name that a `.env` may set has
 * no default that counts; one that none of them can set has.
 * @param file the path of the compose file, with `/`
 * @param files the `.env` of its folder and of those above, as far as there are any
 */
export function openEnvironment(file: string, files: readonly EnvFile[]): Environment {
  let known: readonly { path: string; names: Names }[] | undefined;
  return {
    folder: folderOf(file),
    folders: files.map(({ path }) => folderOf(path)),
    replaces(name) {
      if (alwaysSet.has(name)) return `and \`${name}\` is set wherever compose runs${advice}`;
      known ??= files.map((each) => ({ path: each.path, names: namesIn(each) }));
      for (const { path, names } of known) {
        if ('why' in names)
          return `and \`${path}\`, which may set \`${name}\`, ${names.why}${advice}`;
        const line = names.lines.get(fold(name));
        if (line !== undefined) return `and \`${path}\` line ${line} may set \`${name}\`${advice}`;
      }
      return undefined;
    },
    composeFiles: () => files.flatMap(composeFilesOf),
  };
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/** As Windows finds variables, whatever the case of their letters. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

type Names = { readonly why: string } | { readonly lines: ReadonlyMap<string, number> };

/**
 * The names that a `.env` may set, with their lines. Where each line is a plain assignment or a
 * comment, these are the names; else every word of the file is one, as programs differ in what
 * they make of quotes, escapes and other line ends.
 */
function namesIn(file: EnvFile): Names {
  if ('why' in file) return { why: file.why };
  const text = textOf(file.bytes);
  if (text === undefined) return { why: `is not text in UTF-8 of at most ${mostEnvBytes} bytes` };
  const lines = linesOf(text);
  const isPlain = lines.every((line) => plainLine.test(line) && !isStrange(line));
  const found = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    const words = isPlain ? [plainLine.exec(line)?.[1] ?? ''] : (line.match(word) ?? []);
    for (const name of words)
      for (const each of [name, name.replace(/^export/i, '')])
        if (each !== '' && !found.has(fold(each))) found.set(fold(each), index + 1);
  }
  return { lines: found };
}

/** Also the two letters that are no ASCII and become one in another case. */
const word = /[\w\u017f\u212a]+/g;

/** `# comment`, `NAME=value`, `export NAME="value" # comment`, or nothing. */
const plainLine =
  /^[ \t]*(?:#.*|(?:export[ \t]+)?([A-Za-z_]\w*)=(?:[^"'`\\]*|(?:"[^"`\\]*"|'[^'`\\]*')[ \t]*(?:#.*)?))?$/;
/** What some reader may take for the end of a line, or for nothing at all. */
function isStrange(line: string): boolean {
  return line.includes('\uFEFF') || breaksLine(line.replaceAll('\t', ' '));
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > mostEnvBytes || bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => line.replace(/\r$/, ''));
}

const composeFile = /^[ \t]*(?:export[ \t]+)?COMPOSE_FILE=(["']?)([\w./:;-]*)\1[ \t]*$/;

/** compose started in the folder of a `.env` runs the files that `COMPOSE_FILE` names there. */
function composeFilesOf(file: EnvFile): readonly ComposeFiles[] {
  const names = namesIn(file);
  if ('why' in names || !('bytes' in file))
    return [{ place: `\`${file.path}\``, paths: undefined }];
  const line = names.lines.get('compose_file');
  if (line === undefined) return [];
  const lines = linesOf(textOf(file.bytes) ?? '');
  const set = lines.filter((each) => /compose_(?:file|path_separator)/i.test(each));
  const value = composeFile.exec(set[0] ?? '')?.[2];
  const isKnown = set.length === 1 && value !== undefined && !/(?:^|[:;])\//.test(value);
  const paths = isKnown ? value.split(/[:;]/).filter((path) => path !== '') : undefined;
  return [
    {
      place: `\`${file.path}\` line ${line}`,
      paths: paths?.map((path) => posix.join(folderOf(file.path), path)),
    },
  ];
}
