import type { Requirement } from '../engine/requirement.ts';
import type { PolicyImage } from './image-names.ts';

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
