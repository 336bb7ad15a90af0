import type { Fields } from './fields.ts';
import { listOf, mapOf, type PolicyNode } from './node.ts';
import { otherLogin, tagPrefix } from './signature-place.ts';

const understoodOnly = 'which is not evaluated: only the forms of `validations` are understood';

/** A text of the policy, or CEL that gives it. */
const textOrExpression: Fields = {
  value: { as: 'anchor' },
  expression: {
    as: 'refused',
    why: `holds an expression, ${understoodOnly}`,
    fix: 'Write the value itself.',
  },
};

const cosign: Fields = {
  key: {
    as: 'object',
    fields: {
      data: { as: 'text' },
      kms: { as: 'kms' },
      hashAlgorithm: { as: 'text', of: ['sha256'] },
      expression: {
        as: 'refused',
        why: `holds an expression, ${understoodOnly}`,
        fix: 'Put the public key itself into `data`, as PEM.',
      },
    },
  },
  keyless: {
    as: 'object',
    fields: {
      identities: {
        as: 'objects',
        fields: {
          issuer: { as: 'text' },
          issuerRegExp: { as: 'text' },
          subject: { as: 'text' },
          subjectRegExp: { as: 'text' },
          subjectExpression: {
            as: 'refused',
            why: `holds an expression, ${understoodOnly}`,
            fix: 'Write `subject` or `subjectRegExp`.',
          },
        },
      },
      roots: { as: 'anchor' },
      additionalExtensions: { as: 'labels' },
    },
  },
  certificate: {
    as: 'refused',
    why: 'asks for certificates of your own, which are not supported',
    fix: 'Use `key` with the public key of the certificate, or `keyless`.',
  },
  ctlog: {
    as: 'object',
    fields: {
      url: { as: 'service', publicGood: 'https://rekor.sigstore.dev' },
      rekorPubKey: { as: 'anchor' },
      ctLogPubKey: { as: 'anchor' },
      tsaCertChain: { as: 'anchor' },
      insecureIgnoreTlog: { as: 'flag' },
      // Judged beside the attestor: a signature by key has no certificate to look up.
      insecureIgnoreSCT: { as: 'flag' },
    },
  },
  trustedRoot: { as: 'object', fields: textOrExpression },
  tuf: { as: 'anchor' },
  source: {
    as: 'object',
    fields: {
      repository: { as: 'text' },
      tagPrefix,
      PullSecrets: { as: 'noted', note: otherLogin },
    },
  },
  annotations: { as: 'labels' },
};

const conditions =
  'selects workloads of the cluster; the gate holds every image against the policy, whatever uses it.';

/**
 * Every field of Kyverno's ImageValidatingPolicy (policies.kyverno.io v1, v1beta1, v1alpha1), and
 * what becomes of it here.
 */
export const validatingPolicyFields: Fields = {
  apiVersion: { as: 'text' },
  kind: { as: 'text' },
  metadata: { as: 'ignored' },
  status: { as: 'ignored' },
  spec: {
    as: 'object',
    fields: {
      attestors: {
        as: 'objects',
        fields: {
          name: { as: 'text' },
          cosign: { as: 'object', fields: cosign },
          notary: {
            as: 'refused',
            why: 'asks for signatures of Notary, which are not supported',
            fix: 'Use a policy whose attestors are `cosign`.',
          },
        },
      },
      attestations: {
        as: 'objects',
        fields: {
          name: { as: 'text' },
          intoto: { as: 'object', fields: { type: { as: 'text' } } },
          referrer: {
            as: 'refused',
            why: 'asks for attestations of Notary, which are not supported',
            fix: 'Use a policy whose attestations are `intoto`.',
          },
        },
      },
      auditAnnotations: { as: 'ignored' },
      autogen: { as: 'ignored' },
      credentials: {
        as: 'noted',
        note: 'is not used: the gate logs in with the inputs of the step or the docker login on the machine.',
      },
      evaluation: {
        as: 'object',
        fields: {
          admission: {
            as: 'object',
            fields: {
              enabled: {
                as: 'noted',
                when: false,
                note: 'switches the policy off at admission; the gate enforces it.',
              },
            },
          },
          background: { as: 'ignored' },
          mode: { as: 'text', of: ['Kubernetes'] },
        },
      },
      failurePolicy: { as: 'text', of: ['Fail', 'Ignore'] },
      images: {
        as: 'refused',
        why: `takes images out of resources by expressions, ${understoodOnly}`,
        fix: 'Use a policy about the containers of Pods.',
      },
      matchConditions: { as: 'noted', note: conditions },
      matchConstraints: { as: 'ignored' },
      matchImageReferences: {
        as: 'objects',
        fields: {
          glob: { as: 'text' },
          expression: {
            as: 'refused',
            why: `chooses images by an expression, ${understoodOnly}`,
            fix: 'Write a `glob`.',
          },
        },
      },
      validationActions: { as: 'texts', of: ['Deny', 'Audit', 'Warn'] },
      validationConfigurations: {
        as: 'object',
        fields: {
          mutateDigest: { as: 'flag' },
          required: {
            as: 'noted',
            when: false,
            note: 'is false; here every image that the policy matches must be signed all the same.',
          },
          verifyDigest: { as: 'flag' },
        },
      },
      validations: {
        as: 'objects',
        fields: {
          expression: { as: 'text' },
          message: { as: 'ignored' },
          messageExpression: { as: 'ignored' },
          reason: { as: 'ignored' },
        },
      },
      variables: {
        as: 'refused',
        why: `holds expressions, ${understoodOnly}`,
        fix: 'Write the expressions of `validations` without them.',
      },
      webhookConfiguration: { as: 'ignored' },
    },
  },
};

/** True where a match block says more than which kinds of resources. */
export function narrowsWorkloads(node: PolicyNode): boolean {
  if (Array.isArray(node.value)) return listOf(node).some(narrowsWorkloads);
  const plain = new Set([
    ...['resourceRules', 'apiGroups', 'apiVersions', 'operations', 'resources', 'scope'],
    'matchPolicy',
  ]);
  return [...mapOf(node)].some(([name, child]) => !plain.has(name) || narrowsWorkloads(child));
}
