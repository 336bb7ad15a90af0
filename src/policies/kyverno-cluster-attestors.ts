import type { RepositoryName } from '../image/reference.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import { attestedInstead, type Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { keysIn, theOneKey } from './keys.ts';
import { readConditions } from './kyverno-conditions.ts';
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
import { placeOfEntry, withPlace } from './signature-place.ts';
import {
  byWildcard,
  exactlyWithoutWildcards,
  githubClaims,
  predicateTypeIn,
  signerNamedIn,
  signerRule,
  theOneNamed,
} from './who.ts';

/** What an entry of `verifyImages` says about all its attestors. */
export interface Asked {
  /**
   * type SigstoreBundle: there Kyverno compares subject and issuer exactly, in type Cosign with
   * wildcards
   */
  readonly bundle: boolean;
  /** what `type` says */
  readonly format: 'bundle' | 'legacy';
  /** for attestors that have none of their own */
  readonly annotations: Readonly<Record<string, string>>;
  /** where signatures lie, of attestors that do not say it themselves */
  readonly repository?: RepositoryName;
  readonly reader: Reader;
}

/**
 * The attestor sets of an entry, the deprecated flat `key`, `issuer` and `subject` among them; all
 * of them must hold.
 * @throws {Failure} `bad-policy`
 */
export function readAttestors(entry: PolicyNode, asked: Asked): readonly Requirement[] {
  const sets = listOf(mapOf(entry).get('attestors')).map((set) => readSet(set, asked));
  const flat = readFlat(entry, asked);
  return flat === undefined ? sets : [...sets, flat];
}

/**
 * The attestations of an entry: of each type, what each of its attestor sets asks for. All of them
 * must hold.
 * @throws {Failure} `bad-policy`
 */
export function readAttestations(entry: PolicyNode, asked: Asked): readonly Requirement[] {
  return listOf(mapOf(entry).get('attestations')).flatMap((attestation) => {
    const fields = mapOf(attestation);
    const [type, old] = [fields.get('type'), fields.get('predicateType')];
    if (textOf(type) !== undefined && textOf(old) !== undefined && type?.value !== old?.value)
      throw refusal(
        attestation,
        'names two types',
        'Keep `type`; `predicateType` is its old name.',
      );
    const uri = predicateTypeIn(attestation, textOf(type) === undefined ? 'predicateType' : 'type');
    const sets = listOf(fields.get('attestors'));
    // Kyverno takes anybody's then: a statement that nobody vouches for.
    if (sets.length === 0)
      throw refusal(
        attestation,
        'does not say whose attestation it must be',
        'Add `attestors` to it.',
      );
    for (const set of sets)
      for (const one of listOf(mapOf(set).get('entries'))) checkSingle(one, asked);
    const check = readConditions(fields.get('conditions'));
    return sets.map((set) => attestedInstead(readSet(set, asked), uri, check));
  });
}

/** Here Kyverno looks into no nested set, and at one key of each entry. */
function checkSingle(entry: PolicyNode, asked: Asked): void {
  const nested = mapOf(entry).get('attestor');
  if (nested !== undefined && nested.value !== null)
    throw refusal(nested, 'is not looked at in attestations', 'Write its entries into the set.');
  if (readEntry(entry, asked).length > 1)
    throw refusal(entry, 'holds several keys', 'Write one entry for each key, with `count: 1`.');
}

/** Several keys in one entry count as several entries; without `count` all must have signed. */
function readSet(set: PolicyNode, asked: Asked): Requirement {
  const entries = mapOf(set).get('entries');
  const of = listOf(entries).flatMap((entry) => readEntry(entry, asked));
  if (of.length === 0)
    throw refusal(entries ?? set, 'names no attestor', 'Add `entries` with `keys` or `keyless`.');
  const count = mapOf(set).get('count');
  const least = typeof count?.value === 'number' ? count.value : of.length;
  if (least > of.length) {
    throw refusal(
      count ?? set,
      `asks for ${least} of ${of.length} different attestors`,
      'Lower `count`, or add entries.',
    );
  }
  return { kind: 'count', of, count: least };
}

