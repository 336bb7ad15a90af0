// The builder in a browser: what it shows is what the module makes, with a mouse or without one, for
// eyes and ears, by day and by night.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../builder/built.ts';
import { type Choice, type Chosen, combinations, start, tables } from '../builder/choices.ts';
import { type Site, serve } from './served.ts';

const { publicKey: key, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = key.export({ type: 'spki', format: 'pem' }).toString();
const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let site: Site;
let page: Page;
beforeAll(async () => {
  site = await serve();
});
afterEach(async () => {
  expect(site.complaints).toEqual([]);
  await page.context().close();
});
afterAll(() => site.close());

/** What stands on the page: the id of a part → its text or the sentence in its place. */
const shown = () =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('.piece')].map((part) => [
        part.getAttribute('aria-labelledby'),
        part.querySelector('pre, .reason')?.textContent,
      ]),
    ),
  );

/** The same, as the module makes it. */
function made(choice: Partial<Choice>): Record<string, string> {
  const built = build({ ...start, ...choice });
  if ('mistakes' in built) throw new Error(JSON.stringify(built.mistakes));
  return Object.fromEntries(
    built.parts.map((part) => [
      part.id,
      'text' in part ? part.text.replace(/\n$/, '') : part.reason,
    ]),
  );
}

const names = Object.keys(tables) as (keyof Chosen)[];
const select = (name: keyof Chosen) => page.locator(`#choice-${name}`);

describe('the texts', () => {
  it('are those of the module, for every value of every choice and many combinations', async () => {
    page = await site.open('/builder');
    expect(await shown()).toEqual(made({}));
    const all = combinations(names);
    const some = all.filter((_, index) => index % 53 === 0);
    for (const name of names)
      expect(new Set(some.map((one) => one[name])).size, name).toBe(tables[name].length);
    await select('signer').selectOption('key');
    await page.locator('#choice-publicKey').fill(publicKey);
    for (const chosen of some) {
      await page.evaluate(async (values) => {
        for (const [name, value] of Object.entries(values)) {
          const field = document.querySelector<HTMLSelectElement>(`select#choice-${name}`);
          if (field === null || field.value === value) continue;
          field.value = value;
          field.dispatchEvent(new Event('change', { bubbles: true }));
        }
        await new Promise(requestAnimationFrame);
      }, chosen as Chosen);
      expect(await shown(), JSON.stringify(chosen)).toEqual(made({ ...chosen, publicKey }));
    }
  });

  it('have the names that are typed', async () => {
    page = await site.open('/builder');
    const typed = { owner: 'tools', repository: 'acme/web', branch: 'trunk' } as const;
    for (const [name, value] of Object.entries(typed))
      await page.locator(`#choice-${name}`).fill(value);
    expect(await shown()).toEqual(made(typed));
  });

  it('are there without a script, as they are at the start', async () => {
    page = await site.open('/builder');
    const text = await page.evaluate(async () => {
      const html = await (await fetch(location.pathname)).text();
      const sent = new DOMParser().parseFromString(html, 'text/html');
      return sent.querySelector('#text-workflow')?.textContent;
    });
    expect(text).toBe(made({}).workflow);
  });
});

describe('without a mouse', () => {
  /** What has the focus, by its label as it is read out. */
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      const label = document.querySelector(`label[for="${element?.id}"]`)?.textContent;
      return element?.getAttribute('aria-label') ?? label ?? element?.textContent?.trim() ?? '';
    });

  it('everything is reached, chosen and copied, in the order of the page', async () => {
    page = await site.open('/builder', { permissions: ['clipboard-read', 'clipboard-write'] });
    await select('registry').focus();
    await page.keyboard.press('ArrowDown');
    const seen: string[] = [await focused()];
    for (let step = 0; step < 40 && seen.at(-1) !== 'Text: Policy'; step += 1) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
      if (seen.at(-1) === 'Copy: Workflow') await page.keyboard.press('Enter');
      if (seen.at(-1) !== 'Copy: Workflow') continue;
      const expected = build({ ...start, registry: 'dockerhub' });
      if ('mistakes' in expected) throw new Error('mistakes');
      const [workflow] = expected.parts;
      await page.locator('[role=status]', { hasText: 'Copied: Workflow' }).waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
        workflow !== undefined && 'text' in workflow && workflow.text,
      );
    }
    expect(seen).toEqual(
      [
        'Registry',
        'Who signs',
        'Platforms',
        'Gate of pull requests',
        'Policy for',
        'What runs there was built',
        'Your repository',
        'Its main branch',
        'Image, if it has another name',
        'Account that sign-image belongs to',
        ...['Workflow', 'Gate of pull requests', 'A step that verifies, before a deployment']
          .concat('The same with cosign', 'Policy')
          .flatMap((title) => [`Copy: ${title}`, `Text: ${title}`]),
      ].flatMap((label) => [label]),
    );
  });

  it('shows where the focus is', async () => {
    page = await site.open('/builder');
    await select('registry').focus();
    await page.keyboard.press('Tab');
    const outline = await select('signer').evaluate((one) => getComputedStyle(one).outlineStyle);
    expect(outline).toBe('solid');
  });
});

