import type { Requirement } from '../engine/requirement.ts';
import type { SignerRule } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import { clusterImagePolicyFields } from './cluster-image-policy-fields.ts';
import { checkFields, type Reader } from './fields.ts';
import { type Fits, policyControllerGlob } from './glob.ts';
import { type PolicyImage, policyControllerNames } from './image-names.ts';
import { listOf, mapOf, noteOn, type PolicyNode, refusal, textOf } from './node.ts';
import { byPattern, exactly, isNamed, keysIn, type ReadPublicKeys, signerRule } from './who.ts';

/**
 * What one policy, or one rule of it, asks of an image; undefined for an image it does not speak
 * of.
 */
export type PolicyRule = (image: PolicyImage) => Requirement | undefined;

/**
 * Reads a sigstore ClusterImagePolicy as policy-controller does: it speaks of an image when one of
 * its globs fits; one authority that is satisfied is enough.
 * @throws {Failure} `bad-policy`
 */
export function readClusterImagePolicy(
  document: PolicyNode,
  reader: Reader,
  readKeys: ReadPublicKeys,
): PolicyRule {
  checkFields(document, clusterImagePolicyFields, reader);
  const spec = mapOf(mapOf(document).get('spec'));
  const name = `ClusterImagePolicy ${shown(textOf(mapOf(mapOf(document).get('metadata')).get('name')) ?? '(without a name)')}`;
  const globs = readGlobs(document, spec.get('images'));
  const authorities = listOf(spec.get('authorities'));
  if (authorities.length === 0) {
    throw refusal(
      spec.get('authorities') ?? document,
      'has no authority, so it says nothing of who may sign',
      'Add `spec.authorities`.',
    );
  }
  const mode = spec.get('mode');
  if (mode?.value === 'warn') {
    reader.notes.push(
      noteOn(
        mode,
        'makes the cluster warn only; here an image that does not satisfy the policy fails. `fail: false` only reports.',
      ),
    );
  }
  const requirement: Requirement = {
    kind: 'count',
    of: authorities.map((authority) => readAuthority(authority, reader, readKeys)),
    count: 1,
    name,
  };
  return (image) =>
    policyControllerNames(image).some((text) => globs.some((fits) => fits(text)))
      ? requirement
      : undefined;
}

function readGlobs(document: PolicyNode, images: PolicyNode | undefined): readonly Fits[] {
  const globs = listOf(images).map((image) => {
    const glob = mapOf(image).get('glob');
    const fits = policyControllerGlob(textOf(glob) ?? '');
    if (fits === undefined)
      throw refusal(
        glob ?? image,
        'is not a glob of policy-controller',
        'Write letters, digits, - _ : / . @ and `*` or `**`.',
      );
    return fits;
  });
  if (globs.length === 0)
    throw refusal(images ?? document, 'names no image', 'Add `spec.images` with a `glob`.');
  return globs;
}

function readAuthority(
  authority: PolicyNode,
  reader: Reader,
  readKeys: ReadPublicKeys,
): Requirement {
  const fields = mapOf(authority);
  const given = ['key', 'keyless', 'static'].flatMap((name) => {
    const node = fields.get(name);
    return node === undefined || node.value === null ? [] : [{ name, node }];
  });
  const [one, second] = given;
  if (one === undefined || second !== undefined) {
    throw refusal(
      authority,
      'must have one of `key`, `keyless` and `static`',
      'Keep one; write the others as authorities of their own.',
    );
  }
  const named = {
    name: shown(textOf(fields.get('name')) ?? authority.field.replace(/^spec\./, '')),
  };
  if (one.name === 'static') return { ...readStatic(authority, one.node), ...named };
  const signers =
    one.name === 'key' ? readKey(authority, one.node, readKeys) : readIdentities(one.node, reader);
  const tlog = one.name === 'key' ? keyedLog(fields) : keylessLog(fields);
  return { kind: 'signature', policy: { signers, annotations: {}, tlog }, ...named };
}

function readStatic(
  authority: PolicyNode,
  node: PolicyNode,
): Extract<Requirement, { kind: 'pass' | 'fail' }> {
  const action = textOf(mapOf(node).get('action'));
  for (const name of ['ctlog', 'rfc3161timestamp', 'signatureFormat']) {
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

type Signers = readonly [SignerRule, ...SignerRule[]];

function readKey(authority: PolicyNode, node: PolicyNode, readKeys: ReadPublicKeys): Signers {
  const data = mapOf(node).get('data');
  if (data === undefined || textOf(data) === undefined)
    throw refusal(node, 'holds no key', 'Put the public key into `key.data`, as PEM.');
  const [key, second] = keysIn(data, readKeys);
  // policy-controller takes the first PEM block and drops the others without a word.
  if (second !== undefined)
    throw refusal(
      data,
      'holds several keys',
      'Write one authority for each key; any of them is then enough.',
    );
  const timestamp = mapOf(authority).get('rfc3161timestamp');
  if (timestamp !== undefined && timestamp.value !== null) {
    throw refusal(
      timestamp,
      'asks for a timestamp on a signature by key, which is not checked here',
      'Use `ctlog`, or remove it.',
    );
  }
  return [{ key }];
}

function readIdentities(node: PolicyNode, reader: Reader): Signers {
  const identities = mapOf(node).get('identities');
  const [first, ...rest] = listOf(identities).map((identity): SignerRule => {
    const fields = mapOf(identity);
    return signerRule(
      oneOf(identity, fields.get('subject'), fields.get('subjectRegExp'), 'subject', reader),
      oneOf(identity, fields.get('issuer'), fields.get('issuerRegExp'), 'issuer', reader),
    );
  });
  if (first === undefined)
    throw refusal(
      identities ?? node,
      'names nobody',
      'Add `identities` with `issuer` and `subject`.',
    );
  return [first, ...rest];
}

function oneOf(
  identity: PolicyNode,
  exact: PolicyNode | undefined,
  pattern: PolicyNode | undefined,
  what: string,
  reader: Reader,
) {
  const [one, second] = [
    { node: exact, matcher: exactly(exact) },
    { node: pattern, matcher: byPattern(pattern, reader) },
  ].filter(isNamed);
  if (one !== undefined && second === undefined) return one;
  const fix = `Write either \`${what}\` or \`${what}RegExp\`.`;
  throw refusal(
    identity,
    one === undefined ? `says nothing of the ${what}` : `says two things of the ${what}`,
    fix,
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
