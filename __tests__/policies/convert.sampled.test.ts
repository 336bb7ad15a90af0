// A policy as another kind: read back, it asks for the same, or for more where that is told.
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseReference } from '../../src/image/reference.ts';
import {
  type Conversion,
  type ConversionTarget,
  conversionTargets,
  convertPolicies,
} from '../../src/policies/convert.ts';
import { type Policies, readPolicies } from '../../src/policies/read.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { matches } from '../../src/signature/policy.ts';
import type { Verdict } from '../../src/signature/verdict.ts';
import { everyThird } from '../sampled.ts';
import { problems, schemas } from './schema.ts';
import { trustedRoot } from './signed.ts';
import { digest, image, indent, makeKey, tools } from './tools.ts';

const [a, b] = [makeKey(), makeKey()];
const github = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
const base64 = (text: string) => Buffer.from(text).toString('base64');

function read(text: string, ownTrust = false): Policies {
  return readPolicies([{ path: 'policy', text }], { ...tools, ownTrust }).withKeys(new Map());
}

function converted(text: string, to: ConversionTarget, own = false): Conversion {
  return convertPolicies(read(text, own), to, own ? { own: trustedRoot } : {});
}

/** A signature that somebody made: what judging it comes to is known without making it. */
interface Made {
  readonly key?: typeof a;
  readonly identity?: string;
  readonly issuer?: string;
  readonly logged?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
}

const made: Readonly<Record<string, Made>> = {
  a: { key: a },
  'a, logged': { key: a, logged: true },
  'a, annotated': { key: a, logged: true, annotations: { env: 'prod' } },
  b: { key: b },
  workflow: { identity: workflow, issuer: github, logged: true },
  'another workflow': {
    identity: workflow.replace('release', 'dev'),
    issuer: github,
    logged: true,
  },
  person: { identity: 'a@acme.com', issuer: 'https://accounts.google.com', logged: true },
};

function verdictOf(signature: Made, policy: SignaturePolicy, repository: string): Verdict {
  const isSigner = policy.signers.some((rule) => {
    if ('key' in rule) return signature.key !== undefined && rule.key.equals(signature.key.object);
    const { identity, issuer } = signature;
    return (
      identity !== undefined &&
      rule.identities.some((one) => matches(one, identity)) &&
      rule.issuers.some((one) => matches(one, issuer ?? ''))
    );
  });
  const verified =
    isSigner &&
    (policy.tlog === 'ignore' ? signature.key !== undefined : signature.logged === true) &&
    (policy.claimedName?.fits(repository) ?? true) &&
    Object.entries(policy.annotations).every(
      ([name, value]) => signature.annotations?.[name] === value,
    );
  const code = verified ? 'verified' : 'wrong-key';
  return { format: 'legacy', digest, reference: '', verified, code, annotations: {} } as Verdict;
}

const images = [
  'ghcr.io/acme/app:1',
  `ghcr.io/acme/app@${digest}`,
  'ghcr.io/acme/team/deep:1',
  'ghcr.io/acme/appx:1',
  'ghcr.io/other:1',
  'quay.io/acme/app:1',
  'nginx:1',
];
const sets = [
  [],
  ...Object.keys(made).map((name) => [name]),
  ['a', 'b'],
  ['a, logged', 'workflow'],
];

/** Which images pass with which signatures. */
function passes(policies: Policies): readonly string[] {
  return images.flatMap((reference) => {
    const { registry, repository } = parseReference(reference);
    const asked = { ...image(reference), digest: image(`a/b@${digest}`).digest ?? ('' as never) };
    return sets.flatMap((names) => {
      const { verified } = evaluate(policies.requirementFor(asked), (policy) =>
        names.map((name) => verdictOf(made[name] as Made, policy, `${registry}/${repository}`)),
      );
      return verified ? [`${reference} with ${names.join(' and ')}`] : [];
    });
  });
}

const ivp = (validation: string, attestors: string, glob = 'ghcr.io/acme/*') =>
  `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: check}
spec:
  validationActions: [Deny]
  matchImageReferences: [{glob: "${glob}"}]
  attestors:
    ${indent(attestors, 4)}
  validations:
    - expression: ${validation}
`;
const cosignKey = (name: string, pem: string, more = 'ctlog: {insecureIgnoreTlog: true}') =>
  `- name: ${name}\n  cosign:\n    key:\n      data: |\n        ${indent(pem, 8)}\n    ${more}\n`;
