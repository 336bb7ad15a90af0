import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { policyLimits } from '../../src/policies/node.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { growth } from '../growth.ts';
import { runs } from '../sampled.ts';
import { image, makeKey, read, refused, tools } from './tools.ts';

const good = `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: a}
spec:
  images: [{glob: "ghcr.io/acme/**"}]
  authorities:
    - keyless: {identities: [{issuer: "https://issuer.example", subject: someone@acme.com}]}
`;

describe('policy files', () => {
  it('may hold other things, which are noted', () => {
    const { notes, requirementFor } = read(
      `---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\ndata: {a: "{{ b }}"}\n---\n${good}---\napiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nspec: {}\n`,
    );
    expect(notes).toEqual([
      {
        file: 'policy.yaml',
        line: 4,
        text: '`ConfigMap of v1` is not a policy and is not looked at.',
      },
      {
        file: 'policy.yaml',
        line: 16,
        text: expect.stringContaining('is not read: what the gate trusts is the input'),
      },
    ]);
    expect(requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({ kind: 'count' });
  });

  it('are read together', () => {
    const second = good.replace('name: a', 'name: b').replace('acme/**', 'acme/app*');
    const { requirementFor } = readPolicies(
      [
        { path: 'a.yaml', text: good },
        { path: 'b.yaml', text: second },
      ],
      tools,
    ).withKeys(new Map());
    expect(requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({
      kind: 'count',
      count: 2,
      of: [{ name: 'ClusterImagePolicy a' }, { name: 'ClusterImagePolicy b' }],
    });
    expect(requirementFor(image('quay.io/x:1'))).toEqual({
      kind: 'fail',
      isSilence: true,
      reason: 'No policy in a.yaml, b.yaml speaks of quay.io/x.',
    });
  });

  it('may be a List of objects, each a document of its own', () => {
    const items = good.trimEnd().replaceAll('\n', '\n    ');
    const text = `apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n  - ${items}\n  - ${items.replace('name: a', 'name: b')}\n`;
    expect(read(text).requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({
      count: 2,
      of: [{ name: 'ClusterImagePolicy a' }, { name: 'ClusterImagePolicy b' }],
    });
    expect(refused(text.replace('authorities:', 'authoritys:'))).toMatch(
      /line 11: `items\[1\]\.spec\.authoritys` is not a field/,
    );
  });

  it.each([
    ['kustomization.yaml', 'resources: [a.yaml]'],
    [
      'deploy/kustomization.yml',
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization',
    ],
    ['kyverno-test.yaml', 'name: a\npolicies: [a.yaml]'],
    ['test.yaml', 'apiVersion: cli.kyverno.io/v1alpha1\nkind: Test'],
    ['chainsaw-test.yaml', 'apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test'],
    [
      'labels.yaml',
      'apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nspec: {x: "{{ y }}"}',
    ],
    ['mutate.yaml', 'apiVersion: policies.kyverno.io/v1beta1\nkind: NamespacedMutatingPolicy'],
    ['debug.yaml', 'apiVersion: kyverno.io/v2\nkind: PolicyException'],
    ['debug.yaml', 'apiVersion: policies.kyverno.io/v1\nkind: PolicyException'],
    ['report.yaml', 'apiVersion: kyverno.io/v1alpha2\nkind: ClusterAdmissionReport'],
    ['cleanup.yaml', 'apiVersion: kyverno.io/v2\nkind: ClusterCleanupPolicy'],
    ['flux.yaml', 'apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy'],
    ['gpu.yaml', 'apiVersion: nvidia.com/v1\nkind: ClusterPolicy'],
    ['proxy.yaml', 'apiVersion: config.openshift.io/v1\nkind: Proxy'],
  ])('of one folder may be other things, which are noted: %s, %s', (path, text) => {
    const files = [
      { path: 'policies/a.yaml', text: good, entry: 'policies/**' },
      { path: `policies/${path}`, text, entry: 'policies/**' },
    ];
    const { notes, requirementFor } = readPolicies(files, tools).withKeys(new Map());
    expect(notes).toMatchObject([{ file: `policies/${path}`, line: 1 }]);
    expect(requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({ kind: 'count' });
    expect(requirementFor(image('quay.io/app:1'))).toMatchObject({ kind: 'fail' });
  });

  it('that a line names alone must be policies', () => {
    const files = [
      { path: 'policies/a.yaml', text: good, entry: 'policies/a.yaml' },
      { path: 'policies/b.yaml', text: 'apiVersion: v1\nkind: ConfigMap\n', entry: 'policies/b*' },
    ];
    expect(() => readPolicies(files, tools)).toThrow(
      'There is no policy about image signatures in policies/b.yaml. Line 1 of policies/b.yaml: `ConfigMap of v1` is not a policy',
    );
  });

  it('that are told apart from those of another product with the same name', () => {
    const sigstore = read(good).requirementFor(image('ghcr.io/acme/app:1'));
    expect(sigstore.name).toBe('ClusterImagePolicy a');
    const message = refused(good.replace('policy.sigstore.dev/v1beta1', 'config.openshift.io/v1'));
    expect(message).toContain("`spec.images` is a field of sigstore's ClusterImagePolicy");
    expect(
      refused(
        'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nspec: {scopes: [ghcr.io]}',
      ),
    ).toContain("`spec.scopes` is a field of OpenShift's ClusterImagePolicy");
  });

  it('count what stands behind aliases', () => {
    const text = good
      .replace('name: a', 'name: &a [b, c]')
      .concat('x:\n', '  - *a\n'.repeat(20_000));
    expect(refused(text)).toContain('more than 50000 values');
  });

  it.each<[string, (size: number) => string]>([
    ['aliases', (size) => `${good.replace('name: a', 'name: &a b')}x:\n${'  - *a\n'.repeat(size)}`],
    [
      'keys',
      (size) =>
        `${good}x:\n${Array.from({ length: size }, (_, index) => `  k${index}:\n`).join('')}`,
    ],
    ['documents', (size) => `${good}${'---\n{kind: X, apiVersion: v1}\n'.repeat(size / 5)}`],
  ])('cost what they have: %s', (_, made) => {
    const texts = new Map([100, 200].map((size) => [size, made(size)]));
    const look = (size: number) => {
      try {
        read(texts.get(size) ?? '');
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    };
    expect(growth(look, 100)).toBeLessThan(3);
  });

  it('may use aliases', () => {
    const text = `${good.replace('[{glob: "ghcr.io/acme/**"}]', '&images [{glob: "ghcr.io/acme/**"}]')}  match: *images\n`;
    expect(read(text).requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({ kind: 'count' });
  });

  it.each([
    ['nothing', '', 'There is no policy about image signatures in policy.yaml'],
    [
      'only a ConfigMap',
      'apiVersion: v1\nkind: ConfigMap\n',
      'There is no policy about image signatures',
    ],
    [
      'a ClusterPolicy about something else',
      'apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{name: a, match: {}, validate: {}}]}',
      'There is no policy about image signatures',
    ],
    [
      'a ClusterPolicy without rules',
      'apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {}',
      'the document has no rules',
    ],
    ['a text', 'hello', 'the document is not a Kubernetes object'],
    ['a list', '- a', 'the document is not a Kubernetes object'],
    ['no kind', 'apiVersion: v1', 'has no `apiVersion` or no `kind`'],
    [
      'another version',
      good.replace('v1beta1', 'v1'),
      'is a ClusterImagePolicy of policy.sigstore.dev/v1, which is not read',
    ],
    [
      'another group',
      good.replace('policy.sigstore.dev', 'example.com'),
      'is a ClusterImagePolicy of example.com/v1beta1, which is not read',
    ],
    [
      'another case',
      good.replace('kind: ClusterImagePolicy', 'kind: clusterImagePolicy'),
      'is a clusterImagePolicy of',
    ],
    [
      'an exception',
      'apiVersion: kyverno.io/v2\nkind: PolicyException',
      'There is no policy about image signatures in policy.yaml. Line 1 of policy.yaml: `PolicyException of kyverno.io/v2` exempts workloads',
    ],
    [
      'a version that is not known',
      'apiVersion: policies.kyverno.io/v2\nkind: ImageValidatingPolicy',
      'is a ImageValidatingPolicy of policies.kyverno.io/v2, which is not read here',
    ],
    [
      'a kind of Kyverno that is not known',
      `${good}---\napiVersion: policies.kyverno.io/v1\nkind: SigningPolicy\n`,
      'line 9: the document is a SigningPolicy of policies.kyverno.io/v1, which is not read here',
    ],
    ['an empty List', 'apiVersion: v1\nkind: List\nitems: []', 'There is no policy about'],
    ['a List without items', 'apiVersion: v1\nkind: List\n', 'is a List without `items`'],
    [
      'a List of one kind',
      'apiVersion: kyverno.io/v1\nkind: ClusterPolicyList\nitems: []',
      'is a ClusterPolicyList of',
    ],
    [
      'a key twice',
      good.replace('metadata:', 'kind: ConfigMap\nmetadata:'),
      'line 3: this is not a policy file that can be read: it has the key `kind` in one map twice',
    ],
    [
      'a deep key twice',
      good.replace('{name: a}', '{name: a, name: b}'),
      'line 3: this is not a policy file that can be read: it has the key `name` in one map twice',
    ],
    ['a key that is a map', '{a: b}: c', 'has a key that is not a text'],
    [
      'a tag',
      good.replace('name: a', 'name: !!js/function a'),
      'line 3: `metadata.name` has the tag',
    ],
    [
      'binary',
      good.replace('name: a', 'name: !!binary aGVsbG8='),
      'line 3: `metadata.name` has the tag',
    ],
    [
      'an alias of nothing',
      good.replace('name: a', 'name: *x'),
      'line 3: this is not a policy file that can be read: it has an alias `*x` of nothing',
    ],
    ['an alias of itself', 'a: &a [*a]', 'an alias `*a` of nothing'],
    [
      'a merge key behind what it merges',
      good.replace('{name: a}', '{name: a, <<: {name: b}}'),
      'line 3: `metadata.name` has another value in a merge key',
    ],
    ['Helm', good.replace('{name: a}', '{{ .Values.metadata }}'), 'line 3'],
    ['a tab', 'a:\n\tb: c', 'line 2: this is not a policy file'],
    [
      'a star without quotes',
      good.replace('"ghcr.io/acme/**"', '*'),
      'line 5: this is not a policy file that can be read',
    ],
    [
      'a variable of Flux',
      good.replace('someone@acme.com', '"${WHO}"'),
      'line 7: `spec.authorities[0].keyless.identities[0].subject` holds ${WHO}, a variable that Flux substitutes',
    ],
    ['half a quote', 'a: "b', 'this is not a policy file'],
    ['deep nesting', '['.repeat(100_000), 'policy.yaml'],
    [
      'deep maps',
      Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      'nested deeper than',
    ],
    [
      'a bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((name, index) => `${name}: &${name} [${`*${'abcdefg'[index]},`.repeat(9)}]`).join('\n')}`,
      'more than 50000 values',
    ],
    [
      'many documents',
      '---\na: b\n'.repeat(policyLimits.documents + 1),
      'more than 1000 documents',
    ],
    ['a long text', `a: [${'b, '.repeat(policyLimits.lexemes / 3)}]`, 'words and signs'],
  ])('are refused for %s', (_, text, problem) => expect(refused(text)).toContain(problem));

  it('never lead to anything but a Failure or a requirement that wants a named signer', () => {
    const { pem } = makeKey();
    const lines = [
      good.trimEnd(),
      kyverno(pem),
      validating(pem),
      openShift(pem),
      podman(pem),
    ].flatMap((text) => text.split('\n'));
    const part = fc.oneof(
      fc.constantFrom(...lines),
      fc.constantFrom(
        '---',
        '{{ x }}',
        '*a',
        '&a',
        '<<: *a',
        '- ',
        ': ',
        '"',
        '|',
        '>',
        '{',
        '[',
        '!!str',
        'null',
        '  ',
        '\t',
        '%YAML 1.1',
        '__proto__: {}',
      ),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.boolean(), (parts, ownTrust) => {
        try {
          const requirement = read(parts.join('\n'), ownTrust).requirementFor(
            image('ghcr.io/acme/app:1'),
          );
          expect(JSON.stringify(requirement)).not.toContain('"kind":"pass"');
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect((error as Failure).code).toBe('bad-policy');
        }
      }),
      { numRuns: runs(1500) },
    );
  });

  it('with any one line left out, repeated or changed never pass an image without a signature', () => {
    const { pem } = makeKey();
    for (const text of [
      good.trimEnd(),
      kyverno(pem),
      validating(pem),
      openShift(pem),
      podman(pem),
    ]) {
      const lines = text.split('\n');
      const mutation = fc.tuple(
        fc.nat(lines.length - 1),
        fc.constantFrom('drop', 'twice', 'indent', 'outdent', 'null', 'upper'),
      );
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
          const changed = [...lines];
          for (const [index, how] of mutations) changed[index] = mutate(changed[index] ?? '', how);
          try {
            const requirement = read(changed.join('\n')).requirementFor(
              image('ghcr.io/acme/app:1'),
            );
            expect(JSON.stringify(requirement)).not.toContain('"kind":"pass"');
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        }),
        { numRuns: runs(500) },
      );
    }
  });
});

function mutate(line: string, how: string): string {
  if (how === 'drop') return '';
  if (how === 'twice') return `${line}\n${line}`;
  if (how === 'indent') return `  ${line}`;
  if (how === 'outdent') return line.replace(/^ {2}/, '');
  if (how === 'null') return line.replace(/:.*$/, ':');
  return line.toUpperCase();
}

function kyverno(pem: string): string {
  return `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: check
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences:
            - "ghcr.io/acme/*"
          attestors:
            - count: 1
              entries:
                - keys:
                    publicKeys: |
                      ${pem.trimEnd().replaceAll('\n', '\n                      ')}
                    rekor:
                      ignoreTlog: true
                - keyless:
                    subject: "https://github.com/acme/app/*"
                    issuer: https://token.actions.githubusercontent.com`;
}

function validating(pem: string): string {
  return `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata:
  name: check
spec:
  validationActions: [Deny]
  matchImageReferences:
    - glob: "ghcr.io/acme/*"
  attestors:
    - name: release
      cosign:
        key:
          data: |
            ${pem.trimEnd().replaceAll('\n', '\n            ')}
        ctlog:
          insecureIgnoreTlog: true
    - name: workflow
      cosign:
        keyless:
          identities:
            - issuer: https://token.actions.githubusercontent.com
              subject: https://github.com/acme/app/.github/workflows/a.yml@refs/heads/main
  validations:
    - expression: images.containers.all(i, verifyImageSignatures(i, [attestors.release]) > 0)
    - expression: >-
        images.initContainers.map(i, verifyImageSignatures(i, [attestors.workflow]))
        .all(e, e >= 1)`;
}

function openShift(pem: string): string {
  return `apiVersion: config.openshift.io/v1
kind: ClusterImagePolicy
metadata:
  name: check
spec:
  scopes:
    - ghcr.io/acme
  policy:
    rootOfTrust:
      policyType: PublicKey
      publicKey:
        keyData: ${Buffer.from(pem).toString('base64')}
    signedIdentity:
      matchPolicy: MatchRepository`;
}

function podman(pem: string): string {
  const signed = {
    type: 'sigstoreSigned',
    keyData: Buffer.from(pem).toString('base64'),
    signedIdentity: { type: 'matchRepository' },
  };
  return JSON.stringify(
    { default: [{ type: 'reject' }], transports: { docker: { 'ghcr.io/acme': [signed] } } },
    null,
    2,
  );
}
