import { describe, expect, it } from 'vitest';
import { digest, image, indent, makeKey, read, refused, told } from './tools.ts';

const key = makeKey();
const other = makeKey();
const github = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
const app = image('ghcr.io/acme/app:1');
const signed = (attestors: string) =>
  `images.containers.map(image, verifyImageSignatures(image, [${attestors}])).all(e, e > 0)`;

/** A policy for ghcr.io/acme with these attestors (fields of `cosign`) and these expressions. */
function policy(
  attestors: Readonly<Record<string, string>>,
  expressions: readonly string[] = [signed('attestors.a')],
  more = '',
): string {
  const list = Object.entries(attestors).map(
    ([name, cosign]) => `    - name: ${name}\n      cosign:\n        ${indent(cosign, 8)}\n`,
  );
  return `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: check}
spec:
  validationActions: [Deny]
  matchImageReferences:
    - glob: "ghcr.io/acme/*"
  attestors:
${list.join('')}  validations:
${expressions.map((text) => `    - expression: >-\n        ${text}\n`).join('')}${more}`;
}

const byKey = (pem: string) =>
  `key:\n  data: |\n    ${indent(pem, 4)}\nctlog: {insecureIgnoreTlog: true}`;
const identities = (...all: string[]) =>
  `keyless:\n  identities:\n${all.map((one) => `    - ${indent(one, 6)}\n`).join('')}`;
const exact = identities(`issuer: ${github}\nsubject: ${workflow}`);
const name = 'ImageValidatingPolicy check';

