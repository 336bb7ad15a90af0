import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { GithubClaims, Matcher, SignerRule } from '../signature/policy.ts';
import { matchesAnything, strangerAmong } from '../signature/strangers.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './fields.ts';
import { kyvernoWildcard } from './glob.ts';
import { noteOn, type PolicyNode, refusal, textOf } from './node.ts';

/**
 * Takes the text of a policy's key to the keys in it; throws a Failure for anything but public keys
 * in PEM.
 */
export type ReadPublicKeys = (text: string, where: string) => readonly [KeyObject, ...KeyObject[]];

/** The matcher of a field that names somebody, or undefined where the policy does not have it. */
export function exactly(node: PolicyNode | undefined): Matcher | undefined {
  const text = textOf(node);
  return text === undefined ? undefined : { exact: text };
}

/** The same for a field with Kyverno's wildcards `*` and `?`. */
export function byWildcard(node: PolicyNode | undefined): Matcher | undefined {
  const text = textOf(node);
  if (text === undefined || !/[*?]/.test(text)) return exactly(node);
  return { pattern: { source: text, matches: kyvernoWildcard(text) } };
}

/**
 * The same for a field with a regular expression of Go. It is matched against the whole text:
 * where the cluster would also find it in the middle of another identity, the gate does not, and
 * says so.
 * @throws {Failure} `bad-policy`
 */
export function byPattern(node: PolicyNode | undefined, reader: Reader): Matcher | undefined {
  const text = textOf(node);
  if (node === undefined || text === undefined) return undefined;
  if (!isWhole(text)) {
    reader.notes.push(
      noteOn(
        node,
        'must match the whole text here, while the cluster is content with a part. Write it as `^…$` to mean the same in both.',
      ),
    );
  }
  try {
    return { pattern: reader.compilePattern(text) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const fix =
      'Write a regular expression of Go (RE2), or an exact value in the field without `RegExp`.';
    throw refusal(node, problem, fix, { cause: error });
  }
}

/**
 * False for a pattern that Go would also find in the middle of a text: it has no `^` or `.*` in
 * front, no `$` or `.*` at its end, or alternatives outside a group.
 */
function isWhole(source: string): boolean {
  // What stands for text, classes too, becomes one letter; `\\A` and `\\z` become what they mean.
  const plain = source.replace(
    /\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\[:\w+:\]|\\[\s\S]|[^\]])*\]/g,
    (part) => (part === '\\A' ? '^' : part === '\\z' ? '$' : 'e'),
  );
  let depth = 0;
  for (const character of plain) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) return false;
  }
  return /^(?:\(\?[imsU-]+\))?(?:\^|\.\*)/.test(plain) && /(?:\$|\.\*)$/.test(plain);
}

/** A field that may name who signs; and one that does. */
export interface MaybeNamed {
  readonly node: PolicyNode | undefined;
  readonly matcher: Matcher | undefined;
}
export interface Named {
  readonly node: PolicyNode;
  readonly matcher: Matcher;
}

export function isNamed(given: MaybeNamed): given is Named {
  return given.matcher !== undefined;
}

/**
 * Puts identity, issuer and claims together into one rule.
 * @throws {Failure} `bad-policy` where it lets in strangers: there is no "signed by anybody"
 */
export function signerRule(identity: Named, issuer: Named, github?: GithubClaims): SignerRule {
  const rule = { identities: [identity.matcher], issuers: [issuer.matcher] };
  if (matchesAnything(issuer.matcher)) throw openToAll(issuer.node, 'anybody');
  if (matchesAnything(identity.matcher)) throw openToAll(identity.node, 'anybody');
  const stranger =
    github?.repository === undefined ? strangerAmong(rule.identities, rule.issuers) : undefined;
  if (stranger !== undefined)
    throw openToAll(identity.node, `${stranger.who}, for example ${shown(stranger.example)}`);
  return github === undefined ? rule : { ...rule, github };
}

function openToAll(node: PolicyNode, whom: string): Failure {
  return refusal(
    node,
    `matches ${whom}`,
    'Name who may sign: a signature by anybody proves nothing. For GitHub Actions that is `https://github.com/OWNER/REPO/.github/workflows/FILE@REF`, issued by `https://token.actions.githubusercontent.com`.',
  );
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
