import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Matcher } from '../signature/policy.ts';
import type { Reader } from './fields.ts';
import { goPattern, quotedPattern } from './go-pattern.ts';
import { noteOn, type PolicyNode, refusal, textOf } from './node.ts';

/**
 * Takes the text of a policy's key to the keys in it; throws a Failure for anything but public keys
 * in PEM.
 */
export type ReadPublicKeys = (text: string, where: string) => readonly [KeyObject, ...KeyObject[]];

/** Identities that have nothing in common: who fits all of them is anybody. */
const strangers = ['anybody@somewhere.invalid', 'https://somewhere.invalid/any/body', 'q'];

/**
 * The matcher of a field that names somebody, or undefined where the policy does not have it.
 * @throws {Failure} `bad-policy` for what matches anybody: there is no "signed by anybody".
 */
export function exactly(node: PolicyNode | undefined): Matcher | undefined {
  const text = textOf(node);
  return text === undefined ? undefined : { exact: text };
}

/** The same for a field with Kyverno's wildcards `*` and `?`. */
export function byWildcard(node: PolicyNode | undefined): Matcher | undefined {
  const text = textOf(node);
  if (node === undefined || text === undefined) return undefined;
  if (!/[*?]/.test(text)) return { exact: text };
  const parts = text.replace(/\*+/g, '*');
  if (parts.split('*').length > 6)
    throw refusal(node, 'has more than five "*"', 'Write the identity with fewer wildcards.');
  const source = quotedPattern(parts).replaceAll('\\*', '[\\s\\S]*').replaceAll('\\?', '[\\s\\S]');
  return notAnybody(new RegExp(source, 'u'), node);
}

/**
 * The same for a field with a regular expression of Go. It is matched against the whole text
 * (contract, rule 2): where the cluster would also find it in the middle of another identity, the
 * gate does not, and says so.
 */
export function byPattern(node: PolicyNode | undefined, reader: Reader): Matcher | undefined {
  const text = textOf(node);
  if (node === undefined || text === undefined) return undefined;
  const read = goPattern(text);
  if ('problem' in read)
    throw refusal(
      node,
      read.problem,
      'Write it with characters, classes, groups and single repetitions, or as an exact value.',
    );
  if (!read.whole) {
    reader.notes.push(
      noteOn(
        node,
        'must match the whole text here, while the cluster is content with a part. Write it as `^…$` to mean the same in both.',
      ),
    );
  }
  return notAnybody(read.pattern, node);
}

/** Reads keys and turns what is wrong with them into an error that names the field. */
export function keysIn(
  node: PolicyNode,
  read: ReadPublicKeys,
): readonly [KeyObject, ...KeyObject[]] {
  const text = textOf(node) ?? '';
  if (/^\s*[a-z0-9]+:\/\//.test(text)) {
    throw refusal(
      node,
      'names a key that is kept elsewhere',
      'Put the public key itself there, as PEM; `cosign public-key` prints it.',
    );
  }
  try {
    return read(text, node.field);
  } catch (error) {
    const fix =
      error instanceof Failure
        ? `${error.message} ${error.fix}`
        : 'Put a public key there, as PEM.';
    throw refusal(node, 'holds no public key that can be used', fix, { cause: error });
  }
}

function notAnybody(pattern: RegExp, node: PolicyNode): Matcher {
  const whole = new RegExp(`^(?:${pattern.source})$`, 'u');
  if (!strangers.every((text) => whole.test(text))) return { pattern };
  throw refusal(
    node,
    'matches anybody',
    'Name who may sign: a signature by anybody proves nothing. For GitHub Actions that is `https://github.com/OWNER/REPO/.github/workflows/FILE@REF`, issued by `https://token.actions.githubusercontent.com`.',
  );
}