const keyless = `- name: w\n  cosign:\n    keyless: {identities: [{issuer: "${github}", subject: "${workflow}"}]}\n`;
const signed = (attestors: string, comparison = '> 0') =>
  `images.containers.map(i, verifyImageSignatures(i, [${attestors}])).all(e, e ${comparison})`;

const kyverno = (entries: string, more = '', references = '["ghcr.io/acme/*"]', count = '') =>
  `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: Check_Images}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ${references}
          attestors:
            - ${count}entries:
                ${indent(entries, 16)}
${more}`;
const byKey = (pem: string, rekor = 'rekor: {ignoreTlog: true}') =>
  `- keys:\n    publicKeys: |-\n      ${indent(pem, 6)}\n    ${rekor}`;
const byWorkflow = (subject = workflow) =>
  `- keyless: {subject: "${subject}", issuer: "${github}"}`;

const cip = (authorities: string, glob = 'ghcr.io/acme/**') =>
  `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: check}
spec:
  images: [{glob: "${glob}"}]
  authorities:
    ${indent(authorities, 4)}
`;

const openShift = (
  scopes: readonly string[],
  pem = a.pem,
  identity: object = { matchPolicy: 'MatchRepository' },
) =>
  JSON.stringify({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'check' },
    spec: {
      scopes,
      policy: {
        rootOfTrust: { policyType: 'PublicKey', publicKey: { keyData: base64(pem) } },
        signedIdentity: identity,
      },
    },
  });
const podman = (docker: object) =>
  JSON.stringify({ default: [{ type: 'reject' }], transports: { docker } });
const sigstoreSigned = (...pems: readonly string[]) => ({
  type: 'sigstoreSigned',
  keyDatas: pems.map(base64),
  signedIdentity: { type: 'matchRepository' },
});

/** Sources, and the kinds that say the same of them. */
const sources: readonly (readonly [string, string, readonly ConversionTarget[]])[] = [
  [
    'an ImageValidatingPolicy by key',
    ivp(signed('attestors.a'), cosignKey('a', a.pem)),
    ['ivp', 'cip', 'openshift', 'policy-json'],
  ],
  [
    'either of two',
    ivp(signed('attestors.a, attestors.w'), cosignKey('a', a.pem) + keyless),
    ['ivp', 'cip'],
  ],
  [
    'both of two',
    ivp(
      signed('attestors.a, attestors.w', '>= 2'),
      cosignKey('a', a.pem, 'ctlog: {url: "https://rekor.sigstore.dev"}') + keyless,
    ),
    ['ivp', 'cip'],
  ],
  [
    'two of three',
    ivp(
      signed('attestors.a, attestors.b, attestors.w', '>= 2'),
      cosignKey('a', a.pem) + cosignKey('b', b.pem) + keyless,
    ),
    ['ivp'],
  ],
  [
    'annotations',
    ivp(signed('attestors.a'), cosignKey('a', a.pem, 'annotations: {env: prod}')),
    ['ivp'],
  ],
  ['a ClusterPolicy by key', kyverno(byKey(a.pem)), ['ivp', 'cip', 'openshift', 'policy-json']],
  [
    'by key, with a log',
    kyverno(byKey(a.pem, 'rekor: {url: "https://rekor.sigstore.dev"}')),
    ['ivp', 'cip'],
  ],
  ['two keys', kyverno(byKey(a.pem + b.pem)), ['ivp', 'cip', 'openshift', 'policy-json']],
  [
    'one of two keys',
    kyverno(byKey(a.pem + b.pem), '', undefined, 'count: 1\n              '),
    ['ivp', 'cip', 'policy-json'],
  ],
  [
    'wildcards in the subject',
    kyverno(byWorkflow(workflow.replace('release', '*'))),
    ['ivp', 'cip'],
  ],
  [
    'one repository',
    kyverno(byKey(a.pem), '', '["ghcr.io/acme/app:*", "ghcr.io/acme/app@*"]'),
    ['ivp', 'cip', 'openshift', 'policy-json'],
  ],
  ['the start of a name', kyverno(byKey(a.pem), '', '["ghcr.io/acme/app*"]'), ['ivp', 'cip']],
  ['everything', kyverno(byKey(a.pem), '', '["*"]'), ['ivp', 'cip', 'policy-json']],
  [
    'Docker Hub',
    kyverno(byKey(a.pem), '', '["docker.io/nginx:*"]'),
    ['ivp', 'cip', 'openshift', 'policy-json'],
  ],
  [
    'a ClusterImagePolicy',
    cip(
      `- key:\n    data: |\n      ${indent(a.pem, 6)}\n- keyless: {identities: [{issuer: "${github}", subjectRegExp: "^https://github\\\\.com/acme/.*$"}]}`,
    ),
    ['ivp', 'cip'],
  ],
  [
    'of one repository',
    cip(`- key:\n    data: |\n      ${indent(a.pem, 6)}`, 'ghcr.io/acme/app@sha256:*'),
    ['ivp', 'cip', 'openshift', 'policy-json'],
  ],
  [
    'of a digest',
    cip(`- key:\n    data: |\n      ${indent(a.pem, 6)}`, `ghcr.io/acme/app@${digest}`),
    ['cip'],
  ],
  [
    'a rule inside of another',
    `${kyverno(byKey(a.pem))}---\n${kyverno(byKey(b.pem), '', '["ghcr.io/acme/app:*", "ghcr.io/acme/app@*"]')}`,
    ['ivp', 'cip', 'openshift', 'policy-json'],
  ],
  [
    'a rule inside of everything',
    `${kyverno(byKey(a.pem), '', '["*"]')}---\n${kyverno(byKey(b.pem))}`,
    ['ivp', 'cip', 'policy-json'],
  ],
  [
    'an OpenShift policy and one of Kyverno',
    `${openShift(['ghcr.io/acme'])}\n---\n${kyverno(byKey(b.pem), '', '["ghcr.io/acme/app:*", "ghcr.io/acme/app@*"]')}`,
    ['openshift', 'policy-json'],
  ],
  ['an OpenShift policy', openShift(['ghcr.io/acme']), ['ivp', 'cip', 'openshift', 'policy-json']],
  ['a policy.json', podman({ 'ghcr.io/acme': [sigstoreSigned(a.pem, b.pem)] }), ['policy-json']],
  [
    'all of a scope',
    podman({ 'ghcr.io/acme': [sigstoreSigned(a.pem), sigstoreSigned(b.pem)] }),
    ['openshift', 'policy-json'],
  ],
];

