import type { Fields } from './fields.ts';
import { otherLogin, tagPrefix } from './signature-place.ts';

const keyRef: Fields = {
  data: { as: 'text' },
  hashAlgorithm: { as: 'text', of: ['sha256'] },
  kms: { as: 'kms' },
  // Where no namespace is written, policy-controller looks in its own.
  secretRef: { as: 'secret', namespace: 'cosign-system' },
};

const authority: Fields = {
  name: { as: 'text' },
  key: { as: 'object', fields: keyRef },
  keyless: {
    as: 'object',
    fields: {
      url: { as: 'service', publicGood: 'https://fulcio.sigstore.dev' },
      identities: {
        as: 'objects',
        fields: {
          issuer: { as: 'text' },
          issuerRegExp: { as: 'text' },
          subject: { as: 'text' },
          subjectRegExp: { as: 'text' },
        },
      },
      'ca-cert': { as: 'anchor' },
      trustRootRef: { as: 'anchor' },
      insecureIgnoreSCT: {
        as: 'refused',
        why: 'waives the certificate transparency log, and this gate never does',
        fix: 'Remove it: certificates of Fulcio carry the proof.',
      },
    },
  },
  static: {
    as: 'object',
    fields: { action: { as: 'text', of: ['pass', 'fail'] }, message: { as: 'text' } },
  },
  source: {
    as: 'objects',
    fields: {
      oci: { as: 'text' },
      tagPrefix,
      signaturePullSecrets: { as: 'noted', note: otherLogin },
    },
  },
  ctlog: {
    as: 'object',
    fields: {
      url: { as: 'service', publicGood: 'https://rekor.sigstore.dev' },
      trustRootRef: { as: 'anchor' },
    },
  },
  rfc3161timestamp: { as: 'object', fields: { trustRootRef: { as: 'anchor' } } },
  attestations: {
    as: 'objects',
    fields: {
      name: { as: 'text' },
      predicateType: { as: 'text' },
      policy: {
        as: 'refused',
        why: 'holds a CUE or Rego program, which is not run',
        fix: 'Use a policy that asks for the attestation alone, and look into its predicate in a step after the gate (output `attestations`).',
      },
    },
  },
  signatureFormat: { as: 'text', of: ['legacy', 'bundle'] },
};

/**
 * Every field of sigstore's ClusterImagePolicy v1alpha1 and v1beta1 (policy-controller,
 * pkg/apis/policy/v1beta1/clusterimagepolicy_types.go), and what becomes of it here.
 */
export const clusterImagePolicyFields: Fields = {
  apiVersion: { as: 'text' },
  kind: { as: 'text' },
  metadata: { as: 'ignored' },
  status: { as: 'ignored' },
  spec: {
    as: 'object',
    fields: {
      images: { as: 'objects', fields: { glob: { as: 'text' } } },
      authorities: { as: 'objects', fields: authority },
      mode: { as: 'text', of: ['enforce', 'warn'] },
      match: {
        as: 'noted',
        note: 'selects workloads of the cluster; the gate holds every image against the policy, whatever uses it.',
      },
      policy: {
        as: 'refused',
        why: 'holds a CUE or Rego program, which is not run',
        fix: 'Use a policy without `spec.policy`.',
      },
    },
  },
};
