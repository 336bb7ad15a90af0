import { relative, resolve, sep } from 'node:path';
import type { VerifyRequest } from '../../engine/request.ts';
import { readWorkspaceFile } from '../../engine/workspace-files.ts';
import { Failure } from '../../failure.ts';
import { decodeKeyText } from '../../keys/key-text.ts';
import { excludedAfter, policyFileLimits } from '../../policies/files.ts';
import type { PolicyFile } from '../../policies/read.ts';
import { readGlobs } from '../../references/glob.ts';
import { shown } from '../../text/untrusted.ts';
import type { OpenedPullRequest } from './changed.ts';
import type { GitTree, TreeEntry } from './git-tree.ts';
import { headContent } from './pull-request.ts';
import type { Run } from './run.ts';

/** What images are judged by, and the policy files where they are not the workspace's. */
export interface JudgedBy {
  readonly request: VerifyRequest;
  readonly policyFiles?: readonly PolicyFile[];
  /** the same for a file that one of these policies names; undefined where the job made it */
  readonly fileOfPolicy: (path: string) => Promise<string | undefined>;
}

const mostBytes = 4 * 1024 * 1024;

/**
 * Reads the files that `key`, `ca-roots`, `ca-intermediates`, `trusted-root`, `tuf-root` and `policy`
 * name as the base of the pull request has them, and puts their text in the place of the path: a pull request that brings its own
 * key would be judged by it. A file that neither commit has was made by the job, and stays a path.
 * @throws {Failure} `bad-input` for a file that the pull request adds, or one behind a link;
 * `bad-policy`, `github-error`
 */
export async function requestOfBase(
  request: VerifyRequest,
  opened: OpenedPullRequest,
  { log }: Pick<Run, 'log'>,
): Promise<JudgedBy> {
  const tell = (input: string, path: string) =>
    log.notice(
      `The gate reads \`${input}\` from the base: the pull request changes ${shown(path)}, and must not bring what judges it.`,
    );
  const textOf = async (input: string, value: string | undefined) => {
    if (value === undefined || !isPath(value)) return value;
    const file = await fileOfBase(input, value.trim(), opened, tell);
    return file === undefined ? value : file.text;
  };
  const { trustedRoot, tufRoot } = request.services;
  const [key, roots, steps, root, firstRoot, policyFiles] = await Promise.all([
    textOf('key', request.key),
    textOf('ca-roots', request.own?.roots),
    textOf('ca-intermediates', request.own?.intermediates),
    textOf('trusted-root', trustedRoot),
    textOf('tuf-root', tufRoot),
    policiesOfBase(request.policy, opened, tell),
  ]);
  const services = {
    ...request.services,
    ...(root === undefined ? {} : { trustedRoot: root }),
    ...(firstRoot === undefined ? {} : { tufRoot: firstRoot }),
  };
  return {
    request: {
      ...request,
      ...(key === undefined ? {} : { key }),
      ...(request.own === undefined || roots === undefined
        ? {}
        : {
            own: {
              ...request.own,
              roots,
              ...(steps === undefined ? {} : { intermediates: steps }),
            },
          }),
      services,
    },
    ...(policyFiles === undefined ? {} : { policyFiles }),
    fileOfPolicy: async (path) => (await fileOfBase('policy', path, opened, tell))?.text,
  };
}

type Tell = (input: string, path: string) => void;

