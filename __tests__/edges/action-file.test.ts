// The action.yml files, the table of inputs, what is written, and the documents say the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { actions, readAction, reference } from '../../scripts/reference.ts';
import { signOutputs } from '../../src/edges/report/outputs.ts';
import { promoteOutputs } from '../../src/edges/report/promote-report.ts';
import { verifyOutputs } from '../../src/edges/report/verify-outputs.ts';

const root = join(import.meta.dirname, '../..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

describe.each(actions)('OWNER/sign-image%s', (path, table) => {
  const { name, description, branding, inputs, outputs, runs } = readAction(path);

  it('fits the Marketplace', () => {
    expect(name).toMatch(/^sign-image( [a-z]+)?$/);
    expect(description.length).toBeLessThanOrEqual(125);
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
