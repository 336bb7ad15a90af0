import type { SignaturePolicy } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import type { PolicyImage } from './image-names.ts';
import type { ParsedRoot } from './signed.ts';

/** Which images a policy speaks of, as it was written. */
export interface ImagePatterns {
  /**
   * `kyverno`: wildcards of ClusterPolicy; `gobwas`: those of ImageValidatingPolicy;
   * `policy-controller`; `scope`: prefixes of containers-policy.json(5) and OpenShift
   */
  readonly syntax: 'kyverno' | 'gobwas' | 'policy-controller' | 'scope';
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** What one policy, or one rule of it, says. */
export interface PolicyRule {
  /** e.g. `ClusterPolicy check, rule signed` */
  readonly name: string;
  /** `metadata.name`, where it has one */
  readonly policy?: string;
  readonly file: string;
  readonly line: number;
  readonly patterns: ImagePatterns;
  /** what it asks of an image; undefined for an image it does not speak of */
  readonly requirementFor: (image: PolicyImage) => Requirement | undefined;
  /** what it asks of the images it speaks of, whichever they are */
  readonly asks: Requirement;
  /** of a policy.json: one for each scope, as it was written */
  readonly parts?: readonly PolicyRule[];
  /** OpenShift: its scopes compete with those of the others */
  readonly scoped?: ScopedRule;
}

/** A rule of OpenShift: of all scopes that an image lies in, only the longest counts. */
export interface ScopedRule {
  /** of an ImagePolicy; a ClusterImagePolicy has none */
  readonly namespace?: string;
  readonly asksOf: (image: PolicyImage) => Requirement;
}

/** What the policies are checked with; whoever converts them may know it. */
export interface ConversionRoots {
  /** a Sigstore instance of the user's own, where the policies are about one */
  readonly own?: ParsedRoot;
  /** podman and OpenShift ask for the certificates of the public-good instance as well */
  readonly publicGood?: ParsedRoot['parsed'];
}

/** Any `count` of these must have signed. */
export interface SignerCheck {
  readonly signers: readonly SignaturePolicy[];
  readonly count: number;
}

/** A rule that another kind can say. */
export interface ConvertedRule {
  /** for Kubernetes: lower case, letters, digits and dashes */
  readonly name: string;
  readonly title: string;
  readonly patterns: readonly string[];
  /** all of them */
  readonly checks: readonly SignerCheck[];
}

/** Says a rule in one kind; `undefined` where it cannot, after telling why. */
export type WriteRules = (
  rules: readonly ConvertedRule[],
  roots: ConversionRoots,
  tell: (rule: ConvertedRule, text: string) => void,
) => { readonly text: string; readonly left: number };
