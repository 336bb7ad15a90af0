// Code splitting leaves an entry with dozens of small files that every run reads one after the
// other. This puts everything that a run of one action loads at its start into the entry itself;
// what is loaded on demand stays in files of its own, which find the shared code there.
import { writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { build } from 'esbuild';
import { buildOptions } from './build-options.mjs';

// Paths of a metafile have slashes on every system.
const { basename, dirname, join, relative } = posix;

/**
 * Merges the entry of a split build with the chunks it imports statically. A merged chunk stays as
 * a file that only passes on its exports from the entry. The entry must not have a top-level await:
 * a chunk that is loaded while it lasts would wait for it for ever.
 * @param outputs of the build's metafile
 */
export async function mergeChunks(entry, outputs) {
  const chunks = [...staticClosure(entry, outputs)].filter((file) => file !== entry).sort();
  const passedOn = chunks.map((file, index) =>
    outputs[file].exports.map((name) => ({ name, merged: `c${index}_${name}` })),
  );
  const here = dirname(entry);
  const lines = chunks.map((file, index) => {
    const names = passedOn[index].map(({ name, merged }) => `${name} as ${merged}`).join(', ');
    return `export { ${names} } from '${specifier(here, file)}';`;
  });
  await build({
    stdin: {
      contents: [`export * from './${basename(entry)}';`, ...lines].join('\n'),
      resolveDir: here,
    },
    outfile: entry,
    allowOverwrite: true,
    ...buildOptions,
    plugins: [onDemandStaysOutside(here)],
  });
  await Promise.all(
    chunks.map((file, index) => {
      const names = passedOn[index].map(({ name, merged }) => `${merged} as ${name}`).join(',');
      return writeFile(file, `export{${names}}from"${specifier(dirname(file), entry)}";\n`);
    }),
  );
}

/** The files that are loaded before the first line of `entry` runs. */
function staticClosure(entry, outputs) {
  const reached = new Set();
  const open = [entry];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const { path, kind, external } of outputs[file].imports)
      if (kind === 'import-statement' && !external) open.push(path);
  }
  return reached;
}

/** import() is left as it is, told from where the merged file lies. */
function onDemandStaysOutside(here) {
  return {
    name: 'on-demand-stays-outside',
    setup(builder) {
      builder.onResolve({ filter: /^\.{1,2}\// }, ({ path, kind, resolveDir }) =>
        kind === 'dynamic-import'
          ? { path: specifier(here, join(resolveDir, path)), external: true }
          : undefined,
      );
    },
  };
}

/** How a module in `folder` names `file`: a bare name would be a package's. */
function specifier(folder, file) {
  const path = relative(folder, file);
  return path.startsWith('.') ? path : `./${path}`;
}
