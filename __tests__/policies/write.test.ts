import { createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readPolicies } from '../../src/policies/read.ts';
import { type Signed, writePolicies } from '../../src/policies/write.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { matches } from '../../src/signature/policy.ts';
import { policiesOf, type Requirement } from '../../src/signature/requirement.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { branch, github, key, signed, tag, trustedRoot, waysOfSigning } from './signed.ts';
import { image, readKeys, tools } from './tools.ts';

function readBack(signing: Signed, file: string): (reference: string) => Requirement {
  const text = writePolicies(signing)[file] ?? '';
  const { requirementFor } = readPolicies([{ path: file, text }], {
    readPublicKeys: readKeys,
    ownTrust: (signing.privateSigstore ?? signing.publicRoot) !== undefined,
    compilePattern,
  }).withKeys(new Map());
  return (reference) => requirementFor(image(reference));
}

/** What judges this signer's signatures would say, without making any. */
function admits(
  { signers, annotations, tlog }: SignaturePolicy,
  { signer, annotations: made, ...how }: Signed,
): boolean {
  const signerFits = signers.some((rule) => {
    if ('publicKeyPem' in signer)
      return 'key' in rule && rule.key.equals(createPublicKey(signer.publicKeyPem));
    if ('key' in rule) return false;
    return (
      rule.identities.some((one) => matches(one, signer.identity)) &&
      rule.issuers.some((one) => matches(one, signer.issuer))
    );
  });
  const timed = tlog === 'ignore' ? 'publicKeyPem' in signer || how.timestamp : how.tlog;
  return (
    signerFits &&
    timed &&
    Object.entries(annotations).every(([name, value]) => made[name] === value)
  );
}

/** policy-controller finds signatures by key in the legacy format only. */
const isFoundByKey = ({ signer, formats }: Signed) =>
  !('publicKeyPem' in signer) || formats.includes('legacy');

describe.each(waysOfSigning)('policies for attestations of %s', (_, signing) => {
  const predicateType = 'https://spdx.dev/Document';
  // An attestation has no annotations.
  const attested = { ...signing, annotations: {}, predicateType };
  const files = writePolicies(attested);

  it('are those that can ask for a type', () =>
    expect(Object.keys(files)).toEqual([
      'kyverno-cluster-policy.yaml',
      'kyverno-image-validating-policy.yaml',
      ...(isFoundByKey(attested) ? ['cluster-image-policy.yaml'] : []),
      'verify.md',
    ]));

  it.each(Object.keys(files).filter((file) => file.endsWith('.yaml')))(
    '%s, read back, asks this signer for this type and for no signature',
    (file) => {
      const ask = readBack(attested, file);
      const { registry, repository } = attested.images[0]?.name ?? { registry: '', repository: '' };
      const leaves = leavesOf(ask(`${registry}/${repository}@${attested.images[0]?.digest}`));
      expect(leaves.map((leaf) => [leaf.kind, 'type' in leaf && leaf.type])).toEqual(
        leaves.map(() => ['attestation', predicateType]),
      );
      expect(leaves.length).toBeGreaterThan(0);
      for (const leaf of leaves)
        expect('policy' in leaf && admits(leaf.policy, attested)).toBe(true);
      const names = parseAllDocuments(files[file] ?? '').map((one) => one.toJS().metadata.name);
      expect(names[0]).toMatch(/^attested-spdx-dev-document-/);
    },
  );

  it('say by hand what they ask', () => {
    const text = files['verify.md'] ?? '';
    if (text.includes('cosign verify'))
      expect(text).toContain(`cosign verify-attestation \\\n  --type ${predicateType}`);
    expect(text).not.toContain('https://sigstore.dev/cosign/sign/v1');
  });
});

function leavesOf(requirement: Requirement): readonly Requirement[] {
  return requirement.kind === 'count' ? requirement.of.flatMap(leavesOf) : [requirement];
}

describe('a reusable workflow', () => {
  const identity = 'https://github.com/acme/ci/.github/workflows/sign.yml@refs/tags/v1';
  const called = signed({
    signer: { identity, issuer: github, claims: { repository: 'acme/app', repositoryId: '74' } },
  });

  it('counts for the repository that called it, where Kyverno can say so', () => {
    const requirement = readBack(called, 'kyverno-cluster-policy.yaml')('ghcr.io/acme/app:1');
    expect(policiesOf(requirement).flatMap(({ signers }) => signers)).toMatchObject([
      { github: { repository: 'acme/app' } },
    ]);
  });

  it.each([
    ['of its own repository', signed()],
    ['in bundles, where Kyverno does not look', { ...called, formats: ['bundle'] as const }],
  ])('is not named %s', (_name, signing) => {
    expect(writePolicies(signing)['kyverno-cluster-policy.yaml']).not.toContain(
      'additionalExtensions',
    );
  });
});

