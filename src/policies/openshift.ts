import type { SignaturePolicy } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { checkFields, type Reader } from './check-fields.ts';
import { inOneNamespace } from './fields.ts';
import type { PolicyImage } from './image-names.ts';
import { keysInText } from './keys.ts';
import { listOf, mapOf, nodeAt, noteOn, type PolicyNode, refusal, textOf } from './node.ts';
import { imagePolicyFields } from './openshift-fields.ts';
import { pkiPolicy } from './pki.ts';
import type { PolicyRule } from './rule.ts';
import {
  anyImage,
  checkScope,
  decoded,
  emailSigner,
  exactRepository,
  isPublicGoodAuthority,
  matchRepoDigestOrExact,
  matchRepository,
  pulledAs,
  remapIdentity,
  type SignedIdentity,
  scopePatterns,
  scopesOf,
  untaggedNote,
} from './scopes.ts';

/**
 * Checks the fields of an OpenShift ClusterImagePolicy or ImagePolicy.
 * @throws {Failure} `bad-policy`
 */
export function checkOpenShiftPolicy(document: PolicyNode, reader: Reader): void {
  const foreign = nodeAt(document, 'spec', 'images') ?? nodeAt(document, 'spec', 'authorities');
  if (foreign !== undefined)
    throw refusal(
      foreign,
      "is a field of sigstore's ClusterImagePolicy, and config.openshift.io is OpenShift's, which has the same name",
      'Write `apiVersion: policy.sigstore.dev/v1beta1` for policy-controller, or `scopes` and `policy` for OpenShift.',
    );
  const authority = nodeAt(
    document,
    ...['spec', 'policy', 'rootOfTrust', 'fulcioCAWithRekor', 'fulcioCAData'],
  );
  const isPublicGood = isPublicGoodAuthority(authority);
  checkFields(document, imagePolicyFields, isPublicGood ? { ...reader, ownTrust: true } : reader);
}

/**
 * Reads an OpenShift ClusterImagePolicy or ImagePolicy, as CRI-O on its nodes does: a scope is a
 * registry, a folder, a repository or an image; only signatures in the legacy format count.
 * @returns one rule
 * @throws {Failure} `bad-policy`
 */
export function readOpenShiftPolicy(document: PolicyNode, reader: Reader): readonly PolicyRule[] {
  const kind = textOf(nodeAt(document, 'kind')) ?? '';
  const policy = textOf(nodeAt(document, 'metadata', 'name'));
  const name = `OpenShift ${kind} ${shown(policy ?? '(without a name)')}`;
  const list = nodeAt(document, 'spec', 'scopes');
  const scopes = listOf(list).map((node) => {
    checkScope(node, textOf(node) ?? '');
    return textOf(node) ?? '';
  });
  if (scopes.length === 0) throw refusal(list ?? document, 'names no image', 'Add `spec.scopes`.');
  const namespace =
    kind === 'ImagePolicy' ? (textOf(nodeAt(document, 'metadata', 'namespace')) ?? '') : undefined;
  if (namespace !== undefined)
    reader.notes.push(noteOn({ ...document, field: kind }, inOneNamespace));
  const root = nodeAt(document, 'spec', 'policy', 'rootOfTrust');
  if (root === undefined)
    throw refusal(document, 'says nothing of who may sign', 'Add `spec.policy.rootOfTrust`.');
  const signature = readRoot(root, reader);
  const identity = readIdentity(document, reader);
  const asksOf = (image: PolicyImage): Requirement => {
    const of = pulledAs(image).map(
      (pulled): Requirement => ({
        kind: 'signature',
        policy: { ...signature, claimedName: identity(pulled) },
      }),
    );
    return { kind: 'count', of, count: of.length, name };
  };
  const claimedName = identity(anyImage);
  const asks: Requirement = {
    kind: 'count',
    of: [{ kind: 'signature', policy: { ...signature, claimedName } }],
    count: 1,
    name,
  };
  return [
    {
      name,
      ...(policy === undefined ? {} : { policy }),
      file: document.file,
      line: document.line,
      patterns: scopePatterns(scopes),
      asks,
      requirementFor: (image) =>
        pulledAs(image).some((pulled) => scopesOf(pulled).some((scope) => scopes.includes(scope)))
          ? asksOf(image)
          : undefined,
      scoped: { ...(namespace === undefined ? {} : { namespace }), asksOf },
    },
  ];
}

/** Where a root of trust stands, by its type. */
const rootFields: Readonly<Record<string, string>> = {
  PublicKey: 'publicKey',
  FulcioCAWithRekor: 'fulcioCAWithRekor',
  PKI: 'pki',
};

