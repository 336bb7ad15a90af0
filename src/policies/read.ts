import { Failure } from '../failure.ts';
import { formatRepository } from '../image/reference.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { checkClusterImagePolicy, readClusterImagePolicy } from './cluster-image-policy.ts';
import {
  checkContainersPolicy,
  isContainersPolicy,
  readContainersPolicy,
} from './containers-policy.ts';
import type { PolicyImage } from './image-names.ts';
import { type KeyReference, type OpenedKeys, type ReadPublicKeys, referencesIn } from './keys.ts';
import { checkKyvernoPolicy, readKyvernoPolicy } from './kyverno-cluster.ts';
import { checkImageValidatingPolicy, readImageValidatingPolicy } from './kyverno-ivp.ts';
import {
  listOf,
  nodeAt,
  type PolicyNode,
  type PolicyNote,
  readPolicyNodes,
  refusal,
  textOf,
} from './node.ts';
import { checkOpenShiftPolicy, openShiftRequirements, readOpenShiftPolicy } from './openshift.ts';
import { noteOtherKind, refuseRelatedKind } from './other-kinds.ts';
import type { PolicyRule } from './rule.ts';

/** A policy file: its path as a person knows it, and its text. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
  /** the line of the input `policy` that named it; every line must name a policy */
  readonly entry?: string;
  /** that line names a list of signers as well, which does instead of a policy */
  readonly besideList?: true;
}

/** What reading policies needs from outside. */
export interface PolicyTools {
  readonly readPublicKeys: ReadPublicKeys;
  /**
   * the user gave `trusted-root` or `tuf-mirror`, so that a policy may speak of a Sigstore instance
   * of its own
   */
  readonly ownTrust: boolean;
  /** signature/pattern.ts; needed where a file has patterns */
  readonly compilePattern: Reader['compilePattern'];
  /** signature/own-authorities.ts; needed where a file has authorities of its own */
  readonly readAuthorities?: Reader['readAuthorities'];
}

/** Policies whose fields were checked to the last one. */
export interface CheckedPolicies {
  /** keys that must be opened before the rules can be read */
  readonly keys: readonly KeyReference[];
  /**
   * Reads the rules.
   * @throws {Failure} `bad-policy`
   */
  readonly withKeys: (opened: OpenedKeys, texts?: ReadonlyMap<string, string>) => Policies;
}

/** Policies that were understood to the last field. */
export interface Policies {
  /** what an image must satisfy: all policies that speak of it; `fail` where none does */
  readonly requirementFor: (image: PolicyImage) => Requirement;
  /** each policy, or each rule of one, as it was written */
  readonly rules: readonly PolicyRule[];
  /** what the gate does otherwise than the cluster, for the log */
  readonly notes: readonly PolicyNote[];
}

interface PolicyKind {
  readonly kinds: readonly string[];
  readonly versions: readonly string[];
  readonly check: (document: PolicyNode, reader: Reader) => void;
  readonly read: (document: PolicyNode, reader: Reader) => readonly PolicyRule[];
}

const kinds: readonly PolicyKind[] = [
  {
    kinds: ['ClusterImagePolicy'],
    versions: ['policy.sigstore.dev/v1alpha1', 'policy.sigstore.dev/v1beta1'],
    check: checkClusterImagePolicy,
    read: readClusterImagePolicy,
  },
  {
    kinds: ['ClusterPolicy', 'Policy'],
    versions: ['kyverno.io/v1', 'kyverno.io/v2beta1'],
    check: checkKyvernoPolicy,
    read: readKyvernoPolicy,
  },
  {
    kinds: ['ImageValidatingPolicy', 'NamespacedImageValidatingPolicy'],
    versions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `policies.kyverno.io/${version}`),
    check: checkImageValidatingPolicy,
    read: readImageValidatingPolicy,
  },
  {
    kinds: ['ClusterImagePolicy', 'ImagePolicy'],
    versions: ['config.openshift.io/v1'],
    check: checkOpenShiftPolicy,
    read: readOpenShiftPolicy,
  },
];

const containersPolicy: PolicyKind = {
  kinds: [],
  versions: [],
  check: checkContainersPolicy,
  read: readContainersPolicy,
};

/**
 * Reads admission policies: those of sigstore's policy-controller, Kyverno and OpenShift, and the
 * policy.json of podman and CRI-O. What a policy uses that is not supported, and every field that is
 * not known, is an error, never a pass. Documents that cannot change who must sign (a ConfigMap, a
 * kustomization, Kyverno's other policies) are noted and left alone.
 * @throws {Failure} `bad-policy` that names file, line and field; also when there is no policy in
 * any of the files, or in those of one line of the input.
 */
