import type { SignaturePolicy } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { checkFields, type Reader } from './check-fields.ts';
import { clusterImagePolicyFields } from './cluster-image-policy-fields.ts';
import { fitsResolvedNames, longestGlob, policyControllerGlob } from './glob.ts';
import { policyControllerName } from './image-names.ts';
import { onlyKeyIn, theOneKey } from './keys.ts';
import {
  listOf,
  mapOf,
  nodeAt,
  noteOn,
  onlyOneOf,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import type { PolicyRule } from './rule.ts';
import { placeOfAuthority, withPlace } from './signature-place.ts';
import { exactly, predicateTypeIn, signerNamedIn, signersNamedIn } from './who.ts';

/**
 * Checks the fields of a sigstore ClusterImagePolicy.
 * @throws {Failure} `bad-policy`
 */
export function checkClusterImagePolicy(document: PolicyNode, reader: Reader): void {
  const foreign =
    nodeAt(document, 'spec', 'scopes') ?? nodeAt(document, 'spec', 'policy', 'rootOfTrust');
  if (foreign !== undefined)
    throw refusal(
      foreign,
      "is a field of OpenShift's ClusterImagePolicy, and policy.sigstore.dev is sigstore's, which has the same name",
      'Write `apiVersion: config.openshift.io/v1` for OpenShift, or `images` and `authorities` for policy-controller.',
    );
  checkFields(document, clusterImagePolicyFields, reader);
  const mode = nodeAt(document, 'spec', 'mode');
  if (mode?.value === 'warn')
    reader.notes.push(
      noteOn(
        mode,
        'makes the cluster warn only; here an image that does not satisfy the policy fails. `fail: false` only reports.',
      ),
    );
}

/**
 * Reads a sigstore ClusterImagePolicy as policy-controller does: it speaks of an image when one of
 * its globs fits the name with the digest; one authority that is satisfied is enough.
 * @returns one rule
 * @throws {Failure} `bad-policy`
 */
export function readClusterImagePolicy(
  document: PolicyNode,
  reader: Reader,
): readonly PolicyRule[] {
  const policy = textOf(nodeAt(document, 'metadata', 'name'));
  const name = `ClusterImagePolicy ${shown(policy ?? '(without a name)')}`;
  const globs = readGlobs(document, nodeAt(document, 'spec', 'images'), reader);
  const list = nodeAt(document, 'spec', 'authorities');
  const authorities = listOf(list);
  if (authorities.length === 0) {
    throw refusal(
      list ?? document,
      'has no authority, so it says nothing of who may sign',
      'Add `spec.authorities`.',
    );
  }
  const asks: Requirement = {
    kind: 'count',
    of: authorities.map((authority) => readAuthority(authority, reader)),
    count: 1,
    name,
  };
  return [
    {
      name,
      ...(policy === undefined ? {} : { policy }),
      file: document.file,
      line: document.line,
      patterns: {
        syntax: 'policy-controller',
        include: globs.map(({ text }) => text),
        exclude: [],
      },
      asks,
      requirementFor: (image) =>
        globs.some(({ fits }) => fits(policyControllerName(image))) ? asks : undefined,
    },
  ];
}

function readGlobs(document: PolicyNode, images: PolicyNode | undefined, reader: Reader) {
  const globs = listOf(images).map((image) => {
    const glob = mapOf(image).get('glob') ?? image;
    const text = textOf(glob) ?? '';
    const fits = text.length > longestGlob ? undefined : policyControllerGlob(text);
    if (fits === undefined)
      throw refusal(
        glob,
        'is not a glob of policy-controller',
        'Write letters, digits, - _ : / . @ and `*` or `**`.',
      );
    if (!fitsResolvedNames(text))
      reader.notes.push(
        noteOn(
          glob,
          'fits no image, here and in the cluster: policy-controller puts the digest in the place of the tag and matches `host/path@sha256:…`. Write e.g. `ghcr.io/acme/app@sha256:*` or `ghcr.io/acme/**`; Docker Hub is `index.docker.io`.',
        ),
      );
    return { text, fits };
  });
  if (globs.length === 0)
    throw refusal(images ?? document, 'names no image', 'Add `spec.images` with a `glob`.');
  return globs;
}

function readAuthority(authority: PolicyNode, reader: Reader): Requirement {
  const fields = mapOf(authority);
  const one = onlyOneOf(
    authority,
    ['key', 'keyless', 'static'],
    'Keep one; write the others as authorities of their own.',
  );
  const named = {
    name: shown(textOf(fields.get('name')) ?? authority.field.replace(/^spec\./, '')),
  };
  const place = placeOfAuthority(fields);
  if (one.name === 'static') return { ...readStatic(authority, one.node), ...named };
  const signers = one.name === 'key' ? readKey(one.node, reader) : readIdentities(one.node, reader);
  const tlog = one.name === 'key' ? keyedLog(fields) : keylessLog(fields);
  const stamped = one.name === 'key' && fields.get('rfc3161timestamp')?.value instanceof Map;
  const timestamp = stamped ? { timestamp: 'required' as const } : {};
  const written = textOf(fields.get('signatureFormat'));
  // By key, and in another repository, policy-controller finds legacy signatures alone.
  const unsaid = one.name === 'key' || place !== undefined ? { format: 'legacy' } : {};
  const format = written === 'bundle' || written === 'legacy' ? { format: written } : unsaid;
  const policy = {
    ...{ signers, annotations: {}, tlog, ...timestamp, ...format, ...withPlace(place) },
  } as SignaturePolicy;
  const types = listOf(fields.get('attestations')).map((node) =>
    predicateTypeIn(node, 'predicateType'),
  );
  if (types.length === 0) return { kind: 'signature', policy, ...named };
  // An authority with attestations asks for these and for no signature.
  const of = types.map((type): Requirement => ({ kind: 'attestation', policy, type }));
  return { kind: 'count', of, count: of.length, ...named };
}

function readStatic(
  authority: PolicyNode,
  node: PolicyNode,
): Extract<Requirement, { kind: 'pass' | 'fail' }> {
  const action = textOf(mapOf(node).get('action'));
  for (const name of ['ctlog', 'rfc3161timestamp', 'signatureFormat', 'attestations']) {
    const other = mapOf(authority).get(name);
    if (other !== undefined)
      throw refusal(other, 'has no meaning beside `static`', 'Remove one of the two.');
  }
  if (action === 'pass')
    return {
      kind: 'pass',
      reason: 'the policy lets it through without a signature (`static: {action: pass}`).',
    };
  if (action !== 'fail')
    throw refusal(node, 'says neither pass nor fail', 'Add `action: fail` or `action: pass`.');
  const message = textOf(mapOf(node).get('message'));
  return {
    kind: 'fail',
    reason: `the policy refuses it${message === undefined ? '' : `: ${shown(message)}`} (\`static: {action: fail}\`).`,
  };
}

function readKey(node: PolicyNode, reader: Reader): SignaturePolicy['signers'] {
  const put = 'Put the public key into `key.data`, as PEM.';
  const one = theOneKey(node, ['data', 'kms', 'secretRef'], put);
  const fix = 'Write one authority for each key; any of them is then enough.';
  return [{ key: onlyKeyIn(one, reader.keys, fix) }];
}

function readIdentities(node: PolicyNode, reader: Reader): SignaturePolicy['signers'] {
  return signersNamedIn(node, (identity) => {
    for (const name of ['subject', 'issuer']) noteWildcards(mapOf(identity).get(name), reader);
    return signerNamedIn(identity, reader, exactly);
  });
}

/** Compared as text, so it lets in nobody; whoever wrote it means a pattern. */
function noteWildcards(node: PolicyNode | undefined, reader: Reader): void {
  const text = textOf(node);
  if (node === undefined || text === undefined || !text.includes('*')) return;
  reader.notes.push(
    noteOn(
      node,
      'has a `*`, which is no wildcard here or in the cluster: it is compared letter by letter. Write a pattern into the field with `RegExp`: `subjectRegExp: ^https://github\\.com/acme/app/.*$`.',
    ),
  );
}

/** policy-controller looks at the log for a key only where `ctlog` names one. */
function keyedLog(fields: ReadonlyMap<string, PolicyNode>): 'required' | 'ignore' {
  const log = mapOf(fields.get('ctlog'));
  return textOf(log.get('url')) === undefined && textOf(log.get('trustRootRef')) === undefined
    ? 'ignore'
    : 'required';
}

/**
 * With a timestamp authority policy-controller does not look at the log; something else must prove
 * the time, and here it does.
 */
function keylessLog(fields: ReadonlyMap<string, PolicyNode>): 'required' | 'ignore' {
  return fields.get('rfc3161timestamp')?.value instanceof Map ? 'ignore' : 'required';
}
