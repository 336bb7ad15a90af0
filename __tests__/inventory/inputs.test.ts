import { expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import { readInventoryInputs } from '../../src/edges/inputs/inventory.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import { ours, publicPem } from '../promote/promoting.ts';

function read(given: Readonly<Record<string, string>>) {
  const masker = createMasker(
    () => [],
    () => {},
  );
  const values: Readonly<Record<string, string>> = { repository: 'ghcr.io/acme/app', ...given };
  return readInventoryInputs(
    masker,
    { get: (name) => values[name] ?? '', env: {} },
    compilePattern,
  );
}

it('by default nothing is changed, and nobody is asked for', () => {
  expect(read({})).toMatchObject({
    repository: { registry: 'ghcr.io', repository: 'acme/app' },
    images: [],
    identities: [],
    knownSigners: false,
    prune: false,
    dryRun: true,
    tlog: 'required',
    timeout: 900_000,
  });
});

it('short names are expanded as Docker does', () =>
  expect(read({ repository: 'nginx' }).repository).toEqual({
    registry: 'docker.io',
    repository: 'library/nginx',
  }));

it.each([
  ['no repository', { repository: '' }, 'Nothing says which repository'],
  ['one image', { repository: 'ghcr.io/acme/app:v1' }, 'names one image'],
  ['signing again what nobody verifies', { 'resign-with': 'new.key' }, 'nothing says whose'],
  [
    'an issuer of nobody',
    { 'certificate-oidc-issuer': 'https://gitlab.com' },
    'nobody whom it would be the issuer of',
  ],
  [
    'anybody of an issuer',
    { 'certificate-identity-regexp': '.*', 'resign-with': 'new.key', 'dry-run': 'false' },
    'certificate-identity-regexp',
  ],
  ['a misspelt switch', { prune: 'yes' }, 'prune'],
])('refuse %s', (_, given, words) => {
  expect(() => read(given)).toThrow(words);
});

it('say when a switch has nothing to switch', () => {
  expect(read({ 'dry-run': 'false' }).warnings).toEqual([
    expect.stringContaining('dry-run has no effect'),
  ]);
  const asked = { key: publicPem(ours), 'resign-with': 'new.key', 'dry-run': 'false' };
  expect(read(asked).warnings).toEqual([]);
});
