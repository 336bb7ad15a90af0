import type { Requirement } from '../engine/requirement.ts';
import { Failure } from '../failure.ts';
import { formatRepository } from '../image/reference.ts';
import { shown } from '../text/untrusted.ts';
import { type PolicyRule, readClusterImagePolicy } from './cluster-image-policy.ts';
import type { Reader } from './fields.ts';
import type { PolicyImage } from './image-names.ts';
import { readKyvernoPolicy } from './kyverno.ts';
import { mapOf, noteOn, type PolicyNode, type PolicyNote, refusal, textOf } from './node.ts';
import type { ReadPublicKeys } from './who.ts';
import { readPolicyNodes } from './yaml-tree.ts';

/** A policy file: its path as a person knows it, and its text. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
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
}

/** Policies that were understood to the last field. */
export interface Policies {
  /** what an image must satisfy: all policies that speak of it; `fail` where none does */
  readonly requirementFor: (image: PolicyImage) => Requirement;
  /** what the gate does otherwise than the cluster, for the log */
  readonly notes: readonly PolicyNote[];
}

/**
 * Reads admission policies: sigstore ClusterImagePolicy (v1alpha1, v1beta1) and Kyverno
 * ClusterPolicy and Policy with `verifyImages`. What a policy uses that is not supported, and every
 * field that is not known, is an error, never a pass. Documents of other kinds (a ConfigMap beside
 * the policy) are noted and left alone, but not other kinds of these two products: they might
 * change what the policies mean.
 * @throws {Failure} `bad-policy` that names file, line and field; also when there is no policy in
 * any of the files.
 */
export function readPolicies(
  files: readonly PolicyFile[],
  { readPublicKeys, ownTrust, compilePattern }: PolicyTools,
): Policies {
  const notes: PolicyNote[] = [];
  const reader: Reader = { ownTrust, notes, compilePattern };
  const rules = files.flatMap(({ path, text }) =>
    readPolicyNodes(path, text).flatMap((document) =>
      readDocument(document, reader, readPublicKeys),
    ),
  );
  const names = files.map(({ path }) => shown(path)).join(', ') || 'no file';
  if (rules.length === 0) {
    throw new Failure(
      'bad-policy',
      `There is no policy about image signatures in ${names}.`,
      'Point `policy` at a ClusterImagePolicy of sigstore, or a ClusterPolicy of Kyverno with `verifyImages`.',
    );
  }
  return { requirementFor: (image) => combine(image, rules, names), notes };
}

function combine(image: PolicyImage, rules: readonly PolicyRule[], names: string): Requirement {
  const found = rules.flatMap((rule) => rule(image) ?? []);
  const [only] = found;
  if (only === undefined)
    return {
      kind: 'fail',
      reason: `No policy in ${names} speaks of ${formatRepository(image.name)}.`,
    };
  return found.length === 1 ? only : { kind: 'count', of: found, count: found.length };
}

const supported: Readonly<Record<string, readonly string[]>> = {
  ClusterImagePolicy: ['policy.sigstore.dev/v1alpha1', 'policy.sigstore.dev/v1beta1'],
  ClusterPolicy: ['kyverno.io/v1', 'kyverno.io/v2beta1'],
  Policy: ['kyverno.io/v1', 'kyverno.io/v2beta1'],
};

function readDocument(
  document: PolicyNode,
  reader: Reader,
  readKeys: ReadPublicKeys,
): readonly PolicyRule[] {
  if (!(document.value instanceof Map))
    throw refusal(document, 'is not a Kubernetes object', 'Give YAML as `kubectl apply` takes it.');
  const apiVersion = textOf(mapOf(document).get('apiVersion'));
  const kind = textOf(mapOf(document).get('kind'));
  if (apiVersion === undefined || kind === undefined) {
    throw refusal(
      document,
      'has no `apiVersion` or no `kind`',
      'Give YAML as `kubectl apply` takes it.',
    );
  }
  const versions = Object.hasOwn(supported, kind) ? (supported[kind] ?? []) : [];
  if (!versions.includes(apiVersion)) return skip(document, apiVersion, kind, reader);
  return kind === 'ClusterImagePolicy'
    ? [readClusterImagePolicy(document, reader, readKeys)]
    : readKyvernoPolicy(document, reader, readKeys);
}

function skip(document: PolicyNode, apiVersion: string, kind: string, reader: Reader): [] {
  const [group = ''] = apiVersion.split('/');
  const related =
    /(^|\.)(sigstore\.dev|kyverno\.io)$/i.test(group) ||
    Object.keys(supported).some((known) => known.toLowerCase() === kind.toLowerCase());
  const what = `${kind} of ${apiVersion}`;
  if (apiVersion === 'policy.sigstore.dev/v1alpha1' && kind === 'TrustRoot') {
    reader.notes.push(
      noteOn(
        { ...document, field: what },
        'is not read: what the gate trusts is the input `trusted-root` or `tuf-mirror`.',
      ),
    );
    return [];
  }
  if (related || /List$/.test(kind)) {
    throw refusal(
      document,
      `is a ${shown(what)}, which is not read here`,
      `Read are ${Object.entries(supported)
        .map(([name, versions]) => `${name} (${versions.join(', ')})`)
        .join(', ')}; take other documents out of the file.`,
    );
  }
  reader.notes.push(noteOn({ ...document, field: what }, 'is not a policy and is not looked at.'));
  return [];
}
