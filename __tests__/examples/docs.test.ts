// What the documents say about codes, files and inputs is there.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
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
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => `#${slug(title)}`);
    const wanted = [...text.matchAll(/\]\((#[^)\s]*)\)/g)].map(([, anchor]) => anchor);
    expect(wanted.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([]);
  });

  it('shows YAML that can be read, with inputs that the actions have', () => {
    const blocks = [...text.matchAll(/^( *)```ya?ml\n([\s\S]*?)^ *```$/gm)].map(
      ([, indent = '', block = '']) => `\n${block}`.replaceAll(`\n${indent}`, '\n'),
    );
    const wrong = blocks.flatMap((block) => stepsIn(parse(block)).flatMap(wrongInputs));
    expect(wrong).toEqual([]);
  });
});

const slug = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');

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
