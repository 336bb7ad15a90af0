import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { PolicyNote } from './node.ts';
import type { Policies } from './read.ts';
import type {
  ConversionRoots,
  ConvertedRule,
  ImagePatterns,
  PolicyRule,
  SignerCheck,
  WriteRules,
} from './rule.ts';
import { sayPattern } from './selection.ts';
import { writeClusterImagePolicies } from './to-cluster-image-policy.ts';
import { writeContainersPolicy, writeOpenShiftPolicies } from './to-containers.ts';
import { writeValidatingPolicies } from './to-kyverno.ts';

/** Kinds that policies are converted to: the words of the command. */
export const conversionTargets = ['ivp', 'cip', 'openshift', 'policy-json'] as const;
export type ConversionTarget = (typeof conversionTargets)[number];

/** What was read, as another kind. */
export interface Conversion {
  /** YAML documents, or JSON; empty where nothing can be said there */
  readonly text: string;
  /** what cannot be said there, or is said of more images, or in other words */
  readonly notes: readonly PolicyNote[];
  /** rules that are not in `text`: with any, it asks for less than what was read */
  readonly left: number;
}

interface Target {
  readonly syntax: ImagePatterns['syntax'];
  readonly write: WriteRules;
  readonly called: string;
}

const targets: Readonly<Record<ConversionTarget, Target>> = {
  ivp: {
    syntax: 'gobwas',
    write: writeValidatingPolicies,
    called: 'an ImageValidatingPolicy of Kyverno',
  },
  cip: {
    syntax: 'policy-controller',
    write: writeClusterImagePolicies,
    called: 'a ClusterImagePolicy of sigstore',
  },
  openshift: {
    syntax: 'scope',
    write: writeOpenShiftPolicies,
    called: 'a ClusterImagePolicy of OpenShift',
  },
  'policy-json': { syntax: 'scope', write: writeContainersPolicy, called: 'a policy.json' },
};

/**
 * Writes policies that were read as another kind, where it means the same. Where the other kind
 * cannot say a part, the rule is left out and told, but for three cases, which are told as well: a
 * pattern that chooses more images is taken in the place of one that has no equal; a `policy.json`
 * rejects what no rule speaks of; and only podman, CRI-O and OpenShift compare the name in a
 * signature.
 * @param policies read with the roots of the user's instance, where there is one
 */
export function convertPolicies(
  { rules }: Pick<Policies, 'rules'>,
  to: ConversionTarget,
  roots: ConversionRoots = {},
): Conversion {
  const target = targets[to];
  const notes: PolicyNote[] = [];
  const whole = rules
    .flatMap((rule) => rule.parts ?? [rule])
    .filter((rule) => to !== 'policy-json' || !rejectsTheRest(rule));
  const names = new Map<string, number>();
  const places = new Map<ConvertedRule, PolicyRule>();
  for (const rule of whole) {
    const tell = (text: string) => notes.push(noteOf(rule, text));
    const parts = sayRule(rule, whole, target, tell);
    if (parts === undefined) continue;
    const name = nameFor(rule, names);
    places.set({ ...parts, name, title: rule.name }, rule);
  }
  const said = target.syntax === 'scope' ? alsoInside(places) : places;
  const { text, left } = target.write([...said.keys()], roots, (rule, why) => {
    const place = said.get(rule);
    if (place !== undefined) notes.push(noteOf(place, why));
  });
  return { text, notes, left: left + whole.length - places.size };
}

/**
 * Of scopes only the longest counts, while of other policies all do: so a rule is said of the scopes
 * of other rules as well that lie inside of its own.
 */
function alsoInside(
  places: ReadonlyMap<ConvertedRule, PolicyRule>,
): ReadonlyMap<ConvertedRule, PolicyRule> {
  const isScoped = (rule: PolicyRule) => rule.patterns.syntax === 'scope';
  return new Map(
    [...places].map(([said, rule]) => {
      const inside = [...places].flatMap(([{ patterns }, other]) =>
        isScoped(rule) && isScoped(other)
          ? []
          : patterns.filter((inner) => said.patterns.some((outer) => liesIn(inner, outer))),
      );
      return [{ ...said, patterns: [...new Set([...said.patterns, ...inside])] }, rule];
    }),
  );
}