/** Neither a text (PEM, JSON) nor `env://NAME` or the address of a key in a service. */
function isPath(value: string): boolean {
  const text = value.trim();
  return (
    !/[\r\n]|-----|^[{["']/.test(text) &&
    !/^[a-z][a-z0-9+.-]*:(\/\/|token=|object=|id=)/i.test(text)
  );
}

async function fileOfBase(
  input: string,
  path: string,
  opened: OpenedPullRequest,
  tell: Tell,
): Promise<PolicyFile | undefined> {
  const way = relative(resolve(opened.root), resolve(opened.root, path)).split(sep).join('/');
  if (way === '' || way.startsWith('../') || way.startsWith('/') || /^[A-Z]:/i.test(way))
    return undefined;
  const base = await opened.baseTree();
  const head = await opened.headTree();
  for (const file of ways(way)) {
    const entry = await found(input, base, file);
    if (entry === undefined) continue;
    if ((await head.at(file))?.id !== entry.id) tell(input, file);
    return { path: file, text: await textAt(input, file, entry, opened) };
  }
  for (const file of ways(way))
    if ((await found(input, head, file)) !== undefined) throw added(input, file);
  return undefined;
}

/** A checkout with `path:` puts the repository into a folder: `src/cosign.pub` is `cosign.pub`. */
function ways(way: string): readonly string[] {
  const parts = way.split('/');
  return parts.map((_, index) => parts.slice(index).join('/'));
}

/** @throws {Failure} where the way leads over a link, or to no file */
async function found(input: string, tree: GitTree, file: string): Promise<TreeEntry | undefined> {
  for (const path of prefixes(file)) {
    const entry = await tree.at(path);
    const isWhole = path === file;
    if (entry === undefined) return undefined;
    if (entry.kind === (isWhole ? 'file' : 'folder')) {
      if (isWhole) return entry;
    } else if (entry.kind === 'link' || entry.kind === 'submodule') throw behindLink(input, path);
    else return undefined;
  }
  return undefined;
}

function prefixes(file: string): readonly string[] {
  const parts = file.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function textAt(
  input: string,
  file: string,
  { id }: TreeEntry,
  { octokit, pullRequest, root, waiting }: OpenedPullRequest,
): Promise<string> {
  const local = await readWorkspaceFile(root, file, mostBytes);
  const bytes =
    'bytes' in local && local.blob === id
      ? local.bytes
      : await headContent(octokit, pullRequest, id, waiting);
  if (bytes === undefined || bytes.length > mostBytes)
    throw new Failure(
      'github-error',
      `GitHub does not give the content of ${shown(file)}, which \`${input}\` names, as the base has it.`,
      'Run this job again.',
    );
  if (input === 'key') return decodeKeyText(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Failure(
      'bad-input',
      `${shown(file)}, which \`${input}\` names, is not UTF-8 text.`,
      'Save it as UTF-8.',
      { cause },
    );
  }
}

/** @returns undefined where nothing of them is in either commit */
async function policiesOfBase(
  entries: readonly string[],
  opened: OpenedPullRequest,
  tell: Tell,
): Promise<readonly PolicyFile[] | undefined> {
  const files = new Map<string, PolicyFile>();
  let elsewhere: string | undefined;
  for (const [index, entry] of entries.entries()) {
    if (entry.startsWith('!')) continue;
    const isLeftOut = excludedAfter(entries, index);
    const isGlob = /[*?[\]{}]/.test(entry);
    const chosen = isGlob ? await fitting(entry, opened) : [{ path: entry, named: entry }];
    for (const { path, named } of chosen) {
      if (isLeftOut(named)) continue;
      const file = await fileOfBase('policy', path, opened, tell);
      if (file === undefined) elsewhere ??= path;
      else files.set(file.path, { ...file, entry });
    }
    if (files.size > policyFileLimits.files)
      throw new Failure(
        'bad-policy',
        `\`policy\` names more than ${policyFileLimits.files} files.`,
        'Name fewer files.',
      );
  }
  if (files.size > 0 && elsewhere !== undefined) throw mixed(elsewhere);
  return files.size === 0 ? undefined : [...files.values()];
}

/**
 * The paths of the base that a glob chooses, and how they are called below the workspace; those of
 * the head where the base has none.
 */
async function fitting(
  glob: string,
  opened: OpenedPullRequest,
): Promise<readonly { readonly path: string; readonly named: string }[]> {
  for (const tree of [await opened.baseTree(), await opened.headTree()])
    for (const way of ways(glob)) {
      const { chosen, mayHold } = readGlobs([way]);
      const paths = [...(await tree.paths(mayHold)).keys()].filter(chosen);
      const folder = glob.slice(0, glob.length - way.length);
      if (paths.length > 0) return paths.sort().map((path) => ({ path, named: folder + path }));
    }
  return [];
}

function added(input: string, file: string): Failure {
  return new Failure(
    'bad-input',
    `\`${input}\` names ${shown(file)}, which the pull request adds: a pull request must not bring what judges it.`,
    'Merge that file in a pull request of its own first.',
  );
}

function behindLink(input: string, path: string): Failure {
  return new Failure(
    'bad-input',
    `\`${input}\` names a file behind ${shown(path)}, which is a link or a submodule, and with changed-only those are not followed.`,
    'Name the file itself.',
  );
}

function mixed(path: string): Failure {
  return new Failure(
    'bad-policy',
    `\`policy\` names ${shown(path)}, which is not in the repository, beside files that are.`,
    'With `changed-only`, policy files come from the base of the pull request: keep all of them there.',
  );
}
