// The action.yml files, the table of inputs, what is written, and the documents say the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NoOperationTraceWriter } from '@actions/workflow-parser';
import { parseAction } from '@actions/workflow-parser/actions/action-parser';
import { describe, expect, it } from 'vitest';
import { actions, readAction, reference } from '../../scripts/reference.ts';
import { signOutputs } from '../../src/edges/report/outputs.ts';
import { promoteOutputs } from '../../src/edges/report/promote-report.ts';
import { verifyOutputs } from '../../src/edges/report/verify-outputs.ts';

const root = join(import.meta.dirname, '../..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

describe.each(actions)('OWNER/sign-image%s', (path, table) => {
  const { name, description, branding, inputs, outputs, runs } = readAction(path);

  // Icons and colours are among those that GitHub's schema allows; and an expression in a description
  // would be evaluated, and keep the action from being loaded at all.
  it('is an action.yml that GitHub accepts', () =>
    expect(problems(text(`.${path}/action.yml`))).toEqual([]));

  // https://docs.github.com/actions/how-tos/create-and-publish-actions/publish-in-github-marketplace
  it('fits the Marketplace', () => {
    expect(name).toMatch(/^sign-image( [a-z]+)?$/);
    expect(description.length).toBeLessThanOrEqual(125);
    expect(description).not.toMatch(/\n/);
    expect(Object.keys(branding)).toEqual(['icon', 'color']);
  });

  it('declares the inputs of the table, with their sentences and defaults', () =>
    expect(
      Object.entries(inputs).map(([name, input]) => [name, input.description, input.default]),
    ).toEqual(Object.entries(table).map(([name, row]) => [name, row.sentence, row.default])));

  it('describes everything in sentences', () =>
    expect(
      [...Object.values(inputs), ...Object.values(outputs)]
        .map(({ description }) => description)
        .filter((sentence) => !/^[A-Z].*\.$/s.test(sentence)),
    ).toEqual([]));

  it('requires nothing by itself: a missing input gets our own error', () =>
    expect(Object.values(inputs).filter(({ required }) => required)).toEqual([]));

  it('runs a committed file with the runtime of package.json', () => {
    const name = path === '' ? 'sign' : path.slice(1);
    const main = path === '' ? 'dist/sign.js' : `../dist/${name}.js`;
    expect(runs).toEqual({ using: 'node24', main });
    expect(JSON.parse(text('package.json')).devDependencies.node).toMatch(/^24\./);
  });
});

function problems(content: string): readonly string[] {
  const { context } = parseAction({ name: 'action.yml', content }, new NoOperationTraceWriter());
  return context.errors.getErrors().map(({ message }) => message);
}

it.each([
  ['icon: shield', 'icon: key'],
  ['The digest of', 'The digest ${{ steps.build.outputs.digest }} of'],
  ['color: blue', 'color: pink'],
  ['using: node24', 'using: node25x'],
])('the check of an action.yml finds %j replaced by %j', (from, to) =>
  expect(problems(text('action.yml').replace(from, to))).not.toEqual([]),
);

it('no two actions have one name', () => {
  const names = actions.map(([path]) => readAction(path).name);
  expect(new Set(names).size).toBe(names.length);
});

describe('CHANGELOG.md', () => {
  const changelog = text('CHANGELOG.md');
  const versions = [...changelog.matchAll(/^## \[(.+?)\](?: - \d{4}-\d{2}-\d{2})?$/gm)];

  it('is a changelog in the form of Keep a Changelog', () => {
    expect(changelog.match(/^## /gm)).toHaveLength(versions.length);
    expect(versions[0]?.[1]).toBe('Unreleased');
    const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    const named = [...changelog.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
    expect(named.filter((kind) => !kinds.includes(kind ?? ''))).toEqual([]);
  });

  it('tells of the version of package.json', () =>
    expect(versions.map(([, version]) => version)).toContain(
      JSON.parse(text('package.json')).version,
    ));

  it('names each kind of change once a version', () => {
    for (const section of changelog.split(/^## /m).slice(1)) {
      const kinds = [...section.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
      expect(new Set(kinds).size, section.slice(0, 20)).toBe(kinds.length);
    }
  });
});

it.each([
  ['', signOutputs({ results: [], readBack: true })],
  ['/verify', verifyOutputs([])],
  ['/promote', promoteOutputs([])],
  ['/attest', signOutputs({ results: [], readBack: true })],
])('OWNER/sign-image%s declares exactly the outputs that are written', (path, written) =>
  expect(Object.keys(written).sort()).toEqual(Object.keys(readAction(path).outputs).sort()),
);

it('docs/inputs.md is what `npm run reference` writes', () =>
  expect(text('docs/inputs.md')).toBe(reference()));

describe('README.md', () => {
  const readme = text('README.md');

  it('can be read in one sitting', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(250);
    expect(readme.length).toBeLessThanOrEqual(16_000);
  });

  it('names inputs that the actions have', () => {
    const section = readme.split('## Inputs people use')[1]?.split('\n## ')[0] ?? '';
    const named = [...section.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name),
    );
    expect(named.length).toBeGreaterThanOrEqual(10);
    expect(named.filter((name) => !Object.hasOwn(readAction('').inputs, name))).toEqual([]);
  });
});
