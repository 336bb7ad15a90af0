import { describe, expect, it } from 'vitest';
import { readAttestInputs } from '../../src/edges/inputs/attest.ts';
import { Failure } from '../../src/failure.ts';

const masker = { mask() {}, maskKey() {}, maskPrivateKey() {}, maskBasic() {} };
const read = (inputs: Record<string, string>) =>
  readAttestInputs(masker, {
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
const images = 'ghcr.io/acme/app@sha256:'.concat('a'.repeat(64));

describe('the inputs of an attestation', () => {
  it('are those of signing, and what is attested', () => {
    expect(read({ images, 'sbom-path': 'sbom.json' })).toEqual({
      images: [images],
      recursive: false,
      format: 'auto',
      tlog: true,
      skipExisting: true,
      verify: true,
      oidcAudience: 'sigstore',
      services: {},
      disclosePrivateRepository: false,
      registry: { allowHttp: false, allowInsecure: false },
      timeout: 300_000,
      sbom: 'sbom.json',
      warnings: [],
    });
    expect(read({ images, predicate: '{}', 'predicate-type': 'vuln' })).toMatchObject({
      predicate: '{}',
      predicateType: 'vuln',
    });
  });

  it.each<[string, Record<string, string>, string]>([
    ['nothing to attest', { images }, 'inputs predicate and sbom-path are both empty'],
    ['no image', { 'sbom-path': 'a' }, 'Nothing to attest: inputs images and metadata are both'],
    [
      'two documents',
      { images, predicate: '{}', 'predicate-type': 'vuln', 'sbom-path': 'a' },
      'both set',
    ],
    [
      'a document of no type',
      { images, predicate: '{}' },
      'predicate-type does not say what it is',
    ],
    [
      'a type beside an SBOM',
      { images, 'sbom-path': 'a', 'predicate-type': 'spdx' },
      'beside sbom-path',
    ],
    ['annotations', { images, 'sbom-path': 'a', annotations: 'a=b' }, '`annotations` is no input'],
    [
      'the name of another action',
      { images, 'predicate-path': 'a' },
      'Rename `predicate-path` to `predicate`',
    ],
    ['a slip', { images, 'sbom-pth': 'a' }, 'Rename `sbom-pth` to `sbom-path`'],
    ['a password without a key', { images, 'sbom-path': 'a', 'key-password': 'x' }, 'key is empty'],
    [
      'an old log for a new one',
      {
        images,
        'sbom-path': 'a',
        format: 'legacy',
        'rekor-version': '2',
        'rekor-url': 'https://r.example',
      },
      'format: legacy needs a log',
    ],
  ])('are refused with %s', (_name, inputs, expected) => {
    expect(failureOf(inputs)).toContain(expected);
  });
});