/** What the gate reads of what is written; those of podman and OpenShift where they are there. */
const readable = [
  'kyverno-cluster-policy.yaml',
  'kyverno-image-validating-policy.yaml',
  'cluster-image-policy.yaml',
  'containers-policy.json',
  'openshift-cluster-image-policy.yaml',
  'openshift-image-policy.yaml',
];

describe.each(waysOfSigning)('policies for %s', (_, signing) => {
  const files = writePolicies(signing);
  const references = signing.images.flatMap(({ name, digest }) => {
    const full = `${name.registry}/${name.repository}`;
    return [
      `${full}:1`,
      full,
      `${full}@${digest}`,
      `${full}:1@${digest}`,
      ...(name.registry === 'docker.io' ? [name.repository.slice(8)] : []),
    ];
  });

  const there = readable.filter((file) => file in files);

  it.each(there)('%s, read back, admits these images by this signer', (file) => {
    const ask = readBack(signing, file);
    for (const reference of references) {
      const requirement = ask(reference);
      expect(JSON.stringify(requirement)).not.toMatch(/"kind":"(pass|fail)"/);
      const policies = new Set(policiesOf(requirement).map(({ signers }) => signers));
      expect(policies.size).toBe(1);
      expect(policiesOf(requirement).every((policy) => admits(policy, signing))).toBe(true);
    }
  });

  it.each(there)('%s refuses other images and other signers', (file) => {
    const ask = readBack(signing, file);
    for (const other of [
      'ghcr.io/acme/app2:1',
      'ghcr.io/acme/ap:1',
      ...(/openshift|containers/.test(file) ? [] : ['ghcr.io/acme/app/x:1']), // below a scope
      'ghcr.io/acme:1',
      'quay.io/acme/app:1',
      'xghcr.io/acme/app:1',
      'tool2',
    ]) {
      expect(policiesOf(ask(other))).toEqual([]);
      expect(evaluate(ask(other), () => [])).toMatchObject({ verified: false });
    }
    expect(evaluate(ask(references[0] as string), () => [])).toMatchObject({ code: 'unsigned' });
    const strangers: Signed[] = [
      signed({
        ...signing,
        signer: { identity: branch.replace('acme/app', 'evil/app'), issuer: github },
      }),
      signed({
        ...signing,
        signer: { identity: tag.replace('release.yml', 'other.yml'), issuer: github },
      }),
      signed({ ...signing, signer: { identity: `https://evil.example/?${tag}`, issuer: github } }),
      signed({ ...signing, signer: { identity: branch, issuer: 'https://issuer.example' } }),
      signed({ ...signing, signer: { identity: 'someone@acme.com', issuer: github } }),
      signed({ ...signing, signer: { publicKeyPem: otherKey } }),
    ];
    for (const policy of policiesOf(ask(references[0] as string))) {
      expect(strangers.filter((stranger) => admits(policy, stranger))).toEqual([]);
    }
  });

  it('are YAML and JSON of one meaning', () => {
    for (const [name, text] of Object.entries(files)) {
      if (name.endsWith('.json'))
        expect(JSON.parse(text)).toMatchObject({ default: [{ type: 'reject' }] });
      if (!name.endsWith('.yaml')) continue;
      const documents = parseAllDocuments(text, { version: '1.2', strict: true });
      const old = parseAllDocuments(text, { version: '1.1', strict: true });
      expect(documents.flatMap((one) => [...one.errors, ...one.warnings])).toEqual([]);
      expect(old.map((one) => one.toJS())).toEqual(documents.map((one) => one.toJS()));
      expect(text).toMatch(/^[\n -~]*$/);
    }
  });

  it('tell the annotations to those that check them', () => {
    const policy = parse(files['kyverno-cluster-policy.yaml'] ?? '', { version: '1.2' });
    const entry = policy.spec.rules[0].verifyImages[0].attestors[0].entries[0];
    expect(entry.annotations ?? {}).toEqual(signing.annotations);
    const validating = parse(files['kyverno-image-validating-policy.yaml'] ?? '');
    expect(validating.spec.attestors[0].cosign.annotations ?? {}).toEqual(signing.annotations);
  });
});