function readRoot(root: PolicyNode, reader: Reader): SignaturePolicy {
  const type = textOf(nodeAt(root, 'policyType'));
  const own = type === undefined ? undefined : rootFields[type];
  const inner = own === undefined ? undefined : mapOf(root).get(own);
  const other = Object.values(rootFields)
    .filter((field) => field !== own)
    .flatMap((field) => mapOf(root).get(field) ?? [])[0];
  if (inner === undefined || other !== undefined)
    throw refusal(
      other ?? root,
      'does not go with its `policyType`',
      'Write `policyType: PublicKey` with `publicKey`, `policyType: FulcioCAWithRekor` with `fulcioCAWithRekor`, or `policyType: PKI` with `pki`.',
    );
  if (type === 'PKI')
    return pkiPolicy(
      inner,
      {
        rootsData: mapOf(inner).get('caRootsData'),
        intermediatesData: mapOf(inner).get('caIntermediatesData'),
        email: nodeAt(inner, 'pkiCertificateSubject', 'email'),
        hostname: nodeAt(inner, 'pkiCertificateSubject', 'hostname'),
      },
      reader,
    );
  if (type === 'PublicKey') {
    const data = mapOf(inner).get('keyData');
    if (data === undefined)
      throw refusal(inner, 'holds no key', 'Put `base64 -w0 cosign.pub` into `keyData`.');
    const [key, second] = keysInText(data, decoded(data), reader.keys);
    if (second !== undefined)
      throw refusal(data, 'holds several keys', 'Write one policy for each key.');
    const logged = textOf(mapOf(inner).get('rekorKeyData')) !== undefined;
    return { signers: [{ key }], annotations: {}, tlog: logged ? 'required' : 'ignore' };
  }
  return {
    signers: [
      emailSigner(
        inner,
        nodeAt(inner, 'fulcioSubject', 'signedEmail'),
        nodeAt(inner, 'fulcioSubject', 'oidcIssuer'),
      ),
    ],
    annotations: {},
    tlog: 'required',
  };
}

function readIdentity(document: PolicyNode, reader: Reader): SignedIdentity {
  const policy = nodeAt(document, 'spec', 'policy') ?? document;
  const identity = mapOf(policy).get('signedIdentity');
  const match = textOf(nodeAt(policy, 'signedIdentity', 'matchPolicy'));
  switch (match) {
    case 'MatchRepository':
      return matchRepository;
    case 'ExactRepository':
      return exactRepository(
        nodeAt(policy, 'signedIdentity', 'exactRepository', 'repository'),
        identity ?? policy,
      );
    default:
      reader.notes.push(noteOn(identity ?? policy, untaggedNote));
      return match === 'RemapIdentity'
        ? remapIdentity(
            nodeAt(policy, 'signedIdentity', 'remapIdentity', 'prefix'),
            nodeAt(policy, 'signedIdentity', 'remapIdentity', 'signedPrefix'),
            identity ?? policy,
          )
        : matchRepoDigestOrExact;
  }
}

/**
 * What OpenShift's policies together ask of an image, as the nodes are configured: of all scopes the
 * longest counts, with all policies that name it; an ImagePolicy may not say anything below a scope
 * of a ClusterImagePolicy. Which namespace an image runs in is not known here, so what holds in any
 * of them is asked for.
 */
export function openShiftRequirements(
  image: PolicyImage,
  rules: readonly PolicyRule[],
): readonly Requirement[] {
  const cluster = rules.filter(
    ({ scoped }) => scoped !== undefined && scoped.namespace === undefined,
  );
  const namespaces = new Set(rules.flatMap(({ scoped }) => scoped?.namespace ?? []));
  const everywhere = cluster.flatMap(({ patterns }) => patterns.include);
  const groups = [
    cluster,
    ...[...namespaces].map((namespace) => [
      ...cluster,
      ...rules
        .filter(({ scoped }) => scoped?.namespace === namespace)
        .map((rule) => withoutScopes(rule, everywhere)),
    ]),
  ];
  const asked = groups.flatMap((group) =>
    pulledAs(image).flatMap((pulled) => {
      const scope = scopesOf(pulled).find((one) =>
        group.some(({ patterns }) => patterns.include.includes(one)),
      );
      return scope === undefined
        ? []
        : group.filter(({ patterns }) => patterns.include.includes(scope));
    }),
  );
  const named = new Map(asked.map((rule) => [rule.scoped, rule]));
  return [...named.values()].flatMap(({ scoped }) => scoped?.asksOf(image) ?? []);
}

function withoutScopes(rule: PolicyRule, everywhere: readonly string[]): PolicyRule {
  const include = rule.patterns.include.filter(
    (scope) => !everywhere.some((outer) => scope === outer || scope.startsWith(`${outer}/`)),
  );
  return { ...rule, patterns: { ...rule.patterns, include } };
}
