// Builds dist/ from src/. The same source gives the same bytes: names of files are those of the
// source, and nothing of the machine is in them.
//
// dist/NAME.js        what GitHub starts: src/edges/action/start/NAME.ts, which loads the rest
// dist/NAME/run.js    all that a run needs until its first requests have left: src/edges/action/NAME.ts
// dist/NAME/write.js  what every run needs then: what signs, or judges, and reports (judge.js)
// dist/NAME/*.js      what few runs need (TUF, key services, policy files), loaded by import()
// dist/cli.js         the command: src/edges/command/start.ts, which reads the command line
// dist/cli/begin.js   what is begun before one of its commands is loaded; help.js, its help
// dist/cli/NAME.js    one of its commands: src/edges/command/NAME.ts; what several need is in shared.js
// dist/cli/later.js   what several need when their first requests have left
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { builtinsByRequest, oneHttpClient, withoutSentences } from './build-plugins.mjs';
import { refuseOldNode, refuseOldNodeOfCommand } from './old-node.mjs';

const outdir = 'dist';
const fileThread = { 'file-worker': 'src/engine/file-worker.ts' };
// What every run of a kind needs while it waits for its first answers is one file too: each file
// costs half a millisecond, and the loader asks for the next only when one is there.
const judging = [
  'src/signature/judge.ts',
  'src/signature/self-test.ts',
  'src/signature/known-by-key.json',
];
const reporting = 'src/edges/action/report-sign.ts';
const actions = [
  { name: 'sign', later: { write: ['src/engine/sign.ts', reporting] } },
  { name: 'attest', later: { write: ['src/engine/attest.ts', reporting] } },
  {
    name: 'verify',
    later: { judge: ['src/edges/action/report-verify.ts', ...judging] },
    threads: [fileThread],
  },
  { name: 'promote', later: { judge: judging } },
  { name: 'keygen' },
];
const commands = [
  ...['sign', 'attest', 'verify', 'promote', 'inventory', 'policy', 'signers', 'keygen'],
];

// Of these packages' modules a run that uses nothing need not load anything, though their
// package.json does not say so: @actions/core alone imports all of them.
const unusedMeansUnloaded =
  /\/@actions\/(exec|io)\/|\/@actions\/core\/lib\/(oidc-utils|summary|platform|path-utils)\.js$/;

await rm(outdir, { recursive: true, force: true });
const modules = await Promise.all([...actions.map(buildAction), buildCommand()]);
await writeFile(join(outdir, 'package.json'), '{"type":"module"}\n');
await writeFile(join(outdir, 'LICENSES.txt'), await licences(modules.flat()));

/** @returns the paths of its modules */
async function buildAction({ name, later = {}, threads = [] }) {
  const parts = await Promise.all([
    bundle(
      {
        [name]: `src/edges/action/start/${name}.ts`,
        [`${name}/run`]: `src/edges/action/${name}.ts`,
      },
      { first: [name], later, banner: `(${refuseOldNode})();`, plugins: [withoutSentences] },
    ),
    ...threads.map((thread) => bundleAlone(thread, name)),
  ]);
  return parts.flat();
}

/** @returns the paths of its modules */
async function buildCommand() {
  const files = ['begin', 'help', ...commands];
  const entries = files.map((name) => [`cli/${name}`, `src/edges/command/${name}.ts`]);
  const parts = await Promise.all([
    bundle(
      { cli: 'src/edges/command/start.ts', ...Object.fromEntries(entries) },
      {
        first: ['cli', 'cli/begin'],
        later: {
          write: ['src/engine/sign.ts', 'src/engine/attest.ts'],
          judge: ['src/edges/command/report-verify.ts', ...judging],
        },
        banner: `#!/usr/bin/env node\n(${refuseOldNodeOfCommand})();`,
      },
    ),
    bundleAlone(fileThread, 'cli'),
  ]);
  return parts.flat();
}

/** What runs in a thread shares nothing. */
function bundleAlone(thread, folder) {
  const entries = Object.entries(thread).map(([name, path]) => [`${folder}/${name}`, path]);
  return bundle(Object.fromEntries(entries));
}

/**
 * Bundles entries: what one imports goes into its own file, what several do into shared.js, and what
 * is loaded by import() into others.
 * @param input source files by the names of their files in dist/
 * @param first entries that are there before the others: what these need of them, they take from
 * there. The first one is what is started
 * @param later files by name: what these modules import, and no entry does, goes into one
 * @param banner runs before everything else that is started
 * @returns the paths of its modules
 */
