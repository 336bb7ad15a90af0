// The documents are written for GitHub. What works there works on the site: links between files,
// anchors of headings, pictures for a dark page, and `OWNER` where the owner is known.
import { posix } from 'node:path';
import { exampleName, pageOf } from './pages.ts';

/** What VitePress brings: markdown-it, as far as this is concerned with it. */
export interface Markdown {
  parse: (source: string, env: Environment) => Token[];
}

interface Environment {
  /** path of the page from the root of the repository, a page of a pattern under its own name */
  readonly relativePath: string;
}

interface Token {
  type: string;
  tag: string;
  content: string;
  readonly children: Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

export interface Repository {
  /** `owner/name`; `OWNER/sign-image` where nobody says it */
  readonly name: string;
  /** the text of README.md, of which the front page shows pieces */
  readonly readme: string;
  /** true for a path of a file or folder that is there, from the root of the repository */
  has(path: string): boolean;
}

/** The name that the documents have in place of the repository's. */
export const placeholder = 'OWNER/sign-image';

/** The address that the documents have for the site itself. */
const published = 'https://OWNER.github.io/sign-image/';

/** A piece of GitHub's own rule for anchors: `docs/` is read there as well. */
export function slug(title: string): string {
  return title
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * Makes Markdown that GitHub shows into what VitePress shows.
 * @throws {Error} at a link to a file that is not there
 */
export function readAsGithub(markdown: Markdown, repository: Repository): void {
  const { parse } = markdown;
  markdown.parse = (source, env) => {
    const file = fileOf(env.relativePath);
    const whole = withPictures(withPieces(withoutBadges(source), repository.readme));
    const tokens = parse.call(markdown, withName(whole, repository.name), env);
    withoutEmptyHeaders(tokens);
    for (const token of tokens.flatMap((one) => [one, ...(one.children ?? [])])) {
      if (token.type === 'link_open')
        token.attrSet('href', siteLink(token.attrGet('href') ?? '', file, repository));
      withoutTemplates(token);
      // What is indented becomes a block like those between fences, which scrolls and is copied.
      if (token.type === 'code_block') Object.assign(token, { type: 'fence', info: 'text' });
    }
    return tokens;
  };
}

/** Pages become templates of Vue, which would compute what stands in `{{ }}`: here it is text. */
function withoutTemplates(token: Token): void {
  if (token.type === 'code_inline') token.attrSet('v-pre', '');
  if (token.type !== 'text' || !token.content.includes('{{')) return;
  token.type = 'html_inline';
  token.content = token.content
    .replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll('{{', '&#123;&#123;');
}

/** A header that says nothing is none for who hears the table. */
function withoutEmptyHeaders(tokens: readonly Token[]): void {
  tokens.forEach((token, index) => {
    const end = tokens[index + 2];
    if (token.type !== 'th_open' || tokens[index + 1]?.content !== '' || end === undefined) return;
    token.tag = 'td';
    end.tag = 'td';
  });
}

/** The file whose links these are: VitePress says the path of the page. */
function fileOf(page: string): string {
  const written = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  const found = [...written, 'examples/README.md'].find((file) => pageOf(file) === page);
  return found ?? page;
}

/**
 * Where a link of a file leads on the site: a page, or, of what is no page, the file on GitHub.
 * @param from path of the file from the root of the repository
 */
export function siteLink(to: string, from: string, { name, has }: Repository): string {
  if (to.startsWith(published)) return `/${to.slice(published.length)}`;
  if (/^(?:[a-z][a-z0-9+.-]*:|#|\/)/i.test(to)) return to;
  const [path = '', hash] = to.split('#', 2);
  const file = posix.normalize(posix.join(posix.dirname(from), decodeURI(path)));
  const anchor = hash === undefined ? '' : `#${hash}`;
  if (file.startsWith('..')) return `https://github.com/${name}/${file.replace(/^(\.\.\/)+/, '')}`;
  if (!has(file)) throw new Error(`${from}: the link ${to} leads nowhere`);
  const isPage = file.endsWith('.md') && !/^(?:__tests__|src|scripts|\.github)\//.test(file);
  if (isPage) return `/${pageOf(file).replace(/(?:index)?\.md$/, '')}${anchor}`;
  const example = /^examples\/(.+)/.exec(file)?.[1];
  if (example !== undefined && /\.yml$|Jenkinsfile/.test(example))
    return `/examples/${exampleName(example)}${anchor}`;
  return `https://github.com/${name}/blob/main/${file}${anchor}`;
}

/** The owner is told once, where nobody knows it. */
function withName(source: string, name: string): string {
  if (name === placeholder) return source;
  return source.replace(/^`OWNER` on this page is .*$/m, '').replaceAll(placeholder, name);
}

/** Badges are pictures of other hosts, and a reader of the site asks no other host for anything. */
function withoutBadges(source: string): string {
  return source.replace(/^\[!\[[^\]]*\]\(https:[^)]*\)\]\([^)]*\)$/gm, '');
}

/** Pieces of README.md that another page shows too: they are written in one place. */
function withPieces(source: string, readme: string): string {
  const piece = (pattern: RegExp): string => {
    const [found] = pattern.exec(readme) ?? [];
    if (found === undefined) throw new Error(`README.md has nothing like ${pattern}`);
    return found.trim();
  };
  return source
    .replace('<!-- README: first sentence -->', () => piece(/(?<=^# .+\n\n)[^\n]+/))
    .replace('<!-- README: first workflow -->', () => piece(/^```yaml\n[\s\S]*?^```$/m));
}

/**
 * GitHub chooses a picture by the setting of the system; the site has a switch. So each `<picture>`
 * becomes two, of which the theme shows one (`on-light`, `on-dark`).
 */
function withPictures(source: string): string {
  return source.replace(/<picture>([\s\S]*?)<\/picture>/g, (_, inner: string) => {
    const alt = /<img\b[^>]*\balt="([^"]*)"/.exec(inner)?.[1] ?? '';
    const fallback = local(/<img\b[^>]*\bsrc="([^"]*)"/.exec(inner)?.[1] ?? '');
    const sources = [...inner.matchAll(/<source media="([^"]*)" srcset="([^"]*)">/g)].map(
      ([, media = '', to = '']) => ({ media, to: local(to) }),
    );
    const isDark = (media: string) => media.includes('prefers-color-scheme: dark');
    const width = (media: string) => /\(max-width: \d+px\)/.exec(media)?.[0];
    const picture = (dark: boolean) => {
      const own = sources.filter(({ media }) => isDark(media) === dark);
      const wide = own.find(({ media }) => width(media) === undefined)?.to ?? fallback;
      const narrow = own.flatMap(({ media, to }) =>
        width(media) === undefined ? [] : [`<source media="${width(media)}" srcset="${to}">`],
      );
      return `<picture class="on-${dark ? 'dark' : 'light'}">${narrow.join('')}<img alt="${alt}" src="${wide}" loading="lazy"></picture>`;
    };
    return `${picture(false)}${picture(true)}`;
  });
}

/** Vite takes a path for a file of ours where it starts with a dot. */
function local(path: string): string {
  return /^(?:\.|\/|https?:)/.test(path) ? path : `./${path}`;
}