function readEntry(entry: PolicyNode, asked: Asked): readonly Requirement[] {
  const fields = mapOf(entry);
  const one = onlyOneOf(
    entry,
    ['keys', 'keyless', 'attestor'],
    'Keep one; write the others as entries of their own.',
  );
  const place = placeOfEntry(fields.get('repository'), asked.bundle);
  if (one.name === 'attestor') {
    if (place === undefined) return [readSet(one.node, asked)];
    throw refusal(
      fields.get('repository') ?? entry,
      'has no effect beside `attestor`: Kyverno takes it of the entries inside alone',
      'Write it into these.',
    );
  }
  const own = fields.get('annotations');
  const annotations = own === undefined || own.value === null ? asked.annotations : labelsOf(own);
  const here = { ...asked, ...withPlace(place) };
  return one.name === 'keys'
    ? readKeys(one.node, annotations, here)
    : [readKeyless(one.node, annotations, here)];
}

function readKeys(
  node: PolicyNode,
  annotations: SignaturePolicy['annotations'],
  asked: Asked,
): readonly Requirement[] {
  const put = 'Put the public key into `publicKeys`, as PEM.';
  const one = theOneKey(node, ['publicKeys', 'kms', 'secret'], put);
  const stamped = textOf(nodeAt(node, 'ctlog', 'tsaCertChain')) !== undefined;
  const timestamp = stamped ? { timestamp: 'required' as const } : {};
  return keysIn(one, asked.reader.keys).map((key) => ({
    kind: 'signature',
    policy: {
      signers: [{ key }],
      annotations,
      tlog: logOf(node),
      ...timestamp,
      format: asked.format,
      ...withPlace(asked.repository),
    },
    name: attestorName(node),
  }));
}

/**
 * Where it stands in its rule, which the names around it tell: `attestors[0].entries[1].keyless`.
 */
function attestorName({ field }: PolicyNode): string {
  return shown(field.replace(/^.*?verifyImages\[\d+\]\./, ''));
}

function readKeyless(
  node: PolicyNode,
  annotations: SignaturePolicy['annotations'],
  asked: Asked,
): Requirement {
  const literal = asked.bundle ? exactlyWithoutWildcards : byWildcard;
  const github = githubClaims(mapOf(node).get('additionalExtensions'));
  const rule = signerNamedIn(node, asked.reader, literal, github);
  return {
    kind: 'signature',
    policy: {
      signers: [rule],
      annotations,
      tlog: logOf(node),
      format: asked.format,
      ...withPlace(asked.repository),
    },
    name: attestorName(node),
  };
}

function logOf(node: PolicyNode): SignaturePolicy['tlog'] {
  return isTrue(mapOf(mapOf(node).get('rekor')).get('ignoreTlog')) ? 'ignore' : 'required';
}

/** The fields that Kyverno's first versions had: one key, or one issuer and subject. */
function readFlat(entry: PolicyNode, asked: Asked): Requirement | undefined {
  const fields = mapOf(entry);
  const key = fields.get('key');
  const policy = {
    annotations: asked.annotations,
    tlog: 'required' as const,
    format: asked.format,
    ...withPlace(asked.repository),
  };
  const keyless = ['issuer', 'subject', 'roots']
    .map((name) => fields.get(name))
    .find((node) => textOf(node) !== undefined);
  if (textOf(key) !== undefined && keyless !== undefined)
    throw refusal(keyless, 'stands beside `key`', 'Keep one of the two.');
  if (key !== undefined && textOf(key) !== undefined) {
    const of = keysIn(key, asked.reader.keys).map(
      (one): Requirement => ({ kind: 'signature', policy: { ...policy, signers: [{ key: one }] } }),
    );
    return { kind: 'count', of, count: of.length, name: 'key' };
  }
  if (keyless === undefined) return undefined;
  const literal = asked.bundle ? exactlyWithoutWildcards : byWildcard;
  const who = (what: string) => {
    const node = fields.get(what);
    return theOneNamed(entry, what, [{ node, matcher: literal(node) }]);
  };
  return {
    kind: 'signature',
    policy: { ...policy, signers: [signerRule(who('subject'), who('issuer'))] },
    name: 'keyless',
  };
}
