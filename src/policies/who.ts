import type { Failure } from '../failure.ts';
import { predicateTypeOf } from '../signature/attestation.ts';
import type { GithubClaims, Matcher, SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { matchesAnything, strangerAmong } from '../signature/strangers.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { kyvernoWildcard } from './glob.ts';
import { listOf, mapOf, noteOn, type PolicyNode, refusal, textOf } from './node.ts';

/** The matcher of a field that names somebody, or undefined where the policy does not have it. */
export function exactly(node: PolicyNode | undefined): Matcher | undefined {
  const text = textOf(node);
  return text === undefined ? undefined : { exact: text };
}

/**
 * The same where the cluster compares letter by letter: `*` and `?` are no wildcards there, and a
 * policy that has them lets in nobody.
 * @throws {Failure} `bad-policy`
 */
export function exactlyWithoutWildcards(node: PolicyNode | undefined): Matcher | undefined {
  if (node !== undefined && /[*?]/.test(textOf(node) ?? ''))
    throw refusal(
      node,
      'has wildcards, and is compared letter by letter here',
      'Write a pattern into the field with `RegExp`: `^https://github\\.com/acme/app/.*$`.',
    );
  return exactly(node);
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

function isNamed(given: MaybeNamed): given is Named {
  return given.matcher !== undefined;
}

/**
 * The one of two fields that names the subject, or the issuer. A missing one would let in anybody's,
 * as it does in some clusters.
 * @throws {Failure} `bad-policy`
 */
export function theOneNamed(node: PolicyNode, what: string, given: readonly MaybeNamed[]): Named {
  const [one, second] = given.filter(isNamed);
  if (one !== undefined && second === undefined) return one;
  const problem =
    one === undefined
      ? `says nothing of the ${what}, which lets in anybody's`
      : `says two things of the ${what}`;
  throw refusal(node, problem, `Write either \`${what}\` or \`${what}RegExp\`.`);
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

/**
 * What `additionalExtensions` asks of the certificate; undefined where that is nothing.
 * @throws {Failure} `bad-policy`
 */
export function githubClaims(node: PolicyNode | undefined): GithubClaims | undefined {
  const expected: { -readonly [Name in keyof GithubClaims]: string } = {};
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
    if (expected[claim] !== undefined && expected[claim] !== text)
      throw refusal(value, 'says another value than before', 'Keep one.');
    expected[claim] = text;
  }
  return Object.keys(expected).length === 0 ? undefined : expected;
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

/**
 * The signer that a map names by `subject` and `issuer`, or by the same with `RegExp`.
 * @param literal how the cluster compares a field without `RegExp`
 * @throws {Failure} `bad-policy`
 */
export function signerNamedIn(
  node: PolicyNode,
  reader: Reader,
  literal: (field: PolicyNode | undefined) => Matcher | undefined,
  github?: GithubClaims,
): SignerRule {
  const who = (what: string) => {
    const [exact, pattern] = [mapOf(node).get(what), mapOf(node).get(`${what}RegExp`)];
    return theOneNamed(node, what, [
      { node: exact, matcher: literal(exact) },
      { node: pattern, matcher: byPattern(pattern, reader) },
    ]);
  };
  return signerRule(who('subject'), who('issuer'), github);
}

/**
 * The signers of a list `identities`.
 * @throws {Failure} `bad-policy` where it is empty
 */
export function signersNamedIn(
  node: PolicyNode,
  read: (identity: PolicyNode) => SignerRule,
): SignaturePolicy['signers'] {
  const identities = mapOf(node).get('identities');
  const [first, ...rest] = listOf(identities).map(read);
  if (first !== undefined) return [first, ...rest];
  throw refusal(
    identities ?? node,
    'names nobody',
    'Add `identities` with `issuer` and `subject`.',
  );
}

function openToAll(node: PolicyNode, whom: string): Failure {
  return refusal(
    node,
    `matches ${whom}`,
    'Name who may sign: a signature by anybody proves nothing. For GitHub Actions that is `https://github.com/OWNER/REPO/.github/workflows/FILE@REF`, issued by `https://token.actions.githubusercontent.com`.',
  );
}

/**
 * The predicate type in a field, by cosign's name or as a URI.
 * @throws {Failure} `bad-policy`
 */
export function predicateTypeIn(node: PolicyNode, field: string): string {
  const child = mapOf(node).get(field);
  const text = textOf(child);
  const type = text === undefined ? undefined : predicateTypeOf(text);
  if (type !== undefined) return type;
  throw refusal(
    child ?? node,
    text === undefined ? `has no \`${field}\`` : 'is no predicate type that is known here',
    'Write its URI, such as `https://slsa.dev/provenance/v1`.',
  );
}
