import type { Field, Fields } from './fields.ts';

const needsVariables = 'depends on the cluster or its resources, which the gate does not know';
const unconditional = 'Give the gate a policy whose rules hold without it.';

const rekor: Fields = {
  url: { as: 'service', publicGood: 'https://rekor.sigstore.dev' },
  pubkey: { as: 'anchor' },
  ignoreTlog: { as: 'flag' },
};

const keys: Fields = {
  publicKeys: { as: 'key' },
  signatureAlgorithm: { as: 'text', of: ['sha256'] },
  kms: { as: 'kms' },
  secret: { as: 'secret' },
  rekor: { as: 'object', fields: rekor },
  ctlog: {
    as: 'object',
    fields: {
      // Signatures by key have no certificate, so nothing to look up in its log.
      ignoreSCT: { as: 'ignored' },
      pubkey: { as: 'ignored' },
      tsaCertChain: { as: 'anchor' },
    },
  },
};

const keyless: Fields = {
  subject: { as: 'text' },
  subjectRegExp: { as: 'text' },
  issuer: { as: 'text' },
  issuerRegExp: { as: 'text' },
  additionalExtensions: { as: 'labels' },
  roots: { as: 'anchor' },
  rekor: { as: 'object', fields: rekor },
  ctlog: {
    as: 'object',
    fields: {
      ignoreSCT: {
        as: 'refused',
        why: 'waives the certificate transparency log, and this gate never does',
        fix: 'Remove it: certificates of Fulcio carry the proof.',
      },
      pubkey: { as: 'anchor' },
      tsaCertChain: { as: 'anchor' },
    },
  },
};

const attestorSet: Fields = {
  count: { as: 'count' },
  entries: { as: 'objects', fields: () => entry },
};

const entry: Fields = {
  keys: { as: 'object', fields: keys },
  keyless: { as: 'object', fields: keyless },
  certificates: {
    as: 'refused',
    why: 'asks for certificates of your own, which are not supported',
    fix: 'Use `keys` with the public key of the certificate, or `keyless`.',
  },
  attestor: { as: 'object', fields: attestorSet },
  annotations: { as: 'labels' },
  repository: { as: 'text' },
  signatureAlgorithm: { as: 'text', of: ['sha256'] },
};

/** Read where they are compared: their keys look like templates. */
const conditions: Field = {
  as: 'objects',
  fields: {
    key: { as: 'ignored' },
    operator: { as: 'text' },
    value: { as: 'ignored' },
    message: { as: 'ignored' },
  },
};

/**
 * Every field of `verifyImages` (Kyverno, api/kyverno/v1/image_verification_types.go), and what
 * becomes of it here.
 */
export const verifyImagesFields: Fields = {
  type: { as: 'text', of: ['Cosign', 'SigstoreBundle'] },
  image: { as: 'text' },
  imageReferences: { as: 'texts' },
  skipImageReferences: { as: 'texts' },
  attestors: { as: 'objects', fields: attestorSet },
  annotations: { as: 'labels' },
  key: { as: 'key' },
  subject: { as: 'text' },
  issuer: { as: 'text' },
  roots: { as: 'anchor' },
  additionalExtensions: {
    as: 'refused',
    why: 'has no effect in Kyverno at this place',
    fix: 'Write it into `attestors[].entries[].keyless`.',
  },
  attestations: {
    as: 'objects',
    fields: {
      name: { as: 'text' },
      type: { as: 'text' },
      predicateType: { as: 'text' },
      attestors: { as: 'objects', fields: attestorSet },
      conditions: { as: 'objects', fields: { any: conditions, all: conditions } },
    },
  },
  validate: {
    as: 'refused',
    why: 'holds conditions on attestations, which are not evaluated',
    fix: 'Use a policy without them.',
  },
  repository: { as: 'text' },
  required: {
    as: 'noted',
    when: false,
    note: 'is false; here every image that the rule matches must be signed all the same.',
  },
  failureAction: {
    as: 'noted',
    when: 'Audit',
    of: ['Audit', 'Enforce'],
    note: 'makes the cluster report only; here an image that does not satisfy the rule fails. `fail: false` only reports.',
  },
  mutateDigest: {
    as: 'noted',
    note: 'changes workloads in the cluster; the gate judges the digest and changes nothing.',
  },
  verifyDigest: { as: 'flag' },
  useCache: { as: 'ignored' },
  cosignOCI11: { as: 'ignored' },
  imageRegistryCredentials: {
    as: 'noted',
    note: 'is not used: the gate logs in with the inputs of the step or the docker login on the machine.',
  },
};

/** Every field of a rule that has `verifyImages`. */
export const ruleFields: Fields = {
  name: { as: 'text' },
  match: { as: 'ignored' },
  exclude: {
    as: 'noted',
    note: 'exempts workloads of the cluster; the gate holds every image against the rule, whatever uses it.',
  },
  verifyImages: { as: 'objects', fields: verifyImagesFields },
  imageExtractors: { as: 'ignored' },
  reportProperties: { as: 'ignored' },
  skipBackgroundRequests: { as: 'ignored' },
  context: { as: 'refused', why: needsVariables, fix: unconditional },
  preconditions: { as: 'refused', why: needsVariables, fix: unconditional },
  celPreconditions: { as: 'refused', why: needsVariables, fix: unconditional },
  validate: {
    as: 'refused',
    why: 'stands beside `verifyImages`, which Kyverno does not allow',
    fix: 'Write a rule of its own.',
  },
  mutate: {
    as: 'refused',
    why: 'stands beside `verifyImages`, which Kyverno does not allow',
    fix: 'Write a rule of its own.',
  },
  generate: {
    as: 'refused',
    why: 'stands beside `verifyImages`, which Kyverno does not allow',
    fix: 'Write a rule of its own.',
  },
};

/**
 * Every field of a Kyverno ClusterPolicy or Policy. `rules` is looked into rule by rule: only those
 * with `verifyImages` matter.
 */
export const kyvernoPolicyFields: Fields = {
  apiVersion: { as: 'text' },
  kind: { as: 'text' },
  metadata: { as: 'ignored' },
  status: { as: 'ignored' },
  spec: {
    as: 'object',
    fields: {
      rules: { as: 'ignored' },
      applyRules: { as: 'text', of: ['All', 'One'] },
      validationFailureAction: { as: 'text', of: ['Enforce', 'enforce', 'Audit', 'audit'] },
      validationFailureActionOverrides: {
        as: 'noted',
        note: 'depends on namespaces of the cluster; the gate always enforces.',
      },
      admission: {
        as: 'noted',
        when: false,
        note: 'switches the policy off at admission; the gate enforces it.',
      },
      background: { as: 'ignored' },
      emitWarning: { as: 'ignored' },
      failurePolicy: { as: 'ignored' },
      generateExisting: { as: 'ignored' },
      generateExistingOnPolicyUpdate: { as: 'ignored' },
      mutateExistingOnPolicyUpdate: { as: 'ignored' },
      schemaValidation: { as: 'ignored' },
      useServerSideApply: { as: 'ignored' },
      webhookConfiguration: {
        as: 'noted',
        note: 'configures the cluster; the gate holds every image against the policy.',
      },
      webhookTimeoutSeconds: { as: 'ignored' },
    },
  },
};

/** What is told of a policy that only audits. */
export const auditNote =
  'makes the cluster report only; here an image that does not satisfy the policy fails. `fail: false` only reports.';
