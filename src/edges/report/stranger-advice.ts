import type { SignedBy, VerifyResult } from '../../engine/verify-result.ts';
import {
  type GithubClaims,
  type Matcher,
  matcherText,
  matches,
  type SignerRule,
} from '../../signature/policy.ts';
import { shown } from '../../text/untrusted.ts';
import { type Claims, claimEntries } from '../claims.ts';
import { nearIdentity } from './near-identity.ts';
import {
  identityNames,
  isPlain,
  issuerNames,
  type Names,
  type NearMiss,
  nearIssuer,
  nearPattern,
} from './near-miss.ts';

type IdentityRule = Exclude<SignerRule, { readonly key: unknown }>;

/** What differs, to be told line by line. */
interface Difference {
  readonly lines: string;
  readonly miss?: NearMiss;
}

/**
 * What to do about a genuine signature of somebody else: who signed, beside who was expected.
 * Whoever can push to the registry can put a signature of their own there, so nothing of what was
 * found becomes YAML to paste, unless it can only be the one that was meant, written a little
 * differently.
 */
export function strangerAdvice({ signatures, attestations = [], code }: VerifyResult): string {
  const found: readonly SignedBy[] = [...signatures, ...attestations];
  const same = found.filter((verdict) => verdict.code === code);
  const told = same.map((verdict) => ({ verdict, ...differenceOf(verdict) }));
  const [first] = told;
  const { verdict, lines, miss } = told.find((each) => each.miss !== undefined) ?? first ?? {};
  const fromFile = verdict?.expected?.fromInputs !== true;
  const block = lines === undefined || lines === '' ? [] : [`\`\`\`text\n${lines}\n\`\`\``];
  if (code === 'wrong-identity' && verdict?.identity === undefined) return signedWithKey;
  if (code === 'wrong-claim' && block.length === 0 && attestations.length > 0) return otherBuild;
  if (miss === undefined) return [warnings[code ?? ''] ?? doNotUse, ...block].join('\n');
  const sentence = fromFile ? inPolicy(miss.sentence) : miss.sentence;
  const yaml =
    miss.yaml === undefined || fromFile
      ? []
      : [`\`\`\`yaml\nwith:\n${miss.yaml.map((line) => `  ${line}`).join('\n')}\n\`\`\``];
  const advice =
    yaml.length > 0 ? `${sentence} If that is who you meant, write:` : `${sentence} ${doNotUse}`;
  return [...block, advice, ...yaml].join('\n');
}

const doNotUse = 'Do not use this image, unless you know who signed it, and why.';

const otherBuild =
  'Whoever attested states another builder, or other sources, than the run that signed. Do not use this image before you know why.';

const signedWithKey = `${doNotUse} If it is signed with a key of yours, ask for that in \`key\` in place of the identity.`;

const warnings: Readonly<Record<string, string>> = {
  'wrong-identity': `${doNotUse} Name a signer to trust from what you know, not from what you find here.`,
  'wrong-issuer': `${doNotUse} The same identity of another issuer is somebody else.`,
  'wrong-claim':
    'The workflow is the right one, and it ran for something else than was asked for. Use an image that was built from there; if what was asked for is wrong, correct it.',
  'wrong-key': `${doNotUse} If your key was replaced, take the new public key from where you keep it; several PEM blocks in \`key\` mean any of them. For an image that is signed keyless, ask for your workflow with \`certificate-identity\` in place of \`key\`.`,
};

/** Sentences name inputs; a policy file has fields of other names. */
function inPolicy(sentence: string): string {
  return sentence
    .replace(/`certificate-(identity|oidc-issuer)-regexp`/g, 'a field for patterns')
    .replace(/`certificate-identity`/g, 'the identity in the policy')
    .replace(/`certificate-oidc-issuer`/g, 'the issuer in the policy')
    .replace(/`github-workflow-ref`/g, 'another field');
}

