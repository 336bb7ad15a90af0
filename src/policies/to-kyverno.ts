import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { anchorsOf } from './anchors.ts';
import type { ConversionRoots, ConvertedRule, WriteRules } from './rule.ts';
import { pemOf, publicGood, type TextWho, whoOf } from './signed.ts';
import { ownAuthority } from './to-cluster-image-policy.ts';
import { sourceOf, validatingPolicy } from './write-kyverno-ivp.ts';
import { type Yaml, yamlText } from './yaml-text.ts';

/** Kyverno's ImageValidatingPolicy: a validation for each check and each list of containers. */
export const writeValidatingPolicies: WriteRules = (rules, roots, tell) => {
  const documents = rules.flatMap((rule) => {
    const attestors = new Map<string, Yaml>();
    const checks = rule.checks.map(({ signers, count }) => {
      const names = signers.flatMap((signer) => attestorsOf(signer, roots, attestors));
      return { names, count };
    });
    const countsGroups = rule.checks.some(
      ({ signers, count }) => count > 1 && signers.some((one) => keysOf(one).length > 1),
    );
    const isOwn = rule.checks.some(({ signers }) =>
      signers.some(({ authorities }) => authorities !== undefined),
    );
    if (isOwn) {
      tell(rule, `it is left out, because ${ownAuthority}`);
      return [];
    }
    if (countsGroups) {
      tell(rule, 'it is left out, because it counts groups of keys');
      return [];
    }
    return [document(rule, attestors, checks)];
  });
  return { text: documents.join('---\n'), left: rules.length - documents.length };
};

function document(
  { name, title, patterns }: ConvertedRule,
  attestors: ReadonlyMap<string, Yaml>,
  checks: readonly { readonly names: readonly string[]; readonly count: number }[],
): string {
  const policy = validatingPolicy(
    name,
    patterns,
    [...attestors].map(([attestor, cosign]) => ({ name: attestor, cosign })),
    checks.map(({ names, count }) => ({
      attestors: names,
      comparison: count === 1 ? '> 0' : `>= ${count}`,
    })),
  );
  return yamlText(policy, [
    `Kyverno ImageValidatingPolicy, converted by sign-image from ${title}.`,
    'Works from Kyverno 1.18. Before, it denies every Pod with an image that it does not speak of.',
    'Bundles by key with a log entry need 1.19, and 1.19.0 refuses those without one.',
  ]);
}

const keysOf = ({ signers }: SignaturePolicy): readonly SignerRule[] =>
  signers.filter((rule) => 'key' in rule);

/** Names of the attestors that stand for a signer; each key is one of its own. */
function attestorsOf(
  policy: SignaturePolicy,
  roots: ConversionRoots,
  attestors: Map<string, Yaml>,
): readonly string[] {
  const identities = policy.signers.flatMap((rule) => ('key' in rule ? [] : [whoOf(rule)]));
  const github = policy.signers.find((rule) => !('key' in rule) && rule.github !== undefined);
  const who = [
    ...keysOf(policy).map((rule): Yaml => ({ key: { data: pemOf(rule) } })),
    ...(identities.length > 0 ? [{ keyless: keyless(identities, github) }] : []),
  ];
  return who.map((one) => {
    const cosign = { ...(one as Record<string, Yaml>), ...surroundings(policy, roots) };
    const known = [...attestors].find(
      ([, other]) => JSON.stringify(other) === JSON.stringify(cosign),
    );
    const name = known?.[0] ?? `signer${attestors.size + 1}`;
    attestors.set(name, cosign);
    return name;
  });
}

function keyless(identities: readonly TextWho[], rule: SignerRule | undefined): Yaml {
  const github = rule !== undefined && !('key' in rule) ? rule.github : undefined;
  const names = { event: 'Trigger', sha: 'Sha', repository: 'Repository', ref: 'Ref' } as const;
  const extensions = Object.entries(names).flatMap(([claim, name]) => {
    const value = github?.[claim as keyof typeof names];
    return value === undefined ? [] : [[`githubWorkflow${name}`, value] as const];
  });
  return {
    identities: identities.map((one) => ({ ...one })),
    ...(extensions.length === 0 ? {} : { additionalExtensions: Object.fromEntries(extensions) }),
  };
}

function surroundings(
  { signers, tlog, timestamp, annotations, repository }: SignaturePolicy,
  { own }: ConversionRoots,
): Record<string, Yaml> {
  const anchors = own === undefined ? undefined : anchorsOf(own.parsed);
  const keyed = signers.some((rule) => 'key' in rule);
  const chain =
    timestamp === 'required' && anchors !== undefined && anchors.timestampChain !== ''
      ? { tsaCertChain: anchors.timestampChain }
      : {};
  const log =
    tlog === 'required'
      ? { url: anchors?.rekorUrl ?? publicGood.rekor }
      : { insecureIgnoreTlog: true, ...(keyed ? { insecureIgnoreSCT: true } : {}) };
  return {
    ctlog: { ...log, ...chain },
    ...sourceOf(repository),
    ...(own === undefined ? {} : { trustedRoot: { value: JSON.stringify(JSON.parse(own.json)) } }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...annotations } }),
  };
}