const otherKey = `-----BEGIN PUBLIC KEY-----\n${'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8sYWTFnuxBAw7xcb71Ai4weCJuwITzz0+04kbflan7qRut/x8CZHXPKV9ZO5onj0K+SS7AGu0vUE59t6QndmcA=='.replace(/.{64}/, '$&\n')}\n-----END PUBLIC KEY-----\n`;

describe('the files', () => {
  it('are these', () => {
    const names = [
      'kyverno-cluster-policy.yaml',
      'kyverno-image-validating-policy.yaml',
      'cluster-image-policy.yaml',
    ];
    const podman = [
      'containers-policy.json',
      'registries.d/sign-image.yaml',
      'openshift-cluster-image-policy.yaml',
      'openshift-image-policy.yaml',
    ];
    const talos = 'talos-image-verification.yaml';
    const flux = 'flux-verify.yaml';
    const all = Object.fromEntries(
      waysOfSigning.map(([name, signing]) => [name, Object.keys(writePolicies(signing))]),
    );
    for (const name of ['a key', 'a key without a log', 'a person', 'a key and an own log'])
      expect(all[name]).toEqual([...names, ...podman, talos, flux, 'verify.md']);
    expect(all['a person of an own Sigstore']).toEqual([...names, ...podman, flux, 'verify.md']);
    expect(all['a workflow at a branch']).toEqual([...names, talos, flux, 'verify.md']);
    expect(all['a key, bundles']).toEqual([...names.slice(0, 2), talos, flux, 'verify.md']);
    expect(all['an own Sigstore']).toEqual([...names, flux, 'verify.md']);
    expect(all['an own Sigstore without a known root']).toEqual([...names, 'verify.md']);
    const byKey = waysOfSigning.find(([name]) => name === 'a key, bundles')?.[1] as Signed;
    expect(writePolicies(byKey)['verify.md']).toContain('There is no ClusterImagePolicy');
    const local = signed({
      signer: { publicKeyPem: key.pem },
      images: [{ ...signed().images[0]!, name: { registry: 'registry:5000', repository: 'a' } }],
    });
    expect(Object.keys(writePolicies(local))).toEqual([
      ...names,
      ...podman.slice(0, 2),
      talos,
      flux,
      'verify.md',
    ]);
    expect(writePolicies(local)['verify.md']).toContain(
      'OpenShift takes no registry without a dot in its name: registry:5000/a.',
    );
    expect(writePolicies(signed({ images: [] }))).toEqual({});
    expect(writePolicies(signed({ formats: [] }))).toEqual({});
  });

  it('say who signed: a workflow at a branch', () => {
    expect(
      writePolicies(signed())['cluster-image-policy.yaml'],
    ).toBe(`# sigstore ClusterImagePolicy for ghcr.io/acme/app, docker.io/library/tool, written by sign-image from what it signed.
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: signed-acme-app
spec:
  images:
    - glob: "ghcr.io/acme/app@sha256:*"
    - glob: "index.docker.io/library/tool@sha256:*"
  authorities:
    - name: signer
      keyless:
        url: "https://fulcio.sigstore.dev"
        identities:
          - subject: "${branch}"
            issuer: "${github}"
      ctlog:
        url: "https://rekor.sigstore.dev"
`);
  });

  it('admit every tag of the workflow, and say so', () => {
    const text =
      writePolicies(signed({ signer: { identity: tag, issuer: github } }))[
        'kyverno-cluster-policy.yaml'
      ] ?? '';
    expect(text).toContain(
      `# It was signed for a tag (${tag}); the pattern admits every tag of that workflow`,
    );
    expect(text).toContain(
      'subjectRegExp: "^https://github\\\\.com/acme/app/\\\\.github/workflows/release\\\\.yml@refs/tags/.+$"',
    );
  });

  it.each<[string, Partial<Signed>, RegExp, RegExp]>([
    [
      'a workflow',
      {},
      /^Works from Kyverno 1\.18\. Before, it denies every Pod/,
      /^Works with Kyverno 1\.13 to 1\.19/,
    ],
    [
      'a workflow, bundles',
      { formats: ['bundle'] },
      /^Works from Kyverno 1\.18\./,
      /^Works with Kyverno 1\.13 to 1\.19: .* 1\.20 is to take no new ClusterPolicy and 1\.21 none/,
    ],
    [
      'a key with a log',
      { signer: { publicKeyPem: key.pem } },
      /^Works from Kyverno 1\.19: 1\.17 and 1\.18 crash/,
      /^Works with Kyverno 1\.13 to 1\.19/,
    ],
    [
      'a key without a log, bundles',
      { signer: { publicKeyPem: key.pem }, tlog: false, formats: ['bundle'] },
      /^Works from Kyverno 1\.18, but not with 1\.19\.0/,
      /^Works with Kyverno 1\.19: earlier ones take no key for bundles/,
    ],
    [
      'a key, legacy',
      { signer: { publicKeyPem: key.pem }, formats: ['legacy'] },
      /^Works from Kyverno 1\.18\./,
      /^Works with Kyverno 1\.13 to 1\.19/,
    ],
  ])('say from which version of Kyverno they work: %s', (_, change, validating, cluster) => {
    const files = writePolicies(signed(change));
    const told = (file: string) =>
      (files[file] ?? '')
        .split('\n')
        .find((line) => line.startsWith('# Works'))
        ?.slice(2) ?? '';
    expect(told('kyverno-image-validating-policy.yaml')).toMatch(validating);
    expect(told('kyverno-cluster-policy.yaml')).toMatch(cluster);
    for (const file of ['kyverno-image-validating-policy.yaml', 'kyverno-cluster-policy.yaml'])
      expect(files['verify.md']).toContain(told(file));
  });

  it('name whom Talos and Flux are to trust', () => {
    const files = writePolicies(signed({ signer: { identity: tag, issuer: github } }));
    const pattern =
      '^https://github\\.com/acme/app/\\.github/workflows/release\\.yml@refs/tags/.+$';
    const keyless = { issuer: github, subjectRegex: pattern };
    expect(parse(files['talos-image-verification.yaml'] ?? '')).toEqual({
      apiVersion: 'v1alpha1',
      kind: 'ImageVerificationConfig',
      rules: ['ghcr.io/acme/app', 'docker.io/library/tool', 'index.docker.io/library/tool'].map(
        (name) => ({ image: name, keyless }),
      ),
    });
    const [first, second] = parseAllDocuments(files['flux-verify.yaml'] ?? '').map((one) =>
      one.toJS(),
    );
    expect(first.spec).toEqual({
      interval: '10m',
      url: 'oci://ghcr.io/acme/app',
      verify: {
        provider: 'cosign',
        matchOIDCIdentity: [
          { issuer: '^https://token\\.actions\\.githubusercontent\\.com$', subject: pattern },
        ],
      },
    });
    expect(second.metadata.name).toBe('signed-acme-app-2');
    const keyed = writePolicies(signed({ signer: { publicKeyPem: key.pem } }));
    expect(parse(keyed['talos-image-verification.yaml'] ?? '').rules[0].publicKey).toEqual({
      certificate: key.pem,
    });
    const documents = parseAllDocuments(keyed['flux-verify.yaml'] ?? '').map((one) => one.toJS());
    expect(documents[0].spec.verify).toEqual({
      provider: 'cosign',
      secretRef: { name: 'signed-acme-app-keys' },
    });
    expect(documents[2]).toMatchObject({
      kind: 'Secret',
      metadata: { name: 'signed-acme-app-keys' },
      stringData: { 'cosign.pub': key.pem },
    });
  });

  it.each([
    'containers-policy.json',
    'openshift-cluster-image-policy.yaml',
    'openshift-image-policy.yaml',
  ])('of the public-good instance need no trusted root to be read back: %s', (file) => {
    const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json');
    const [{ targets }] = Object.values(seeds) as [{ targets: Record<string, string> }];
    const publicRoot = parseTrustedRoot(Buffer.from(targets['trusted_root.json'] ?? '', 'base64'));
    const signer = { identity: 'someone@acme.com', issuer: 'https://accounts.google.com' };
    const read = (root: typeof publicRoot) => {
      const text = writePolicies(signed({ signer, publicRoot: root }))[file] ?? '';
      return readPolicies([{ path: file, text }], tools).withKeys(new Map());
    };
    expect(policiesOf(read(publicRoot).requirementFor(image('ghcr.io/acme/app:1')))).toMatchObject([
      { tlog: 'required', signers: [{ identities: [{ exact: 'someone@acme.com' }] }] },
    ]);
    expect(() => read(trustedRoot.parsed)).toThrow('names a root of trust of its own');
  });

  it('name the key for podman and skopeo', () => {
    const files = writePolicies(signed({ signer: { publicKeyPem: key.pem } }));
    const rule = {
      type: 'sigstoreSigned',
      signedIdentity: { type: 'matchRepository' },
      keyData: Buffer.from(key.pem).toString('base64'),
    };
    expect(JSON.parse(files['containers-policy.json'] ?? '')).toEqual({
      default: [{ type: 'reject' }],
      transports: { docker: { 'ghcr.io/acme/app': [rule], 'docker.io/library/tool': [rule] } },
    });
    expect(parse(files['registries.d/sign-image.yaml'] ?? '')).toEqual({
      docker: {
        'ghcr.io/acme/app': { 'use-sigstore-attachments': true },
        'docker.io/library/tool': { 'use-sigstore-attachments': true },
      },
    });
  });

  it('choose the type of Kyverno by the format', () => {
    const type = (change: Partial<Signed>) =>
      parse(writePolicies(signed(change))['kyverno-cluster-policy.yaml'] ?? '').spec.rules[0]
        .verifyImages[0].type;
    expect([type({}), type({ formats: ['legacy'] }), type({ formats: ['bundle'] })]).toEqual([
      'Cosign',
      'Cosign',
      'SigstoreBundle',
    ]);
  });

  it('say that the log was down, and what follows from it', () => {
    const down = { tlog: false, timestamp: true, logOutage: true } as const;
    const files = writePolicies(signed({ ...down, publicRoot: trustedRoot.parsed }));
    const said = 'The transparency log was down when this was signed.';
    for (const [file, text] of Object.entries(files))
      if (!file.endsWith('.json')) expect([file, text.includes(said)]).toEqual([file, true]);
    expect(files['kyverno-cluster-policy.yaml']).toMatch(/ignoreTlog: true[\s\S]*tsaCertChain: /);
    expect(files['kyverno-image-validating-policy.yaml']).toContain('insecureIgnoreTlog: true');
    expect(files['cluster-image-policy.yaml']).toMatch(
      /rfc3161timestamp: \{\}\n\s+signatureFormat: bundle/,
    );
    expect(files['cluster-image-policy.yaml']).not.toContain('ctlog');
    const legacy = writePolicies(signed({ ...down, formats: ['legacy'] }));
    expect(legacy).not.toHaveProperty('cluster-image-policy.yaml');
    expect(legacy['verify.md']).toContain('knows no public timestamp authority');
    // Its twin: with the log up nothing of it.
    for (const text of Object.values(writePolicies(signed())))
      expect(text).not.toMatch(/was down|ignoreTlog: true|insecureIgnoreTlog: true/);
  });

  it('name the log that was used, of several', () => {
    const logs = trustedRoot.parsed.tlogs.map(({ logId, baseUrl }) => {
      const hex = logId?.keyId.toString('hex') ?? '';
      const own = signed({ privateSigstore: { trustedRoot }, logId: hex });
      const rekor = parse(writePolicies(own)['kyverno-cluster-policy.yaml'] ?? '').spec.rules[0]
        .verifyImages[0].attestors[0].entries[0].keyless.rekor;
      return [
        rekor.url === baseUrl,
        createPublicKey(rekor.pubkey).export({ type: 'spki', format: 'der' }).length > 0,
      ];
    });
    expect(logs).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('hold the commands', () => {
    const text = writePolicies(
      signed({
        signer: { identity: tag, issuer: github, claims: { repository: 'acme/app' } },
        annotations: { team: 'blue' },
      }),
    )['verify.md'];
    const [first] = signed().images;
    expect(text).toContain(`cosign verify \\
  --certificate-identity-regexp '^https://github\\.com/acme/app/\\.github/workflows/release\\.yml@refs/tags/.+$' \\
  --certificate-oidc-issuer ${github} \\
  -a team=blue \\
  ghcr.io/acme/app@${first?.digest}`);
    expect(text).toContain(`gh attestation verify \\
  oci://ghcr.io/acme/app@${first?.digest} \\
  --bundle-from-oci \\
  --repo acme/app \\
  --predicate-type https://sigstore.dev/cosign/sign/v1 \\
  --cert-identity ${tag} \\
  --cert-oidc-issuer ${github}`);
    expect(text).toContain(
      'podman, skopeo and OpenShift know keys and e-mail addresses, and this signer is a workflow',
    );
  });

  it('cannot be made to say something else by what was signed', () => {
    const evil = 'https://acme.com/\n- glob: "x"\n# \u2028\u202e`$(id)`';
    const files = writePolicies(
      signed({ signer: { identity: evil, issuer: evil }, annotations: { [evil]: evil } }),
    );
    expect(
      parse(files['cluster-image-policy.yaml'] ?? '').spec.authorities[0].keyless.identities,
    ).toEqual([{ subject: evil, issuer: evil }]);
    expect(files['verify.md']).not.toContain('$(id)');
  });
});
