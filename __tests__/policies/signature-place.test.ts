// Signatures that a policy looks for in another repository: read as the cluster looks, written so
// that it does, converted with the place they lie in.
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { formatRepository, type RepositoryName } from '../../src/image/reference.ts';
import { type ConversionTarget, convertPolicies } from '../../src/policies/convert.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { type Signed, writePolicies } from '../../src/policies/write.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { attestationsOf, policiesOf } from '../../src/signature/requirement.ts';
import { problems, schemas } from './schema.ts';
import { key, signed } from './signed.ts';
import { image, indent, makeKey, read, refused, tools } from './tools.ts';

const place = 'ghcr.io/acme/signatures';
const other = 'registry.example:5000/acme/others';
const [one, two] = [makeKey(), makeKey()];
const pem = (pem: string, spaces: number) => `|\n${' '.repeat(spaces)}${indent(pem, spaces)}`;

/** Where each signer of a policy has its signatures, and in which format they count. */
function placesIn(text: string): readonly string[] {
  const requirement = read(text).requirementFor(image('ghcr.io/acme/app:1'));
  const asked = [
    ...policiesOf(requirement),
    ...attestationsOf(requirement).map(({ policy }) => policy),
  ];
  return asked.map(said);
}

function said({ repository, format }: SignaturePolicy): string {
  return `${format ?? 'any'} ${repository === undefined ? 'beside' : formatRepository(repository)}`;
}

/** What the API server would refuse of a document. */
function unknownIn({ apiVersion, kind, metadata: _, ...rest }: Record<string, unknown>) {
  const schema = schemas[`${apiVersion} ${kind}`];
  return schema === undefined ? ['no schema'] : problems(rest, schema, '');
}

const notesOf = (text: string) => read(text).notes.map((note) => note.text);

describe('a ClusterImagePolicy', () => {
  const policy = (authority: string) => `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: p}
spec:
  images: [{glob: "ghcr.io/acme/**"}]
  authorities:
    - ${indent(authority, 6)}
`;
  const keyed = `key:\n  data: ${pem(one.pem, 4)}`;
  const keyless =
    'keyless: {identities: [{issuer: "https://gitlab.com", subject: "https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main"}]}';

  it.each([
    ['a key', `${keyed}\nsource: [{oci: ${place}}]`, [`legacy ${place}`]],
    // Without a format policy-controller takes no bundles from there.
    ['an identity', `${keyless}\nsource: [{oci: ${place}}]`, [`legacy ${place}`]],
    [
      'attestations',
      `${keyless}\nsource: [{oci: ${place}}]\nattestations: [{name: a, predicateType: spdx}, {name: b, predicateType: vuln}]`,
      [`legacy ${place}`],
    ],
    [
      'Docker Hub',
      `${keyed}\nsource: [{oci: index.docker.io/acme/s}]`,
      ['legacy docker.io/acme/s'],
    ],
    ['an empty source', `${keyed}\nsource: [{oci: ""}]`, ['legacy beside']],
    ['no source in the list', `${keyed}\nsource: []`, ['legacy beside']],
  ])('is read there: %s', (_, authority, places) =>
    expect(placesIn(policy(authority))).toEqual(places),
  );

  it('logs in as the gate does', () =>
    expect(
      notesOf(policy(`${keyed}\nsource: [{oci: ${place}, signaturePullSecrets: [{name: a}]}]`)),
    ).toEqual([expect.stringMatching(/signaturePullSecrets` is not used: the gate logs in/)]));

  it.each([
    ['several', `[{oci: ${place}}, {oci: ${other}}]`, '.source` has several sources'],
    ['a prefix', `[{oci: ${place}, tagPrefix: v1-}]`, '.tagPrefix` puts something before the tags'],
    // policy-controller takes a registry alone, and cosign reads it as an image of Docker Hub.
    ['a registry', '[{oci: ghcr.io}]', '.oci` is not the whole name of a repository'],
    ['a short name', '[{oci: acme/signatures}]', '.oci` is not the whole name'],
    ['a tag', `[{oci: "${place}:v1"}]`, '.oci` is not the whole name'],
    ['a variable', '[{oci: "${REGISTRY}/signatures"}]', '.oci` holds ${REGISTRY}, a variable'],
    ['an unknown field', `[{repository: ${place}}]`, '.repository` is not a field'],
  ])('is refused with %s', (_, source, problem) =>
    expect(refused(policy(`${keyed}\nsource: ${source}`))).toContain(problem),
  );

  it('is refused where the cluster would look elsewhere', () => {
    expect(
      refused(policy(`${keyless}\nsource: [{oci: ${place}}]\nsignatureFormat: bundle`)),
    ).toContain('.source` is not looked at for bundles');
    expect(refused(policy(`static: {action: pass}\nsource: [{oci: ${place}}]`))).toContain(
      '.source` stands beside `static`',
    );
  });
});

describe('a ClusterPolicy of Kyverno', () => {
  const policy = (entry: string) => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          ${indent(entry, 10)}
`;
  const entry = (key: string, more = '') =>
    `- keys:\n    publicKeys: ${pem(key, 6)}\n${more === '' ? '' : `  ${more}\n`}`;
  const set = (entries: string) => `attestors:\n  - entries:\n      ${indent(entries, 6)}`;

  it.each([
    ['all attestors', `repository: ${place}\n${set(entry(one.pem))}`, [`legacy ${place}`]],
    [
      'one attestor',
      set(entry(one.pem, `repository: ${place}`) + entry(two.pem)),
      [`legacy ${place}`, 'legacy beside'],
    ],
    [
      'one in the place of all',
      `repository: ${place}\n${set(entry(one.pem, `repository: ${other}`) + entry(two.pem))}`,
      [`legacy ${other}`, `legacy ${place}`],
    ],
    ['the flat fields', `repository: ${place}\nkey: ${pem(one.pem, 2)}`, [`legacy ${place}`]],
    [
      'attestors inside an attestor',
      `repository: ${place}\n${set(`- attestor:\n    entries:\n      ${indent(entry(one.pem), 6)}`)}`,
      [`legacy ${place}`],
    ],
    [
      'attestations',
      `repository: ${place}\nattestations:\n  - type: https://spdx.dev/Document\n    ${indent(set(entry(one.pem)), 4)}`,
      [`legacy ${place}`],
    ],
    ['an empty field', `repository: ""\n${set(entry(one.pem))}`, ['legacy beside']],
  ])('is read there: of %s', (_, text, places) => expect(placesIn(policy(text))).toEqual(places));

  it.each([
    // It takes bundles from beside the image, whatever the policy says.
    [
      'bundles',
      `type: SigstoreBundle\nrepository: ${place}\n${set(entry(one.pem))}`,
      '[0].repository` has no effect in type SigstoreBundle',
    ],
    [
      'bundles of one attestor',
      `type: SigstoreBundle\n${set(entry(one.pem, `repository: ${place}`))}`,
      'entries[0].repository` has no effect in type SigstoreBundle',
    ],
    [
      'a set inside a set',
      set(`- repository: ${place}\n  attestor:\n    entries:\n      ${indent(entry(one.pem), 6)}`),
      'entries[0].repository` has no effect beside `attestor`',
    ],
    ['a variable', `repository: "{{ x }}"\n${set(entry(one.pem))}`, 'repository` holds a variable'],
    ['a short name', `repository: acme/s\n${set(entry(one.pem))}`, 'repository` is not the whole'],
  ])('is refused with %s', (_, text, problem) => expect(refused(policy(text))).toContain(problem));
});

