// Policies, written and read, over signatures that real cosign made.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { type Signed, writePolicies } from '../../src/policies/write.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import { judge } from '../../src/signature/judge.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import { type RecordedCase, recordedCase, recordedTrust } from '../signature/fixtures.ts';
import { trustedRoot } from './signed.ts';
import { indent, readKeys } from './tools.ts';

const trust = recordedTrust();
/** What the recorded signatures call their images. */
const nameOf = (file: string) => ({
  registry: '127.0.0.1:5010',
  repository: `fixtures-a/${file}`,
});
const name = { registry: 'example.test', repository: 'app' };
const pem = (file: string) =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'keys', file), 'utf8');
const workflow = {
  identity: 'https://github.com/harbor-lights/ferry/.github/workflows/release.yml@refs/heads/main',
  issuer: 'http://127.0.0.1:8180',
};

/** What the gate finds about a recorded case under a policy. */
function gate(
  recorded: RecordedCase,
  text: string,
  digest: Digest = recorded.digest,
  repository = name,
) {
  const { requirementFor } = readPolicies([{ path: 'policy.yaml', text }], {
    readPublicKeys: readKeys,
    ownTrust: true,
    compilePattern,
  }).withKeys(new Map());
  const requirement = requirementFor({
    name: repository,
    references: [`${repository.registry}/${repository.repository}:1`],
    digest,
  });
  const { verified, code, reason } = evaluate(requirement, (policy) =>
    recorded.signaturesOf(recorded.digest).map((found) => judge(found, digest, policy, trust)),
  );
  return { verified, code, reason };
}

function signing(file: string, digest: Digest, change: Partial<Signed>): Signed {
  return {
    images: [{ name: nameOf(file), digest, references: [] }],
    signer: workflow,
    formats: ['bundle'],
    tlog: true,
    timestamp: false,
    annotations: {},
    privateSigstore: { trustedRoot },
    ...change,
  };
}

const releaseKey = { publicKeyPem: pem('release.pub') };
const cases: readonly (readonly [string, Partial<Signed>])[] = [
  ['keyless-bundle-rekor1', {}],
  ['keyless-bundle-rekor2-tsa', { rekorV2: true, timestamp: true }],
  [
    'keyless-bundle-tsa-only',
    {
      tlog: false,
      timestamp: true,
      signer: {
        ...workflow,
        identity: workflow.identity.replace('ferry', 'lantern').replace('release', 'publish'),
      },
    },
  ],
  ['keyless-legacy-cosign2', { formats: ['legacy'] }],
  ['both-formats-keyless', { formats: ['bundle', 'legacy'] }],
  ['keyed-bundle-rekor1', { signer: releaseKey }],
  ['keyed-bundle-nolog', { signer: releaseKey, tlog: false }],
  ['keyed-legacy-rekor1', { signer: releaseKey, formats: ['legacy'] }],
  ['keyed-legacy-nolog', { signer: releaseKey, formats: ['legacy'], tlog: false }],
];

describe.each(cases)('the policies written for %s', (file, change) => {
  const recorded = recordedCase(file);
  const other = recordedCase(
    file === 'keyed-legacy-nolog' ? 'keyed-bundle-nolog' : 'keyed-legacy-nolog',
  );

  const kinds = [
    'kyverno-cluster-policy.yaml',
    'kyverno-image-validating-policy.yaml',
    'cluster-image-policy.yaml',
    'containers-policy.json',
    'openshift-cluster-image-policy.yaml',
    'openshift-image-policy.yaml',
  ].filter((kind) => kind in writePolicies(signing(file, recorded.digest, change)));

  it.each(kinds)('%s admit it, and nothing else', (policyFile) => {
    const write = (more: Partial<Signed>) =>
      writePolicies(signing(file, recorded.digest, { ...change, ...more }))[policyFile] ?? '';
    const judged = (text: string, digest = recorded.digest, repository = nameOf(file)) =>
      gate(recorded, text, digest, repository);
    const text = write({});
    expect(judged(text)).toEqual({ verified: true, code: undefined, reason: undefined });
    expect(judged(text, other.digest)).toMatchObject({ verified: false, code: 'wrong-subject' });
    expect(judged(text, recorded.digest, name)).toEqual({
      verified: false,
      code: 'not-allowed',
      reason: expect.stringMatching(/speaks of example\.test\/app|rejects it/),
    });
    const byKey = write({ signer: { publicKeyPem: pem('stranger.pub') } });
    // policy-controller finds no bundle by its key.
    if (byKey !== '') expect(judged(byKey)).toMatchObject({ verified: false, code: 'wrong-key' });
    else expect(policyFile).toBe('cluster-image-policy.yaml');
    const byWorkflow = write({ signer: { ...workflow, identity: `${workflow.identity}2` } });
    // podman and OpenShift know no workflows.
    expect(byWorkflow === '').toBe(/containers|openshift/.test(policyFile));
    if (byWorkflow !== '')
      expect(judged(byWorkflow)).toMatchObject({ verified: false, code: 'wrong-identity' });
    expect(gate(recordedCase('unsigned'), text, recorded.digest, nameOf(file))).toMatchObject({
      verified: false,
      code: 'unsigned',
    });
  });
});

