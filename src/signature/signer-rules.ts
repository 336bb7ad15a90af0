import { shown } from '../text/untrusted.ts';
import type { SigningCertificate } from './certificate.ts';
import { claimNames, sourceClaimNames } from './claims.ts';
import { keyId } from './key.ts';
import { type Matcher, matcherText, matches, type SignerRule } from './policy.ts';
import { Refusal } from './refusal.ts';

type IdentityRule = Exclude<SignerRule, { readonly key: unknown }>;

/**
 * Checks that a certificate, verified before, belongs to somebody the policy names. One rule that
 * fits wholly is enough; identity, issuer and claims of different rules do not add up. The code
 * tells the nearest miss: the identity of no rule, the issuer, a claim.
 * @returns the name that fits: of several, the one that was asked for
 * @throws {Refusal} `wrong-identity`, `wrong-issuer`, `wrong-claim`.
 */
export function checkSigner(certificate: SigningCertificate, rules: readonly SignerRule[]): string {
  const { issuer, names } = certificate;
  const by = issuer === undefined ? 'its certificate names no issuer' : `issuer ${shown(issuer)}`;
  const who = `It was signed by ${shown(names.map(({ text }) => text).join(' and '))} (${by})`;
  const named = rules.filter((rule): rule is IdentityRule => !('key' in rule));
  const sameIdentity = named.filter((rule) => namesAll(rule, names));
  if (sameIdentity.length === 0)
    throw new Refusal('wrong-identity', `${who}; expected ${namedSigner(rules)}.`);

  const sameIssuer = sameIdentity.filter((rule) =>
    issuer === undefined ? rule.noIssuer === 'allowed' : fits(rule.issuers, issuer),
  );
  if (sameIssuer.length === 0) {
    const wanted = sameIdentity.flatMap((rule) => rule.issuers.map(matcherText));
    throw new Refusal('wrong-issuer', `${who}; expected the issuer ${shown(wanted.join(' or '))}.`);
  }

  const misses = sameIssuer.map(
    ({ github = {}, source = {} }) =>
      missingClaim(claimNames, githubWords, github, certificate.github ?? {}) ??
      missingClaim(sourceClaimNames, sourceWords, source, certificate.source ?? {}),
  );
  const [miss] = misses;
  if (miss !== undefined && !misses.includes(undefined))
    throw new Refusal('wrong-claim', `${who}; ${miss}.`);
  const rule = sameIssuer[misses.indexOf(undefined)];
  const name = names.find(({ text }) => rule !== undefined && fits(rule.identities, text));
  return name?.text ?? certificate.identity;
}

/** The expected signers, in words. */
export function namedSigner(rules: readonly SignerRule[]): string {
  const names = rules.flatMap((rule) =>
    'key' in rule ? [`key ${keyId(rule.key)}`] : rule.identities.map(matcherText),
  );
  return names.length === 0 ? 'nobody' : shown(names.join(' or '));
}

/** One of the names is an expected one, and each that containers' `pki` asks for is there. */
function namesAll(
  { identities, subject = {} }: IdentityRule,
  names: SigningCertificate['names'],
): boolean {
  const has = (kind: 'email' | 'dns', text: string | undefined) =>
    text === undefined || names.some((name) => name.kind === kind && name.text === text);
  return (
    names.some(({ text }) => fits(identities, text)) &&
    has('email', subject.email) &&
    has('dns', subject.hostname)
  );
}

// An empty list asks for nobody; it must never come to mean anybody.
function fits(matchers: readonly Matcher[], text: string): boolean {
  return matchers.some((matcher) => matches(matcher, text));
}

function missingClaim<Name extends string>(
  names: readonly Name[],
  words: Readonly<Record<Name, string>>,
  wanted: { readonly [name in Name]?: string },
  said: { readonly [name in Name]?: string },
): string | undefined {
  for (const name of names) {
    if (wanted[name] === undefined || wanted[name] === said[name]) continue;
    const instead =
      said[name] === undefined ? 'says nothing of its' : `says "${shown(said[name])}" of its`;
    return `the certificate ${instead} ${words[name]}, expected "${shown(wanted[name])}"`;
  }
  return undefined;
}

const githubWords: Readonly<Record<(typeof claimNames)[number], string>> = {
  repository: 'repository',
  ref: 'ref',
  sha: 'commit',
  event: 'event',
  workflowRef: 'workflow',
  runnerEnvironment: 'runner environment',
  repositoryId: 'repository id',
  repositoryOwnerId: "repository owner's id",
  environment: 'deployment environment',
  workflowSha: "workflow's commit",
};

const sourceWords: Readonly<Record<(typeof sourceClaimNames)[number], string>> = {
  repository: 'source repository',
  ref: 'source ref',
  sha: 'source commit',
  buildConfig: 'build config',
  buildTrigger: 'build trigger',
  runnerEnvironment: 'runner environment',
};
