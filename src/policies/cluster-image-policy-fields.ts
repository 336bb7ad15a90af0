import {
  aboutWorkloads,
  anchor,
  type Fields,
  fulcioUrl,
  identity,
  kms,
  kubernetesObject,
  noted,
  object,
  objects,
  otherCredentials,
  program,
  refused,
  rekorUrl,
  secret,
  tagPrefix,
  text,
  waivesCertificateLog,
  word,
} from './fields.ts';

const keyRef: Fields = {
  data: text,
  hashAlgorithm: word('sha256'),
  kms,
  // Where no namespace is written, policy-controller looks in its own.
  secretRef: secret('cosign-system'),
};

const authority: Fields = {
  name: text,
  key: object(keyRef),
  keyless: object({
    url: fulcioUrl,
    identities: objects(identity),
    'ca-cert': anchor,
    trustRootRef: anchor,
    insecureIgnoreSCT: refused(...waivesCertificateLog),
  }),
  static: object({ action: word('pass', 'fail'), message: text }),
  source: objects({ oci: text, tagPrefix, signaturePullSecrets: otherCredentials }),
  ctlog: object({
    url: rekorUrl,
    trustRootRef: anchor,
  }),
  rfc3161timestamp: object({ trustRootRef: anchor }),
  attestations: objects({
    name: text,
    predicateType: text,
    policy: program(
      'Use a policy that asks for the attestation alone, and look into its predicate in a step after the gate (output `attestations`).',
    ),
  }),
  signatureFormat: word('legacy', 'bundle'),
};

/**
 * Every field of sigstore's ClusterImagePolicy v1alpha1 and v1beta1 (policy-controller,
 * pkg/apis/policy/v1beta1/clusterimagepolicy_types.go), and what becomes of it here.
 */
export const clusterImagePolicyFields = kubernetesObject({
  images: objects({ glob: text }),
  authorities: objects(authority),
  mode: word('enforce', 'warn'),
  match: noted(aboutWorkloads),
  policy: program('Use a policy without `spec.policy`.'),
});
