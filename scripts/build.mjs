// Builds dist/ from src/: one entry per action, shared code and what few runs need in chunks that
// are loaded when they are used. Deterministic: the same source gives the same bytes (file names
// carry a hash of the content, nothing of the machine).

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { buildOptions } from './build-options.mjs';
import { builtinsByRequest, oneHttpClient, unusedMeansUnloaded } from './build-plugins.mjs';
import { mergeChunks } from './merge-chunks.mjs';

const outdir = 'dist';
/**
 * Each action, the file of which `dist/` gets all that a run needs at once, and what it starts as
 * threads.
 */
const actions = [
  { name: 'sign', main: 'sign' },
  { name: 'verify', main: 'run/verify', threads: ['run/file-worker'] },
  { name: 'keygen', main: 'keygen' },
];

await rm(outdir, { recursive: true, force: true });
const inputs = await Promise.all(actions.map(buildAction));
await writeFile(join(outdir, 'package.json'), '{"type":"module"}\n');
await writeFile(join(outdir, 'LICENSES.txt'), await licences(inputs.flat()));

/**
 * Builds one action: `dist/NAME.js` with all that a run needs at once, `dist/NAME/` with what only
 * some runs load. Where something is to be done before that is loaded, `dist/NAME.js` has that
 * alone, and the rest is `dist/NAME/run.js`.
 * @returns its source files
 */
async function buildAction({ name, main, threads = [] }) {
  const whole = main === name;
  const out = whole ? name : `${name}/run`;
  const { metafile } = await build({
    entryPoints: [{ in: `src/${main}.ts`, out }],
    outdir,
    ...buildOptions,
    splitting: true,
    keepNames: true,
    metafile: true,
    chunkNames: `${name}/[name]-[hash]`,
    plugins: [builtinsByRequest, oneHttpClient, unusedMeansUnloaded],
  });
  const slow = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter(({ path }) => isBuiltin(path)),
  );
  if (slow.length > 0)
    throw new Error(`imported, not requested: ${slow.map(({ path }) => path).join(', ')}`);
  await mergeChunks(`${outdir}/${out}.js`, metafile.outputs);
  const before = whole ? [] : await buildFirst(name, main, out);
  const beside = await Promise.all(threads.map((thread) => buildThread(name, thread)));
  return [...before, ...beside.flat(), ...Object.keys(metafile.inputs)];
}

/** Builds what runs in a thread: one file beside the others of its action. @returns its sources */
async function buildThread(name, thread) {
  const { metafile } = await build({
    entryPoints: [{ in: `src/${thread}.ts`, out: `${name}/${basename(thread)}` }],
    outdir,
    ...buildOptions,
    keepNames: true,
    metafile: true,
    plugins: [builtinsByRequest, oneHttpClient, unusedMeansUnloaded],
  });
  return Object.keys(metafile.inputs);
}

/**
 * Builds what comes before the rest, which it imports when that is done. @returns its source files
 */
async function buildFirst(name, main, out) {
  const restIsBuilt = {
    name: 'rest-is-built',
    setup: (builder) =>
      builder.onResolve({ filter: new RegExp(`/${main}\\.ts$`) }, () => ({
        path: `./${out}.js`,
        external: true,
      })),
  };
  const { metafile } = await build({
    entryPoints: [`src/${name}.ts`],
    outdir,
    ...buildOptions,
    metafile: true,
    plugins: [restIsBuilt, builtinsByRequest],
  });
  return Object.keys(metafile.inputs);
}

/** The licence texts of every package that went into the bundle, sorted by name. */
async function licences(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
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
  await mkdir(outdir, { recursive: true });
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}
