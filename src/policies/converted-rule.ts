import type { SignaturePolicy } from '../signature/policy.ts';
import type { ParsedRoot } from './signed.ts';

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
