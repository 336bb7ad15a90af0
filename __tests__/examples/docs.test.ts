// What the documents say about codes, files and inputs is there.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chapterPage } from '../../src/edges/report/pages.ts';
import { failureCodes } from '../../src/failure.ts';
import { verdictCodes } from '../../src/signature/verdict.ts';
import { type Interface, ownAction, read, root, type Step } from './workflow-file.ts';

const troubleshooting = read('docs/troubleshooting.md');
const [, ofStep = '', ofImage = ''] = troubleshooting.split(/^## /m);
const sections = (text: string) => text.split(/^### /m).slice(1);
const titles = (text: string) =>
  sections(text).map((section) => section.split('\n')[0]?.replace(' (image)', '') ?? '');

describe('docs/troubleshooting.md', () => {
  it('explains every code of a step', () =>
    expect(titles(ofStep).sort()).toEqual([...failureCodes].sort()));
  it('explains every code of an image', () =>
    expect(titles(ofImage).sort()).toEqual([...verdictCodes].sort()));
  it('has a cause and a fix for each', () => {
    const bare = [...sections(ofStep), ...sections(ofImage)].filter(
      (section) =>
        !/^\S.*\n\n\S[^*]{20,}\n\*\*Fix:\*\* \S/.test(section) && !section.startsWith('verified'),
    );
    expect(bare).toEqual([]);
  });
});

describe('the link of an error', () => {
  const env = {
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
    GITHUB_ACTION_REF: 'v1',
  };
  const page = 'https://github.com/acme/sign-image/blob/v1/docs/troubleshooting.md#';
  const anchors = anchorsOf(troubleshooting);
  const chapters = (codes: readonly string[], of: 'step' | 'image') =>
    codes.map((code) => chapterPage(code, of, { env })?.replace(page, ''));

  it('leads to the chapter of every code of a step', () =>
    expect(chapters(failureCodes, 'step').filter((one = '') => !anchors.includes(one))).toEqual(
      [],
    ));
  it('leads to the chapter of every code of an image, never to that of a step', () => {
    const ofImages = chapters(verdictCodes, 'image');
    expect(ofImages.filter((one = '') => !anchors.includes(one))).toEqual([]);
    const inBoth = chapters(failureCodes, 'step').filter((one) => ofImages.includes(one));
    expect(inBoth).toEqual([]);
  });
});

const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe.each(documents)('%s', (path) => {
  const text = read(path);

  it('links to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)].filter(
      ([, file]) => file !== '',
    );
    expect(
      links
        .map(([, file = '']) => file)
        .filter((file) => !existsSync(join(root, dirname(path), file))),
    ).toEqual([]);
  });

  it('links to headings that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]*)\)/g)];
    const stray = links.filter(([, file = '', anchor = '']) => {
      const target = file === '' ? text : read(join(dirname(path), file));
      return !anchorsOf(target).includes(anchor);
    });
    expect(stray.map(([link]) => link)).toEqual([]);
  });

  it('shows YAML that can be read, with inputs that the actions have', () => {
    const blocks = [...text.matchAll(/^( *)```ya?ml\n([\s\S]*?)^ *```$/gm)].map(
      ([, indent = '', block = '']) => `\n${block}`.replaceAll(`\n${indent}`, '\n'),
    );
    const wrong = blocks.flatMap((block) => stepsIn(parse(block)).flatMap(wrongInputs));
    expect(wrong).toEqual([]);
  });
});

/** The anchors that GitHub gives the headings of a page: of equal ones, the later are numbered. */
function anchorsOf(text: string): readonly string[] {
  const seen = new Map<string, number>();
  const prose = text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => {
    const slug = title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** Every step in a piece of YAML: of a workflow, of a job, or a list of steps. */
function stepsIn(value: unknown): Step[] {
  if (Array.isArray(value)) return value.flatMap(stepsIn);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'uses' in value ? [value as Step] : [];
  return [...own, ...Object.values(value).flatMap(stepsIn)];
}

function wrongInputs(step: Step): string[] {
  const action = ownAction(step.uses);
  if (action === undefined || !existsSync(join(root, action))) return [];
  const { inputs = {} } = parse(read(action)) as Interface;
  return Object.keys(step.with ?? {})
    .filter((name) => !Object.hasOwn(inputs, name))
    .map((name) => `${step.uses}: ${name}`);
}

it.each(readdirSync(join(root, 'docs/images')))(
  'docs/images/%s is small, and shown somewhere',
  (name) => {
    expect(statSync(join(root, 'docs/images', name)).size).toBeLessThanOrEqual(150 * 1024);
    const everything = documents.map((path) => readFileSync(join(root, path), 'utf8')).join('\n');
    expect(everything).toContain(`images/${name}`);
  },
);
