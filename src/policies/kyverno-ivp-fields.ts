import {
  aboutWorkloads,
  anchor,
  atAdmission,
  type Fields,
  flag,
  identity,
  ignored,
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
  tagPrefix,
  text,
  word,
  words,
} from './fields.ts';
import { listOf, mapOf, type PolicyNode } from './node.ts';

const understoodOnly = 'which is not evaluated: only the forms of `validations` are understood';

/** A text of the policy, or CEL that gives it. */
const textOrExpression: Fields = {
  value: anchor,
  expression: refused(`holds an expression, ${understoodOnly}`, 'Write the value itself.'),
};

const cosign: Fields = {
  key: object({
    data: text,
    kms,
    hashAlgorithm: word('sha256'),
    expression: refused(
      `holds an expression, ${understoodOnly}`,
      'Put the public key itself into `data`, as PEM.',
    ),
  }),
  keyless: object({
    identities: objects({
      ...identity,
      subjectExpression: refused(
        `holds an expression, ${understoodOnly}`,
        'Write `subject` or `subjectRegExp`.',
      ),
    }),
    roots: anchor,
    additionalExtensions: labels,
  }),
  certificate: ownCertificates('Use `key` with the public key of the certificate, or `keyless`.'),
  ctlog: object({
    url: rekorUrl,
    rekorPubKey: anchor,
    ctLogPubKey: anchor,
    tsaCertChain: anchor,
    insecureIgnoreTlog: flag,
    // Judged beside the attestor: a signature by key has no certificate to look up.
    insecureIgnoreSCT: flag,
  }),
  trustedRoot: object(textOrExpression),
  tuf: anchor,
  source: object({ repository: text, tagPrefix, PullSecrets: otherCredentials }),
  annotations: labels,
};

/**
 * Every field of Kyverno's ImageValidatingPolicy (policies.kyverno.io v1, v1beta1, v1alpha1), and
 * what becomes of it here.
 */
export const validatingPolicyFields = kubernetesObject({
  attestors: objects({
    name: text,
    cosign: object(cosign),
    notary: refused(
      'asks for signatures of Notary, which are not supported',
      'Use a policy whose attestors are `cosign`.',
    ),
  }),
  attestations: objects({
    name: text,
    intoto: object({ type: text }),
    referrer: refused(
      'asks for attestations of Notary, which are not supported',
      'Use a policy whose attestations are `intoto`.',
    ),
  }),
  auditAnnotations: ignored,
  autogen: ignored,
  credentials: otherCredentials,
  evaluation: object({
    admission: object({
      enabled: atAdmission,
    }),
    background: ignored,
    mode: word('Kubernetes'),
  }),
  failurePolicy: word('Fail', 'Ignore'),
  images: refused(
    `takes images out of resources by expressions, ${understoodOnly}`,
    'Use a policy about the containers of Pods.',
  ),
  matchConditions: noted(aboutWorkloads),
  matchConstraints: ignored,
  matchImageReferences: objects({
    glob: text,
    expression: refused(`chooses images by an expression, ${understoodOnly}`, 'Write a `glob`.'),
  }),
  validationActions: words('Deny', 'Audit', 'Warn'),
  validationConfigurations: object({
    mutateDigest: flag,
    required: requiredAnyway('policy'),
    verifyDigest: flag,
  }),
  validations: objects({
    expression: text,
    message: ignored,
    messageExpression: ignored,
    reason: ignored,
  }),
  variables: refused(
    `holds expressions, ${understoodOnly}`,
    'Write the expressions of `validations` without them.',
  ),
  webhookConfiguration: ignored,
});

/** True where a match block says more than which kinds of resources. */
export function narrowsWorkloads(node: PolicyNode): boolean {
  if (Array.isArray(node.value)) return listOf(node).some(narrowsWorkloads);
  const plain = new Set([
    ...['resourceRules', 'apiGroups', 'apiVersions', 'operations', 'resources', 'scope'],
    'matchPolicy',
  ]);
  return [...mapOf(node)].some(([name, child]) => !plain.has(name) || narrowsWorkloads(child));
}
