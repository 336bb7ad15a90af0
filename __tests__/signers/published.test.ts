// The list of this repository: every file is read by the reader that counts at run time, fits the
// schema for editors, and lets in nobody beside the publisher.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { published, signerFiles } from '../../scripts/signers.ts';
import { parseReference } from '../../src/image/reference.ts';
import { openList } from '../../src/signers/choose.ts';
import { listFields, readSignerLists } from '../../src/signers/own-lists.ts';
import { openKnownSigners } from '../../src/signers/require.ts';
import { problems, type Schema, untreated } from '../policies/schema.ts';

const root = join(import.meta.dirname, '../..');
const schema = JSON.parse(readFileSync(join(root, 'signers/schema.json'), 'utf8')) as Schema;
const list = published();

describe.each(signerFiles())('$path', (file) => {
  it('is read, and fits the schema', () => {
    expect(readSignerLists([file]).entries.length).toBeGreaterThan(0);
    expect(problems(parse(file.text), schema, '')).toEqual([]);
  });
});

it('what ships is what the files say', () =>
  expect(JSON.parse(readFileSync(join(root, 'src/signers/published.json'), 'utf8'))).toEqual(list));

it('the schema and the reader know the same fields', () => {
  expect(untreated(schema, listFields, '')).toEqual([]);
  const names = (fields: object): string[] =>
    Object.entries(fields).flatMap(([name, { fields: inside }]) => [
      name,
      ...(inside === undefined ? [] : names(inside)),
    ]);
  const inSchema = JSON.stringify(schema);
  expect(names(listFields).filter((name) => !inSchema.includes(`"${name}":`))).toEqual([]);
});

describe('every entry', () => {
  const signers = list.entries.flatMap(({ publisher, signers: all = [] }) =>
    all.map((signer) => ({ publisher, signer })),
  );

  it('of a GitHub workflow names the repository that ran it: others may call a reusable one', () =>
    expect(
      signers.filter(
        ({ signer }) =>
          'issuer' in signer &&
          signer.issuer === 'https://token.actions.githubusercontent.com' &&
          signer.github?.repository === undefined,
      ),
    ).toEqual([]));

  it('with a pattern is bound to one repository of workflows, or one mail domain', () => {
    const open = signers.flatMap(({ signer }) =>
      'isPattern' in signer &&
      !/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/\.github\/workflows\/.+@/.test(signer.identity) &&
      !/^\*@[a-z]+\.com$/.test(signer.identity)
        ? [signer.identity]
        : [],
    );
    expect(open).toEqual([]);
  });

  it('says where it was read', () =>
    expect(list.entries.filter(({ sources }) => sources.length === 0)).toEqual([]));

  it('has a check image that it speaks of', () => {
    const find = openList(list);
    const wrong = list.entries.filter(({ check, ...entry }) => {
      if (check === undefined) return false;
      const found = find({ name: parseReference(check), references: [check] })?.entry;
      return found?.publisher !== entry.publisher || found.images[0] !== entry.images[0];
    });
    expect(wrong.map(({ check }) => check)).toEqual([]);
  });

  it('is told apart from others by its images: none is behind one of another publisher', () => {
    const find = openList(list);
    const hidden = list.entries.flatMap(({ publisher, images }) =>
      images.flatMap((glob) => {
        const name = glob.replaceAll(/\{([^,}]*),?[^}]*\}/g, '$1').replaceAll(/\*+/g, 'x');
        const found = find({ name: parseReference(name), references: [`${name}:v999.0.0`] });
        return found !== undefined && found.entry.publisher !== publisher ? [glob] : [];
      }),
    );
    expect(hidden).toEqual([]);
  });
});

it.each([
  ['gcr.io/distroless/static-debian12:nonroot', 'keyless@distroless.iam.gserviceaccount.com'],
  ['registry.k8s.io/kube-apiserver:v1.35.0', 'krel-trust@k8s-releng-prod.iam.gserviceaccount.com'],
  [
    'quay.io/cilium/cilium:v1.18.3',
    'https://github.com/cilium/cilium/.github/workflows/build-images-releases.yaml@refs/tags/v*',
  ],
])('%s must be signed by %s', (image, identity) => {
  const asked = openKnownSigners(list)({ name: parseReference(image), references: [image] });
  expect(asked?.kind).toBe('signature');
  expect(JSON.stringify(asked)).toContain(identity);
});

it.each([
  ['node:22', 'Docker Official Images have no Sigstore signatures'],
  ['registry.k8s.io/kube-apiserver:v1.24.1', 'from v1.26.0 on, and v1.24.1 is older'],
  ['docker.io/bitnami/redis', 'Notation'],
])('nothing is asked of %s: %s', (image, reason) => {
  const asked = openKnownSigners(list)({ name: parseReference(image), references: [image] });
  expect(asked).toMatchObject({ kind: 'open', reason: expect.stringContaining(reason) });
});

it('of an image whose attestation manifests are signed, provenance of the publisher is asked', () => {
  const image = 'docker.io/moby/buildkit:v0.30.0';
  const asked = openKnownSigners(list)({ name: parseReference(image), references: [image] });
  const part = (type: string) => ({
    kind: 'attestation',
    type,
    policy: {
      signers: expect.arrayContaining([
        expect.objectContaining({ github: { repository: 'moby/buildkit' } }),
      ]),
    },
  });
  expect(asked).toMatchObject({
    kind: 'count',
    count: 1,
    of: [part('https://slsa.dev/provenance/v1'), part('https://slsa.dev/provenance/v0.2')],
  });
});
