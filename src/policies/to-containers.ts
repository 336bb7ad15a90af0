import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { toBase64 } from '../text/base64.ts';
import { anchorsOf } from './anchors.ts';
import type { ConversionRoots, ConvertedRule, WriteRules } from './rule.ts';
import { pemOf } from './signed.ts';
import { pkiRoot, type Root, rootOfTrust, ruleOf } from './write-containers.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

type Identity = Readonly<Record<string, string>>;
type SaidCheck =
  | { readonly keys: readonly Root[]; readonly identity: Identity }
  | { readonly unsaid: string };

/** A policy.json of podman, skopeo and CRI-O: all checks of a scope must hold. */
export const writeContainersPolicy: WriteRules = (rules, roots, tell) => {
  const docker = new Map<string, object[]>();
  const written = rules.filter((rule) => {
    const checks = sayChecks(rule, roots);
    if ('unsaid' in checks) return leave(rule, checks.unsaid, tell);
    const requirements = checks.map(({ keys, identity }) => requirementOf(keys, identity));
    for (const scope of rule.patterns)
      docker.set(scope, [...(docker.get(scope) ?? []), ...requirements]);
    return true;
  });
  const [first] = written;
  if (first === undefined) return { text: '', left: rules.length };
  tell(first, 'a policy.json speaks of every image: what no rule speaks of is rejected in it');
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: Object.fromEntries(docker) },
  };
  return { text: `${JSON.stringify(policy, null, 2)}\n`, left: rules.length - written.length };
};

/** OpenShift's ClusterImagePolicy: one for each check, since all that name a scope must hold. */
export const writeOpenShiftPolicies: WriteRules = (rules, roots, tell) => {
  const documents: string[] = [];
  const written = rules.filter((rule) => {
    const checks = sayChecks(rule, roots);
    if ('unsaid' in checks) return leave(rule, checks.unsaid, tell);
    const strange = rule.patterns.find((scope) => !/^(\*\.|localhost(:|\/|$)|[^/]*\.)/.test(scope));
    if (strange !== undefined)
      return leave(rule, 'OpenShift takes no scope without a registry that has a dot', tell);
    if (checks.some(({ keys }) => keys.length > 1))
      return leave(rule, 'it takes one of several keys, and there each policy has one', tell);
    checks.forEach(({ keys, identity }, index) => {
      const [root] = keys;
      if (root !== undefined) documents.push(openShift(rule, index, root, identity));
    });
    return true;
  });
  return { text: documents.join('---\n'), left: rules.length - written.length };
};

function leave(rule: ConvertedRule, why: string, tell: Parameters<WriteRules>[2]): false {
  tell(rule, `it is left out, because it cannot be said there: ${why}`);
  return false;
}

function openShift(rule: ConvertedRule, index: number, root: Root, identity: Identity): string {
  const signedIdentity: Yaml =
    identity.type === 'exactRepository'
      ? {
          matchPolicy: 'ExactRepository',
          exactRepository: { repository: identity.dockerRepository ?? '' },
        }
      : { matchPolicy: 'MatchRepository' };
  return yamlText(
    {
      apiVersion: 'config.openshift.io/v1',
      kind: 'ClusterImagePolicy',
      metadata: { name: index === 0 ? rule.name : `${rule.name}-and-${index + 1}` },
      spec: { scopes: rule.patterns, policy: { rootOfTrust: rootOfTrust(root), signedIdentity } },
    },
    [`OpenShift ClusterImagePolicy, converted by sign-image from ${rule.title}.`],
  );
}

function requirementOf(keys: readonly Root[], signedIdentity: Identity): object {
  const [only] = keys;
  const rule = only === undefined || keys.length > 1 ? undefined : ruleOf(only);
  if (rule !== undefined) return { ...rule, signedIdentity };
  const keyDatas = keys.flatMap((one) => ('keyData' in one ? [one.keyData] : []));
  const [{ rekorKey } = {}] = keys.flatMap((one) => ('keyData' in one ? [one] : []));
  return {
    type: 'sigstoreSigned',
    signedIdentity,
    keyDatas,
    ...(rekorKey === undefined ? {} : { rekorPublicKeyData: rekorKey }),
  };
}

