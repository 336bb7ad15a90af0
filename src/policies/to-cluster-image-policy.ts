import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { anchorsOf } from './anchors.ts';
import type { ConversionRoots, ConvertedRule, WriteRules } from './rule.ts';
import { pemOf, publicGood, whoOf } from './signed.ts';
import { ownTrust, sourcesOf, trustRoot } from './write-cluster-image-policy.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** sigstore's ClusterImagePolicy: one for each check, since one authority of several is enough. */
export const writeClusterImagePolicies: WriteRules = (rules, roots, tell) => {
  const documents: string[] = [];
  let left = 0;
  for (const rule of rules) {
    const why = whyNot(rule, roots);
    if (why !== undefined) {
      tell(rule, `it is left out, because a ClusterImagePolicy of sigstore cannot say it: ${why}`);
      left++;
      continue;
    }
    rule.checks.forEach(({ signers }, index) => {
      documents.push(document(rule, index, signers, roots));
    });
  }
  if (documents.length > 0 && roots.own !== undefined)
    documents.push(yamlText(trustRoot(roots.own.parsed)));
  return { text: documents.join('---\n'), left };
};

function whyNot({ checks }: ConvertedRule, { own }: ConversionRoots): string | undefined {
  const signers = checks.flatMap((check) => check.signers);
  if (checks.some(({ count }) => count > 1)) return 'it counts signers';
  if (signers.some(({ annotations }) => Object.keys(annotations).length > 0))
    return 'it asks for annotations';
  if (signers.some(({ authorities }) => authorities !== undefined)) return ownAuthority;
  if (signers.some(asksForClaims)) return 'it asks for more of the certificate than who signed';
  if (signers.some((one) => one.format === 'bundle' && one.signers.some((rule) => 'key' in rule)))
    return 'by key it reads the legacy format alone';
  if (signers.some(({ format, repository }) => format === 'bundle' && repository !== undefined))
    return 'in another repository it reads the legacy format alone';
  if (own === undefined && signers.some(({ timestamp }) => timestamp === 'required'))
    return 'it asks for a timestamp, and its authority is not known here';
  return undefined;
}

/** Why certificates of one's own cannot be said there. */
export const ownAuthority = 'it asks for certificates of an authority of your own';

function asksForClaims({ signers }: SignaturePolicy): boolean {
  return signers.some((rule) => !('key' in rule) && rule.github !== undefined);
}

function document(
  { name, title, patterns }: ConvertedRule,
  index: number,
  signers: readonly SignaturePolicy[],
  roots: ConversionRoots,
): string {
  const authorities = signers.flatMap((policy) => authoritiesOf(policy, roots));
  return yamlText(
    {
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: index === 0 ? name : `${name}-and-${index + 1}` },
      spec: {
        images: patterns.map((glob) => ({ glob })),
        authorities: authorities.map((authority, at) => ({
          name: `signer${at + 1}`,
          ...authority,
        })),
      },
    },
    [`sigstore ClusterImagePolicy, converted by sign-image from ${title}.`],
  );
}

function isOneFormat(format: SignaturePolicy['format']): format is 'bundle' | 'legacy' {
  return format === 'bundle' || format === 'legacy';
}

function authoritiesOf(
  policy: SignaturePolicy,
  { own }: ConversionRoots,
): readonly Record<string, Yaml>[] {
  const url = own === undefined ? publicGood.rekor : anchorsOf(own.parsed).rekorUrl;
  const reference = own === undefined ? {} : { trustRootRef: ownTrust };
  const log = { ...(url === undefined ? {} : { url }), ...reference };
  const logged = policy.tlog === 'required' ? { ctlog: log } : {};
  const stamped = { rfc3161timestamp: { ...reference } };
  const source = sourcesOf(policy.repository);
  const keys = policy.signers.filter(
    (rule): rule is Extract<SignerRule, { key: unknown }> => 'key' in rule,
  );
  const identities = policy.signers.flatMap((rule) => ('key' in rule ? [] : [whoOf(rule)]));
  const fulcio = own === undefined ? publicGood.fulcio : own.parsed.certificateAuthorities[0]?.uri;
  return [
    ...keys.map((rule) => ({
      key: { data: pemOf(rule) },
      ...logged,
      ...(policy.timestamp === 'required' ? stamped : {}),
      ...source,
    })),
    ...(identities.length === 0
      ? []
      : [
          {
            keyless: {
              ...(fulcio ? { url: fulcio } : {}),
              ...reference,
              identities: identities.map((one) => ({ ...one })),
            },
            ...logged,
            ...(policy.tlog === 'ignore' ? stamped : {}),
            ...(isOneFormat(policy.format) ? { signatureFormat: policy.format } : {}),
            ...source,
          },
        ]),
  ];
}