describe('a policy that says which format it looks at', () => {
  const policy = (type: string) => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: one}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - ${type}imageReferences: ["example.test/*"]
          attestors:
            - entries:
                - keys:
                    publicKeys: |
                      ${indent(pem('release.pub'), 22)}
                    rekor: {ignoreTlog: true}
`;

  it.each([
    ['keyed-bundle-nolog', 'SigstoreBundle', true],
    ['keyed-bundle-nolog', 'Cosign', false],
    ['keyed-legacy-nolog', 'Cosign', true],
    ['keyed-legacy-nolog', 'SigstoreBundle', false],
    ['keyed-bundle-nolog', undefined, false],
    ['keyed-legacy-nolog', undefined, true],
  ])('judges %s by type %s: %s', (file, type, verified) => {
    const text = policy(type === undefined ? '' : `type: ${type}\n          `);
    const outcome = gate(recordedCase(file), text);
    expect(outcome).toMatchObject({
      verified,
      ...(verified ? {} : { code: 'not-allowed', reason: expect.stringContaining('format: both') }),
    });
  });
});

describe('an ImageValidatingPolicy, which looks at bundles where there are any,', () => {
  const policy = (file: string) => `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: one}
spec:
  validationActions: [Deny]
  matchImageReferences: [{glob: "example.test/*"}]
  attestors:
    - name: release
      cosign:
        key:
          data: |
            ${indent(pem(file), 12)}
        ctlog: {insecureIgnoreTlog: true}
  validations:
    - expression: images.containers.all(i, verifyImageSignatures(i, [attestors.release]) > 0)
`;

  it('takes either format alone', () => {
    for (const file of ['keyed-bundle-nolog', 'keyed-legacy-nolog', 'both-formats-keyed'])
      expect([file, gate(recordedCase(file), policy('release.pub')).verified]).toEqual([
        file,
        true,
      ]);
  });

  it('sees no legacy signature beside the provenance of somebody else', () => {
    const recorded = recordedCase('legacy-key1-provenance-key2');
    const text = policy('release.pub');
    expect(gate(recorded, text)).toMatchObject({
      verified: false,
      code: 'not-allowed',
      reason: expect.stringContaining(
        'of an image that carries bundles Kyverno looks at these alone',
      ),
    });
    // The gate's own inputs, and policies that say nothing of formats, do.
    const other = text
      .replace(/kind: Image[\s\S]*/, 'kind: ClusterImagePolicy\n')
      .replace('policies.kyverno.io/v1', 'policy.sigstore.dev/v1beta1')
      .concat(
        `metadata: {name: a}\nspec:\n  images: [{glob: "**"}]\n  authorities: [{key: {data: ${JSON.stringify(pem('release.pub'))}}}]\n`,
      );
    expect(gate(recorded, other)).toMatchObject({ verified: true });
  });
});

describe('a policy with several attestors, over signatures by one key', () => {
  const recorded = recordedCase('both-formats-keyed');
  const policy = (count: string, ...files: string[]) => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: two}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["example.test/*"]
          attestors:
            - ${count}
              entries:
                - keys:
                    publicKeys: |
                      ${indent(files.map(pem).join(''), 22)}
                    rekor: {ignoreTlog: true}
`;
  const signers = ['release.pub', 'security.pub'].filter(
    (file) => gate(recorded, policy('count: 1', file)).verified,
  );

  it('counts signers', () => {
    const [own = ''] = signers;
    expect(signers).not.toEqual([]);
    expect(gate(recorded, policy('count: 1', own, 'stranger.pub'))).toMatchObject({
      verified: true,
    });
    expect(gate(recorded, policy('count: 2', own, 'stranger.pub'))).toMatchObject({
      verified: false,
      reason: expect.stringContaining('1 of 2 rules hold, 2 must'),
    });
    expect(
      gate(
        recorded,
        policy('# all of them', own, 'stranger.pub').replace(
          '# all of them\n              entries',
          'entries',
        ),
      ),
    ).toMatchObject({ verified: false });
  });
});
