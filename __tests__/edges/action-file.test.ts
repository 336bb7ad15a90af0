import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keygenTable, signTable, type Table, verifyTable } from '../../src/edges/inputs/table.ts';
import { signOutputs } from '../../src/edges/report/outputs.ts';
import { inputsTable, outputsTable, readAction } from './readme-tables.ts';

const action = readAction('action.yml');

it.each([
  ['action.yml', signTable],
  ['verify/action.yml', verifyTable],
  ['keygen/action.yml', keygenTable],
])('%s declares the inputs of the table, with their sentences and defaults', (file, table) => {
  const rows: Table = table;
  const declared = Object.entries(readAction(file).inputs);
  expect(declared.map(([name, input]) => [name, input.description, input.default])).toEqual(
    Object.entries(rows).map(([name, row]) => [name, row.sentence, row.default]),
  );
});

describe('action.yml', () => {
  it('declares exactly the outputs that are written', () => {
    expect(Object.keys(signOutputs({ results: [], readBack: true }))).toEqual(
      Object.keys(action.outputs),
    );
  });

  it('describes everything in sentences', () => {
    const texts = [...Object.values(action.inputs), ...Object.values(action.outputs)].map(
      ({ description }) => description,
    );
    expect(texts.filter((text) => !/^[A-Z].*\.$/s.test(text))).toEqual([]);
  });

  it('requires nothing by itself: a missing input gets our own error', () => {
    expect(Object.values(action.inputs).filter(({ required }) => required)).toEqual([]);
  });

  it('runs a committed file with the runtime of package.json', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/sign.js' });
    const { devDependencies } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(devDependencies.node).toMatch(/^24\./);
  });
});

describe('README.md', () => {
  const readme = () => readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

  it('has the inputs of action.yml, word for word', () => {
    expect(readme()).toContain(inputsTable(action));
  });

  it('has the outputs of action.yml, word for word', () => {
    expect(readme()).toContain(outputsTable(action));
  });
});
