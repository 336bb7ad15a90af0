import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './fields.ts';
import { keysIn } from './keys.ts';
import {
  isTrue,
  labelsOf,
  listOf,
  mapOf,
  nodeAt,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import { repositoryIn, withPlace } from './signature-place.ts';
import {
  byPattern,
  exactlyWithoutWildcards,
  githubClaims,
  signerRule,
  theOneNamed,
} from './who.ts';

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
  const cosign = mapOf(attestor).get('cosign');
  const fields = mapOf(cosign);
  const given = ['key', 'keyless'].flatMap((name) => fields.get(name) ?? []);
  const [one, second] = given;
  if (cosign === undefined || one === undefined || second !== undefined)
    throw refusal(
      cosign ?? attestor,
      'must have one of `key` and `keyless`',
      'Keep one; write the other one as an attestor of its own.',
    );
  const signers = one === fields.get('key') ? readKey(one, reader) : readIdentities(one, reader);
  const ctlog = fields.get('ctlog');
  const waived = mapOf(ctlog).get('insecureIgnoreSCT');
  if (waived !== undefined && isTrue(waived) && one === fields.get('keyless'))
    throw refusal(
      waived,
      'waives the certificate transparency log, and this gate never does',
      'Remove it: certificates of Fulcio carry the proof.',
    );
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

type Signers = readonly [SignerRule, ...SignerRule[]];

function readKey(node: PolicyNode, reader: Reader): Signers {
  const [one, second] = ['data', 'kms'].flatMap((name) => {
    const field = mapOf(node).get(name);
    return field !== undefined && textOf(field) !== undefined ? [field] : [];
  });
  if (one === undefined || second !== undefined)
    throw refusal(
      node,
      one === undefined ? 'holds no key' : 'has two keys',
      'Write either `data`, the public key as PEM, or `kms`.',
    );
  const [key, another] = keysIn(one, reader.keys);
  // Kyverno takes the first PEM block and drops the others without a word.
  if (another !== undefined)
    throw refusal(
      one,
      'holds several keys',
      'Write one attestor for each key, and name all of them in the expression.',
    );
  return [{ key }];
}

function readIdentities(node: PolicyNode, reader: Reader): Signers {
  const identities = mapOf(node).get('identities');
  const claims = githubClaims(mapOf(node).get('additionalExtensions'));
  const [first, ...rest] = listOf(identities).map((identity): SignerRule => {
    const who = (what: string) => {
      const exact = nodeAt(identity, what);
      const pattern = nodeAt(identity, `${what}RegExp`);
      return theOneNamed(identity, what, [
        { node: exact, matcher: exactlyWithoutWildcards(exact) },
        { node: pattern, matcher: byPattern(pattern, reader) },
      ]);
    };
    return signerRule(who('subject'), who('issuer'), claims);
  });
  if (first === undefined)
    throw refusal(
      identities ?? node,
      'names nobody',
      'Add `identities` with `issuer` and `subject`.',
    );
  return [first, ...rest];
}
