// Which files of the repository are pages of the site, where they are there, and the list of them.

/** Folders of the repository without a page of the site. */
export const withoutPages = [
  '__tests__/**',
  'coverage/**',
  'dist/**',
  'scripts/**',
  'site/README.md',
  'src/**',
] as const;

/** Markdown of the repository that is at another path of the site: the rest is where it was. */
const places: Readonly<Record<string, string>> = {
  'README.md': 'readme.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'security.md',
  'examples/README.md': 'examples/index.md',
};

/**
 * The path of the page that a Markdown file of the repository is.
 * @param file path from the root of the repository, with `/`
 * @returns path from the root of the site, with `.md`: what `rewrites` of VitePress wants
 */
export function pageOf(file: string): string {
  return places[file] ?? file.replace(/^site\//, '');
}

/**
 * The name of the page of an example: VitePress takes what stands behind a dot for a kind of file.
 * @param file path in `examples/`
 */
export function exampleName(file: string): string {
  return file
    .replace(/\.yml$/, '')
    .replaceAll('.', '-')
    .toLowerCase();
}

/** A part of the list at the side: its title, and names of files in `docs/` without `.md`. */
type Part = readonly [title: string, names: readonly string[]];

const parts: readonly Part[] = [
  ['Understand', ['how-it-works', 'glossary', 'key-or-keyless', 'identities', 'threat-model']],
  ['Sign', ['keys', 'registries', 'private-and-air-gapped', 'artifacts', 'attestations']],
  ['Verify', ['verifying', 'verifiers', 'pull-request-gate', 'required-check', 'policies']],
  ['Release and watch', ['promotion', 'known-signers', 'audit', 'other-ci']],
  ['Move here', ['migrating-from-cosign', 'migrating-from-docker-trust', 'comparison']],
  ['Reference', ['inputs', 'results', 'troubleshooting', 'hosts', 'lossless-writes']],
];

export interface Entry {
  readonly text: string;
  readonly link?: string;
  readonly collapsed?: boolean;
  readonly items?: Entry[];
}

/**
 * The list of pages: every document of `docs/` stands in it, those without a place at the end, and
 * the pages of a folder below the document of its name.
 * @param files path from the root of the repository → text, of all Markdown in `docs/`
 */
export function sidebar(files: Readonly<Record<string, string>>): Entry[] {
  const all = Object.keys(files).map((file) => file.replace(/^docs\/|\.md$/g, ''));
  const top = all.filter((name) => !name.includes('/'));
  const entry = (name: string): Entry => {
    const inside = all.filter((one) => one.startsWith(`${name}/`) && one !== `${name}/README`);
    const items = inside.sort().map((one) => entry(one));
    const page = top.includes(name) || name.includes('/') ? name : `${name}/README`;
    return {
      text: titleOf(files[`docs/${page}.md`] ?? '', name),
      link: `/docs/${page}`,
      ...(items.length === 0 ? {} : { collapsed: true, items }),
    };
  };
  const placed = parts.flatMap(([, names]) => names);
  const folders = all.flatMap((name) => (name.includes('/') ? [name.split('/', 1)[0] ?? ''] : []));
  const rest = [...new Set([...top, ...folders])].filter((name) => !placed.includes(name)).sort();
  return [...parts, ['More', rest] as const].flatMap(([text, names]) => {
    const items = names
      .filter((name) => top.includes(name) || folders.includes(name))
      .map((name) => entry(name));
    return items.length === 0 ? [] : [{ text, items }];
  });
}

/** The first heading of a document; otherwise its name. */
export function titleOf(text: string, name: string): string {
  return /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? name;
}
