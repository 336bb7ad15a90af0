// What a reader does: looks at a page on a narrow screen and at night, and searches.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, type Site, serve } from './served.ts';

let site: Site;
beforeAll(async () => {
  site = await serve();
});
afterAll(() => site.close());

describe('on a screen of 390 pixels', () => {
  it('no page is wider than the screen, asks another host, or complains', async () => {
    const page = await site.open('/', { viewport: { width: 390, height: 800 } });
    const wide: string[] = [];
    for (const path of addresses) {
      await page.goto(`${site.url}${path}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 390) wide.push(`${path}: ${width}`);
    }
    expect(wide).toEqual([]);
    expect(site.complaints.filter((text) => !text.startsWith('/404'))).toEqual([]);
    await page.context().close();
  });
});

describe('pictures', () => {
  it.each(['light', 'dark'] as const)('are those for a %s page', async (colorScheme) => {
    const page = await site.open('/readme', { colorScheme });
    const shown = await page
      .locator('picture img:visible')
      .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).currentSrc));
    expect(shown).toEqual([expect.stringContaining(`-1000-${colorScheme}.`)]);
    await page.context().close();
  });
});

describe('the search', () => {
  it('finds an error code by the keyboard alone, without a request to another host', async () => {
    const page = await site.open('/');
    await page.keyboard.press('Control+k');
    await page.locator('input[type=search]:focus').waitFor();
    await page.keyboard.type('no-identity-token');
    const first = page.locator('.result').first();
    await first.waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/troubleshooting#no-identity-token|no-identity-token/);
    expect(site.complaints.filter((text) => text.includes('asks '))).toEqual([]);
    await page.context().close();
  });
});
