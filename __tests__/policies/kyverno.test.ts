import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { policiesOf } from '../../src/signature/requirement.ts';
import { growth } from '../growth.ts';
import { digest, image, indent, makeKey, read, refused, told, tools } from './tools.ts';

const key = makeKey();
const other = makeKey();
const github = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';

/** A ClusterPolicy with one entry of verifyImages: these lines, and a first one for the images. */
function policy(
  entry: string,
  more: { spec?: string; rule?: string; kind?: string; references?: string } = {},
): string {
  return `apiVersion: kyverno.io/v1
kind: ${more.kind ?? 'ClusterPolicy'}
metadata: {name: check}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ${more.references ?? '["ghcr.io/acme/*"]'}
          ${indent(entry, 10)}
${more.rule ?? ''}${more.spec ?? ''}`;
}

const attestors = (entries: string, count = '') =>
  `attestors:\n  - ${count}entries:\n      ${indent(entries, 6)}`;
const byKey = (pem: string, more = '') =>
  `- keys:\n    publicKeys: |-\n      ${indent(pem, 6)}${more}`;
const byIdentity = (fields: string) => `- keyless:\n    ${indent(fields, 4)}`;
const exact = byIdentity(
  `subject: ${workflow}\nissuer: ${github}\nrekor: {url: https://rekor.sigstore.dev}`,
);
/** Without the one that says that the kind is deprecated. */
const notesOf = (text: string, ownTrust = false) =>
  read(text, ownTrust).notes.filter((note) => !note.text.includes('is deprecated'));
const app = image('ghcr.io/acme/app:1');
const asked = (text: string) => told(read(text).requirementFor(app));
const name = 'ClusterPolicy check, rule signed';
const place = (index: number, what: string) => `attestors[0].entries[${index}].${what}`;