function differenceOf({ code, identity, issuer, github, source, expected }: SignedBy): Difference {
  const signers: readonly SignerRule[] = expected?.signers ?? [];
  const rules = signers.filter((rule): rule is IdentityRule => !('key' in rule));
  if (identity === undefined || issuer === undefined || rules.length === 0) return { lines: '' };
  if (code === 'wrong-issuer') {
    const named = rules.filter((rule) => fitsAny(rule.identities, identity));
    return closest(
      named.flatMap(({ issuers }) => issuers),
      issuer,
      issuerNames,
      {},
    );
  }
  if (code === 'wrong-claim')
    return { lines: claimLines(rules, { github: github ?? {}, source: source ?? {} }) };
  const difference = closest(
    rules.flatMap(({ identities }) => identities),
    identity,
    identityNames,
    github ?? {},
  );
  // An identity is what its issuer says: of another issuer it is nobody that was meant.
  const known = rules.some(({ issuers }) => fitsAny(issuers, issuer));
  return known ? difference : { lines: `${difference.lines}\nfound issuer: ${issuer}` };
}

function closest(
  matchers: readonly Matcher[],
  found: string,
  names: Names,
  claims: GithubClaims,
): Difference {
  for (const matcher of matchers) {
    const miss = missOf(matcher, found, names, claims);
    if (miss === undefined) continue;
    const { yaml, ...sentence } = miss;
    return {
      lines: linesOf(matcher, found),
      miss: yaml !== undefined && isPlain(found) ? miss : sentence,
    };
  }
  const [first, ...more] = matchers;
  if (first === undefined) return { lines: '' };
  const others = more.length === 0 ? '' : `\n(or one of ${more.length} others)`;
  return { lines: `${linesOf(first, found)}${others}` };
}

function missOf(
  matcher: Matcher,
  found: string,
  names: Names,
  claims: GithubClaims,
): NearMiss | undefined {
  const written = matcherText(matcher);
  if (!('exact' in matcher)) return nearPattern(matcher.pattern, found, names);
  return names === identityNames
    ? nearIdentity(written, found, claims)
    : nearIssuer(written, found);
}

function linesOf(matcher: Matcher, found: string): string {
  const written = matcherText(matcher);
  return 'exact' in matcher ? markedDifference(written, found) : withoutMark(written, found);
}

function claimLines(rules: readonly IdentityRule[], said: Claims): string {
  const [asked = {}] = rules;
  const found = new Map(claimEntries(said).map(({ claim, value }) => [claim, value]));
  return claimEntries(asked)
    .filter(({ claim, value }) => found.get(claim) !== value)
    .map(
      ({ claim, value }) =>
        `${claim.input}\n${markedDifference(value, found.get(claim) ?? '(nothing)')}`,
    )
    .join('\n');
}

function fitsAny(matchers: readonly Matcher[], text: string): boolean {
  return matchers.some((matcher) => {
    try {
      return matches(matcher, text);
    } catch {
      return false;
    }
  });
}

/** A longer one does not fit a line that a person would still compare. */
const longest = 400;

/**
 * Two texts below each other, each on one line and without anything invisible, with a mark under
 * what differs:
 *
 *     expected: refs/heads/main
 *     found:    refs/tags/v1
 *                    ^^^^^^^
 */
export function markedDifference(expected: string, found: string): string {
  const [one, other] = [shown(expected, longest), shown(found, longest)];
  const start = commonLength([...one], [...other]);
  const [rest, restOther] = [[...one].slice(start), [...other].slice(start)];
  const end = commonLength(rest.toReversed(), restOther.toReversed());
  const marks = '^'.repeat(Math.max(1, restOther.length - end));
  return `${withoutMark(one, other)}\n${' '.repeat('expected: '.length + start)}${marks}`;
}

/** The same where there is nothing to mark: a pattern, or several texts. */
export function withoutMark(expected: string, found: string): string {
  return `expected: ${shown(expected, longest)}\nfound:    ${shown(found, longest)}`;
}

function commonLength(one: readonly string[], other: readonly string[]): number {
  const most = Math.min(one.length, other.length);
  for (let at = 0; at < most; at++) if (one[at] !== other[at]) return at;
  return most;
}
