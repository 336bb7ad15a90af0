import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vitepress';
import { type Markdown, readAsGithub, slug } from '../markdown/github.ts';
import { pageOf, sidebar, withoutPages } from '../markdown/pages.ts';

const root = join(import.meta.dirname, '../..');
/** The workflow that publishes says whose repository it is; everywhere else nobody knows. */
const name = process.env.SITE_REPOSITORY || 'OWNER/sign-image';
const documents = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .map((file) => `docs/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.md'))
  .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const);

/** Pages are components of Vue, and those of `docs/` lie where no Vue is installed. */
const vueForDocuments: Plugin = {
  name: 'vue-for-documents',
  enforce: 'pre',
  resolveId(id, importer, options) {
    if (!/^vue(?:\/server-renderer)?$/.test(id)) return undefined;
    if (options?.ssr) return { id, external: true };
    return importer?.endsWith('.md')
      ? this.resolve(id, join(root, 'site/index.md'), { ...options, skipSelf: true })
      : undefined;
  },
};

export default defineConfig({
  title: 'sign-image',
  description: 'Sign container images right after you push them, and let only signed ones through.',
  lang: 'en',
  srcDir: '..',
  outDir: '.vitepress/dist',
  srcExclude: [...withoutPages],
  rewrites: pageOf,
  base: process.env.SITE_BASE || '/',
  cleanUrls: true,
  // Nothing is asked of another host: fonts, icons and search are part of the site.
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: icon() }]],
  markdown: {
    config: (markdown) =>
      readAsGithub(markdown as unknown as Markdown, {
        name,
        readme: readFileSync(join(root, 'README.md'), 'utf8'),
        has: (path) => existsSync(join(root, path)),
      }),
    anchor: { slugify: slug },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  themeConfig: {
    logo: icon(),
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/readme' },
      { text: 'Workflow builder', link: '/builder' },
      { text: 'Examples', link: '/examples/' },
      { text: 'Inputs', link: '/docs/inputs' },
    ],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'README', link: '/readme' },
          { text: 'Workflow builder', link: '/builder' },
          { text: 'Examples', link: '/examples/' },
        ],
      },
      ...sidebar(Object.fromEntries(documents)),
      {
        text: 'Project',
        items: [
          { text: 'Changelog', link: '/changelog' },
          { text: 'Security', link: '/security' },
          { text: 'Contributing', link: '/contributing' },
        ],
      },
    ],
    socialLinks: [
      { icon: 'github', link: `https://github.com/${name}`, ariaLabel: 'The repository on GitHub' },
    ],
    footer: { message: 'Apache-2.0' },
  },
  vite: {
    define: { __REPOSITORY__: JSON.stringify(name) },
    publicDir: join(import.meta.dirname, '../public'),
    build: { chunkSizeWarningLimit: 2000 },
    // The settings of the compiler for Node say more than this esbuild knows.
    esbuild: { tsconfigRaw: { compilerOptions: { target: 'es2022', verbatimModuleSyntax: true } } },
    plugins: [vueForDocuments],
  },
});

/** The icon of the templates, without a request. */
function icon(): string {
  const svg = readFileSync(join(root, 'workflow-templates/sign-image.svg'));
  return `data:image/svg+xml;base64,${svg.toString('base64')}`;
}