describe('what is told', () => {
  it('where nothing can be copied: the text is selected, and that is said', async () => {
    page = await site.open('/builder');
    await page.evaluate(() =>
      Object.defineProperty(navigator, 'clipboard', {
        value: { writeText: () => Promise.reject(new Error('no')) },
      }),
    );
    await page.getByRole('button', { name: 'Copy: Workflow' }).click();
    await page.locator('[role=status]', { hasText: 'Workflow is selected' }).waitFor();
    const selected = await page.evaluate(() => getSelection()?.toString());
    expect(selected?.trim()).toBe(made({}).workflow?.trim());
  });

  it('a mistake at its field, and no text is left to copy', async () => {
    page = await site.open('/builder');
    const field = page.locator('#choice-repository');
    await field.fill('app');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const text = page.locator(`#${await field.getAttribute('aria-describedby')}`);
    expect(await text.textContent()).toBe('The repository as owner/name, as GitHub writes it.');
    await page.locator('[role=status]', { hasText: 'until the marked fields are right' }).waitFor();
    expect(await shown()).toEqual({});
    await field.fill('acme/app');
    expect(await shown()).toEqual(made({}));
  });

  it('that a private key does not belong here; no key is in the address', async () => {
    page = await site.open('/builder?signer=key&registry=quay&cluster=podman');
    const field = page.locator('#choice-publicKey');
    await field.fill(secret);
    expect(await page.locator('#mistake-publicKey').textContent()).toContain('private key');
    expect(await shown()).toEqual({});
    await field.fill(publicKey);
    const choice = { signer: 'key', registry: 'quay', cluster: 'podman', publicKey } as const;
    expect(await shown()).toEqual(made(choice));
    await select('platforms').selectOption('several');
    await page.waitForURL(/platforms=several/);
    expect(page.url()).toContain('signer=key');
    expect(page.url()).not.toMatch(/BEGIN|KEY|publicKey/);
    // Nor where it was pasted into another field, which takes no such thing.
    await page.locator('#choice-image').fill(secret);
    await select('platforms').selectOption('one');
    await page.waitForURL((url) => !url.search.includes('platforms'));
    expect(page.url()).not.toMatch(/BEGIN|KEY|image=/);
  });

  it('nothing of an address that nobody can choose', async () => {
    page = await site.open('/builder?registry=<b>&signer=nobody&cluster=talos&repository=a%20b');
    expect(await select('registry').inputValue()).toBe('ghcr');
    expect(await select('signer').inputValue()).toBe('keyless');
    expect(await select('cluster').inputValue()).toBe('talos');
    expect(await shown()).toEqual({});
  });
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('for everybody', () => {
  it.each(
    (['light', 'dark'] as const).flatMap((scheme) =>
      ['/', '/builder', '/builder?signer=awskms', '/readme', '/examples/bake'].map(
        (path) => [path, scheme] as const,
      ),
    ),
  )('%s by %s: roles, labels, landmarks, headings, contrast', async (path, colorScheme) => {
    page = await site.open(path, { colorScheme });
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const { run } = (window as unknown as { axe: Axe }).axe;
      // The theme's button shows its shortcut beside its name.
      const found = await run({ exclude: ['.DocSearch-Button'] });
      return found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`),
      );
    });
    expect(violations).toEqual([]);
  });

  it.each([390, 1000])('nothing is wider than %s pixels, whatever is chosen', async (width) => {
    page = await site.open('/builder?registry=ecr&signer=gcpkms', {
      viewport: { width, height: 800 },
    });
    for (const { value } of tables.cluster) {
      await select('cluster').selectOption(value);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    await page.locator('#choice-image').fill(`ghcr.io/${'a'.repeat(200)}/"b"`);
    await page.locator('#mistake-image').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });
});

interface Axe {
  run(context: { readonly exclude: readonly string[] }): Promise<{
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  }>;
}