describe('an ImageValidatingPolicy of Kyverno', () => {
  const policy = (source: string) => `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: p}
spec:
  matchImageReferences: [{glob: "ghcr.io/acme/*"}]
  attestors:
    - name: a
      cosign:
        key:
          data: ${pem(one.pem, 12)}
        source: ${source}
  validations:
    - expression: images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0)
`;

  it('is read there, bundles first', () => {
    expect(placesIn(policy(`{repository: ${place}}`))).toEqual([`bundle-if-any ${place}`]);
    expect(placesIn(policy('{}'))).toEqual(['bundle-if-any beside']);
  });

  it('keeps the place as it is converted', () => {
    const { text, left } = convertPolicies(read(policy(`{repository: ${place}}`)), 'cip');
    expect({ left, source: parse(text).spec.authorities[0].source }).toEqual({
      left: 0,
      source: [{ oci: place }],
    });
  });

  it('logs in as the gate does', () =>
    expect(notesOf(policy(`{repository: ${place}, PullSecrets: [{name: a}]}`))).toEqual([
      expect.stringMatching(/PullSecrets` is not used: the gate logs in/),
    ]));

  it.each([
    ['a prefix', `{repository: ${place}, tagPrefix: x}`, '.tagPrefix` puts something before'],
    ['a short name', '{repository: acme/s}', '.repository` is not the whole name'],
    ['a list', `[{repository: ${place}}]`, '.source` must be a map'],
  ])('is refused with %s', (_, source, problem) =>
    expect(refused(policy(source))).toContain(problem),
  );
});

describe('policies for what was signed elsewhere', () => {
  const signatureRepository: RepositoryName = {
    registry: 'ghcr.io',
    repository: 'acme/signatures',
  };
  const byKey = { signer: { publicKeyPem: key.pem } };
  const bundles = { formats: ['bundle'] as const };
  const files = (change: Partial<Signed>) =>
    writePolicies(signed({ signatureRepository, ...change }));
  const places = (file = '') => {
    const { requirementFor } = readPolicies([{ path: 'p', text: file }], tools).withKeys(new Map());
    return policiesOf(requirementFor(image(`ghcr.io/acme/app@sha256:${'a'.repeat(64)}`))).map(said);
  };

  it.each([
    ['by a workflow', {}],
    ['by key', byKey],
  ])('say where, %s in both formats', (_, change) => {
    const written = files(change);
    expect(Object.keys(written)).toEqual([
      'kyverno-cluster-policy.yaml',
      'kyverno-image-validating-policy.yaml',
      'cluster-image-policy.yaml',
      'verify.md',
    ]);
    expect(places(written['kyverno-cluster-policy.yaml'])).toEqual([`legacy ${place}`]);
    expect(places(written['kyverno-image-validating-policy.yaml'])).toEqual([
      `bundle-if-any ${place}`,
    ]);
    expect(places(written['cluster-image-policy.yaml'])).toEqual([`legacy ${place}`]);
    for (const [name, text] of Object.entries(written).filter(([file]) => file.endsWith('.yaml')))
      expect([name, ...unknownIn(parse(text))]).toEqual([name]);
  });

  it.each([
    ['by a workflow', {}, 'Works from Kyverno 1.19: earlier ones look for bundles beside'],
    ['by key with a log', byKey, 'Works from Kyverno 1.19: earlier ones look for bundles beside'],
    ['by key alone', { ...byKey, tlog: false }, 'Works after Kyverno 1.19.0, which refuses'],
  ])('are those that find bundles there, %s', (_, change, version) => {
    const written = files({ ...change, ...bundles });
    expect(Object.keys(written)).toEqual(['kyverno-image-validating-policy.yaml', 'verify.md']);
    expect(written['kyverno-image-validating-policy.yaml']).toContain(version);
    expect(places(written['kyverno-image-validating-policy.yaml'])).toEqual([
      `bundle-if-any ${place}`,
    ]);
  });

  it('come with a command that looks there, and with the reasons of those that are missing', () => {
    const text = files({})['verify.md'];
    expect(text).toContain(`COSIGN_REPOSITORY=${place} \\\n  cosign verify \\\n`);
    expect(text).toContain(
      `podman, skopeo, CRI-O and OpenShift look for signatures beside the image alone, and these lie in ${place}.`,
    );
    expect(text).toContain('Talos and Flux look for signatures beside the image alone');
    expect(text).not.toMatch(/gh attestation|cosign before 3\.1|kyverno: /);
    const bundlesOnly = files(bundles)['verify.md'];
    expect(bundlesOnly).toContain('cosign before 3.1 looks for bundles beside the image alone.');
    expect(bundlesOnly).toMatch(/no ClusterPolicy of Kyverno: it reads bundles beside/);
    expect(bundlesOnly).toMatch(/no ClusterImagePolicy: policy-controller reads bundles beside/);
  });

  it('of attestations say it too', () => {
    const written = files({ predicateType: 'https://spdx.dev/Document' });
    expect(written['verify.md']).toContain(
      `COSIGN_REPOSITORY=${place} \\\n  cosign verify-attestation`,
    );
    const { requirementFor } = readPolicies(
      [{ path: 'p', text: written['kyverno-cluster-policy.yaml'] ?? '' }],
      tools,
    ).withKeys(new Map());
    const asked = attestationsOf(requirementFor(image('ghcr.io/acme/app:1')));
    expect(asked.map(({ policy }) => said(policy))).toEqual([`legacy ${place}`]);
  });

  const convert = (file: string, to: ConversionTarget) => {
    const text = files(byKey)[file] ?? '';
    return convertPolicies(readPolicies([{ path: 'p', text }], tools).withKeys(new Map()), to);
  };

  it.each([
    ['kyverno-cluster-policy.yaml', 'ivp', `bundle-if-any ${place}`],
    ['kyverno-cluster-policy.yaml', 'cip', `legacy ${place}`],
    ['cluster-image-policy.yaml', 'ivp', `bundle-if-any ${place}`],
  ] as const)('keep the place as they are converted: %s to %s', (file, to, found) => {
    const { text, left } = convert(file, to);
    expect(left).toBe(0);
    for (const document of parseAllDocuments(text)) expect(unknownIn(document.toJS())).toEqual([]);
    expect(new Set(places(text))).toEqual(new Set([found]));
  });

  it.each(['openshift', 'policy-json'] as const)('are left out of %s', (to) => {
    const { text, left, notes } = convert('cluster-image-policy.yaml', to);
    expect({ text, isLeft: left > 0 }).toEqual({ text: '', isLeft: true });
    expect(notes.map((note) => note.text).join()).toContain(
      'its signatures lie in another repository',
    );
  });
});
