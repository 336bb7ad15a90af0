import type { SignaturePolicy } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { waivesCertificateLog } from './fields.ts';
import { onlyKeyIn, theOneKey } from './keys.ts';
import {
  isTrue,
  labelsOf,
  listOf,
  mapOf,
  nodeAt,
  onlyOneOf,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import { repositoryIn, withPlace } from './signature-place.ts';
import { exactlyWithoutWildcards, githubClaims, signerNamedIn, signersNamedIn } from './who.ts';

/** Attestors by their name. */
export type Attestors = ReadonlyMap<string, Requirement>;

/**
 * Reads the attestors of an ImageValidatingPolicy, those that no validation names as well.
 * @throws {Failure} `bad-policy`
 */
export function readAttestors(node: PolicyNode, reader: Reader): Attestors {
  const attestors = new Map<string, Requirement>();
  for (const attestor of listOf(node)) {
    const name = textOf(mapOf(attestor).get('name'));
    if (name === undefined) throw refusal(attestor, 'has no `name`', 'Add it.');
    if (attestors.has(name))
      throw refusal(attestor, `is called "${shown(name)}", as another one is`, 'Rename one.');
    attestors.set(name, {
      kind: 'signature',
      policy: readCosign(attestor, reader),
      name: shown(name),
    });
  }
  return attestors;
}

function readCosign(attestor: PolicyNode, reader: Reader): SignaturePolicy {
  const cosign = mapOf(attestor).get('cosign') ?? attestor;
  const fields = mapOf(cosign);
  const { name, node } = onlyOneOf(
    cosign,
    ['key', 'keyless'],
    'Keep one; write the other one as an attestor of its own.',
  );
  const signers = name === 'key' ? readKey(node, reader) : readIdentities(node, reader);
  const ctlog = fields.get('ctlog');
  const waived = mapOf(ctlog).get('insecureIgnoreSCT');
  if (waived !== undefined && isTrue(waived) && name === 'keyless')
    throw refusal(waived, ...waivesCertificateLog);
  const stamped = textOf(nodeAt(cosign, 'ctlog', 'tsaCertChain')) !== undefined;
  const place = repositoryIn(nodeAt(cosign, 'source', 'repository'));
  return {
    signers,
    annotations: labelsOf(fields.get('annotations')),
    tlog: logOf(ctlog),
    format: 'bundle-if-any',
    ...(stamped ? { timestamp: 'required' as const } : {}),
    ...withPlace(place),
  };
}

/** A `ctlog` that waives no log must name one, or Kyverno denies whatever it is asked about. */
function logOf(ctlog: PolicyNode | undefined): SignaturePolicy['tlog'] {
  if (ctlog === undefined || ctlog.value === null) return 'required';
  if (isTrue(mapOf(ctlog).get('insecureIgnoreTlog'))) return 'ignore';
  if (textOf(mapOf(ctlog).get('url')) !== undefined) return 'required';
  throw refusal(
    ctlog,
    'has neither `url` nor `insecureIgnoreTlog`, so Kyverno denies every image',
    'Add `url: https://rekor.sigstore.dev`, or `insecureIgnoreTlog: true` for a key.',
  );
}

function readKey(node: PolicyNode, reader: Reader): SignaturePolicy['signers'] {
  const put = 'Write either `data`, the public key as PEM, or `kms`.';
  const fix = 'Write one attestor for each key, and name all of them in the expression.';
  return [{ key: onlyKeyIn(theOneKey(node, ['data', 'kms'], put), reader.keys, fix) }];
}

function readIdentities(node: PolicyNode, reader: Reader): SignaturePolicy['signers'] {
  const claims = githubClaims(mapOf(node).get('additionalExtensions'));
  return signersNamedIn(node, (identity) =>
    signerNamedIn(identity, reader, exactlyWithoutWildcards, claims),
  );
}