async function bundle(input, { first = [], later = {}, banner = '', plugins = [] } = {}) {
  const names = Object.keys(input);
  const folder = dirname(names.at(-1));
  const users = new Map();
  const build = await rolldown({
    input,
    platform: 'node',
    external: isBuiltin,
    preserveEntrySignatures: 'allow-extension',
    plugins: [...plugins, builtinsByRequest, oneHttpClient, collectInto(users, input, later)],
    treeshake: { moduleSideEffects: [{ test: unusedMeansUnloaded, sideEffects: false }] },
    // How long it takes is the machine's business, and no warning about our code.
    checks: { bundlerTimings: false },
    onLog(level, { code, message }) {
      // What one action loads when it is needed, another needs at once; and how long plugins take
      // says how busy the machine is.
      const isHarmless = code === 'INEFFECTIVE_DYNAMIC_IMPORT' || code === 'PLUGIN_TIMINGS';
      if (level === 'warn' && !isHarmless) throw new Error(message);
    },
  });
  const { output } = await build.write({
    dir: outdir,
    format: 'esm',
    banner: ({ name }) => (name === first[0] ? banner : ''),
    minify: true,
    keepNames: true,
    comments: false,
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => `${folder}/${basename(name, '.js')}.js`,
    codeSplitting: { groups: groupsOf(names, first, Object.keys(later), users) },
  });
  await build.close();
  const sources = output.flatMap(({ code }) => [
    ...code.matchAll(/\b(?:from|import)["'`]([^"'`]+)/g),
  ]);
  const slow = sources.map(([, source]) => source).filter(isBuiltin);
  if (slow.length > 0) throw new Error(`imported, not requested: ${slow.join(', ')}`);
  return output.flatMap(({ moduleIds = [] }) => moduleIds);
}

/**
 * A file for each entry and for each of `later`; shared.js and later.js have what several of these
 * need.
 * @param users names of those that need a module, by its id
 */
function groupsOf(entries, first, later, users) {
  const of = (id) => users.get(id) ?? [];
  const own = ['later', ...entries, ...later].map((name) => ({
    name,
    test: (id) => of(id).length === 1 && of(id).includes(name),
  }));
  // In this order: a group takes along what its modules import.
  return [
    ...first.map((name) => ({ name, test: (id) => of(id).includes(name) })),
    { name: 'shared', test: (id) => of(id).length > 1 },
    ...own,
  ];
}

/**
 * Collects the modules that are there before the first line of an entry runs, with its names, and
 * the others that are there when those of `later` are.
 */
function collectInto(users, input, later) {
  return {
    name: 'at-once',
    buildEnd() {
      const reached = (paths, isKnown) => {
        const seen = new Set();
        const open = paths.map((path) => resolve(path));
        for (let id = open.pop(); id !== undefined; id = open.pop()) {
          if (seen.has(id) || isKnown(id) || unusedMeansUnloaded.test(id)) continue;
          seen.add(id);
          open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
        }
        return seen;
      };
      for (const [name, path] of Object.entries(input))
        for (const id of reached([path], () => false))
          users.set(id, [...(users.get(id) ?? []), name]);
      // What one of several commands needs at once must not come along with the others.
      const most = Object.keys(input).length > 2 ? 1 : 0;
      const isThere = (id) => (users.get(id)?.length ?? 0) > most;
      const after = Object.entries(later).map(([name, paths]) => [name, reached(paths, isThere)]);
      for (const id of after.flatMap(([, ids]) => [...ids])) {
        const names = after.filter(([, ids]) => ids.has(id)).map(([name]) => name);
        users.set(id, names.length > 1 ? ['later'] : names);
      }
    },
  };
}

/** The licence texts of every package that went into the bundle, sorted by name. */
async function licences(ids) {
  const packages = new Set();
  for (const id of ids) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/'));
    if (match) packages.add(match[1]);
  }
  const parts = [];
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(
      await readFile(join(folder, 'package.json'), 'utf8'),
    );
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file
      ? (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n').trim()
      : '(no licence file in the package)';
    parts.push(`${name} ${version} (${license})\n\n${text}\n`);
  }
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}
