import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { blobId, readWorkspaceFile } from '../../engine/workspace-files.ts';
import type { ChosenFiles, Content, World } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { fetchOver } from '../../http/http.ts';
import type { Globs } from '../../references/glob.ts';
import { mostFileBytes } from '../../references/image-use.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import type { GitTree, TreeEntry } from './git-tree.ts';
import type { Octokit } from './github-client.ts';
import { type LinkTools, leadsToChanged, linkProblems } from './links.ts';
import {
  changedFiles,
  headContent,
  mostChangedFiles,
  type PullRequest,
  readPullRequest,
} from './pull-request.ts';
import type { Run } from './run.ts';

/** A pull request, and GitHub to ask about it. */
export interface OpenedPullRequest {
  readonly octokit: Octokit;
  readonly pullRequest: PullRequest;
  readonly root: string;
  readonly waiting: { readonly signal: AbortSignal; readonly clock: World['clock'] };
  /** what its head has; asked for once */
  readonly headTree: () => Promise<GitTree>;
  /** what the commit has that it is to be merged into; asked for once */
  readonly baseTree: () => Promise<GitTree>;
}

/**
 * The pull request that `changed-only` is about; undefined where the run belongs to none, which a
 * notice says.
 * @throws {Failure} `bad-input` without a token
 */
export async function openPullRequest(
  { githubToken }: Pick<VerifyInputs, 'githubToken'>,
  { http, deadline, clock }: World,
  { env, log, workspace }: Run,
): Promise<OpenedPullRequest | undefined> {
  const pullRequest = await readPullRequest(env);
  if (pullRequest === undefined) {
    log.notice(
      `changed-only is about pull requests, and this run was started by ${env.GITHUB_EVENT_NAME || 'another event'}: the gate judges all of \`files\`.`,
    );
    return undefined;
  }
  if (githubToken === undefined) {
    throw new Failure(
      'bad-input',
      'With changed-only GitHub is asked for the files of the pull request, and input github-token is empty.',
      'Remove `github-token`: the token of the job is the default.',
    );
  }
  const [{ openGithub }, { openTree }] = await Promise.all([
    import('./github-client.ts'),
    import('./git-tree.ts'),
  ]);
  const octokit = openGithub(githubToken, { env, fetch: fetchOver(http) });
  const waiting = { signal: deadline.signal, clock };
  const treeOf = (commit: string | undefined) => {
    let tree: Promise<GitTree> | undefined;
    return () => {
      if (commit === undefined) throw noBase();
      tree ??= openTree(octokit, pullRequest, commit, waiting);
      return tree;
    };
  };
  return {
    octokit,
    pullRequest,
    root: workspace,
    waiting,
    headTree: treeOf(pullRequest.head),
    baseTree: treeOf(pullRequest.base),
  };
}

function noBase(): Failure {
  return new Failure(
    'github-error',
    'The event of this run does not say which commit the pull request is to be merged into.',
    'Run the gate on `pull_request`.',
  );
}

/**
 * The changed files that globs choose, by their modes in the tree of the head: the text of a link
 * is no file.
 * @returns undefined where all files have to be judged
 * @throws {Failure} `github-error`
 */