function sayChecks(
  { checks }: ConvertedRule,
  roots: ConversionRoots,
): readonly Exclude<SaidCheck, { unsaid: string }>[] | { readonly unsaid: string } {
  const said = checks.map(({ signers, count }): SaidCheck => {
    if (count > 1) return { unsaid: 'it counts signers' };
    const keys = signers.flatMap((policy) => rootsOf(policy, roots));
    const unsaid = keys.find((one) => 'unsaid' in one);
    if (unsaid !== undefined) return unsaid;
    const all = keys as Root[];
    if (all.length > 1 && all.some((one) => !('keyData' in one)))
      return { unsaid: 'it takes one of several, and not all of them are keys' };
    if (new Set(signers.map(({ tlog }) => tlog)).size > 1)
      return { unsaid: 'only some of its keys ask for the log' };
    const identities = signers.map(({ claimedName }) =>
      claimedName === undefined ? matchRepository : claimedName.written,
    );
    const [identity] = identities;
    if (identity === undefined || new Set(identities.map((one) => JSON.stringify(one))).size > 1)
      return { unsaid: 'no signature of cosign satisfies its signedIdentity' };
    return { keys: all, identity };
  });
  const unsaid = said.find((one) => 'unsaid' in one);
  return unsaid ?? (said as Exclude<SaidCheck, { unsaid: string }>[]);
}

const matchRepository: Identity = { type: 'matchRepository' };

function rootsOf(
  { signers, annotations, tlog, timestamp, format, repository, authorities }: SignaturePolicy,
  { own, publicGood }: ConversionRoots,
): readonly (Root | { readonly unsaid: string })[] {
  if (repository !== undefined)
    return [
      {
        unsaid:
          'its signatures lie in another repository, and only those beside the image are read there',
      },
    ];
  if (format === 'bundle') return [{ unsaid: 'it asks for bundles, which are not read there' }];
  if (Object.keys(annotations).length > 0) return [{ unsaid: 'it asks for annotations' }];
  if (timestamp === 'required') return [{ unsaid: 'it asks for a timestamp' }];
  if (authorities !== undefined)
    return signers.flatMap((rule) =>
      'key' in rule ? [] : [{ pki: pkiRoot(authorities.pem, rule.subject ?? {}) }],
    );
  const root = own?.parsed ?? publicGood;
  const anchors = root === undefined ? undefined : anchorsOf(root);
  const log = anchors?.rekorKeys[0];
  return signers.map((rule) => {
    const person = 'key' in rule ? undefined : personOf(rule);
    if (!('key' in rule) && person === undefined)
      return { unsaid: 'of identities it knows exact e-mail addresses only' };
    if (tlog === 'required' && log === undefined)
      return { unsaid: 'it asks for a log whose key is not known here' };
    const rekorKey = tlog === 'required' ? { rekorKey: toBase64(log ?? '') } : {};
    if ('key' in rule) return { keyData: toBase64(pemOf(rule)), ...rekorKey };
    if (tlog !== 'required' || person === undefined)
      return { unsaid: 'of a person it asks for the log' };
    return {
      caData: toBase64(anchors?.authorities ?? ''),
      rekorKey: toBase64(log ?? ''),
      ...person,
    };
  });
}

/** An e-mail address and its issuer, both exact. */
function personOf({
  identities: [identity],
  issuers: [issuer],
  github,
}: Exclude<SignerRule, { key: unknown }>): { email: string; issuer: string } | undefined {
  if (identity === undefined || issuer === undefined || github !== undefined) return undefined;
  if (!('exact' in identity) || !('exact' in issuer)) return undefined;
  return /^[^@\s/]+@[^@\s/]+$/.test(identity.exact)
    ? { email: identity.exact, issuer: issuer.exact }
    : undefined;
}
