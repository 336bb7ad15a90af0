import { Failure } from '../failure.ts';
import { readPublicKeys } from '../keys/public.ts';
import { type Fields, text } from '../policies/fields.ts';
import { mapOf, type PolicyNode, refusal, textOf } from '../policies/node.ts';
import type { GithubClaims, SourceClaims } from '../signature/policy.ts';
import { matchesAnything, strangerAmong } from '../signature/strangers.ts';
import { shown } from '../text/untrusted.ts';
import type { KnownSigner } from './list.ts';
import { identityPattern } from './require.ts';

/** Claims of the certificate, as the inputs of the gate are named. */
const githubFields: Readonly<Record<string, keyof GithubClaims>> = {
  'github-repository': 'repository',
  'github-ref': 'ref',
  'github-sha': 'sha',
  'github-event': 'event',
  'github-workflow-ref': 'workflowRef',
  'github-runner-environment': 'runnerEnvironment',
  'github-repository-id': 'repositoryId',
  'github-repository-owner-id': 'repositoryOwnerId',
  'github-environment': 'environment',
  'github-workflow-sha': 'workflowSha',
};
const sourceFields: Readonly<Record<string, keyof SourceClaims>> = {
  'source-repository': 'repository',
  'source-ref': 'ref',
  'source-sha': 'sha',
  'build-config': 'buildConfig',
  'build-trigger': 'buildTrigger',
  'runner-environment': 'runnerEnvironment',
};

export const signerFields: Fields = Object.fromEntries(
  [
    'key',
    'identity',
    'identity-pattern',
    'issuer',
    ...Object.keys(githubFields),
    ...Object.keys(sourceFields),
  ].map((name) => [name, text]),
);

/**
 * Workflows that everybody may call, and whose own path stands in the certificate then: without a
 * claim, whoever uses such a builder would be let in.
 */
const sharedBuilders =
  /^https:\/\/github\.com\/(?:docker\/github-builder[\w-]*|slsa-framework\/slsa-github-generator)\//i;

/**
 * Reads one of `signers`.
 * @throws {Failure} `bad-policy`, also for one that lets in strangers
 */
export function readSigner(node: PolicyNode): KnownSigner {
  const fields = mapOf(node);
  for (const [, child] of fields)
    if (textOf(child)?.trim() !== child.value && !isKeyField(child))
      throw refusal(child, 'is empty, or has blanks around it', 'Write a value without them.');
  const text = (name: string) => textOf(fields.get(name));
  const key = fields.get('key');
  if (key !== undefined) {
    if (fields.size > 1)
      throw refusal(node, 'has a key and more', 'A key stands alone: it has no identity.');
    return { key: readKey(key) };
  }
  const exact = fields.get('identity');
  const pattern = fields.get('identity-pattern');
  const named = exact ?? pattern;
  if (named === undefined || (exact !== undefined && pattern !== undefined))
    throw refusal(
      node,
      'does not name one identity',
      'Write `identity`, or `identity-pattern` with `*` in it, or `key`.',
    );
  const identity = textOf(named) ?? '';
  if (identity.includes('*') !== (pattern !== undefined))
    throw refusal(
      named,
      pattern === undefined ? 'has a wildcard' : 'has no wildcard',
      'An `identity` is compared letter by letter; `identity-pattern` has `*` for a part of a name.',
    );
  const issuer = text('issuer');
  if (issuer === undefined || !/^https?:\/\/[^\s*]+$/.test(issuer))
    throw refusal(node, 'has no issuer', 'Write `issuer:` with its whole address.');
  const claims = {
    ...claimsOf('github', githubFields, fields),
    ...claimsOf('source', sourceFields, fields),
  };
  const signer = {
    identity,
    ...(pattern === undefined ? {} : { isPattern: true as const }),
    issuer,
    ...claims,
  };
  refuseStrangers(named, signer);
  return signer;
}

function isKeyField({ field }: PolicyNode): boolean {
  return field.endsWith('.key');
}

function readKey(node: PolicyNode): string {
  const text = textOf(node) ?? '';
  try {
    readPublicKeys(text, 'key');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw refusal(node, 'holds no public key that can be used', `${error.message} ${error.fix}`);
  }
  return text;
}

function claimsOf<Name extends string>(
  kind: 'github' | 'source',
  names: Readonly<Record<string, Name>>,
  fields: ReadonlyMap<string, PolicyNode>,
): object {
  const claims = Object.entries(names).flatMap(([field, name]) => {
    const value = textOf(fields.get(field));
    return value === undefined ? [] : [[name, value]];
  });
  return claims.length === 0 ? {} : { [kind]: Object.fromEntries(claims) };
}

function refuseStrangers(
  node: PolicyNode,
  signer: Exclude<KnownSigner, { readonly key: string }>,
): void {
  const { identity, isPattern, issuer, github, source } = signer;
  const isBound = (github?.repository ?? source?.repository) !== undefined;
  if (isBound) return;
  if (sharedBuilders.test(identity))
    throw refusal(
      node,
      'is a builder that everybody may use',
      'Add `source-repository:` with the address of the repository that is built.',
    );
  if (isPattern !== true) return;
  const matcher = { pattern: identityPattern(identity) };
  const stranger = matchesAnything(matcher)
    ? { who: 'anybody', example: 'anybody@example.com' }
    : strangerAmong([matcher], [{ exact: issuer }]);
  if (stranger !== undefined)
    throw refusal(
      node,
      `matches ${stranger.who}, for example ${shown(stranger.example)}`,
      'Name who may sign: a signature by anybody proves nothing.',
    );
}
