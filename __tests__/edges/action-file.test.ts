import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import { type InputSource, readSignInputs } from '../../src/edges/inputs/sign.ts';
import { signOutputs } from '../../src/edges/report/outputs.ts';
import { inputsTable, outputsTable, readAction } from './readme-tables.ts';

const action = readAction('action.yml');
const masker = createMasker(
  () => [],
  () => undefined,
);

describe('action.yml', () => {
  it('declares exactly the inputs that the parser reads', () => {
    const asked = new Set<string>();
    const source: InputSource = {
      get: (name) => {
        asked.add(name);
        return name === 'images' ? 'ghcr.io/acme/app' : '';
      },
      env: {},
    };
    readSignInputs(masker, source);
    expect([...asked].sort()).toEqual(Object.keys(action.inputs).sort());
  });

  it('has the defaults that the parser has', () => {
    const withDefaults = (name: string) => {
      const declared = action.inputs[name]?.default ?? '';
      return declared.startsWith('${{') ? '' : declared;
    };
    const given = (get: (name: string) => string): InputSource => ({
      get: (name) => (name === 'images' ? 'ghcr.io/acme/app' : get(name)),
      env: {},
    });
    expect(readSignInputs(masker, given(withDefaults))).toEqual(
      readSignInputs(
        masker,
        given(() => ''),
      ),
    );
  });

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
