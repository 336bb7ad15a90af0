import {
  anchor,
  atAdmission,
  count,
  type Field,
  type Fields,
  flag,
  identity,
  ignored,
  key,
  kms,
  kubernetesObject,
  labels,
  noted,
  object,
  objects,
  otherCredentials,
  ownCertificates,
  refused,
  rekorUrl,
  requiredAnyway,
  secret,
  text,
  texts,
  waivesCertificateLog,
  word,
} from './fields.ts';

const needsVariables = refused(
  'depends on the cluster or its resources, which the gate does not know',
  'Give the gate a policy whose rules hold without it.',
);
const besideVerifyImages = refused(
  'stands beside `verifyImages`, which Kyverno does not allow',
  'Write a rule of its own.',
);

const rekor: Fields = {
  url: rekorUrl,
  pubkey: anchor,
  ignoreTlog: flag,
};

const keys: Fields = {
  publicKeys: key,
  signatureAlgorithm: word('sha256'),
  kms,
  secret: secret(),
  rekor: object(rekor),
  ctlog: object({
    // Signatures by key have no certificate, so nothing to look up in its log.
    ignoreSCT: ignored,
    pubkey: ignored,
    tsaCertChain: anchor,
  }),
};

const keyless: Fields = {
  ...identity,
  additionalExtensions: labels,
  roots: anchor,
  rekor: object(rekor),
  ctlog: object({
    ignoreSCT: refused(...waivesCertificateLog),
    pubkey: anchor,
    tsaCertChain: anchor,
  }),
};

const attestorSet: Fields = {
  count,
  entries: objects(() => entry),
};

const entry: Fields = {
  keys: object(keys),
  keyless: object(keyless),
  certificates: ownCertificates('Use `keys` with the public key of the certificate, or `keyless`.'),
  attestor: object(attestorSet),
  annotations: labels,
  repository: text,
  signatureAlgorithm: word('sha256'),
};

/** Read where they are compared: their keys look like templates. */
const conditions: Field = objects({
  key: ignored,
  operator: text,
  value: ignored,
  message: ignored,
});

/**
 * Every field of `verifyImages` (Kyverno, api/kyverno/v1/image_verification_types.go), and what
 * becomes of it here.
 */
export const verifyImagesFields: Fields = {
  type: word('Cosign', 'SigstoreBundle'),
  image: text,
  imageReferences: texts,
  skipImageReferences: texts,
  attestors: objects(attestorSet),
  annotations: labels,
  key,
  subject: text,
  issuer: text,
  roots: anchor,
  additionalExtensions: refused(
    'has no effect in Kyverno at this place',
    'Write it into `attestors[].entries[].keyless`.',
  ),
  attestations: objects({
    name: text,
    type: text,
    predicateType: text,
    attestors: objects(attestorSet),
    conditions: objects({ any: conditions, all: conditions }),
  }),
  validate: refused(
    'holds conditions on attestations, which are not evaluated',
    'Use a policy without them.',
  ),
  repository: text,
  required: requiredAnyway('rule'),
  failureAction: noted(
    'makes the cluster report only; here an image that does not satisfy the rule fails. `fail: false` only reports.',
    { when: 'Audit', of: ['Audit', 'Enforce'] },
  ),
  mutateDigest: noted(
    'changes workloads in the cluster; the gate judges the digest and changes nothing.',
  ),
  verifyDigest: flag,
  useCache: ignored,
  cosignOCI11: ignored,
  imageRegistryCredentials: otherCredentials,
};

/** Every field of a rule that has `verifyImages`. */
export const ruleFields: Fields = {
  name: text,
  match: ignored,
  exclude: noted(
    'exempts workloads of the cluster; the gate holds every image against the rule, whatever uses it.',
  ),
  verifyImages: objects(verifyImagesFields),
  imageExtractors: ignored,
  reportProperties: ignored,
  skipBackgroundRequests: ignored,
  context: needsVariables,
  preconditions: needsVariables,
  celPreconditions: needsVariables,
  validate: besideVerifyImages,
  mutate: besideVerifyImages,
  generate: besideVerifyImages,
};

/**
 * Every field of a Kyverno ClusterPolicy or Policy. `rules` is looked into rule by rule: only those
 * with `verifyImages` matter.
 */
export const kyvernoPolicyFields = kubernetesObject({
  rules: ignored,
  applyRules: word('All', 'One'),
  validationFailureAction: word('Enforce', 'enforce', 'Audit', 'audit'),
  validationFailureActionOverrides: noted(
    'depends on namespaces of the cluster; the gate always enforces.',
  ),
  admission: atAdmission,
  background: ignored,
  emitWarning: ignored,
  failurePolicy: ignored,
  generateExisting: ignored,
  generateExistingOnPolicyUpdate: ignored,
  mutateExistingOnPolicyUpdate: ignored,
  schemaValidation: ignored,
  useServerSideApply: ignored,
  webhookConfiguration: noted(
    'configures the cluster; the gate holds every image against the policy.',
  ),
  webhookTimeoutSeconds: ignored,
});

/** What is told of a policy that only audits. */
export const auditNote =
  'makes the cluster report only; here an image that does not satisfy the policy fails. `fail: false` only reports.';
