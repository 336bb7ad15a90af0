// What is written, the newest API servers take; and of what they take, every field has its treatment.
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { clusterImagePolicyFields } from '../../src/policies/cluster-image-policy-fields.ts';
import { kyvernoPolicyFields, ruleFields } from '../../src/policies/kyverno-cluster-fields.ts';
import { validatingPolicyFields } from '../../src/policies/kyverno-ivp-fields.ts';
import { imagePolicyFields } from '../../src/policies/openshift-fields.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { problems, type Schema, schemas, untreated } from './schema.ts';
import { waysOfSigning } from './signed.ts';

describe('against the published schemas', () => {
  it.each(waysOfSigning)('the policies for %s fit', (_, signing) => {
    const checked = Object.entries(writePolicies(signing)).flatMap(([file, text]) => {
      if (!/^(kyverno|cluster-image|openshift|flux).*yaml$/.test(file)) return [];
      return parseAllDocuments(text).flatMap((document) => {
        const { apiVersion, kind, metadata, ...rest } = document.toJS();
        const schema = schemas[`${apiVersion} ${kind}`];
        if (schema === undefined) return [`${kind} without a schema`];
        expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect({ file, problems: problems(rest, schema, '') }).toEqual({ file, problems: [] });
        return [kind];
      });
    });
    const byKey = 'publicKeyPem' in signing.signer && !signing.formats.includes('legacy');
    expect(checked.slice(0, byKey ? 2 : 3)).toEqual([
      'ClusterPolicy',
      'ImageValidatingPolicy',
      ...(byKey ? [] : ['ClusterImagePolicy']),
    ]);
    expect(checked.filter((kind) => /without/.test(kind)).join()).toMatch(
      /^(Secret without a schema)?$/,
    );
  });

  it('the check itself finds what is wrong', () => {
    const schema = schemas['kyverno.io/v1 ClusterPolicy'] as Schema;
    const wrong = {
      spec: {
        rules: [
          {
            name: 'x'.repeat(64),
            verifyImages: [{ type: 'cosign', attestors: [{ count: 0, x: 1 }] }],
          },
        ],
        admission: 'no',
      },
    };
    expect(problems(wrong, schema, '')).toEqual([
      '.spec.rules[0] lacks match',
      '.spec.rules[0].name is too long',
      '.spec.rules[0].verifyImages[0].type is not one of',
      '.spec.rules[0].verifyImages[0].attestors[0].count is too small',
      '.spec.rules[0].verifyImages[0].attestors[0].x is unknown',
      '.spec.admission is no boolean',
    ]);
  });

  it.each([
    ['policy.sigstore.dev/v1alpha1 ClusterImagePolicy', clusterImagePolicyFields, []],
    ['policy.sigstore.dev/v1beta1 ClusterImagePolicy', clusterImagePolicyFields, []],
    ['kyverno.io/v1 ClusterPolicy', kyvernoPolicyFields, []],
    ['kyverno.io/v1 ClusterPolicy', ruleFields, ['spec', 'rules']],
    ['policies.kyverno.io/v1 ImageValidatingPolicy', validatingPolicyFields, []],
    ['policies.kyverno.io/v1beta1 ImageValidatingPolicy', validatingPolicyFields, []],
    ['policies.kyverno.io/v1alpha1 ImageValidatingPolicy', validatingPolicyFields, []],
    ['config.openshift.io/v1 ClusterImagePolicy', imagePolicyFields, []],
    ['config.openshift.io/v1 ImagePolicy', imagePolicyFields, []],
  ] as const)('every field of %s has its treatment', (name, fields, path) => {
    let schema = schemas[name] as Schema;
    for (const step of path)
      schema = (schema.properties?.[step]?.items ?? schema.properties?.[step]) as Schema;
    expect(untreated(schema, fields, '')).toEqual([]);
  });
});
