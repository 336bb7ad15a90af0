import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { mapOf, noteOn, type PolicyNode, refusal } from './node.ts';

interface KnownKind {
  readonly kinds: readonly string[];
  readonly versions: readonly string[];
}

/**
 * Kinds of Kyverno and sigstore beside their policies about images. They say nothing of who must
 * sign, or only exempt workloads, which the gate does not do.
 */
const harmless: readonly {
  readonly group: RegExp;
  readonly kinds: RegExp;
  readonly why: string;
}[] = [
  {
    group: /^policy\.sigstore\.dev$/,
    kinds: /^TrustRoot$/,
    why: 'is not read: what the gate trusts is the input `trusted-root` or `tuf-mirror`.',
  },
  {
    group: /^(policies\.)?kyverno\.io$/,
    kinds: /^PolicyException$/,
    why: 'exempts workloads of the cluster; the gate exempts nothing.',
  },
  {
    group: /^policies\.kyverno\.io$/,
    kinds: /^(Namespaced)?(Validating|Mutating|Generating|Deleting)Policy$/,
    why: 'is a policy about other things and is not looked at.',
  },
  {
    group: /^kyverno\.io$/,
    kinds:
      /^(ClusterCleanupPolicy|CleanupPolicy|GlobalContextEntry|UpdateRequest|GenerateRequest|\w+Report)$/,
    why: 'is a policy about other things and is not looked at.',
  },
  {
    group: /^(cli|chainsaw|json|reports)\.kyverno\.io$/,
    kinds: /./,
    why: 'belongs to tests and reports and is not looked at.',
  },
];

/** Kinds of others that share a name with a policy that is read here. */
const namesakes = ['nvidia.com ClusterPolicy', 'image.toolkit.fluxcd.io ImagePolicy'];

/**
 * Refuses a document that may be a policy about images, in a version or of a group that is not
 * known: leaving it out could let in what it forbids.
 * @throws {Failure} `bad-policy`
 */
export function refuseRelatedKind(
  document: PolicyNode,
  apiVersion: string | undefined,
  kind: string | undefined,
  known: readonly KnownKind[],
): void {
  if (isPartOfFolder(document)) return;
  if (apiVersion === undefined || kind === undefined)
    throw refusal(
      document,
      'has no `apiVersion` or no `kind`',
      'Give YAML as `kubectl apply` takes it. Leave a file out that holds something else: `!policies/values.yaml`.',
    );
  const [group = ''] = apiVersion.split('/');
  if (harmlessNote(group, kind) !== undefined || namesakes.includes(`${group} ${kind}`)) return;
  const isNamesake = known.some(({ kinds }) =>
    kinds.some((one) => one.toLowerCase() === kind.toLowerCase() && one !== 'ImagePolicy'),
  );
  const isRelated =
    /(^|\.)(sigstore\.dev|kyverno\.io)$/i.test(group) ||
    (group === 'config.openshift.io' && /^(Cluster)?ImagePolicy$/i.test(kind));
  if (!isNamesake && !isRelated && !/List$/.test(kind)) return;
  throw refusal(
    document,
    `is a ${shown(`${kind} of ${apiVersion}`)}, which is not read here`,
    `Read are ${known.map(({ kinds, versions }) => `${kinds.join(' and ')} (${versions.join(', ')})`).join('; ')}. Leave other files out with \`!\`, and take other documents out of the file.`,
  );
}

/** Tells that a document is left alone. */
export function noteOtherKind(
  document: PolicyNode,
  apiVersion: string | undefined,
  kind: string | undefined,
  reader: Reader,
): void {
  const what = kind === undefined ? fileName(document) : `${kind} of ${apiVersion}`;
  const [group = ''] = (apiVersion ?? '').split('/');
  const why = harmlessNote(group, kind ?? '') ?? 'is not a policy and is not looked at.';
  reader.notes.push(noteOn({ ...document, field: what }, why));
}

function harmlessNote(group: string, kind: string): string | undefined {
  return harmless.find((one) => one.group.test(group) && one.kinds.test(kind))?.why;
}

/** A kustomization or a test of Kyverno's command line: both may do without a kind. */
function isPartOfFolder(document: PolicyNode): boolean {
  const fields = mapOf(document);
  return (
    !fields.has('kind') &&
    !fields.has('spec') &&
    /^(kustomization\.ya?ml|Kustomization|kyverno-test\.ya?ml)$/.test(fileName(document))
  );
}

function fileName({ file }: PolicyNode): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
