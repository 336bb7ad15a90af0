import type { Requirement } from '../engine/requirement.ts';
import type { GithubClaims, Matcher, SignaturePolicy } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './fields.ts';
import { isTrue, labelsOf, listOf, mapOf, type PolicyNode, refusal, textOf } from './node.ts';
import {
  byPattern,
  byWildcard,
  exactly,
  isNamed,
  keysIn,
  type MaybeNamed,
  type Named,
  type ReadPublicKeys,
  signerRule,
} from './who.ts';

/** What an entry of `verifyImages` says about all its attestors. */
export interface Asked {
  /**
   * type SigstoreBundle: there Kyverno compares subject and issuer exactly, in type Cosign with
   * wildcards
   */
  readonly bundle: boolean;
  /** for attestors that have none of their own */
  readonly annotations: Readonly<Record<string, string>>;
  readonly reader: Reader;
  readonly readKeys: ReadPublicKeys;
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

/** Several keys in one entry count as several entries; without `count` all must have signed. */
function readSet(set: PolicyNode, asked: Asked): Requirement {
  const entries = mapOf(set).get('entries');
  const of = listOf(entries).flatMap((entry) => readEntry(entry, asked));
  if (of.length === 0)
    throw refusal(entries ?? set, 'names no attestor', 'Add `entries` with `keys` or `keyless`.');
  const count = mapOf(set).get('count');
  const wanted = typeof count?.value === 'number' ? count.value : of.length;
  if (wanted > of.length) {
    throw refusal(
      count ?? set,
      `asks for ${wanted} of ${of.length} different attestors`,
      'Lower `count`, or add entries.',
    );
  }
  return { kind: 'count', of, count: wanted };
}

function readEntry(entry: PolicyNode, asked: Asked): readonly Requirement[] {
  const fields = mapOf(entry);
  const given = ['keys', 'keyless', 'attestor'].flatMap((name) => {
    const node = fields.get(name);
    return node === undefined || node.value === null ? [] : [{ name, node }];
  });
  const [one, second] = given;
  if (one === undefined || second !== undefined) {
    throw refusal(
      entry,
      'must have one of `keys`, `keyless` and `attestor`',
      'Keep one; write the others as entries of their own.',
    );
  }
  if (one.name === 'attestor') return [readSet(one.node, asked)];
  const own = fields.get('annotations');
  const annotations = own === undefined || own.value === null ? asked.annotations : labelsOf(own);
  return one.name === 'keys'
    ? readKeys(one.node, annotations, asked)
    : [readKeyless(one.node, annotations, asked)];
}

function readKeys(
  node: PolicyNode,
  annotations: SignaturePolicy['annotations'],
  asked: Asked,
): readonly Requirement[] {
  const publicKeys = mapOf(node).get('publicKeys');
  if (publicKeys === undefined || textOf(publicKeys) === undefined) {
    throw refusal(node, 'holds no key', 'Put the public key into `publicKeys`, as PEM.');
  }
  return keysIn(publicKeys, asked.readKeys).map((key) => ({
    kind: 'signature',
    policy: { signers: [{ key }], annotations, tlog: logOf(node) },
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
  const fields = mapOf(node);
  const literal = asked.bundle ? exactlyInBundle : byWildcard;
  const who = (what: string) => {
    const exact = fields.get(what);
    const pattern = fields.get(`${what}RegExp`);
    return onlyOne(node, what, [
      { node: exact, matcher: literal(exact) },
      { node: pattern, matcher: byPattern(pattern, asked.reader) },
    ]);
  };
  const github = claims(fields.get('additionalExtensions'));
  const rule = signerRule(who('subject'), who('issuer'), github);
  return {
    kind: 'signature',
    policy: { signers: [rule], annotations, tlog: logOf(node) },
    name: attestorName(node),
  };
}

/** Kyverno takes a missing issuer or subject for "anybody"; the gate does not. */
function onlyOne(node: PolicyNode, what: string, given: readonly MaybeNamed[]): Named {
  const [one, second] = given.filter(isNamed);
  if (one !== undefined && second === undefined) return one;
  const problem =
    one === undefined
      ? `says nothing of the ${what}, which lets in anybody's`
      : `says two things of the ${what}`;
  throw refusal(node, problem, `Write either \`${what}\` or \`${what}RegExp\`.`);
}

function exactlyInBundle(node: PolicyNode | undefined): Matcher | undefined {
  if (node !== undefined && /[*?]/.test(textOf(node) ?? '')) {
    throw refusal(
      node,
      'has wildcards, which Kyverno does not know in type SigstoreBundle',
      'Write a pattern into the field with `RegExp`.',
    );
  }
  return exactly(node);
}

function logOf(node: PolicyNode): SignaturePolicy['tlog'] {
  return isTrue(mapOf(mapOf(node).get('rekor')).get('ignoreTlog')) ? 'ignore' : 'required';
}

/**
 * Names and OIDs of Fulcio's first extensions (docs/oid-info.md), as far as newer ones say the
 * same.
 */
const extensions: Readonly<Record<string, keyof GithubClaims>> = {
  githubWorkflowTrigger: 'event',
  '1.3.6.1.4.1.57264.1.2': 'event',
  githubWorkflowSha: 'sha',
  '1.3.6.1.4.1.57264.1.3': 'sha',
  githubWorkflowRepository: 'repository',
  '1.3.6.1.4.1.57264.1.5': 'repository',
  githubWorkflowRef: 'ref',
  '1.3.6.1.4.1.57264.1.6': 'ref',
};

function claims(node: PolicyNode | undefined): GithubClaims | undefined {
  const wanted: { -readonly [Name in keyof GithubClaims]: string } = {};
  for (const [name, value] of mapOf(node)) {
    const claim = Object.hasOwn(extensions, name) ? extensions[name] : undefined;
    const text = textOf(value);
    if (claim === undefined)
      throw refusal(
        value,
        'is an extension that is not checked here',
        `Checked are ${Object.keys(extensions).join(', ')}.`,
      );
    if (text === undefined || /[*?]/.test(text))
      throw refusal(value, 'must be an exact value here', 'Write it without wildcards.');
    if (wanted[claim] !== undefined && wanted[claim] !== text)
      throw refusal(value, 'says another value than before', 'Keep one.');
    wanted[claim] = text;
  }
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

/** The fields that Kyverno's first versions had: one key, or one issuer and subject. */
function readFlat(entry: PolicyNode, asked: Asked): Requirement | undefined {
  const fields = mapOf(entry);
  const key = fields.get('key');
  const policy = { annotations: asked.annotations, tlog: 'required' as const };
  const keyless = ['issuer', 'subject', 'roots']
    .map((name) => fields.get(name))
    .find((node) => textOf(node) !== undefined);
  if (textOf(key) !== undefined && keyless !== undefined)
    throw refusal(keyless, 'stands beside `key`', 'Keep one of the two.');
  if (key !== undefined && textOf(key) !== undefined) {
    const of = keysIn(key, asked.readKeys).map(
      (one): Requirement => ({ kind: 'signature', policy: { ...policy, signers: [{ key: one }] } }),
    );
    return { kind: 'count', of, count: of.length, name: 'key' };
  }
  if (keyless === undefined) return undefined;
  const literal = asked.bundle ? exactlyInBundle : byWildcard;
  const who = (what: string) => {
    const node = fields.get(what);
    return onlyOne(entry, what, [{ node, matcher: literal(node) }]);
  };
  return {
    kind: 'signature',
    policy: { ...policy, signers: [signerRule(who('subject'), who('issuer'))] },
    name: 'keyless',
  };
}
