// What keeps a start light: no HTTP client that nobody asked for, and of Node's own modules no more
// than is used.
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname } from 'node:path';

// @actions/core/lib/core.js imports its OIDC client, and esbuild splits code by file: as soon as
// one lazily loaded file uses getIDToken, the client (450 KB of undici) moves into the chunk that
// every run loads. So src/action/github-oidc.ts gets a copy of core.js of its own; in the copy that
// all others share the client is not used by anybody and is dropped.
export const ownCopyForOidc = {
  name: 'own-copy-for-oidc',
  setup(builder) {
    const resolved = async (args, suffix) => {
      const { path, resolveDir, importer, kind } = args;
      const found = await builder.resolve(path, {
        resolveDir,
        importer,
        kind,
        pluginData: 'resolved',
      });
      return { ...found, sideEffects: false, suffix };
    };
    builder.onResolve({ filter: /^@actions\/core$/ }, (args) =>
      args.pluginData !== 'resolved' && args.importer.endsWith('github-oidc.ts')
        ? resolved(args, '?oidc')
        : undefined,
    );
    builder.onLoad({ filter: /core\.js$/ }, async ({ path, suffix }) =>
      suffix === '?oidc'
        ? { contents: await readFile(path, 'utf8'), resolveDir: dirname(path), pluginData: 'oidc' }
        : undefined,
    );
    builder.onResolve({ filter: /^\.\/oidc-utils\.js$/ }, (args) =>
      args.pluginData === 'resolved'
        ? undefined
        : resolved(args, args.pluginData === 'oidc' ? '' : '?unused'),
    );
  },
};

// @actions/core pulls 400 KB of undici into every start only for its OIDC client. These modules
// have no side effects of their own, so a run that does not use them need not load them.
export const unusedMeansUnloaded = {
  name: 'unused-means-unloaded',
  setup(builder) {
    builder.onResolve(
      {
        filter:
          /^(@actions\/http-client|@actions\/exec|undici|\.\/oidc-utils\.js|\.\/summary\.js|\.\/platform\.js|\.\/path-utils\.js)/,
      },
      async (args) => {
        if (args.pluginData === 'resolved') return undefined;
        const found = await builder.resolve(args.path, {
          resolveDir: args.resolveDir,
          importer: args.importer,
          kind: args.kind,
          pluginData: 'resolved',
        });
        return { ...found, sideEffects: false };
      },
    );
  },
};

// Where an ES module imports a module of Node, Node makes it a list of all that it exports, and for
// that reads every property, also those behind which it loads something when they are first read:
// `WebSocket` of http is a copy of undici, `webcrypto` of crypto a library of its own. That is 20
// ms of a start. getBuiltinModule makes no list.
export const builtinsByRequest = {
  name: 'builtins-by-request',
  setup(builder) {
    const names = new Set(builtinModules);
    builder.onResolve({ filter: /^(node:)?[a-z0-9_]+(\/[a-z0-9]+)?$/ }, ({ path, importer }) => {
      const name = path.replace(/^node:/, '');
      if (!names.has(name)) return undefined;
      // @actions/core only draws the delimiters of its files from it, at the end of a run; loading
      // it takes 5 ms.
      const late = name === 'crypto' && importer.includes('@actions/core');
      return { path: name, namespace: late ? 'builtin-late' : 'builtin' };
    });
    builder.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}');`,
    }));
    builder.onLoad({ filter: /.*/, namespace: 'builtin-late' }, ({ path }) => ({
      contents: `export const randomUUID = () => process.getBuiltinModule('node:${path}').randomUUID();`,
    }));
  },
};
