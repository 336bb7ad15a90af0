import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { digest, image, indent, makeKey, read, refused, told } from './tools.ts';

const key = makeKey();
const other = makeKey();
const github = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';

/**
 * A policy for ghcr.io/acme with these authorities (YAML of the list) and further lines of the
 * spec.
 */
function policy(authorities: string, more = '', name = 'signed'): string {
  return `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: ${name}
spec:
  images:
    - glob: "ghcr.io/acme/**"
  authorities:
    ${indent(authorities, 4)}
${more}`;
}

const byKey = (pem: string) => `- key:\n    data: |\n      ${indent(pem, 6)}`;
const byIdentity = (fields: string) => `- keyless:\n    identities:\n      - ${indent(fields, 8)}`;
const exactIdentity = byIdentity(`issuer: ${github}\nsubject: ${workflow}`);
const required = { tlog: 'required', signers: [{ who: [workflow], by: [github] }] };

describe('a ClusterImagePolicy', () => {
  it('with a key asks for that key; the log is looked at only where ctlog names it, as the cluster does', () => {
    const authorities = `${byKey(key.pem)}\n${byKey(other.pem)}\n  name: logged\n  ctlog:\n    url: https://rekor.sigstore.dev/`;
    const { requirementFor, notes } = read(policy(authorities));
    expect(told(requirementFor(image('ghcr.io/acme/app:1')))).toEqual({
      name: 'ClusterImagePolicy signed',
      count: 1,
      of: [
        { name: 'authorities[0]', tlog: 'ignore', signers: [key.id] },
        { name: 'logged', tlog: 'required', signers: [other.id] },
      ],
    });
    expect(notes).toEqual([]);
  });

  it('with identities asks for one of the pairs of issuer and subject, never for a mixture', () => {
    const text = policy(
      `${exactIdentity}\n      - issuerRegExp: ^https://accounts\\.google\\.com$\n        subjectRegExp: .*@acme\\.com`,
    ).replace('v1beta1', 'v1alpha1');
    expect(told(read(text).requirementFor(image('ghcr.io/acme/app:1')))).toEqual({
      name: 'ClusterImagePolicy signed',
      count: 1,
      of: [
        {
          name: 'authorities[0]',
          tlog: 'required',
          signers: [
            { who: [workflow], by: [github] },
            { who: ['/.*@acme\\.com/'], by: ['/^https://accounts\\.google\\.com$/'] },
          ],
        },
      ],
    });
  });

  it('with attestations asks for all of these types, and for no signature, as the cluster does', () => {
    const wanted = ['spdx', 'https://acme.example/scan/v1'].map(
      (type) => `{name: a${type.length}, predicateType: "${type}"}`,
    );
    const text = policy(`${exactIdentity}\n  attestations: [${wanted.join(', ')}]`);
    expect(told(read(text).requirementFor(image('ghcr.io/acme/app:1')))).toMatchObject({
      of: [
        {
          name: 'authorities[0]',
          count: 2,
          of: [
            { attestation: 'https://spdx.dev/Document', ...required },
            { attestation: 'https://acme.example/scan/v1', ...required },
          ],
        },
      ],
    });
  });

  it('says when a pattern means another thing than in the cluster', () => {
    expect(
      read(policy(byIdentity(`issuer: ${github}\nsubjectRegExp: "@acme\\\\.com$"`))).notes,
    ).toEqual([
      {
        file: 'policy.yaml',
        line: 12,
        text: '`spec.authorities[0].keyless.identities[0].subjectRegExp` must match the whole text here, while the cluster is content with a part. Write it as `^…$` to mean the same in both.',
      },
    ]);
  });

  it.each([
    [
      'a timestamp authority',
      `${exactIdentity}\n  rfc3161timestamp:\n    trustRootRef: own`,
      'ignore',
    ],
    ['a log', `${exactIdentity}\n  ctlog:\n    url: https://rekor.sigstore.dev`, 'required'],
    [
      'an empty ctlog, which makes the cluster skip the log',
      `${exactIdentity}\n  ctlog: {}`,
      'required',
    ],
    ['nothing', exactIdentity, 'required'],
  ])('proves the time of a certificate by %s', (_, authorities, tlog) => {
    const { requirementFor } = read(policy(authorities), true);
    expect(told(requirementFor(image('ghcr.io/acme/app:1')))).toMatchObject({
      of: [{ ...required, tlog }],
    });
  });

  it('asks for a timestamp on a signature by key where it has an authority for it', () => {
    const text = policy(`${byKey(key.pem)}\n  rfc3161timestamp: {trustRootRef: own}`);
    expect(read(text, true).requirementFor(image('ghcr.io/acme/app:1'))).toMatchObject({
      of: [{ policy: { tlog: 'ignore', timestamp: 'required' } }],
    });
  });

  it('with static decides without a signature', () => {
    const text = policy(
      '- name: allowed\n  static: {action: pass}\n- static:\n    action: fail\n    message: not from here',
    );
    expect(told(read(text).requirementFor(image('ghcr.io/acme/app:1')))).toEqual({
      name: 'ClusterImagePolicy signed',
      count: 1,
      of: [
        {
          name: 'allowed',
          pass: 'the policy lets it through without a signature (`static: {action: pass}`).',
        },
        {
          name: 'authorities[1]',
          fail: 'the policy refuses it: not from here (`static: {action: fail}`).',
        },
      ],
    });
  });

  it('must hold together with every other one that speaks of the image', () => {
    const two = `${policy(exactIdentity, '', 'one')}\n---\n${policy(byKey(key.pem), '', 'two').replace('acme/**', 'acme/special*')}`;
    const { requirementFor } = read(two);
    expect(told(requirementFor(image('ghcr.io/acme/special:1')))).toMatchObject({
      count: 2,
      of: [{ name: 'ClusterImagePolicy one' }, { name: 'ClusterImagePolicy two' }],
    });
    expect(told(requirementFor(image('ghcr.io/acme/app:1')))).toMatchObject({
      name: 'ClusterImagePolicy one',
      count: 1,
    });
    expect(told(requirementFor(image('ghcr.io/other/app:1')))).toEqual({
      fail: 'No policy in policy.yaml speaks of ghcr.io/other/app.',
    });
  });

  it.each([
    ['nginx', 'index.docker.io/library/nginx@*'],
    ['nginx:1', 'index.docker.io/library/*'],
    ['docker.io/library/nginx:1', 'index.docker.io/library/**'],
    ['nginx', '*'],
    ['acme/app', '*/*'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app@sha256:*'],
    [`ghcr.io/acme/app:1@${digest}`, `ghcr.io/acme/app@${digest}`],
    [`ghcr.io/acme/app@${digest}`, 'ghcr.io/acme/app@*'],
  ])('speaks of %s by the glob %s', (reference, glob) => {
    expect(
      read(policy(exactIdentity).replace('ghcr.io/acme/**', glob)).requirementFor(image(reference)),
    ).toMatchObject({ kind: 'count' });
  });

  it.each([
    ['nginx', 'docker.io/library/nginx*'],
    ['nginx', 'nginx'],
    [`nginx@${digest}`, 'nginx@*'],
    ['nginx', 'index.docker.io/library/nginx:latest'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:1'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:**'],
    ['ghcr.io/acme/app:1', '*'],
    ['ghcr.io/acme/app:1', '*/*'],
    ['ghcr.io/acme/team/app:1', 'ghcr.io/acme/*'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app'],
  ])('does not speak of %s by the glob %s', (reference, glob) => {
    expect(
      read(policy(exactIdentity).replace('ghcr.io/acme/**', glob)).requirementFor(image(reference)),
    ).toMatchObject({ kind: 'fail' });
  });

  it('speaks of a digest by whatever tag it was named', () => {
    const deny = policy('- static: {action: fail}', '', 'deny').replace(
      'ghcr.io/acme/**',
      `ghcr.io/acme/app@${digest}`,
    );
    const { requirementFor } = read(`${policy(exactIdentity)}\n---\n${deny}`);
    const app = image('ghcr.io/acme/app:1');
    expect(told(requirementFor(app))).toMatchObject({ name: 'ClusterImagePolicy signed' });
    expect(told(requirementFor({ ...app, digest: parseDigest(digest) }))).toMatchObject({
      count: 2,
      of: [{}, { name: 'ClusterImagePolicy deny' }],
    });
  });

  it('tells what the cluster does and the gate does not', () => {
    const more = '  mode: warn\n  match:\n    - resource: pods\n      version: v1\n';
    expect(read(policy(exactIdentity, more)).notes).toEqual([
      {
        file: 'policy.yaml',
        line: 14,
        text: expect.stringMatching(/^`spec\.match` selects workloads/),
      },
      {
        file: 'policy.yaml',
        line: 13,
        text: expect.stringMatching(/^`spec\.mode` makes the cluster warn only/),
      },
    ]);
  });

  it('of another Sigstore instance needs its trusted root', () => {
    const own = `${byIdentity(`issuer: ${github}\nsubject: ${workflow}`).replace('identities', 'url: https://fulcio.acme.example\n    trustRootRef: acme\n    identities')}\n  ctlog:\n    trustRootRef: acme`;
    expect(refused(policy(own))).toBe(
      'policy.yaml, line 10: `spec.authorities[0].keyless.url` names a service other than https://fulcio.sigstore.dev.',
    );
    expect(
      read(policy(own), true).notes.map(({ line, text }) => `${line} ${text.split(' ')[0]}`),
    ).toEqual([
      '10 `spec.authorities[0].keyless.url`',
      '11 `spec.authorities[0].keyless.trustRootRef`',
      '16 `spec.authorities[0].ctlog.trustRootRef`',
    ]);
  });
});

describe('a ClusterImagePolicy is refused by line and field for', () => {
  it.each([
    [
      'a key that is in no KMS',
      '- key:\n    kms: cosign.pub',
      'line 10: `spec.authorities[0].key.kms` is not the address of a key in a service',
    ],
    [
      'two keys',
      '- key:\n    kms: awskms:///x\n    secretRef: {name: x}',
      'line 9: `spec.authorities[0].key` names its key in two ways',
    ],
    [
      'a key that is none',
      '- key:\n    data: hello',
      'line 10: `spec.authorities[0].key.data` holds no public key',
    ],
    [
      'a key elsewhere',
      '- key:\n    data: k8s://a/b',
      'line 10: `spec.authorities[0].key.data` names a key that is kept elsewhere',
    ],
    ['no key', '- key: {}', 'line 9: `spec.authorities[0].key` holds no key'],
    [
      'several keys',
      byKey(key.pem + other.pem),
      'line 10: `spec.authorities[0].key.data` holds several keys',
    ],
    [
      'another hash',
      `${byKey(key.pem)}\n    hashAlgorithm: sha512`,
      '`spec.authorities[0].key.hashAlgorithm` is "sha512"',
    ],
    [
      'a certificate of its own',
      `${exactIdentity}\n    ca-cert: {data: x}`,
      '`spec.authorities[0].keyless.ca-cert` names a root of trust',
    ],
    [
      'no SCT',
      `${exactIdentity}\n    insecureIgnoreSCT: true`,
      '`spec.authorities[0].keyless.insecureIgnoreSCT` waives',
    ],
    [
      'another log',
      `${exactIdentity}\n  ctlog: {url: "https://rekor.acme.example"}`,
      '`spec.authorities[0].ctlog.url` names a service',
    ],
    [
      'attestations without a type',
      `${exactIdentity}\n  attestations: [{name: x}]`,
      '`spec.authorities[0].attestations[0]` has no `predicateType`',
    ],
    [
      'attestations of no known type',
      `${exactIdentity}\n  attestations: [{name: x, predicateType: sbom}]`,
      '.attestations[0].predicateType` is no predicate type',
    ],
    [
      'attestations with a program',
      `${exactIdentity}\n  attestations: [{name: x, predicateType: spdx, policy: {type: cue, data: x}}]`,
      '.attestations[0].policy` holds a CUE or Rego program',
    ],
    [
      'attestations of what is let through',
      '- static: {action: pass}\n  attestations: [{name: x, predicateType: spdx}]',
      '.attestations` has no meaning beside `static`',
    ],
    [
      'another format',
      `${exactIdentity}\n  signatureFormat: notary`,
      '`spec.authorities[0].signatureFormat` is "notary"',
    ],
    [
      'two ways in one authority',
      `${exactIdentity}\n  static: {action: pass}`,
      'line 9: `spec.authorities[0]` must have one of',
    ],
    ['none', '- name: x', 'line 9: `spec.authorities[0]` must have one of'],
    [
      'a log beside static',
      '- static: {action: pass}\n  ctlog: {}',
      'line 10: `spec.authorities[0].ctlog` has no meaning',
    ],
    [
      'an unknown action',
      '- static: {action: allow}',
      '`spec.authorities[0].static.action` is "allow"',
    ],
    ['no action', '- static: {}', '`spec.authorities[0].static` says neither'],
    [
      'no identities',
      '- keyless: {url: "https://fulcio.sigstore.dev"}',
      'line 9: `spec.authorities[0].keyless` names nobody',
    ],
    [
      'no subject',
      byIdentity(`issuer: ${github}`),
      '`spec.authorities[0].keyless.identities[0]` says nothing of the subject',
    ],
    [
      'an empty subject',
      byIdentity(`issuer: ${github}\nsubject: ""`),
      'says nothing of the subject',
    ],
    [
      'no issuer',
      byIdentity(`subject: ${workflow}`),
      '`spec.authorities[0].keyless.identities[0]` says nothing of the issuer',
    ],
    [
      'two subjects',
      byIdentity(`issuer: ${github}\nsubject: a\nsubjectRegExp: ^a$`),
      'says two things of the subject',
    ],
    [
      'anybody',
      byIdentity(`issuer: ${github}\nsubjectRegExp: .*`),
      '`spec.authorities[0].keyless.identities[0].subjectRegExp` matches anybody',
    ],
    [
      'anybody in other words',
      byIdentity(`issuer: ${github}\nsubjectRegExp: ^(?:[a-z].{0,999})$`),
      'subjectRegExp` matches anybody',
    ],
    [
      'any issuer',
      byIdentity(`issuerRegExp: .+\nsubject: ${workflow}`),
      '.issuerRegExp` matches anybody',
    ],
    [
      'every repository of GitHub',
      byIdentity(`issuer: ${github}\nsubjectRegExp: ^https://github.com/[^/]+/.*$`),
      '.subjectRegExp` matches repositories of strangers on github.com, for example',
    ],
    [
      'every address of Google',
      byIdentity('issuerRegExp: ^https://accounts\\.google\\.com$\nsubjectRegExp: .*@.*'),
      '.subjectRegExp` matches e-mail addresses of strangers, for example stranger@gmail.com',
    ],
    [
      'a look-ahead',
      byIdentity(`issuer: ${github}\nsubjectRegExp: (?!evil).*`),
      ".subjectRegExp` has a look-around such as `(?!…)`, which Go's regular expressions (RE2) do not have; cosign refuses it too.",
    ],
    [
      'a line break behind a pattern',
      byIdentity(`issuer: ${github}\nsubjectRegExp: "^a$\\n"`),
      '.subjectRegExp` has a line break',
    ],
    [
      'a number as a text',
      byIdentity(`issuer: 1\nsubject: ${workflow}`),
      '.issuer` must be a text',
    ],
    [
      'a variable',
      byIdentity(`issuer: ${github}\nsubject: "{{ subject }}"`),
      '.subject` holds a variable',
    ],
    [
      'a misspelt field',
      byIdentity(`issuer: ${github}\nsubjectRegexp: x`),
      'subjectRegexp` is not a field',
    ],
    [
      'a misspelt authority',
      '- keylees: {}',
      'line 9: `spec.authorities[0].keylees` is not a field',
    ],
    ['a list that is none', 'key: x', '`spec.authorities` must be a list'],
    ['no authority', '[]', 'line 8: `spec.authorities` has no authority'],
  ])('%s', (_, authorities, problem) => expect(refused(policy(authorities))).toContain(problem));

  it.each([
    [
      'a program',
      '  policy: {type: cue, data: x}\n',
      'line 13: `spec.policy` holds a CUE or Rego program',
    ],
    ['a mode', '  mode: audit\n', 'line 13: `spec.mode` is "audit"'],
    ['an unknown field', '  matches: []\n', 'line 13: `spec.matches` is not a field'],
    ['a merge key', '  <<: {matches: []}\n', 'line 13: `spec.matches` is not a field'],
  ])('%s', (_, more, problem) => expect(refused(policy(exactIdentity, more))).toContain(problem));

  it.each([
    ['a glob that is none', 'ghcr.io/[a]'],
    ['an empty glob', ''],
  ])('%s', (_, glob) => {
    expect(refused(policy(exactIdentity).replace('ghcr.io/acme/**', glob))).toBe(
      'policy.yaml, line 7: `spec.images[0].glob` is not a glob of policy-controller.',
    );
  });

  it('no images', () =>
    expect(refused(policy(exactIdentity).replace(/images:\n.*\n/, 'images: []\n'))).toContain(
      '`spec.images` names no image',
    ));
});
