import { describe, expect, it } from 'vitest';
import { readPromoteInputs } from '../../src/edges/inputs/promote.ts';
import { promoteTable } from '../../src/edges/inputs/promote-table.ts';
import { verifyTable } from '../../src/edges/inputs/table.ts';
import { Failure } from '../../src/failure.ts';
import { placeOf } from '../../src/image/targets.ts';

const masker = { mask() {}, maskKey() {}, maskPrivateKey() {}, maskBasic() {} };
const read = (inputs: Record<string, string>) =>
  readPromoteInputs(masker, {
    get: (name) => inputs[name] ?? '',
    env: Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
  });
const failureOf = (inputs: Record<string, string>) => {
  try {
    read(inputs);
  } catch (caught) {
    if (caught instanceof Failure) return `${caught.code}: ${caught.message} ${caught.fix}`;
    throw caught;
  }
  return 'taken';
};
const images = 'ghcr.io/acme/app:v1';
const key = '-----BEGIN PUBLIC KEY-----';
const to = 'registry.example.com/prod/app';
const good = { images, key, to };

it('say whose signature counts as the gate does, but for what reads files and reports', () => {
  const left = Object.keys(verifyTable).filter((name) => !Object.hasOwn(promoteTable, name));
  expect(left.sort()).toEqual(
    [
      'changed-only',
      'comment',
      'fail',
      'files',
      'github-token',
      'only-images',
      'sarif',
      'skip-images',
    ].sort(),
  );
  expect(
    read({ ...good, 'attestation-type': 'spdx', tlog: 'ignore', recursive: 'true' }),
  ).toMatchObject({
    images: [images],
    key,
    attestationTypes: ['https://spdx.dev/Document'],
    tlog: 'ignore',
    recursive: true,
    include: ['all'],
    timeout: 900_000,
    warnings: [],
  });
});

describe('targets', () => {
  const place = (line: string, image = { registry: 'ghcr.io', repository: 'acme/app' }) => {
    const [destination] = read({ ...good, to: line }).to;
    const { registry, repository } = placeOf(destination, image);
    return [`${registry}/${repository}`, 'tag' in destination ? destination.tag : undefined];
  };
  it.each([
    ['registry.example.com/prod/app', 'registry.example.com/prod/app', undefined],
    ['registry.example.com/prod/app:stable', 'registry.example.com/prod/app', 'stable'],
    ['localhost:5000/app:1', 'localhost:5000/app', '1'],
    ['registry.example.com/prod/', 'registry.example.com/prod/acme/app', undefined],
    ['registry.example.com/', 'registry.example.com/acme/app', undefined],
    ['docker.io/acme/', 'docker.io/acme/acme/app', undefined],
    ['docker.io/', 'docker.io/acme/app', undefined],
    ['acme/app', 'docker.io/acme/app', undefined],
  ])('%s', (line, repository, tag) => expect(place(line)).toEqual([repository, tag]));

  it.each([
    ['prod/', 'bad-reference: "prod/" in `to` is no target: it begins with no registry'],
    [`${to}@sha256:${'a'.repeat(64)}`, 'is no target: a target has no digest'],
    ['https://registry.example.com/app', 'bad-reference'],
    ['registry.example.com/Prod/', 'bad-reference'],
    ['registry.example.com//', 'bad-reference'],
    ['', 'Nothing says where to'],
    [Array.from({ length: 51 }, (_, i) => `${to}${i}`).join('\n'), '51 targets'],
  ])('%s is refused', (line, words) => expect(failureOf({ ...good, to: line })).toContain(words));
});

describe('refused before anybody is asked', () => {
  it.each([
    ['no image', { key, to }, 'Nothing to promote'],
    ['nobody who must have signed', { images, to }, 'Nothing says who must have signed'],
    ['anybody', { images, to, 'certificate-identity-regexp': '.*' }, 'bad-input'],
    ['a gate that lets pass', { ...good, fail: 'false' }, '`fail` is no input of this action'],
    ['files', { ...good, files: '**/*.yaml' }, '`files` is no input of this action'],
    ['another name for a target', { ...good, destination: to }, 'Rename `destination` to `to`'],
    ['one platform alone', { ...good, platform: 'linux/amd64' }, 'an index is copied whole'],
    ['an unknown word', { ...good, include: 'sbom' }, 'Input include has "sbom"'],
    ['a signature left behind', { ...good, include: 'attestations' }, 'include leaves it behind'],
    [
      'attestations left behind',
      { ...good, include: 'signatures', 'attestation-type': 'spdx' },
      'include leaves them behind',
    ],
    [
      'a user without a password',
      { ...good, 'registry-username': 'a' },
      'registry-password is empty',
    ],
  ])('%s', (_, inputs, words) => expect(failureOf(inputs as never)).toContain(words));

  it('several kinds may go along', () =>
    expect(read({ ...good, include: 'signatures\nattestations' }).include).toEqual([
      'signatures',
      'attestations',
    ]));
});
