// Documents that are written for GitHub become pages of the site: links, anchors, pictures, names.
import { describe, expect, it } from 'vitest';
import { type Markdown, readAsGithub, siteLink, slug } from '../../site/markdown/github.ts';
import { exampleName, pageOf, sidebar } from '../../site/markdown/pages.ts';

const files = [
  'docs/keys.md',
  'examples/bake.yml',
  'examples/README.md',
  'src/cli.ts',
  'README.md',
];
const repository = {
  name: 'acme/sign-image',
  readme: '# x\n\nSigns images.\n\nMore.\n\n```yaml\non: push\n```\n\n```yaml\non: tag\n```\n',
  has: (path: string) => files.includes(path),
};

describe('a link', () => {
  it.each([
    ['keys.md#a', 'docs/other.md', '/docs/keys#a'],
    ['docs/keys.md', 'README.md', '/docs/keys'],
    ['../README.md#inputs', 'docs/keys.md', '/readme#inputs'],
    ['../examples/README.md', 'docs/keys.md', '/examples/'],
    ['../examples/bake.yml', 'docs/keys.md', '/examples/bake'],
    ['../src/cli.ts', 'docs/keys.md', 'https://github.com/acme/sign-image/blob/main/src/cli.ts'],
    ['../../issues', 'docs/keys.md', 'https://github.com/acme/sign-image/issues'],
    ['https://OWNER.github.io/sign-image/builder', 'README.md', '/builder'],
    ['https://example.com/x.md', 'README.md', 'https://example.com/x.md'],
    ['#here', 'README.md', '#here'],
  ])('%s of %s leads to %s', (to, from, expected) => {
    expect(siteLink(to, from, repository)).toBe(expected);
  });

  it.each(['key.md', '../docs/gone.md', 'examples/bake.yml'])(
    '%s is refused: nothing is there',
    (to) => {
      expect(() => siteLink(to, 'docs/keys.md', repository)).toThrow(
        `docs/keys.md: the link ${to}`,
      );
    },
  );
});

it('headings have the anchors that GitHub gives them', () => {
  expect(
    ['`sign-image`: inputs', 'A key, or keyless?', 'OWNER/sign-image@v1', 'What’s “new”'].map(slug),
  ).toEqual(['sign-image-inputs', 'a-key-or-keyless', 'ownersign-imagev1', 'whats-new']);
});

/** What the reader of Markdown behind it is given. */
function given(source: string, name = repository.name): string {
  let seen = '';
  const markdown: Markdown = {
    parse: (text) => {
      seen = text;
      return [];
    },
  };
  readAsGithub(markdown, { ...repository, name });
  markdown.parse(source, { relativePath: 'readme.md' });
  return seen;
}

describe('a text', () => {
  it('names the repository that publishes it, and says nothing of OWNER then', () => {
    const text = '`OWNER` on this page is you.\n\nuses: OWNER/sign-image/verify@v1\n';
    expect(given(text)).toBe('\n\nuses: acme/sign-image/verify@v1\n');
    expect(given(text, 'OWNER/sign-image')).toBe(text);
  });

  it('has no badges, which are pictures of other hosts', () => {
    expect(given('a\n[![CI](https://x.example/b.svg)](https://x.example)\n')).toBe('a\n\n');
  });

  it('takes pieces from README.md, and only those that are there', () => {
    const text = '<!-- README: first sentence -->\n<!-- README: first workflow -->';
    expect(given(text)).toBe('Signs images.\n```yaml\non: push\n```');
    const empty = { ...repository, readme: '' };
    const markdown: Markdown = { parse: () => [] };
    readAsGithub(markdown, empty);
    expect(() => markdown.parse(text, { relativePath: 'index.md' })).toThrow(
      'README.md has nothing',
    );
  });

  it('has one picture for a light page and one for a dark page', () => {
    const picture = (theme: string) =>
      `<picture class="on-${theme}"><source media="(max-width: 500px)" srcset="./i/390-${theme}.png"><img alt="a" src="./i/1000-${theme}.png" loading="lazy"></picture>`;
    expect(
      given(
        '<picture>\n<source media="(max-width: 500px) and (prefers-color-scheme: dark)" srcset="i/390-dark.png">\n<source media="(max-width: 500px)" srcset="i/390-light.png">\n<source media="(prefers-color-scheme: dark)" srcset="i/1000-dark.png">\n<img alt="a" src="i/1000-light.png">\n</picture>',
      ),
    ).toBe(picture('light') + picture('dark'));
  });
});

describe('the list of pages', () => {
  it('has every document, those of a folder below the document of its name', () => {
    const list = sidebar({
      'docs/keys.md': '# Keys',
      'docs/registries.md': '# Registries',
      'docs/registries/ghcr.md': '# `ghcr.io`',
      'docs/new.md': '# New',
    });
    expect(list).toEqual([
      {
        text: 'Sign',
        items: [
          { text: 'Keys', link: '/docs/keys' },
          {
            text: 'Registries',
            link: '/docs/registries',
            collapsed: true,
            items: [{ text: 'ghcr.io', link: '/docs/registries/ghcr' }],
          },
        ],
      },
      { text: 'More', items: [{ text: 'New', link: '/docs/new' }] },
    ]);
  });

  it('gives pages names that no kind of file has', () => {
    expect(exampleName('other-ci/gitlab-key.gitlab-ci.yml')).toBe('other-ci/gitlab-key-gitlab-ci');
    expect(['site/index.md', 'docs/keys.md', 'CHANGELOG.md'].map(pageOf)).toEqual([
      'index.md',
      'docs/keys.md',
      'changelog.md',
    ]);
  });
});