function liesIn(inner: string, outer: string): boolean {
  if (inner === outer) return false;
  if (outer.startsWith('*.')) return (inner.split('/', 1)[0] ?? '').includes(outer.slice(1));
  return (
    outer === '' || [`${outer}/`, `${outer}:`, `${outer}@`].some((one) => inner.startsWith(one))
  );
}

/** What every policy.json that is written says of what no rule speaks of. */
function rejectsTheRest({ patterns, asks }: PolicyRule): boolean {
  return patterns.include.join() === '' && patterns.syntax === 'scope' && asks.kind === 'fail';
}

function noteOf({ file, line, name }: PolicyRule, text: string): PolicyNote {
  return { file, line, text: `${shown(name)}: ${shown(text)}.` };
}

type Tell = (text: string) => void;

function sayRule(
  rule: PolicyRule,
  all: readonly PolicyRule[],
  { syntax, called }: Target,
  tell: Tell,
): Pick<ConvertedRule, 'patterns' | 'checks'> | undefined {
  const leave = (why: string) => {
    tell(`it is left out, because ${called} cannot say it: ${why}`);
    return undefined;
  };
  if (rule.patterns.exclude.length > 0) return leave('it exempts images');
  if (rule.patterns.syntax === 'scope' && syntax !== 'scope' && hasInnerScope(rule, all))
    return leave('another scope lies inside of it and takes its place there');
  const patterns: string[] = [];
  for (const pattern of rule.patterns.include) {
    const said = sayPattern(pattern, rule.patterns.syntax, syntax);
    if ('unsaid' in said) return leave(said.unsaid);
    if (said.wider !== undefined) tell(`it is said of more images: ${said.wider}`);
    patterns.push(...said.patterns);
  }
  const checks = checksOf(rule.asks);
  if ('unsaid' in checks) return leave(checks.unsaid);
  if (syntax !== 'scope' && checks.some(comparesNames))
    tell('the name in the signature is not compared there: a copy from another repository passes');
  if (syntax === 'gobwas' && checks.some(namesFormat))
    tell('both formats count there, and of an image with bundles only these');
  return { patterns, checks };
}

function namesFormat({ signers }: SignerCheck): boolean {
  return signers.some(({ format }) => format === 'bundle' || format === 'legacy');
}

function comparesNames({ signers }: SignerCheck): boolean {
  return signers.some(({ claimedName }) => claimedName !== undefined);
}

/** Of scopes only the longest counts; where all policies count, the outer one would as well. */
function hasInnerScope(rule: PolicyRule, all: readonly PolicyRule[]): boolean {
  const others = all.filter((one) => one !== rule && one.patterns.syntax === 'scope');
  return others.some(({ patterns }) =>
    patterns.include.some((inner) => rule.patterns.include.some((outer) => liesIn(inner, outer))),
  );
}

/** A requirement as checks that must all hold, each over signers alone. */
function checksOf(asks: Requirement): readonly SignerCheck[] | { readonly unsaid: string } {
  if (asks.kind === 'signature') return [{ signers: [asks.policy], count: 1 }];
  if (asks.kind === 'attestation') return { unsaid: 'it asks for attestations' };
  if (asks.kind !== 'count')
    return { unsaid: asks.kind === 'pass' ? 'it lets images pass' : 'it refuses images' };
  const parts = asks.of.map(checksOf);
  const unsaid = parts.find((part) => 'unsaid' in part);
  if (unsaid !== undefined) return unsaid;
  const checks = parts as (readonly SignerCheck[])[];
  if (asks.count === asks.of.length) return checks.flat();
  const single = checks.map(([only, second]) => (second === undefined ? only : undefined));
  if (single.some((only) => only === undefined || only.count !== 1))
    return { unsaid: 'it counts groups of signers' };
  const signers = single.map((only) => only?.signers ?? []);
  if (asks.count > 1 && signers.some((group) => group.length > 1))
    return { unsaid: 'it counts groups of signers' };
  return [{ signers: signers.flat(), count: asks.count }];
}

/** A name that Kubernetes takes, and each once. */
function nameFor({ policy, name }: PolicyRule, names: Map<string, number>): string {
  const base =
    (policy ?? name)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 50)
      .replace(/-+$/, '') || 'policy';
  const count = (names.get(base) ?? 0) + 1;
  names.set(base, count);
  return count === 1 ? base : `${base}-${count}`;
}