describe.each(everyThird(sources))('%s', (_, text, same) => {
  it.each(conversionTargets)('as %s never lets in more', (to) => {
    const { text: said, notes, left } = converted(text, to);
    expect(left === 0 || notes.length > 0).toBe(true);
    const before = new Set(passes(read(text)));
    const after = said === '' ? [] : passes(read(said));
    const copies = notes.some((note) => note.text.includes('is not compared'));
    // A rule that is left out no longer refuses anything, which is told.
    const more = after.filter((one) => !before.has(one));
    expect(copies || left > 0 ? [] : more).toEqual([]);
    expect(said === '' || after.length > 0).toBe(true);
  });

  it.each(same)('as %s means the same', (to) => {
    const { text: said, left } = converted(text, to);
    // OpenShift admits what no policy speaks of, and cannot be told otherwise.
    expect(left).toBe(to === 'openshift' && text.includes('"default"') ? 1 : 0);
    expect(passes(read(said))).toEqual(passes(read(text)));
  });

  it.each(['ivp', 'cip', 'openshift'] as const)('as %s is what API servers take', (to) => {
    for (const document of parseAllDocuments(converted(text, to).text)) {
      const { apiVersion, kind, metadata, ...rest } = document.toJS();
      expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(problems(rest, schemas[`${apiVersion} ${kind}`] ?? {}, '')).toEqual([]);
    }
  });
});

