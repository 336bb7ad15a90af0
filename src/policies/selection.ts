import type { ImagePatterns } from './rule.ts';

// What the patterns of one kind of policy choose, so that another kind can say it.

/** Images that a pattern chooses. Names are whole, with their registry; Docker Hub is `docker.io`. */
export type Selection =
  | { readonly kind: 'everything' }
  /** all repositories in a folder, or on a host; with `oneLevel` none further in */
  | { readonly kind: 'below'; readonly folder: string; readonly oneLevel?: true }
  | { readonly kind: 'repository'; readonly name: string }
  /** with its tag or digest: `:v1`, `@sha256:…` */
  | { readonly kind: 'image'; readonly name: string; readonly version: string }
  | { readonly kind: 'startsWith'; readonly text: string }
  | { readonly kind: 'subdomains'; readonly domain: string };

/** How a pattern is said in another kind; `wider` where it is said of more images than before. */
export type Said =
  | { readonly patterns: readonly string[]; readonly wider?: string }
  | { readonly unsaid: string };

export type Syntax = ImagePatterns['syntax'];

/**
 * Says a pattern in another syntax. Where that has no word for it, a pattern that chooses more
 * images is taken: then more images need a signature, never fewer.
 */
export function sayPattern(pattern: string, from: Syntax, to: Syntax): Said {
  if (from === to) return { patterns: [pattern] };
  const selections = readers[from](pattern);
  if (selections === undefined) return { unsaid: `the pattern "${pattern}" has no equal there` };
  const said = selections.map((selection) => writers[to](selection));
  const unsaid = said.find((one) => 'unsaid' in one);
  if (unsaid !== undefined) return unsaid;
  const all = said as Exclude<Said, { unsaid: string }>[];
  const wider = all.find((one) => one.wider !== undefined)?.wider;
  return {
    patterns: [...new Set(all.flatMap(({ patterns }) => patterns))],
    ...(wider === undefined ? {} : { wider }),
  };
}

type ReadPattern = (pattern: string) => readonly Selection[] | undefined;
type WritePattern = (selection: Selection) => Said;

const readers: Readonly<Record<Syntax, ReadPattern>> = {
  kyverno: (pattern) => readWildcard(pattern, false),
  gobwas: (pattern) => readWildcard(pattern, true),
  'policy-controller': readPolicyController,
  scope: readScope,
};

/** Kyverno's stars cross slashes, in both of its kinds. */
function readWildcard(pattern: string, asWritten: boolean): readonly Selection[] | undefined {
  if (pattern === '*' || (asWritten && pattern === '**')) return [{ kind: 'everything' }];
  const [, text = '', end = ''] = /^(.*?)(\/\*\*?|:\*|@\*|@sha256:\*|\*)?$/s.exec(pattern) ?? [];
  if (/[*?[\]{}\\]/.test(text)) return undefined;
  const folder = text.replace(/^index\.docker\.io(?=\/|$)/, 'docker.io');
  if (!isWhole(folder)) return undefined;
  if (end.startsWith('/')) return [{ kind: 'below', folder }];
  // The start of an official image, or of a folder: the two are written alike.
  if (end === '*') return /^docker\.io\/[^/]*$/.test(folder) ? undefined : [startsWith(folder)];
  const full = folder.replace(/^docker\.io\/(?=[^/]+$)/, 'docker.io/library/');
  if (end !== '') return [{ kind: 'repository', name: full }];
  const image = imageOf(full);
  if (image !== undefined) return [image];
  // Without a tag an ImageValidatingPolicy means the image that is written so; Kyverno's other
  // policies add `:latest` before they match, so there it chooses nothing.
  return asWritten ? [{ kind: 'repository', name: full }] : undefined;
}

function readPolicyController(glob: string): readonly Selection[] | undefined {
  if (glob === '**') return [{ kind: 'everything' }];
  if (glob === '*') return [{ kind: 'below', folder: 'docker.io/library', oneLevel: true }];
  const text = glob.replace(/^index\.docker\.io(?=\/)/, 'docker.io');
  const [, head = '', end = ''] =
    /^(.*?)(\/\*\*|\/\*|@\*\*?|@sha256:\*\*?|\*\*)?$/s.exec(text) ?? [];
  if (head.includes('*') || !isWhole(head)) return undefined;
  if (end === '/**') return [{ kind: 'below', folder: head }];
  if (end === '/*') return [{ kind: 'below', folder: head, oneLevel: true }];
  if (end === '**') return [{ kind: 'startsWith', text: head }];
  if (end !== '') return [{ kind: 'repository', name: head }];
  const image = imageOf(head);
  return image === undefined || !image.version.startsWith('@') ? undefined : [image];
}

