import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fitsResolvedNames,
  gobwasGlob,
  kyvernoWildcard,
  policyControllerGlob,
} from '../../src/policies/glob.ts';
import { growth } from '../growth.ts';

describe("policy-controller's globs", () => {
  it.each([
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:1', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/app:1', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/team/app:1', false],
    ['ghcr.io/acme/**', 'ghcr.io/acme/team/app:1', true],
    ['ghcr.io/*/*', 'ghcr.io/acme:1', false],
    ['ghcr.io/**/app*', 'ghcr.io/a/b/c/app:1', true],
    ['ghc**', 'ghcr.io/acme/app:1', true],
    ['**', 'anything/at:all', true],
    ['***', 'a/b', true],
    ['app*', 'app', true],
    ['ghcr.io/acme/app', 'prefix-ghcr.io/acme/app', false],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app-suffix', false],
    ['ghcr.io/**', 'ghcrxio/acme/app', false],
    ['*', 'index.docker.io/library/nginx:latest', true],
    ['*', 'ghcr.io/acme/app:1', false],
    ['*/*', 'index.docker.io/acme/app:latest', true],
    ['*/*', 'ghcr.io/app:1', false],
    ['ghcr.io/acme/app@*', `ghcr.io/acme/app@sha256:${'0'.repeat(64)}`, true],
  ])('%s and %s: %s', (glob, text, expected) =>
    expect(policyControllerGlob(glob)?.(text)).toBe(expected),
  );

  it.each(['.+', '[a-z]*', 'a?b', '{a,b}', 'ä', '', 'a b', 'a\n'])('"%s" is none', (glob) =>
    expect(policyControllerGlob(glob)).toBeUndefined(),
  );
});

describe('of those, for names with a digest,', () => {
  it.each([
    'ghcr.io/acme/**',
    'ghcr.io/acme/*',
    'ghcr.io/acme/app@*',
    'ghcr.io/acme/app@sha256:*',
    `ghcr.io/acme/app@sha256:${'0'.repeat(64)}`,
    'ghcr.io/acme/app*',
    '**',
    '**/*',
    '*',
    '*/*',
    '*.acme.example/**',
    '127.0.0.1:5000/app@**',
    'localhost/app@*',
    '**@sha256:*',
  ])('%s fits some', (glob) => expect(fitsResolvedNames(glob)).toBe(true));

  it.each([
    'ghcr.io/acme/app',
    'ghcr.io/acme/app:*',
    'ghcr.io/acme/app:**',
    'ghcr.io/acme/app:v1',
    'ghcr.io/**:v1',
    'nginx',
    'nginx@*',
    'acme/app@*',
    'acme/**',
    'ghcr.io*',
    'ghcr.io/acme/app@sha256:0',
    'ghcr.io/acme/app@sha256:g*',
    'ghcr.io/acme/app@sha512:*',
  ])('%s fits none', (glob) => expect(fitsResolvedNames(glob)).toBe(false));

  it('is said in time in proportion to the glob', () => {
    for (const part of ['a*', '*', '**a', '.:'])
      expect(growth((size) => fitsResolvedNames(`${part.repeat(size)}:v1`), 200)).toBeLessThan(3);
  });

  it('says of every glob what matching says', () => {
    const part = fc.constantFrom('*', '**', 'ghcr.io', '/', 'acme', ':', '@', 'sha256:', '0', '@*');
    const names = ['ghcr.io/acme', 'ghcr.io/acme/0', 'a.b:0/acme'].map(
      (name) => `${name}@sha256:${'0'.repeat(64)}`,
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const fits = policyControllerGlob(parts.join(''));
        if (names.some((name) => fits?.(name)))
          expect(fitsResolvedNames(parts.join(''))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the globs of Kyverno's ImageValidatingPolicy", () => {
  it.each([
    ['ghcr.io/acme/*', 'ghcr.io/acme/team/app:1', true],
    ['ghcr.io/**', 'ghcr.io/a/b', true],
    ['*', '', true],
    ['a?c', 'a/c', true],
    ['a?c', 'ac', false],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app:1', false],
    ['{ghcr.io,quay.io}/acme/*', 'quay.io/acme/a', true],
    ['{ghcr.io,quay.io}/acme/*', 'docker.io/acme/a', false],
    ['a{b,c{d,e}}f', 'acef', true],
    ['a{b,}c', 'ac', true],
    ['a{*,?}', 'abc', true],
    ['a\\{b', 'a{b', true],
    ['a{b\\,c}', 'ab,c', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['v[0-9]', 'v7', true],
    ['v[0-9]', 'vx', false],
    ['v[!0-9]', 'vx', true],
    ['v[ab]', 'vb', true],
    ['v[!ab]', 'vb', false],
    ['\\[::1\\]:5000/*', '[::1]:5000/a', true],
  ])('%s and %s: %s', (glob, text, expected) =>
    expect(gobwasGlob(glob.replaceAll('\\\\', '\\'))?.(text)).toBe(expected),
  );

  it.each(['{a', 'a}', '[a', 'a]', '[a-cx]', 'a\\', '{a,b}'.repeat(9)])('%s is none', (glob) =>
    expect(gobwasGlob(glob)).toBeUndefined(),
  );

  it('take time in proportion', () => {
    const fits = new Map([100, 200].map((size) => [size, gobwasGlob('a*'.repeat(size / 2))]));
    expect(growth((size) => fits.get(size)?.('a'.repeat(500)), 100)).toBeLessThan(3);
  });
});

describe("Kyverno's wildcards", () => {
  it.each([
    ['*', 'a/b:c', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/team/app:1', true],
    ['ghcr.io/acme/*', 'ghcrxio/acme/app:1', false],
    ['ghcr.io/acme/app:v?', 'ghcr.io/acme/app:v1', true],
    ['ghcr.io/acme/app:v?', 'ghcr.io/acme/app:v', false],
    ['ghcr.io/acme/app:v?', 'ghcr.io/acme/app:v12', false],
    ['a?c', 'a/c', true],
    ['a*?c', 'ac', false],
    ['a*?c', 'abbc', true],
    ['*app*', 'ghcr.io/acme/app:1', true],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app:1', false],
    ['', '', true],
    ['', 'a', false],
    ['[a]', 'a', false],
    ['ü?', 'ü😀', true],
  ])('%s and %s: %s', (pattern, text, expected) =>
    expect(kyvernoWildcard(pattern)(text)).toBe(expected),
  );
});

describe('both', () => {
  it('agree with a regular expression on every pattern and text', () => {
    const pattern = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '*', ':'),
      minLength: 2,
      maxLength: 8,
    });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        const loose = new RegExp(`^${glob.replaceAll(/\*+/g, '[^]*')}$`).test(name);
        const strict = new RegExp(
          `^${glob.replaceAll('**', '#').replaceAll('*', '[^/]*').replaceAll('#', '[^]*')}$`,
        ).test(name);
        expect(kyvernoWildcard(glob)(name)).toBe(loose);
        if (glob !== '*/*') expect(policyControllerGlob(glob)?.(name)).toBe(strict);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['a*', (glob: string) => kyvernoWildcard(glob)],
    ['a**', (glob: string) => policyControllerGlob(glob) ?? (() => true)],
  ] as const)('cost pattern times text, whatever either holds: %s', (part, made) => {
    const walk = (parts: number, length: number) => {
      if (made(`${part.repeat(parts)}b`)('a'.repeat(length))) throw new Error('it fits');
    };
    expect(growth((size) => walk(20, size), 100)).toBeLessThan(3);
    expect(growth((size) => walk(size, 50), 40)).toBeLessThan(3);
    walk(200, 800);
  });
});
