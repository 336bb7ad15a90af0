// The cases of cases/: what a file names, and what a gate must say of it (its README).
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { settle } from '../../src/engine/read-files.ts';
import type { ImageUse } from '../../src/references/image-use.ts';
import { readBuilt, readFileReferences } from '../../src/references/read-file.ts';

/** A place that an image really runs from; without an image the file does not tell which. */
export interface Run {
  readonly file?: string;
  readonly line?: number | readonly [number, number];
  readonly image?: string | readonly string[];
}

export interface Case {
  readonly name: string;
  readonly kind: string;
  readonly what: string;
  /** the input `files` */
  readonly files: string;
  readonly verdict:
    | 'reported-or-unresolved'
    | 'reported-or-mentioned'
    | 'not-judged-as'
    | 'readable';
  readonly runs: readonly Run[];
  readonly not: readonly string[];
  /** its files, by their path with `/` */
  readonly contents: ReadonlyMap<string, Buffer>;
}

const folder = join(import.meta.dirname, 'cases');

/** All cases, with their files as bytes. */
export const cases: readonly Case[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const root = join(folder, name);
    const told = JSON.parse(readFileSync(join(root, 'case.json'), 'utf8')) as Case;
    const paths = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'case.json')
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
    return {
      ...told,
      name,
      runs: told.runs ?? [],
      not: told.not ?? [],
      contents: new Map(paths.map((path) => [path, readFileSync(join(root, path))])),
    };
  });

/**
 * What a file of a case names, with the `.env` around it, the Dockerfiles that it builds, and other
 * files that are chosen.
 */
export async function usesOf(
  path: string,
  contents: ReadonlyMap<string, string | Buffer>,
  chosen: (file: string) => boolean,
): Promise<readonly ImageUse[]> {
  const bytesOf = (file: string) => {
    const content = contents.get(file);
    return content === undefined ? undefined : Buffer.from(content);
  };
  const parts = path.split('/').slice(0, -1);
  const envFiles = ['', ...parts.map((_, at) => `${parts.slice(0, at + 1).join('/')}/`)].flatMap(
    (above) => {
      const bytes = bytesOf(`${above}.env`);
      return bytes === undefined ? [] : [{ path: `${above}.env`, bytes }];
    },
  );
  const { uses } = readFileReferences(path, bytesOf(path) ?? Buffer.of(), envFiles);
  const settled = uses.map((use) =>
    settle(use, path, {
      chosen,
      exists: async (file) => contents.has(file),
      async lookUp(file) {
        const bytes = bytesOf(file);
        return bytes === undefined ? undefined : { bytes };
      },
      reader: {
        readLonger: async (_, bytes, beside) => ({
          kinds: [],
          uses: readBuilt(bytes, beside?.arguments ?? []),
        }),
      },
    }),
  );
  return (await Promise.all(settled)).flat();
}

/** One thing that a gate said about a place in a file. */
export interface Said {
  readonly file: string;
  readonly line: number;
  /** normalized; absent for what is unresolved or told */
  readonly image?: string;
  readonly code: 'judged' | 'unresolved' | 'told';
}

/** What is wrong about what a gate said; empty where the case holds. */
export function complaints({ runs, not, verdict }: Case, said: readonly Said[]): readonly string[] {
  const at = (run: Run) => said.filter(({ file, line }) => isIn(run, file, line));
  const images = ({ image }: Run) => (typeof image === 'string' ? [image] : (image ?? []));
  const reported = (run: Run) =>
    at(run).some(({ image }) => image !== undefined && images(run).includes(image));
  const unresolved = (run: Run) =>
    said.some(
      ({ file, code }) => code === 'unresolved' && isIn({ ...run, line: [0, 1e9] }, file, 1),
    );
  const told = (run: Run) =>
    said.some(({ file, code }) => code === 'told' && isIn({ ...run, line: [0, 1e9] }, file, 1));
  const missing = runs.filter((run) => {
    if (reported(run)) return false;
    if (verdict === 'readable') return true;
    return !(unresolved(run) || (verdict === 'reported-or-mentioned' && told(run)));
  });
  return [
    ...missing.map((run) => `missing ${JSON.stringify(run)}`),
    ...said
      .filter(({ image }) => image !== undefined && not.includes(image))
      .map(({ image }) => `judged ${image}`),
    ...(verdict === 'readable' ? said.filter(({ code }) => code === 'unresolved') : []).map(
      ({ file, line }) => `unresolved ${file}:${line}`,
    ),
  ];
}

function isIn({ file: wanted, line: where }: Run, file: string, line: number): boolean {
  const [from, to] = typeof where === 'object' ? where : [where ?? 0, where ?? Infinity];
  return (wanted === undefined || wanted === file) && from <= line && line <= to;
}