export function readPolicies(
  files: readonly PolicyFile[],
  { readPublicKeys, ownTrust, compilePattern, readAuthorities = notLoaded }: PolicyTools,
): CheckedPolicies {
  const notes: PolicyNote[] = [];
  const keys = {
    read: readPublicKeys,
    elsewhere: new Map<PolicyNode, string>(),
    inFiles: new Map<PolicyNode, string>(),
    certificates: new Map<PolicyNode, string>(),
    texts: new Map<string, string>(),
    opened: new Map(),
  };
  const reader: Reader = { ownTrust, notes, compilePattern, readAuthorities, keys };
  const found = files.flatMap((file) =>
    readPolicyNodes(file.path, file.text)
      .flatMap((document) => itemsOf(document))
      .flatMap((document) => {
        const kind = kindOf(document, reader);
        return kind === undefined ? [] : [{ document, kind, file }];
      }),
  );
  refuseLinesWithoutPolicy(files, found, notes);
  for (const { document, kind } of found) kind.check(document, reader);
  const names = files.map(({ path }) => shown(path)).join(', ') || 'no file';
  return {
    keys: referencesIn(keys),
    withKeys(opened, texts = new Map()) {
      for (const [address, these] of opened) keys.opened.set(address, these);
      for (const [address, text] of texts) keys.texts.set(address, text);
      const rules = found.flatMap(({ document, kind }) => kind.read(document, reader));
      if (rules.length === 0 && !files.every(({ besideList }) => besideList))
        throw noPolicy(names, notes);
      return { requirementFor: (image) => combine(image, rules, names), rules, notes };
    },
  };
}

function notLoaded(): never {
  throw new Error('cannot be read: certificates are not loaded');
}

/** What `kubectl get -o yaml` prints is a list of objects; each counts as a document of its own. */
function itemsOf(document: PolicyNode): readonly PolicyNode[] {
  if (
    textOf(nodeAt(document, 'kind')) !== 'List' ||
    textOf(nodeAt(document, 'apiVersion')) !== 'v1'
  )
    return [document];
  const items = nodeAt(document, 'items');
  if (items === undefined || !Array.isArray(items.value))
    throw refusal(document, 'is a List without `items`', 'Give what `kubectl get -o yaml` prints.');
  return listOf(items).flatMap(itemsOf);
}

/** @returns undefined for a document that cannot change who must sign */
function kindOf(document: PolicyNode, reader: Reader): PolicyKind | undefined {
  if (!(document.value instanceof Map))
    throw refusal(document, 'is not a Kubernetes object', 'Give YAML as `kubectl apply` takes it.');
  if (isContainersPolicy(document)) return containersPolicy;
  const apiVersion = textOf(nodeAt(document, 'apiVersion'));
  const kind = textOf(nodeAt(document, 'kind'));
  // Told apart by its text before (signers/own-lists.ts); here it was hidden from that look.
  if (kind === 'KnownSigners')
    throw refusal(
      document,
      'is a list of signers that is not recognised as one',
      'Write `kind: KnownSigners` on a line of its own, without escapes.',
    );
  const known = kinds.find(
    (one) =>
      kind !== undefined && one.kinds.includes(kind) && one.versions.includes(apiVersion ?? ''),
  );
  if (known !== undefined) return known;
  refuseRelatedKind(document, apiVersion, kind, kinds);
  noteOtherKind(document, apiVersion, kind, reader);
  return undefined;
}

/** A line that names no policy is a slip: the policy it means would not be asked. */
function refuseLinesWithoutPolicy(
  files: readonly PolicyFile[],
  found: readonly { readonly file: PolicyFile }[],
  notes: readonly PolicyNote[],
): void {
  const alone = files.filter(({ besideList }) => besideList !== true);
  for (const entry of new Set(alone.map((file) => file.entry))) {
    if (entry === undefined || found.some(({ file }) => file.entry === entry)) continue;
    const paths = files.filter((file) => file.entry === entry).map(({ path }) => path);
    throw noPolicy(
      paths.map((path) => shown(path)).join(', '),
      notes.filter(({ file }) => paths.includes(file)),
    );
  }
}

function noPolicy(names: string, notes: readonly PolicyNote[]): Failure {
  const [first] = notes;
  return new Failure(
    'bad-policy',
    `There is no policy about image signatures in ${names}.${first === undefined ? '' : ` Line ${first.line} of ${shown(first.file)}: ${first.text}`}`,
    'Point `policy` at policies about image signatures: of Kyverno, of sigstore, of OpenShift, or a policy.json. Leave files out that hold other things: `!policies/kustomization.yaml`.',
  );
}

function combine(image: PolicyImage, rules: readonly PolicyRule[], names: string): Requirement {
  const found = [
    ...rules.flatMap((rule) =>
      rule.scoped === undefined ? (rule.requirementFor(image) ?? []) : [],
    ),
    ...openShiftRequirements(image, rules),
  ];
  const [only] = found;
  if (only === undefined)
    return {
      kind: 'fail',
      reason: `No policy in ${names} speaks of ${formatRepository(image.name)}.`,
      isSilence: true,
    };
  return found.length === 1 ? only : { kind: 'count', of: found, count: found.length };
}