describe('a Kyverno policy', () => {
  it('asks for all attestors of a set without a count; each key of several in one entry counts', () => {
    expect(asked(policy(attestors(`${byKey(key.pem + other.pem)}\n${exact}`)))).toEqual({
      name,
      count: 1,
      of: [
        {
          count: 3,
          of: [
            { name: place(0, 'keys'), tlog: 'required', signers: [key.id] },
            { name: place(0, 'keys'), tlog: 'required', signers: [other.id] },
            {
              name: place(1, 'keyless'),
              tlog: 'required',
              signers: [{ who: [workflow], by: [github] }],
            },
          ],
        },
      ],
    });
  });

  it('asks for attestations by their attestors, beside a signature or alone', () => {
    const type = 'https://cyclonedx.org/bom';
    const attestations = `attestations:\n  - type: ${type}\n    ${indent(attestors(`${byKey(key.pem)}\n${exact}`, 'count: 1\n    '), 4)}`;
    const demanded = {
      count: 1,
      of: [
        { attestation: type, tlog: 'required', signers: [key.id] },
        { attestation: type, tlog: 'required', signers: [{ who: [workflow], by: [github] }] },
      ],
    };
    expect(asked(policy(attestations))).toMatchObject({ name, count: 1, of: [demanded] });
    expect(asked(policy(`${attestors(byKey(other.pem))}\n${attestations}`))).toMatchObject({
      name,
      count: 2,
      of: [{ count: 1, of: [{ tlog: 'required', signers: [other.id] }] }, demanded],
    });
  });

  it('asks for as many as count says, in nested sets too, and for all sets', () => {
    const nested = `- attestor:\n    count: 1\n    entries:\n      ${indent(`${byKey(key.pem)}\n${byKey(other.pem)}`, 6)}`;
    const text = policy(
      `${attestors(`${nested}\n${exact}`, 'count: 2\n    ')}\n  - entries:\n      ${indent(byKey(other.pem), 6)}`,
    );
    expect(asked(text)).toMatchObject({
      name,
      count: 2,
      of: [
        {
          count: 2,
          of: [
            { count: 1, of: [{ signers: [key.id] }, { signers: [other.id] }] },
            { signers: [{ who: [workflow] }] },
          ],
        },
        { count: 1, of: [{ signers: [other.id] }] },
      ],
    });
  });

  it.each([
    [
      'an attestor',
      `${attestors(`${byKey(key.pem)}\n  annotations: {team: blue}`)}\nannotations: {env: prod}`,
      { team: 'blue' },
    ],
    ['all attestors', `${attestors(byKey(key.pem))}\nannotations: {env: prod}`, { env: 'prod' }],
    ['nobody', attestors(byKey(key.pem)), undefined],
  ])('asks for the annotations of %s', (_, entry, annotations) => {
    expect(asked(policy(entry))).toMatchObject({
      of: [{ of: [annotations === undefined ? { tlog: 'required' } : { annotations }] }],
    });
  });

  it('asks for a timestamp where the policy knows its authority', () => {
    const text = policy(attestors(byKey(key.pem, '\n    ctlog: {tsaCertChain: x}')));
    expect(refused(text)).toContain('.tsaCertChain` names a root of trust of its own');
    expect(read(text, true).requirementFor(app)).toMatchObject({
      of: [{ of: [{ policy: { timestamp: 'required' } }] }],
    });
  });

  it.each([
    ['SigstoreBundle', 'bundle'],
    ['Cosign', 'legacy'],
    [undefined, 'legacy'],
  ])('of type %s takes the format %s', (type, format) => {
    const text = policy(
      `${type === undefined ? '' : `type: ${type}\n`}${attestors(`${byKey(key.pem)}\n${exact}`)}`,
    );
    const policies = policiesOf(read(text).requirementFor(app));
    expect(policies.map((one) => one.format)).toEqual([format, format]);
  });

  it('ignores the log where it says so', () => {
    const text = policy(
      attestors(
        byKey(key.pem, '\n    rekor: {ignoreTlog: true, url: ""}\n    ctlog: {ignoreSCT: true}'),
      ),
    );
    expect(asked(text)).toMatchObject({ of: [{ of: [{ tlog: 'ignore' }] }] });
  });

  it('reads wildcards in subject and issuer, of the whole text', () => {
    const fields = `subject: "https://github.com/acme/*/release.yml@refs/tags/v?"\nissuer: "${github}"`;
    const found = read(policy(attestors(byIdentity(fields)))).requirementFor(app);
    expect(told(found)).toMatchObject({
      of: [
        {
          of: [
            {
              signers: [
                {
                  who: ['/https://github.com/acme/*/release.yml@refs/tags/v?/'],
                  by: [github],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('reads the extensions that say what the GitHub claims say', () => {
    const extensions =
      'additionalExtensions:\n  githubWorkflowRepository: acme/app\n  1.3.6.1.4.1.57264.1.2: push\n  githubWorkflowRef: refs/heads/main\n  githubWorkflowSha: abc';
    expect(
      asked(
        policy(attestors(byIdentity(`subject: ${workflow}\nissuer: ${github}\n${extensions}`))),
      ),
    ).toMatchObject({
      of: [
        {
          of: [
            {
              signers: [
                {
                  github: {
                    repository: 'acme/app',
                    event: 'push',
                    ref: 'refs/heads/main',
                    sha: 'abc',
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it.each([
    [
      'one key',
      `key: |\n  ${indent(key.pem, 2)}`,
      { count: 1, name: 'key', of: [{ tlog: 'required', signers: [key.id] }] },
    ],
    [
      'issuer and subject',
      `issuer: ${github}\nsubject: ${workflow}`,
      { name: 'keyless', tlog: 'required', signers: [{ who: [workflow], by: [github] }] },
    ],
  ])('of the first versions, flat with %s', (_, entry, expected) => {
    expect(
      asked(
        policy(entry).replace('imageReferences: ["ghcr.io/acme/*"]', 'image: "ghcr.io/acme/*"'),
      ),
    ).toEqual({
      name,
      count: 1,
      of: [expected],
    });
  });

  it.each([
    ['["*"]', 'nginx'],
    ['["docker.io/*"]', 'nginx'],
    ['["docker.io/nginx:latest"]', 'nginx'],
    ['["docker.io/library/nginx:1"]', 'docker.io/library/nginx:1'],
    ['["index.docker.io/library/nginx:1"]', 'index.docker.io/library/nginx:1'],
    ['["ghcr.io/acme/app*"]', `ghcr.io/acme/app:1@${digest}`],
    ['["ghcr.io/acme/app@*"]', `ghcr.io/acme/app:1@${digest}`],
    ['["localhost:5000/app:?"]', 'localhost:5000/app:1'],
    ['["quay.io/*", "ghcr.io/*/app:1"]', 'ghcr.io/acme/app:1'],
  ])('with the references %s speaks of %s', (references, reference) => {
    const found = read(policy(attestors(exact), { references })).requirementFor(image(reference));
    expect(found).toMatchObject({ kind: 'count' });
  });

  it.each([
    ['["docker.io/library/nginx*"]', 'nginx'],
    ['["ghcr.io/acme/app"]', 'ghcr.io/acme/app:1'],
    ['["ghcr.io/acme/app:*"]', `ghcr.io/acme/app:1@${digest}`],
    ['["ghcr.io/Acme/*"]', 'ghcr.io/acme/app:1'],
    ['["ghcr.io/acme/ap"]', 'ghcr.io/acme/app:1'],
  ])('with the references %s does not speak of %s', (references, reference) => {
    const found = read(policy(attestors(exact), { references })).requirementFor(image(reference));
    expect(found).toMatchObject({ kind: 'fail' });
  });

  it('exempts what it says to skip, under all its names only, and only what it speaks of', () => {
    const { requirementFor } = read(
      policy(`skipImageReferences: ["*/acme/base:*", "quay.io/*"]\n${attestors(exact)}`),
    );
    expect(told(requirementFor(image('ghcr.io/acme/base:1')))).toEqual({
      name,
      pass: 'the policy exempts it (`skipImageReferences`).',
    });
    const base = image('ghcr.io/acme/base:1');
    expect(
      requirementFor({
        ...base,
        references: ['ghcr.io/acme/base:1', `ghcr.io/acme/base@${digest}`],
      }),
    ).toMatchObject({
      kind: 'count',
    });
    expect(requirementFor(image('quay.io/acme/app:1'))).toMatchObject({ kind: 'fail' });
  });

  it('speaks of a digest by whatever tag it was named, and exempts it only where every name is exempt', () => {
    const { requirementFor } = read(
      policy(`skipImageReferences: ["*:skipped"]\n${attestors(exact)}`, {
        references: `["*@${digest}"]`,
      }),
    );
    const known = parseDigest(digest);
    expect(requirementFor(app)).toMatchObject({ kind: 'fail' });
    expect(requirementFor({ ...app, digest: known })).toMatchObject({ kind: 'count' });
    expect(requirementFor({ ...image('nginx'), digest: known })).toMatchObject({ kind: 'count' });
    expect(requirementFor({ ...image('ghcr.io/acme/app:skipped'), digest: known })).toMatchObject({
      kind: 'pass',
    });
  });

  it('does not exempt an image from another rule', () => {
    const first = policy(`skipImageReferences: ["*base*"]\n${attestors(exact)}`);
    const second = policy(attestors(byKey(key.pem)));
    expect(
      told(read(`${first}\n---\n${second}`).requirementFor(image('ghcr.io/acme/base:1'))),
    ).toMatchObject({
      count: 2,
      of: [{ pass: expect.any(String) }, { count: 1 }],
    });
  });

  it('is held against every image by all its rules', () => {
    const rule = `    - name: second\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      verifyImages:\n        - imageReferences: ["*"]\n          ${indent(attestors(byKey(key.pem)), 10)}\n`;
    expect(asked(policy(attestors(exact), { rule }))).toMatchObject({
      count: 2,
      of: [{ name }, { name: 'ClusterPolicy check, rule second' }],
    });
  });

  it('leaves rules about other things alone', () => {
    const rule =
      '    - name: labels\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      validate: {pattern: {metadata: {labels: {a: "{{ b }}"}}}}\n';
    expect(notesOf(policy(attestors(exact), { rule }))).toEqual([]);
  });

  it('is a kind that Kyverno is about to drop, which is said once', () => {
    const text = `${policy(attestors(exact))}---\n${policy(attestors(exact))}`;
    expect(read(text).notes.map((note) => note.text)).toEqual([
      expect.stringMatching(/^`ClusterPolicy` is deprecated since Kyverno 1\.17: 1\.20 .* 1\.21/),
    ]);
  });

  it('with applyRules One is read where it has one rule', () => {
    const spec = '  applyRules: One\n';
    expect(asked(policy(attestors(exact), { spec }))).toMatchObject({ name });
    const rule = '    - name: labels\n      match: {}\n      validate: {}\n';
    expect(refused(policy(attestors(exact), { spec, rule }))).toContain(
      '`spec.applyRules` is One: of several rules',
    );
  });

  it('refuses a tag where the cluster does, and nowhere else', () => {
    const entry = `${attestors(exact)}\nmutateDigest: false`;
    const enforce = { spec: '  validationFailureAction: Enforce\n' };
    const by = (reference: string, text: string) =>
      read(text).requirementFor(image(reference)).kind;
    expect(by('ghcr.io/acme/app:1', policy(entry, enforce))).toBe('fail');
    expect(by(`ghcr.io/acme/app@${digest}`, policy(entry, enforce))).toBe('count');
    expect(by('ghcr.io/acme/app:1', policy(`${entry}\nfailureAction: Enforce`))).toBe('fail');
    for (const text of [
      policy(entry),
      policy(`${entry}\nverifyDigest: false`, enforce),
      policy(`${entry}\nfailureAction: Audit`, enforce),
      policy(attestors(exact), enforce),
    ])
      expect(by('ghcr.io/acme/app:1', text)).toBe('count');
  });

  it.each([
    ['kms', '{kms: "hashivault://release"}', 'hashivault://release'],
    ['publicKeys', '{publicKeys: "k8s://build/cosign"}', 'k8s://build/cosign'],
    ['secret', '{secret: {name: cosign, namespace: build}}', 'k8s://build/cosign'],
  ])('names keys that are kept elsewhere: %s', (_, keys, address) => {
    const text = policy(attestors(`- keys: ${keys}`));
    const checked = readPolicies([{ path: 'policy.yaml', text }], tools);
    expect(checked.keys).toMatchObject([{ kind: 'service', address }]);
    const denied = checked.keys[0]?.explain(new Failure('kms-denied', 'No.', 'Ask.'));
    expect(denied).toMatchObject({
      code: 'kms-denied',
      message: expect.stringMatching(
        /^policy\.yaml, line \d+: `spec\.rules.* cannot be had: No\.$/,
      ),
      fix: 'Ask.',
    });
    const { requirementFor } = checked.withKeys(new Map([[address, [key.object, other.object]]]));
    expect(told(requirementFor(app))).toMatchObject({
      of: [{ count: 1, of: [{ signers: [key.id] }] }],
    });
    expect(() => readPolicies([{ path: 'policy.yaml', text }], tools).withKeys(new Map())).toThrow(
      'was not opened',
    );
  });

  it('names no more keys elsewhere than can be fetched', () => {
    const keys = Array.from({ length: 51 }, (_, index) => `- keys: {kms: "awskms:///${index}"}`);
    expect(refused(policy(attestors(keys.join('\n'))))).toContain('is the key number 51');
  });

  it.each([
    '"<YOUR COSIGN PUBLIC KEY>"',
    '"..."',
    'REPLACE_ME',
    '"-----BEGIN PUBLIC KEY-----\\n...\\n-----END PUBLIC KEY-----"',
    '"-----BEGIN PUBLIC KEY-----\\n<your key>\\n-----END PUBLIC KEY-----"',
  ])('has a placeholder where its key belongs: %s', (text) => {
    expect(refused(policy(attestors(`- keys: {publicKeys: ${text}}`)))).toContain(
      '.publicKeys` holds a placeholder, not a key',
    );
  });

  it('a long text in the place of a key is read once', () => {
    const texts = new Map(
      [20_000, 40_000].map((size) => [
        size,
        policy(
          attestors(`- keys: {publicKeys: ${JSON.stringify(`${'your '.repeat(size / 5)}\n.`)}}`),
        ),
      ]),
    );
    expect(growth((size) => refused(texts.get(size) ?? ''), 20_000)).toBeLessThan(3);
  });

  it('an entry without attestors is no requirement, and no match', () => {
    const text = `${policy('mutateDigest: true')}\n---\n${policy(attestors(exact), { references: '["quay.io/*"]' })}`;
    expect(read(text).requirementFor(app)).toMatchObject({ kind: 'fail' });
    expect(notesOf(text).map(({ text }) => text)).toEqual([
      '`spec.rules[0].verifyImages[0].mutateDigest` changes workloads in the cluster; the gate judges the digest and changes nothing.',
      '`spec.rules[0].verifyImages[0]` asks for no signature (it has no `attestors` and no `attestations`) and is not counted as a rule about its images.',
    ]);
  });

  it('tells what the cluster does and the gate does not', () => {
    const entry = `${attestors(byIdentity(`subjectRegExp: acme\nissuer: ${github}`))}\nrequired: false\nfailureAction: Audit\nverifyDigest: false\nuseCache: true\nmutateDigest: false`;
    const text = policy(entry, {
      kind: 'Policy',
      rule: '      exclude: {any: [{resources: {namespaces: [dev]}}]}\n',
      spec: '  validationFailureAction: Audit\n  background: false\n  webhookTimeoutSeconds: 30\n  failurePolicy: Fail\n',
    }).replace('kinds: [Pod]', 'kinds: [Pod], namespaces: [prod]');
    expect(notesOf(text).map(({ line, text: note }) => `${line} ${note.split(' ')[0]}`)).toEqual([
      '15 `spec.rules[0].verifyImages[0].required`',
      '16 `spec.rules[0].verifyImages[0].failureAction`',
      '19 `spec.rules[0].verifyImages[0].mutateDigest`',
      '20 `spec.rules[0].exclude`',
      '7 `spec.rules[0].match`',
      '21 `spec.validationFailureAction`',
      '1 `Policy`',
      '13 `spec.rules[0].verifyImages[0].attestors[0].entries[0].keyless.subjectRegExp`',
    ]);
  });

  it('of another Sigstore instance needs its trusted root', () => {
    const own = policy(
      attestors(
        byIdentity(
          `subject: ${workflow}\nissuer: ${github}\nroots: x\nrekor: {url: https://rekor.acme.example, pubkey: y}\nctlog: {pubkey: z}`,
        ),
      ),
    );
    expect(refused(own)).toContain('.keyless.roots` names a root of trust of its own');
    expect(notesOf(own, true)).toHaveLength(4);
  });
});

describe('a Kyverno policy is refused by line and field for', () => {
  it.each([
    [
      'Notary',
      `type: Notary\n${attestors(exact)}`,
      'line 10: `spec.rules[0].verifyImages[0].type` is "Notary"',
    ],
    [
      'a key that is in no KMS',
      attestors('- keys: {kms: cosign.pub}'),
      '.entries[0].keys.kms` is not the address of a key in a service',
    ],
    [
      'half a secret',
      attestors('- keys: {secret: {name: a}}'),
      '.entries[0].keys.secret` does not name a secret',
    ],
    [
      'a key elsewhere',
      attestors('- keys: {publicKeys: "k8s://a/b"}'),
      '.keys.publicKeys` names a key that is kept elsewhere',
    ],
    [
      'a private key',
      attestors(byKey('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')),
      '.publicKeys` holds no public key',
    ],
    [
      'a variable',
      attestors('- keys: {publicKeys: "{{ keys.data.key }}"}'),
      '.keys.publicKeys` holds a variable',
    ],
    ['no key', attestors('- keys: {}'), '.entries[0].keys` holds no key'],
    [
      'another hash',
      attestors(byKey(key.pem, '\n    signatureAlgorithm: sha512')),
      '.keys.signatureAlgorithm` is "sha512"',
    ],
    [
      'another hash of an entry',
      attestors(`${byKey(key.pem)}\n  signatureAlgorithm: sha384`),
      '.entries[0].signatureAlgorithm` is "sha384"',
    ],
    [
      'certificates',
      attestors('- certificates: {cert: x}'),
      '.entries[0].certificates` asks for certificates',
    ],
    [
      'attestations of no known type',
      `${attestors(exact)}\nattestations:\n  - type: x\n    ${indent(attestors(exact), 4)}`,
      '.attestations[0].type` is no predicate type',
    ],
    [
      'attestations without a type',
      `${attestors(exact)}\nattestations:\n  - ${indent(attestors(exact), 4)}`,
      '.attestations[0]` has no `predicateType`',
    ],
    [
      'attestations of two types',
      `${attestors(exact)}\nattestations:\n  - type: https://a.example\n    predicateType: https://b.example`,
      '.attestations[0]` names two types',
    ],
    [
      'attestations of anybody',
      `${attestors(exact)}\nattestations: [{type: https://cyclonedx.org/bom}]`,
      '.attestations[0]` does not say whose',
    ],
    [
      'attestations by a nested set',
      `attestations:\n  - type: https://cyclonedx.org/bom\n    ${indent(attestors(`- attestor:\n    entries:\n      ${indent(exact, 6)}`), 4)}`,
      '.attestor` is not looked at in attestations',
    ],
    [
      'attestations by several keys in one entry',
      `attestations:\n  - type: https://cyclonedx.org/bom\n    ${indent(attestors(byKey(key.pem + other.pem)), 4)}`,
      '.entries[0]` holds several keys',
    ],
    [
      'conditions on attestations',
      `attestations:\n  - type: https://cyclonedx.org/bom\n    ${indent(attestors(exact), 4)}\n    conditions: [{all: [{key: a, operator: Equals, value: b}]}]`,
      '.conditions[0].all[0].key` is not the path of a field',
    ],
    ['conditions', `${attestors(exact)}\nvalidate: {message: x}`, '.validate` holds conditions'],
    [
      'no SCT',
      attestors(byIdentity(`subject: a\nissuer: b\nctlog: {ignoreSCT: true}`)),
      '.keyless.ctlog.ignoreSCT` waives',
    ],
    [
      'no subject',
      attestors(byIdentity(`issuer: ${github}`)),
      ".keyless` says nothing of the subject, which lets in anybody's",
    ],
    [
      'no issuer',
      attestors(byIdentity(`subject: ${workflow}`)),
      ".keyless` says nothing of the issuer, which lets in anybody's",
    ],
    [
      'two subjects',
      attestors(byIdentity(`subject: a\nsubjectRegExp: ^a$\nissuer: ${github}`)),
      'says two things of the subject',
    ],
    [
      'anybody',
      attestors(byIdentity(`subject: "*"\nissuer: ${github}`)),
      '.keyless.subject` matches anybody',
    ],
    [
      'anybody in other words',
      attestors(byIdentity(`subject: "?*"\nissuer: ${github}`)),
      '.keyless.subject` matches anybody',
    ],
    [
      'any issuer',
      attestors(byIdentity(`subject: ${workflow}\nissuer: "**"`)),
      '.keyless.issuer` matches anybody',
    ],
    [
      'every repository of GitHub',
      attestors(byIdentity(`subject: "https://github.com/*"\nissuer: ${github}`)),
      '.keyless.subject` matches repositories of strangers on github.com, for example',
    ],
    [
      'every repository of GitHub, as a pattern',
      attestors(byIdentity(`subjectRegExp: "https://github\\\\.com/.+"\nissuer: ${github}`)),
      '.keyless.subjectRegExp` matches repositories of strangers on github.com, for example',
    ],
    [
      'wildcards in a bundle',
      `type: SigstoreBundle\n${attestors(byIdentity(`subject: a*\nissuer: ${github}`))}`,
      '.keyless.subject` has wildcards',
    ],
    [
      'an extension',
      attestors(byIdentity('subject: a\nissuer: b\nadditionalExtensions: {githubWorkflowName: x}')),
      '.githubWorkflowName` is an extension',
    ],
    [
      'a prototype',
      attestors(byIdentity('subject: a\nissuer: b\nadditionalExtensions: {constructor: x}')),
      '.constructor` is an extension',
    ],
    [
      'an extension by wildcard',
      attestors(
        byIdentity('subject: a\nissuer: b\nadditionalExtensions: {githubWorkflowRef: "*"}'),
      ),
      'must be an exact value',
    ],
    [
      'a flat extension',
      `${attestors(exact)}\nadditionalExtensions: {githubWorkflowRef: x}`,
      '[0].additionalExtensions` has no effect',
    ],
    ['count 0', attestors(exact, 'count: 0\n    '), '.attestors[0].count` must be a number from 1'],
    [
      'count as a text',
      attestors(exact, 'count: "1"\n    '),
      '.attestors[0].count` must be a number from 1',
    ],
    [
      'too high a count',
      attestors(exact, 'count: 2\n    '),
      '.attestors[0].count` asks for 2 of 1 different attestors',
    ],
    [
      'one key twice',
      attestors(byKey(key.pem + key.pem), 'count: 2\n    '),
      '.attestors[0].count` asks for 2 of 1 different attestors',
    ],
    ['no entries', 'attestors: [{count: 1}]', '.attestors[0]` names no attestor'],
    ['empty entries', 'attestors: [{entries: []}]', '.attestors[0].entries` names no attestor'],
    ['an empty entry', attestors('- annotations: {a: b}'), '.entries[0]` must have one of'],
    [
      'two in an entry',
      attestors(`${exact}\n  keys: {publicKeys: x}`),
      '.entries[0]` must have one of',
    ],
    [
      'a misspelt nested field',
      attestors('- attestor: {entries: [{keylesss: {}}]}'),
      '.attestor.entries[0].keylesss` is not a field',
    ],
    ['a misspelt field', `${attestors(exact)}\nattestor: []`, '[0].attestor` is not a field'],
    [
      'upper case',
      `${attestors(exact)}\nskipImagereferences: []`,
      'skipImagereferences` is not a field',
    ],
    [
      'an annotation that is a number',
      `${attestors(exact)}\nannotations: {build: 1}`,
      '.annotations.build` must be a text',
    ],
    ['a flat key beside an issuer', `key: x\nissuer: y`, '[0].issuer` stands beside `key`'],
    ['a flat subject alone', 'subject: y', "says nothing of the issuer, which lets in anybody's"],
  ])('%s', (_, entry, problem) => expect(refused(policy(entry))).toContain(problem));

  it.each([
    [
      'context',
      '      context: [{name: keys, configMap: {name: a}}]\n',
      'spec.rules[0].context` depends on',
    ],
    [
      'preconditions',
      '      preconditions: {all: [{key: a}]}\n',
      'spec.rules[0].preconditions` depends on',
    ],
    [
      'CEL',
      '      celPreconditions: [{name: a, expression: b}]\n',
      'spec.rules[0].celPreconditions` depends on',
    ],
    [
      'two kinds of rule',
      '      validate: {message: a}\n',
      'spec.rules[0].validate` stands beside',
    ],
    ['a misspelt rule', '    - name: b\n      verifyimages: []\n', 'spec.rules[1]` is neither'],
    [
      'a misspelt rule beside another',
      '    - name: b\n      validate: {}\n      verifyImage: []\n',
      'spec.rules[1]` is neither',
    ],
    ['an empty list', '    - name: b\n      verifyImages: []\n', 'spec.rules[1]` has an empty'],
  ])('%s', (_, rule, problem) =>
    expect(refused(policy(attestors(exact), { rule }))).toContain(problem),
  );

  it.each([
    [
      'an action that there is not',
      '          failureAction: banana\n',
      '.failureAction` is "banana", which is not supported',
    ],
    ['applyRules', '  applyRules: First\n', '`spec.applyRules` is "First"'],
    [
      'an unknown field',
      '  validationfailureaction: Audit\n',
      '`spec.validationfailureaction` is not a field',
    ],
  ])('%s', (_, spec, problem) =>
    expect(refused(policy(attestors(exact), { spec }))).toContain(problem),
  );

  it('no images', () =>
    expect(refused(policy(attestors(exact), { references: '[]' }))).toContain(
      'verifyImages[0]` names no image',
    ));
});