describe('an ImageValidatingPolicy', () => {
  it('asks for as many attestors as its expressions, and for all of them', () => {
    const text = policy({ a: byKey(key.pem), b: byKey(other.pem), c: exact }, [
      signed('attestors.a, attestors["b"]'),
      'images.initContainers.all(i, verifyImageSignatures(i, [attestors.a, attestors.c]) == 2)',
      'true',
    ]);
    expect(told(read(text).requirementFor(app))).toEqual({
      name,
      count: 2,
      of: [
        {
          name: 'spec.validations[0]',
          count: 1,
          of: [
            { name: 'a', tlog: 'ignore', signers: [key.id] },
            { name: 'b', tlog: 'ignore', signers: [other.id] },
          ],
        },
        {
          name: 'spec.validations[1]',
          count: 2,
          of: [
            { name: 'a', tlog: 'ignore', signers: [key.id] },
            { name: 'c', tlog: 'required', signers: [{ who: [workflow], by: [github] }] },
          ],
        },
      ],
    });
    expect(read(text).notes).toEqual([]);
  });

  it('asks for attestations by their names', () => {
    const attested =
      'images.containers.map(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.a, attestors.b])).all(e, e > 1)';
    const text = policy({ a: byKey(key.pem), b: exact }, [signed('attestors.a'), attested]).replace(
      '  attestors:',
      '  attestations: [{name: sbom, intoto: {type: https://cyclonedx.org/bom}}]\n  attestors:',
    );
    const attestation = 'https://cyclonedx.org/bom';
    expect(told(read(text).requirementFor(app))).toEqual({
      name,
      count: 2,
      of: [
        {
          name: 'spec.validations[0]',
          count: 1,
          of: [{ name: 'a', tlog: 'ignore', signers: [key.id] }],
        },
        {
          name: 'spec.validations[1]',
          count: 2,
          of: [
            { name: 'a', attestation, tlog: 'ignore', signers: [key.id] },
            {
              name: 'b',
              attestation,
              tlog: 'required',
              signers: [{ who: [workflow], by: [github] }],
            },
          ],
        },
      ],
    });
  });

  it('takes any identity of an attestor, and asks for its annotations', () => {
    const a = `${identities(
      `issuer: ${github}\nsubject: ${workflow}`,
      'issuerRegExp: ^https://accounts\\.google\\.com$\nsubjectRegExp: ^.*@acme\\.com$',
    )}annotations: {env: prod}`;
    expect(told(read(policy({ a })).requirementFor(app))).toMatchObject({
      of: [
        {
          of: [
            {
              annotations: { env: 'prod' },
              signers: [
                { who: [workflow], by: [github] },
                { who: ['/^.*@acme\\.com$/'], by: ['/^https://accounts\\.google\\.com$/'] },
              ],
            },
          ],
        },
      ],
    });
  });

  it.each(['v1', 'v1beta1', 'v1alpha1'])('of version %s is read', (version) => {
    const text = policy({ a: exact }).replace('/v1\n', `/${version}\n`);
    expect(read(text).requirementFor(app)).toMatchObject({ kind: 'count' });
  });

  it.each([
    ['ghcr.io/acme/app', 'ghcr.io/acme/team/app:1'],
    ['a digest', `ghcr.io/acme/app@${digest}`],
  ])('speaks of %s: a star crosses slashes', (_, reference) => {
    expect(read(policy({ a: exact })).requirementFor(image(reference))).toMatchObject({ name });
  });

  it.each([
    ['nginx', 'docker.io/library/nginx*'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/\\*'],
    ['GHCR.io/acme/app:1', 'ghcr.io/acme/*'],
  ])('does not speak of %s by %s: the text counts as it was written', (reference, glob) => {
    const text = policy({ a: exact }).replace('"ghcr.io/acme/*"', JSON.stringify(glob));
    expect(read(text).requirementFor(image(reference))).toMatchObject({ kind: 'fail' });
  });

  it('without globs speaks of every image', () => {
    const text = policy({ a: exact }).replace(/ {2}matchImageReferences:\n.*\n/, '');
    expect(read(text).requirementFor(image('quay.io/x:1'))).toMatchObject({ name });
  });

  it('refuses a tag where the cluster does, and nowhere else', () => {
    const strict = policy(
      { a: exact },
      undefined,
      '  validationConfigurations: {mutateDigest: false}\n',
    );
    expect(read(strict).requirementFor(app)).toMatchObject({
      kind: 'fail',
      reason: expect.stringContaining('without a digest'),
    });
    expect(read(strict).requirementFor(image(`ghcr.io/acme/app@${digest}`))).toMatchObject({
      kind: 'count',
    });
    for (const text of [
      strict.replace('{mutateDigest', '{verifyDigest: false, mutateDigest'),
      strict.replace('[Deny]', '[Audit]'),
      policy({ a: exact }),
    ])
      expect(read(text).requirementFor(app)).toMatchObject({ kind: 'count' });
  });

  it('tells what the cluster does and the gate does not', () => {
    const more = `  matchConstraints: {namespaceSelector: {matchLabels: {a: b}}, resourceRules: []}
  matchConditions: [{name: a, expression: "true"}]
  evaluation: {admission: {enabled: false}}
  validationConfigurations: {required: false}
  credentials: {secrets: [a]}
`;
    const text = policy({ a: exact }, undefined, more)
      .replace('[Deny]', '[Audit, Warn]')
      .replace('kind: ImageV', 'kind: NamespacedImageV');
    expect(read(text).notes.map(({ text: note }) => note.split(' ')[0])).toEqual([
      '`spec.matchConditions`',
      '`spec.evaluation.admission.enabled`',
      '`spec.validationConfigurations.required`',
      '`spec.credentials`',
      '`spec.matchConstraints`',
      '`spec.validationActions`',
      '`NamespacedImageValidatingPolicy`',
    ]);
  });

  it('that only wants every image to be verified by some policy is none about signatures', () => {
    const all = policy({ a: exact }, ['true']);
    expect(refused(all)).toContain('asks for no signature');
    expect(
      read(`${all}---\n${policy({ a: exact })}`).requirementFor(image('quay.io/x:1')),
    ).toMatchObject({ kind: 'fail' });
  });

  it('of another Sigstore instance needs its trusted root', () => {
    const a = `${exact}  roots: x\nctlog: {url: "https://rekor.acme.example", rekorPubKey: x, ctLogPubKey: y, tsaCertChain: z}\ntrustedRoot: {value: "{}"}\ntuf: {mirror: "https://tuf.acme.example"}`;
    expect(refused(policy({ a }))).toContain('.keyless.roots` names a root of trust of its own');
    const { requirementFor, notes } = read(policy({ a }), true);
    expect(notes).toHaveLength(7);
    expect(requirementFor(app)).toMatchObject({
      of: [{ of: [{ policy: { tlog: 'required', timestamp: 'required' } }] }],
    });
  });

  it('takes the newest key of a service, as the cluster does', () => {
    const text = policy({
      a: 'key: {kms: "hashivault://release"}\nctlog: {insecureIgnoreTlog: true}',
    });
    const keys = [key, other].map(({ object }) => object);
    const { requirementFor } = read(text, false, new Map([['hashivault://release', keys]]));
    expect(told(requirementFor(app))).toMatchObject({ of: [{ of: [{ signers: [key.id] }] }] });
  });
});

describe('an ImageValidatingPolicy is refused by line and field for', () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'a wildcard in an exact subject',
      { a: identities(`issuer: ${github}\nsubject: "https://github.com/acme/*"`) },
      'line 14: `spec.attestors[0].cosign.keyless.identities[0].subject` has wildcards',
    ],
    [
      'a wildcard in an exact issuer',
      { a: identities(`issuer: "https://*"\nsubject: ${workflow}`) },
      '.issuer` has wildcards',
    ],
    ['anybody', { a: identities(`issuer: ${github}`) }, 'says nothing of the subject'],
    [
      'anybody of GitHub',
      { a: identities(`issuer: ${github}\nsubjectRegExp: .*`) },
      'matches anybody',
    ],
    ['nobody', { a: 'keyless: {identities: []}' }, 'names nobody'],
    [
      'an expression for a subject',
      { a: identities(`issuer: ${github}\nsubjectExpression: x`) },
      '.subjectExpression` holds an expression',
    ],
    [
      'an expression for a key',
      { a: 'key: {expression: x}' },
      '.key.expression` holds an expression',
    ],
    [
      'a key elsewhere in `data`',
      { a: 'key: {data: "k8s://a/b"}' },
      'names a key that is kept elsewhere',
    ],
    ['several keys', { a: byKey(key.pem + other.pem) }, 'holds several keys'],
    ['no key', { a: 'key: {}' }, 'holds no key'],
    [
      'key and identities',
      { a: `${exact}${byKey(key.pem)}` },
      'must have one of `key` and `keyless`',
    ],
    [
      'a certificate',
      { a: 'certificate: {cert: {value: x}}' },
      '.certificate` asks for certificates of your own',
    ],
    [
      'a log without an address',
      { a: `${exact}ctlog: {insecureIgnoreSCT: false}` },
      '.ctlog` has neither `url` nor',
    ],
    [
      'a waived certificate log',
      { a: `${exact}ctlog: {insecureIgnoreTlog: true, insecureIgnoreSCT: true}` },
      '.insecureIgnoreSCT` waives',
    ],
    ['another hash', { a: 'key: {data: x, hashAlgorithm: sha512}' }, '.hashAlgorithm` is "sha512"'],
  ])('%s', (_, attestors, problem) => expect(refused(policy(attestors))).toContain(problem));

  it.each([
    ['an action that there is not', '[Deny]', '[Block]', '`spec.validationActions[0]` is "Block"'],
    [
      'variables',
      '  attestors:',
      '  variables: [{name: a, expression: x}]\n  attestors:',
      '`spec.variables` holds expressions',
    ],
    [
      'images of other resources',
      '  attestors:',
      '  images: [{name: a, expression: x}]\n  attestors:',
      '`spec.images` takes images',
    ],
    [
      'images chosen by an expression',
      'glob: "ghcr.io/acme/*"',
      'expression: "true"',
      '.expression` chooses images',
    ],
    ['a glob that does not compile', '"ghcr.io/acme/*"', '"ghcr.io/{acme"', '.glob` is not a glob'],
    [
      'an attestation without a type',
      '  attestors:',
      '  attestations: [{name: a}]\n  attestors:',
      '`spec.attestations[0]` does not say of which type',
    ],
    [
      'an attestation of no known type',
      '  attestors:',
      '  attestations: [{name: a, intoto: {type: sbom}}]\n  attestors:',
      '`spec.attestations[0].intoto.type` is no predicate type',
    ],
    [
      'an attestation of Notary',
      '  attestors:',
      '  attestations: [{name: a, referrer: {type: sbom/cyclone-dx}}]\n  attestors:',
      '`spec.attestations[0].referrer` asks for attestations of Notary',
    ],
    [
      'two attestations of one name',
      '  attestors:',
      '  attestations: [{name: a, intoto: {type: spdx}}, {name: a, intoto: {type: vuln}}]\n  attestors:',
      'is called "a", as another one is',
    ],
    [
      'an attestation that is not there',
      'verifyImageSignatures(image, ',
      'verifyAttestationSignatures(image, attestations.sbom, ',
      'names the attestation "sbom"',
    ],
    [
      'policies for JSON',
      '  attestors:',
      '  evaluation: {mode: JSON}\n  attestors:',
      '`spec.evaluation.mode` is "JSON"',
    ],
    [
      'two attestors of one name',
      '  validations:',
      '    - name: a\n      cosign: {key: {data: x}}\n  validations:',
      'is called "a", as another one is',
    ],
    [
      'a field of another case',
      'matchImageReferences',
      'matchimagereferences',
      'Write `matchImageReferences`',
    ],
  ])('%s', (_, from, to, problem) => {
    const text = policy({ a: exact }).replace(from, to);
    expect(fullRefusal(text)).toContain(problem);
  });

  it('what is not understood in an expression, by its line in the text', () => {
    const literal = policy({ a: exact }, ['|\n']).replace(
      />-\n {8}\|\n/,
      `|\n        images.containers.map(image,\n          verifyImageSignatures(image, [attestors.a])\n        ).exists(e, e > 0)`,
    );
    expect(refused(literal)).toMatch(
      /^policy\.yaml, line 19: `spec\.validations\[0\]\.expression`/,
    );
    expect(refused(policy({ a: exact }, [signed('attestors.b')]))).toMatch(
      /^policy\.yaml, line 17: .*names the attestor "b", which the policy does not have/,
    );
  });
});

function fullRefusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    const { message, fix } = error as { message: string; fix: string };
    return `${message} ${fix}`;
  }
  throw new Error('it was read');
}
