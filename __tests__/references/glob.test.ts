import { describe, expect, it } from 'vitest';
import { readGlobs } from '../../src/references/glob.ts';
import { growth } from '../growth.ts';

describe('globs of input files', () => {
  it.each<[string, string, boolean]>([
    ['Dockerfile', 'Dockerfile', true],
    ['Dockerfile', 'app/Dockerfile', false],
    ['**/Dockerfile', 'Dockerfile', true],
    ['**/Dockerfile', 'a/b/Dockerfile', true],
    ['**/Dockerfile*', 'a/Dockerfile.dev', true],
    ['./deploy/*.yaml', 'deploy/a.yaml', true],
    ['deploy/*.yaml', 'deploy/a/b.yaml', false],
    ['deploy/**', 'deploy/a/b.yaml', true],
    ['deploy/**/*.{yml,yaml}', 'deploy/a/b/c.yml', true],
    ['deploy/**/*.{yml,yaml}', 'deploy/c.yaml', true],
    ['.github/**/*.yml', '.github/workflows/ci.yml', true],
    ['**/*.yml', '.github/workflows/ci.yml', true],
    ['a[0-9].yaml', 'a7.yaml', true],
    ['a[!0-9].yaml', 'a7.yaml', false],
    ['a?.yaml', 'ab.yaml', true],
    ['*a*b*c', 'xxaxxbxxc', true],
    ['*a*b*c', 'xxaxxcxxb', false],
    ['a.b', 'axb', false],
    ['**/x/**/y', 'x/y', true],
    ['**/x/**/y', 'a/x/b/c/y', true],
    ['Dockerfile', 'dockerfile', false],
  ])('%s fits %s: %s', (glob, path, expected) => {
    expect(readGlobs([glob]).chosen(path)).toBe(expected);
  });

  it('the last line that fits decides', () => {
    const { chosen } = readGlobs(['**/*.yaml', '!test/**', 'test/keep.yaml']);
    expect(['a.yaml', 'test/a.yaml', 'test/keep.yaml', 'b.txt'].map(chosen)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('says which folders are worth a look', () => {
    const { mayHold } = readGlobs(['deploy/*/x.yaml', '!deploy/a/**']);
    expect(['deploy', 'deploy/a', 'deploy/a/b', 'src', 'node_modules'].map(mayHold)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    const all = readGlobs(['**/*.yaml']);
    expect(['src', 'node_modules', 'a/node_modules/b', '.git', '.github'].map(all.mayHold)).toEqual(
      [true, false, false, false, true],
    );
  });

  it.each([
    ['folders', (size: number) => `${'a/'.repeat(size)}aaaaaaaa`],
    ['letters', (size: number) => `a/a/${'a'.repeat(size)}`],
  ])('a path that was made for it costs what it is long: %s', (_, path) => {
    const { chosen } = readGlobs(['**/**/**/**/*a*a*a*a*a*a*b']);
    const paths = new Map([250, 500, 3_000].map((size) => [size, path(size)]));
    const look = (size: number) => expect(chosen(paths.get(size) ?? '')).toBe(false);
    expect(growth(look, 250)).toBeLessThan(3);
    look(3_000);
  });

  it('refuses braces that stand for thousands', () => {
    expect(() => readGlobs(['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}'])).toThrow(
      'more than 200',
    );
  });
});
