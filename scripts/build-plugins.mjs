// What keeps a start light: no HTTP client that nobody asked for, and of Node's own modules no more
// than is used.
import { builtinModules } from 'node:module';

// @actions/core has an OIDC client, and @actions/github a fetch of its own: 450 KB of undici that
// nobody uses, and another rule for proxies, which throws when it is loaded where a variable names a
// SOCKS proxy. What is built has the one HTTP client of src/http/.
export const oneHttpClient = {
  name: 'one-http-client',
  setup(builder) {
    builder.onResolve({ filter: /^(@actions\/http-client(\/.*)?|undici)$/ }, ({ path }) => ({
      path,
      namespace: 'other-http-client',
    }));
    builder.onLoad({ filter: /.*/, namespace: 'other-http-client' }, () => ({
      contents: `
        export class HttpClient { getAgent() {} getAgentDispatcher() {} }
        export class BearerCredentialHandler {}
        export function fetch() { throw new Error('there is one HTTP client'); }`,
    }));
  },
};

// These modules have no side effects of their own, so a run that does not use them need not load
// them.
export const unusedMeansUnloaded = {
  name: 'unused-means-unloaded',
  setup(builder) {
    builder.onResolve(
      {
        filter:
          /^(@actions\/exec|\.\/oidc-utils\.js|\.\/summary\.js|\.\/platform\.js|\.\/path-utils\.js)/,
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