/** A scope is a repository and all that lies below it. */
function readScope(scope: string): readonly Selection[] | undefined {
  if (scope === '') return [{ kind: 'everything' }];
  if (scope.startsWith('*.')) return [{ kind: 'subdomains', domain: scope.slice(2) }];
  const image = scope.includes('/') ? imageOf(scope) : undefined;
  if (image !== undefined) return [image];
  const below: Selection = { kind: 'below', folder: scope };
  return scope.includes('/') ? [{ kind: 'repository', name: scope }, below] : [below];
}

const writers: Readonly<Record<Syntax, WritePattern>> = {
  kyverno: () => ({ unsaid: 'that kind is not written' }),
  gobwas: writeGobwas,
  'policy-controller': writePolicyController,
  scope: writeScope,
};

function writeGobwas(selection: Selection): Said {
  switch (selection.kind) {
    case 'everything':
      return { patterns: ['*'] };
    case 'below': {
      const { folder, oneLevel } = selection;
      if (folder === 'docker.io')
        return { unsaid: 'short names of Docker Hub have no pattern of their own there' };
      const patterns = writtenNames(folder).map((name) => `${escaped(name)}/*`);
      return oneLevel === undefined
        ? { patterns }
        : { patterns, wider: `it speaks of folders in ${folder} too` };
    }
    case 'repository':
      return {
        patterns: writtenNames(selection.name)
          .map(escaped)
          .flatMap((name) => [name, `${name}:*`, `${name}@*`]),
      };
    case 'image':
      return {
        patterns: writtenNames(selection.name).map(
          (name) => escaped(name) + escaped(selection.version),
        ),
      };
    case 'startsWith':
      return { patterns: writtenNames(selection.text).map((name) => `${escaped(name)}*`) };
    case 'subdomains':
      return {
        patterns: [`*.${escaped(selection.domain)}/*`, `*.${escaped(selection.domain)}:*/*`],
      };
  }
}

function writePolicyController(selection: Selection): Said {
  const hub = (name: string) => name.replace(/^docker\.io(?=\/|$)/, 'index.docker.io');
  switch (selection.kind) {
    case 'everything':
      return { patterns: ['**'] };
    case 'below':
      return {
        patterns: [`${hub(selection.folder)}/${selection.oneLevel === undefined ? '**' : '*'}`],
      };
    case 'repository':
      return { patterns: [`${hub(selection.name)}@sha256:*`] };
    case 'image':
      return selection.version.startsWith('@')
        ? { patterns: [hub(selection.name) + selection.version] }
        : { unsaid: 'policy-controller sees no tags' };
    case 'startsWith':
      return hasTag(selection.text)
        ? { unsaid: 'policy-controller sees no tags' }
        : { patterns: [`${hub(selection.text)}**`] };
    case 'subdomains':
      return { patterns: [`*.${selection.domain}/**`, `*.${selection.domain}:*/**`] };
  }
}

function writeScope(selection: Selection): Said {
  switch (selection.kind) {
    case 'everything':
      return { patterns: [''] };
    case 'below': {
      const { folder, oneLevel } = selection;
      const wider =
        oneLevel !== undefined
          ? `it speaks of folders in ${folder} too`
          : folder.includes('/')
            ? `it speaks of the repository ${folder} too`
            : undefined;
      return { patterns: [folder], ...(wider === undefined ? {} : { wider }) };
    }
    case 'repository':
      return {
        patterns: [selection.name],
        wider: `it speaks of repositories below ${selection.name} too`,
      };
    case 'image':
      return { patterns: [selection.name + selection.version] };
    case 'startsWith':
      return { unsaid: `a scope cannot be the start of a name, ${selection.text}` };
    case 'subdomains':
      return { patterns: [`*.${selection.domain}`] };
  }
}

const startsWith = (text: string): Selection => ({ kind: 'startsWith', text });

const hasTag = (text: string): boolean => /\/[^/]*[:@][^/]*$/.test(text);

/** True where the first part is the host of a registry. */
function isWhole(name: string): boolean {
  const first = name.split('/', 1)[0] ?? '';
  return first === 'localhost' || /[.:]/.test(first);
}

function imageOf(full: string): Extract<Selection, { kind: 'image' }> | undefined {
  const [, name = '', version = ''] =
    /^([^@]*\/[^/:@]+)(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$/.exec(full) ?? [];
  return name === '' ? undefined : { kind: 'image', name, version };
}

/** How a name may be written: Docker Hub has short names. */
function writtenNames(name: string): readonly string[] {
  const [host = '', ...path] = name.split('/');
  if (host !== 'docker.io') return [name];
  const rest = path.join('/');
  const short = rest.replace(/^library\/(?=[^/]+$)/, '');
  const paths = [...new Set([rest, short])];
  return [...paths, ...paths.flatMap((one) => [`docker.io/${one}`, `index.docker.io/${one}`])];
}

function escaped(text: string): string {
  return text.replace(/[[\]{}?*\\]/g, '\\$&');
}