describe('what cannot be said', () => {
  const notes = (text: string, to: ConversionTarget, own = false) =>
    converted(text, to, own).notes.map((note) => note.text);

  it.each<[string, string, ConversionTarget, string]>([
    [
      'counts',
      ivp(
        signed('attestors.a, attestors.b, attestors.w', '>= 2'),
        cosignKey('a', a.pem) + cosignKey('b', b.pem) + keyless,
      ),
      'cip',
      'it counts signers',
    ],
    [
      'annotations',
      ivp(signed('attestors.a'), cosignKey('a', a.pem, 'annotations: {env: prod}')),
      'cip',
      'it asks for annotations',
    ],
    ['a workflow', kyverno(byWorkflow()), 'openshift', 'exact e-mail addresses only'],
    [
      'a log',
      kyverno(byKey(a.pem, 'rekor: {ignoreTlog: false}')),
      'policy-json',
      'a log whose key is not known here',
    ],
    [
      'exemptions',
      kyverno(byKey(a.pem)).replace(
        '          attestors',
        '          skipImageReferences: ["ghcr.io/acme/x*"]\n          attestors',
      ),
      'ivp',
      'it exempts images',
    ],
    [
      'bundles',
      kyverno(byKey(a.pem)).replace('- imageR', '- type: SigstoreBundle\n          imageR'),
      'policy-json',
      'it asks for bundles',
    ],
    [
      'bundles by key',
      kyverno(byKey(a.pem)).replace('- imageR', '- type: SigstoreBundle\n          imageR'),
      'cip',
      'the legacy format alone',
    ],
    [
      'claims',
      kyverno(
        byWorkflow().replace('}', ', additionalExtensions: {githubWorkflowRef: refs/heads/main}}'),
      ),
      'cip',
      'more of the certificate',
    ],
    [
      'a pattern without an equal',
      kyverno(byKey(a.pem), '', '["*/acme/*"]'),
      'ivp',
      'the pattern "*/acme/*" has no equal there',
    ],
    [
      'tags',
      kyverno(byKey(a.pem), '', '["ghcr.io/acme/app:v1"]'),
      'cip',
      'policy-controller sees no tags',
    ],
    [
      'the start of a name',
      kyverno(byKey(a.pem), '', '["ghcr.io/acme/app*"]'),
      'openshift',
      'a scope cannot be the start of a name',
    ],
    [
      'inner scopes',
      podman({ 'ghcr.io': [sigstoreSigned(a.pem)], 'ghcr.io/acme': [sigstoreSigned(b.pem)] }),
      'ivp',
      'another scope lies inside of it',
    ],
    ['what lets pass', cip('- static: {action: pass}'), 'ivp', 'it lets images pass'],
    [
      'attestations',
      cip(
        `- key:\n    data: |\n      ${indent(a.pem, 6)}\n  attestations: [{name: x, predicateType: spdx}]`,
      ),
      'ivp',
      'it asks for attestations',
    ],
    ['what refuses', podman({ 'ghcr.io': [{ type: 'reject' }] }), 'cip', 'it refuses images'],
    [
      'one of several keys',
      kyverno(byKey(a.pem + b.pem), '', undefined, 'count: 1\n              '),
      'openshift',
      'one of several keys',
    ],
    [
      'an identity that cosign does not have',
      openShift(['ghcr.io'], a.pem, { matchPolicy: 'MatchRepoDigestOrExact' }),
      'policy-json',
      'no signature of cosign satisfies',
    ],
  ])('is told, and left out: %s', (_, text, to, why) => {
    const { text: said, left, notes: told } = converted(text, to);
    expect(told.map((note) => note.text).join('\n')).toContain(why);
    expect(told).toContainEqual(expect.objectContaining({ file: 'policy' }));
    expect(left).toBeGreaterThan(0);
    expect(said).not.toContain(base64(a.pem));
  });

  it('but for these, which are told', () => {
    expect(
      notes(cip(`- key:\n    data: |\n      ${indent(a.pem, 6)}`, 'ghcr.io/acme/*'), 'ivp'),
    ).toEqual([
      'ClusterImagePolicy check: it is said of more images: it speaks of folders in ghcr.io/acme too.',
      'ClusterImagePolicy check: both formats count there, and of an image with bundles only these.',
    ]);
    expect(notes(openShift(['ghcr.io/acme']), 'ivp')).toEqual([
      'OpenShift ClusterImagePolicy check: the name in the signature is not compared there: a copy from another repository passes.',
    ]);
    expect(notes(openShift(['ghcr.io/acme']), 'policy-json')).toEqual([
      'OpenShift ClusterImagePolicy check: a policy.json speaks of every image: what no rule speaks of is rejected in it.',
    ]);
  });

  it('keeps a signedIdentity where it is known, and roots of one’s own', () => {
    const exact = {
      matchPolicy: 'ExactRepository',
      exactRepository: { repository: 'quay.io/a/b' },
    };
    expect(converted(openShift(['ghcr.io'], a.pem, exact), 'policy-json').text).toContain(
      '"dockerRepository": "quay.io/a/b"',
    );
    const own = kyverno(
      '- keyless: {subject: a@acme.com, issuer: "https://idp.acme.com", roots: x, rekor: {url: "https://rekor.acme.com"}}',
    );
    for (const to of conversionTargets) {
      const { text, left } = converted(own, to, true);
      expect(left).toBe(0);
      const { requirementFor } = read(text, true);
      expect(JSON.stringify(requirementFor(image(`ghcr.io/acme/app@${digest}`)))).toContain(
        'a@acme.com',
      );
    }
  });
});
