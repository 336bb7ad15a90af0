import { Failure } from '../../failure.ts';
import type { Octokit } from './github-client.ts';
import { askWithRetry, type Waiting } from './github-retry.ts';
import { type PullRequest, refused } from './pull-request.ts';

/** What Git has at a path; links are never followed. */
export interface TreeEntry {
  readonly kind: 'file' | 'link' | 'submodule' | 'folder';
  /** Git's id of it */
  readonly id: string;
}

/** What a commit holds. */
export interface GitTree {
  /** undefined where there is nothing */
  at(path: string): Promise<TreeEntry | undefined>;
  /** the paths of files, links and submodules below the folders that `mayHold` says */
  paths(mayHold: (folder: string) => boolean): Promise<ReadonlyMap<string, TreeEntry>>;
}

type Entries = ReadonlyMap<string, TreeEntry>;

/** Folders that are asked for one by one, where GitHub does not give the whole tree. */
const mostFolders = 2000;

/**
 * Reads the tree of a commit from GitHub: all of it in one answer, or, where that is too much for
 * one (100,000 entries, 7 MB), folder by folder as they are asked for.
 * @throws {Failure} `github-error`
 */
export async function openTree(
  octokit: Octokit,
  { owner, repo }: Pick<PullRequest, 'owner' | 'repo'>,
  commit: string,
  waiting: Waiting,
): Promise<GitTree> {
  const ask = async (tree_sha: string, whole: boolean) => {
    try {
      const { data } = await askWithRetry(
        () =>
          octokit.rest.git.getTree({
            owner,
            repo,
            tree_sha,
            ...(whole ? { recursive: '1' } : {}),
            request: { signal: waiting.signal },
          }),
        waiting,
      );
      return data;
    } catch (caught) {
      throw refused(caught, `the files of commit ${commit.slice(0, 12)}`, waiting.signal);
    }
  };
  const { tree, truncated } = await ask(commit, true);
  if (!truncated) return wholeTree(new Map(tree.flatMap(entryOf)));
  return treeOfFolders(async (id) => {
    const data = await ask(id, false);
    // A folder that is cut off would hide what is behind the cut.
    if (data.truncated) throw tooMany();
    return new Map(data.tree.flatMap(entryOf));
  }, commit);
}

interface Listed {
  readonly path?: string;
  readonly mode?: string;
  readonly sha?: string | null;
}

const kinds: Readonly<Record<string, TreeEntry['kind']>> = {
  '100644': 'file',
  '100755': 'file',
  '120000': 'link',
  '160000': 'submodule',
  '040000': 'folder',
};

function entryOf({ path, mode = '', sha }: Listed): readonly (readonly [string, TreeEntry])[] {
  const kind = kinds[mode];
  return path === undefined || kind === undefined || typeof sha !== 'string'
    ? []
    : [[path, { kind, id: sha }]];
}

function wholeTree(entries: Entries): GitTree {
  return {
    at: async (path) => entries.get(path),
    paths: async () => new Map([...entries].filter(([, { kind }]) => kind !== 'folder')),
  };
}

function treeOfFolders(read: (id: string) => Promise<Entries>, root: string): GitTree {
  const folders = new Map<string, Promise<Entries>>();
  const folder = (path: string, id: string): Promise<Entries> => {
    const known = folders.get(path);
    if (known === undefined && folders.size >= mostFolders) throw tooMany();
    const entries = known ?? read(id);
    folders.set(path, entries);
    return entries;
  };
  const at = async (path: string): Promise<TreeEntry | undefined> => {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? undefined : path.slice(0, slash);
    const above = parent === undefined ? { kind: 'folder', id: root } : await at(parent);
    if (above?.kind !== 'folder') return undefined;
    return (await folder(parent ?? '', above.id)).get(path.slice(slash + 1));
  };
  const paths: GitTree['paths'] = async (mayHold) => {
    const found = new Map<string, TreeEntry>();
    const open = [{ path: '', id: root }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const [name, entry] of await folder(next.path, next.id)) {
        const path = next.path === '' ? name : `${next.path}/${name}`;
        if (entry.kind !== 'folder') found.set(path, entry);
        else if (mayHold(path)) open.push({ path, id: entry.id });
      }
    }
    return found;
  };
  return { at, paths };
}

function tooMany(): Failure {
  return new Failure(
    'github-error',
    `The repository has more folders than this step asks GitHub for (${mostFolders}), so links in it cannot be followed.`,
    'Name the folders that hold manifests in `files`, or judge all of them: remove `changed-only`.',
  );
}
