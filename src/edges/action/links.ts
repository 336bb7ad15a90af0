import type { FileProblem } from '../../engine/world.ts';
import { inParallel } from '../../image/in-parallel.ts';
import type { Globs } from '../../references/glob.ts';
import type { GitTree, TreeEntry } from './git-tree.ts';

/** What links are followed with. */
export interface LinkTools {
  readonly tree: GitTree;
  /** the text of a link; undefined where it cannot be read */
  readonly textOf: (path: string, entry: TreeEntry) => Promise<string | undefined>;
  readonly atOnce: number;
}

const mostLinks = 2000;
/** As deep as Linux follows them. */
const mostSteps = 40;

/**
 * Links and submodules by which a pull request can change what a chosen path holds, without
 * changing a file that is chosen: a changed one, and one that leads to something changed. What a
 * link leads to is judged only where it is chosen under the same name.
 * @param changed the paths that the pull request changes, and its head has
 */
export async function linkProblems(
  changed: ReadonlySet<string>,
  globs: Globs,
  tools: LinkTools,
): Promise<readonly FileProblem[]> {
  const entries = await tools.tree.paths(globs.mayHold);
  const relevant = [...entries].filter(
    ([path, { kind }]) =>
      (kind === 'link' || (kind === 'submodule' && changed.has(path))) &&
      (globs.chosen(path) || globs.mayHold(path)),
  );
  if (relevant.length > mostLinks)
    return [{ file: '', why: `has more than ${mostLinks} links that may lead to chosen files` }];
  const problems = await inParallel(relevant, tools.atOnce, async ([path, { kind }]) => {
    const why =
      kind === 'submodule'
        ? 'is a submodule that the pull request changes, and what it holds is elsewhere'
        : await problemOfLink(path, changed, globs, tools);
    return why === undefined ? [] : [{ file: path, why }];
  });
  return problems.flat();
}

/** True for a link that leads to something changed, over any other. */
export async function leadsToChanged(
  path: string,
  changed: ReadonlySet<string>,
  tools: LinkTools,
): Promise<boolean> {
  if ((await tools.tree.at(path))?.kind !== 'link') return false;
  const { target, passed } = await follow(path, tools);
  return [...passed, ...(target === undefined ? [] : [target])].some((each) => changed.has(each));
}

async function problemOfLink(
  path: string,
  changed: ReadonlySet<string>,
  globs: Globs,
  tools: LinkTools,
): Promise<string | undefined> {
  const { target, passed } = await follow(path, tools);
  const entry = target === undefined ? undefined : await tools.tree.at(target);
  if (entry?.kind === 'file' && !globs.chosen(path)) return undefined;
  if (passed.some((link) => changed.has(link)))
    return 'is a link that the pull request changes, and links are not followed there';
  if (target === undefined) return undefined;
  const hidden = [...changed].some((file) => {
    if (file !== target && !file.startsWith(`${target}/`)) return false;
    const reached = path + file.slice(target.length);
    return globs.chosen(reached) && !(globs.chosen(file) && nameOf(file) === nameOf(reached));
  });
  return hidden ? 'is a link to something that the pull request changes' : undefined;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Where a link leads in the tree, and all links on the way, itself among them.
 * @returns no target for one that leads out of the repository, to itself, or cannot be read
 */
async function follow(
  path: string,
  { tree, textOf }: LinkTools,
): Promise<{ target?: string; passed: readonly string[] }> {
  const passed: string[] = [];
  let done: string[] = [];
  const open = path.split('/');
  for (let part = open.shift(); part !== undefined; part = open.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (done.pop() === undefined) return { passed };
      continue;
    }
    done.push(part);
    const here = done.join('/');
    const entry = await tree.at(here);
    if (entry?.kind !== 'link') continue;
    passed.push(here);
    const text = passed.length > mostSteps ? undefined : await textOf(here, entry);
    if (text === undefined || text.startsWith('/')) return { passed };
    done = done.slice(0, -1);
    open.unshift(...text.split('/'));
  }
  return { target: done.join('/'), passed };
}