export async function openChanged(
  opened: OpenedPullRequest,
  globs: Globs,
  { env, log }: Pick<Run, 'env' | 'log'>,
): Promise<ChosenFiles | undefined> {
  const { octokit, pullRequest, waiting } = opened;
  const [listed, tree] = await Promise.all([
    changedFiles(octokit, pullRequest, waiting),
    opened.headTree(),
  ]);
  if (listed === undefined) return allFiles(env.GITHUB_EVENT_NAME, log);
  const chosen = listed.present.filter(globs.chosen);
  const entries = new Map<string, TreeEntry>();
  for (const path of chosen) {
    const entry = await tree.at(path);
    if (entry !== undefined) entries.set(path, entry);
  }
  const changed = new Set(listed.present);
  const links: LinkTools = {
    tree,
    atOnce: 16,
    textOf: (path, entry) => linkText(path, entry, opened),
  };
  const problems = await linkProblems(changed, globs, links);
  const besides = await besideChangedEnv(changed, new Set(listed.gone), globs, links);
  const missing = chosen.filter((path) => !entries.has(path));
  const onlyCompose = new Set(besides.keys());
  for (const [path, entry] of besides) entries.set(path, entry);
  return {
    files: [...entries].filter(([, { kind }]) => kind === 'file').map(([path]) => path),
    problems: [
      ...problems,
      ...missing.map((file) => ({ file, why: 'is not in the tree of the head' })),
      ...[...besides]
        .filter(([, { kind }]) => kind === 'link')
        .map(([file]) => ({
          file,
          why: 'is a link, and the pull request changes a `.env` for it',
        })),
    ],
    contentOf: (file) => contentOf(file, entries.get(file), opened),
    changedOnly: true,
    onlyCompose,
    exists: async (path) => ((await tree.at(path))?.kind ?? 'folder') !== 'folder',
    async lookUp(path) {
      const entry = await tree.at(path);
      if (entry === undefined || entry.kind === 'folder') return undefined;
      return entry.kind === 'file' ? contentOf(path, entry, opened) : { why: `is a ${entry.kind}` };
    },
  };
}

/**
 * Chosen files that the pull request does not change, beside or below a `.env` that it does: there
 * compose finds the values of variables. A link to something that it changes is such a `.env`, and
 * so is one that it deletes: then defaults count that did not before.
 */
async function besideChangedEnv(
  changed: ReadonlySet<string>,
  gone: ReadonlySet<string>,
  globs: Globs,
  links: LinkTools,
): Promise<ReadonlyMap<string, TreeEntry>> {
  const entries = await links.tree.paths(globs.mayHold);
  const files = [...entries].filter(
    ([path, { kind }]) =>
      (kind === 'file' || kind === 'link') && !changed.has(path) && globs.chosen(path),
  );
  const folders = new Set(files.flatMap(([path]) => foldersOf(path)));
  const set: string[] = [];
  for (const folder of folders) {
    const path = `${folder}.env`;
    if (changed.has(path) || gone.has(path) || (await leadsToChanged(path, changed, links)))
      set.push(folder);
  }
  return new Map(files.filter(([path]) => set.some((folder) => path.startsWith(folder))));
}

/** All folders above a path, each with a slash at its end; empty for the root. */
function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return ['', ...parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`)];
}

function allFiles(event: string | undefined, log: Run['log']): undefined {
  if (event !== 'pull_request') {
    throw new Failure(
      'github-error',
      `The pull request changes more files than GitHub lists (${mostChangedFiles}), and the checkout of ${event ?? 'this event'} is not its head.`,
      'Run the gate on `pull_request`, where all of `files` can be judged.',
    );
  }
  log.notice(
    `The pull request changes more files than GitHub lists (${mostChangedFiles}): the gate judges all of \`files\`.`,
  );
}

/**
 * The checkout's content where it is that of the head, else the head's own: a gate that looks at
 * the base would let everything through.
 */
async function contentOf(
  file: string,
  entry: TreeEntry | undefined,
  { octokit, pullRequest, root, waiting }: OpenedPullRequest,
): Promise<Content> {
  if (entry === undefined) return { why: 'has no content that GitHub tells' };
  const local = await readWorkspaceFile(root, file, mostFileBytes(file));
  if ('bytes' in local && local.blob === entry.id) return local;
  const bytes = await headContent(octokit, pullRequest, entry.id, waiting);
  return bytes === undefined
    ? { why: 'is not a file that GitHub gives the content of' }
    : { bytes };
}

/** Longer ones no system follows. */
const longestLink = 4096;

async function linkText(
  path: string,
  { id }: TreeEntry,
  { octokit, pullRequest, root, waiting }: OpenedPullRequest,
): Promise<string | undefined> {
  const local = await readlink(join(root, path)).catch(() => undefined);
  if (local !== undefined && blobId(Buffer.from(local)) === id) return local;
  const bytes = await headContent(octokit, pullRequest, id, waiting);
  return bytes === undefined || bytes.length > longestLink ? undefined : bytes.toString('utf8');
}
