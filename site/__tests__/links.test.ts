// Every link of every page leads somewhere: to a page, to a heading on it, to a file of the site.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addresses, fileOf } from './served.ts';

const texts = new Map(addresses.map((path) => [path, readFileSync(fileOf(path) ?? '', 'utf8')]));
const anchors = new Map(
  [...texts].map(([path, html]) => [
    path,
    new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id = '']) => id)),
  ]),
);

/** Addresses of the site that stand in a page, as paths with their anchor. */
function linksOf(path: string): string[] {
  const html = texts.get(path) ?? '';
  return [...html.matchAll(/\s(?:href|src|srcset)="([^"]*)"/g)]
    .map(([, to = '']) => to.replaceAll('&amp;', '&').replaceAll('&#39;', "'"))
    .filter((to) => !/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(to))
    .map((to) => new URL(to, `http://site${path}`))
    .map(({ pathname, hash }) => `${pathname}${hash}`);
}

describe.each([...texts.keys()])('%s', (path) => {
  it('has a title, one heading of the first rank, and text', () => {
    const html = texts.get(path) ?? '';
    expect(html).toMatch(/<title>[^<]{5,}<\/title>/);
    expect(html).toContain('<html lang="en"');
    if (path !== '/404') expect(html.match(/<h1\b/g)).toHaveLength(1);
    expect(html.replace(/<[^>]*>/g, '').length).toBeGreaterThan(200);
  });

  it('has no link that leads nowhere', () => {
    const dead = linksOf(path).filter((to) => {
      const [page = '', anchor] = to.split('#');
      const file = fileOf(page);
      if (file === undefined) return true;
      return Boolean(anchor) && anchors.get(page)?.has(decodeURIComponent(anchor ?? '')) !== true;
    });
    expect(dead).toEqual([]);
  });

  it('names nothing of another host that a browser would fetch', () => {
    const html = texts.get(path) ?? '';
    expect(
      html.match(/<(?:script|img|source|iframe|link)\b[^>]*(?:src|srcset|href)="(?:https?:)?\/\//g),
    ).toBe(null);
  });
});

it('has a page for every document and every example', () => {
  expect(addresses).toEqual(
    expect.arrayContaining([
      '/',
      '/readme',

      '/docs/keys',
      '/examples/',
      '/examples/bake',
    ]),
  );
});
