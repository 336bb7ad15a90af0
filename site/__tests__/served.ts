// The built site, served as GitHub Pages does, and a browser that may ask nobody else.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export const dist = join(import.meta.dirname, '../.vitepress/dist');
if (!existsSync(dist)) throw new Error('nothing is built: npm --prefix site run build');

/** Paths of all pages, as their addresses have them: `/`, `/docs/keys`. */
export const addresses: readonly string[] = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .map((file) => `/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.html'))
  .map((file) => file.replace(/(?:index)?\.html$/, ''))
  .sort();

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
};

/** The file that an address means: itself, with `.html`, or the index of a folder. */
export function fileOf(address: string): string | undefined {
  return [address, `${address}.html`, `${address}index.html`]
    .map((path) => join(dist, decodeURI(path)))
    .find((path) => existsSync(path) && statSync(path).isFile());
}

export interface Site {
  readonly url: string;
  readonly browser: Browser;
  /** what pages said on the console, and what they asked of others */
  readonly complaints: string[];
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  close(): Promise<void>;
}

/** Serves the site and starts a browser. */
export async function serve(): Promise<Site> {
  const server = createServer((request, response) => {
    const file = fileOf(new URL(request.url ?? '/', 'http://site').pathname);
    response.writeHead(file === undefined ? 404 : 200, {
      'content-type': types[extname(file ?? '.html')] ?? 'application/octet-stream',
    });
    response.end(readFileSync(file ?? join(dist, '404.html')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-sync', '--disable-component-update'],
  });
  const complaints: string[] = [];
  return {
    url,
    browser,
    complaints,
    async open(path, options = {}) {
      const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()))
          complaints.push(`${path}: ${message.text()}`);
      });
      page.on('request', (request) => {
        const to = request.url();
        if (!to.startsWith(`${url}/`) && !to.startsWith('data:'))
          complaints.push(`${path}: asks ${to}`);
      });
      page.setDefaultTimeout(110_000);
      await page.goto(`${url}${path}`, { waitUntil: 'networkidle' });
      await page.waitForFunction(() => '__vue_app__' in (document.querySelector('#app') ?? {}));
      return page;
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
