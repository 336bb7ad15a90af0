// What keeps a start light: one HTTP client, and of Node's own modules no more than is used.
import { isBuiltin } from 'node:module';

const other = '\0other-http-client';

// @actions/core has an OIDC client, and @actions/github a fetch of its own: 450 KB of undici that
// nobody uses, and another rule for proxies, which throws when it is loaded where a variable names a
// SOCKS proxy. What is built has the one HTTP client of src/http/.
export const oneHttpClient = {
  name: 'one-http-client',
  resolveId(source) {
    if (!/^(@actions\/http-client(\/.*)?|undici)$/.test(source)) return null;
    return { id: other, moduleSideEffects: false };
  },
  load(id) {
    if (id !== other) return null;
    return `
      export class HttpClient { getAgent() {} getAgentDispatcher() {} }
      export class BearerCredentialHandler {}
      export function fetch() { throw new Error('there is one HTTP client'); }`;
  },
};

// Where an ES module imports a module of Node, Node makes it a list of all that it exports, and for
// that reads every property, also those behind which it loads something when they are first read:
// `WebSocket` of http is a copy of undici, `webcrypto` of crypto a library of its own. That is 20
// ms of a start. getBuiltinModule makes no list.
export const builtinsByRequest = {
  name: 'builtins-by-request',
  // @actions/core only draws the delimiters of its files from it, at the end of a run; loading it
  // takes 5 ms.
  transform(code, id) {
    if (!/@actions\/core\/lib\/file-command\.js$/.test(id)) return null;
    return replaced(
      code,
      "import * as crypto from 'crypto';",
      "const crypto = { randomUUID: () => process.getBuiltinModule('node:crypto').randomUUID() };",
    );
  },
  renderChunk(chunk) {
    // What CommonJS requires is Node's own as well; `module`, which makes a `require`, is not light.
    const code = chunk.replace(makesRequire, 'process.getBuiltinModule');
    const imports = this.parse(code).body.filter(
      ({ type, source }) => type === 'ImportDeclaration' && isBuiltin(source.value),
    );
    return imports.reduceRight(
      (text, node) => text.slice(0, node.start) + requested(node) + text.slice(node.end),
      code,
    );
  },
  // A file less to load, where nothing of it is left.
  generateBundle(_, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replace(/\bimport"[^"]*rolldown-runtime\.js";/, '');
  },
};

const makesRequire = 'createRequire(import.meta.url)';

/** @throws Error where a new version of a package has another text */
function replaced(code, text, other) {
  if (!code.includes(text)) throw new Error(`nothing to replace: ${text}`);
  return code.replace(text, other);
}

/** What does for `import … from 'node:fs'` without making a list. */
function requested({ source, specifiers }) {
  if (specifiers.every(({ imported }) => imported?.name === 'createRequire')) return '';
  const module = `/* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(source.value)})`;
  return specifiers
    .map(({ type, imported, local }) => {
      if (type !== 'ImportSpecifier') return `const ${local.name} = ${module};`;
      // All of them are functions, and it loads 10 modules: not before the first of them is called.
      if (source.value === 'node:fs/promises')
        return `const ${local.name} = (...args) => ${module}.${imported.name}(...args);`;
      return `const { ${imported.name}: ${local.name} } = ${module};`;
    })
    .join('');
}

/** Of the tables of inputs an action needs all but what they are for: that is for help and docs. */
export const withoutSentences = {
  name: 'without-sentences',
  transform(code, id) {
    if (!/edges\/inputs\/([a-z]+-)?table\.ts$/.test(id.replaceAll('\\', '/'))) return null;
    const found = [];
    const walk = (node) => {
      if (node === null || typeof node !== 'object') return;
      const isSentence = node.type === 'Property' && node.key.name === 'sentence';
      if (isSentence) found.push(node.value);
      else for (const child of Object.values(node)) walk(child);
    };
    walk(this.parse(code, { lang: 'ts' }).body);
    if (found.length === 0) throw new Error(`no sentences in ${id}`);
    return found.reduceRight(
      (text, { start, end }) => `${text.slice(0, start)}''${text.slice(end)}`,
      code,
    );
  },
};
