import type { OwnTrust } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { predicateTypeOf, predicateTypes } from '../../signature/attestation.ts';
import type { GithubClaims, Matcher, Pattern, SourceClaims } from '../../signature/policy.ts';
import { shown } from '../../text/untrusted.ts';
import { type ClaimInput, githubInputs, sourceInputs } from '../claims.ts';
import { otherNames } from './other-names.ts';
import { parsePatterns } from './patterns.ts';
import { type InputSource, optional, readTable, runnerInputs } from './read.ts';
import { registryOf, trustOf } from './sign.ts';
import { verifyTable } from './table.ts';
import { checkVerifyInputs, type VerifyInputs } from './verify-rules.ts';

export type { VerifyInputs } from './verify-rules.ts';

/**
 * Issuer of the tokens that GitHub Actions gives its workflows; what counts when no issuer is
 * named.
 */
export const githubIssuer = 'https://token.actions.githubusercontent.com';

/**
 * Reads and checks all inputs of sign-image/verify.
 * @param compilePattern what `loadPatterns` has loaded
 * @throws {Failure} `bad-input`, `bad-digest`, `bad-annotation`, `nothing-to-verify`, naming the
 * input and what to write instead.
 */
export function readVerifyInputs(
  masker: Masker,
  source: InputSource = runnerInputs,
  compilePattern: CompilePattern = notLoaded,
): VerifyInputs {
  const read = readTable(verifyTable, source, masker);
  const patterns = (name: 'certificate-identity-regexp' | 'certificate-oidc-issuer-regexp') =>
    parsePatterns(name, read[name], compilePattern);
  const given = {
    identity: read['certificate-identity'],
    identityRegexp: patterns('certificate-identity-regexp'),
    issuer: read['certificate-oidc-issuer'],
    issuerRegexp: patterns('certificate-oidc-issuer-regexp'),
  };
  const [firstIssuer = { exact: githubIssuer }, ...moreIssuers] = [
    ...given.issuer.map(exact),
    ...given.issuerRegexp,
  ];
  const inputs = {
    images: read.images,
    ...optional('digest', read.digest),
    ...optional('metadata', read.metadata),
    recursive: read.recursive,
    ...optional('key', read.key),
    identities: [...given.identity.map(exact), ...given.identityRegexp],
    issuers: [firstIssuer, ...moreIssuers] as const,
    ...optional('own', ownTrust(read, given.issuer.length + given.issuerRegexp.length > 0)),
    github: claimsOf<GithubClaims>(githubInputs, read),
    source: claimsOf<SourceClaims>(sourceInputs, read),
    annotations: read.annotations.annotations,
    attestationTypes: typesOf(read['attestation-type']),
    signature: read.signature,
    policy: read.policy,
    knownSigners: read['known-signers'],
    files: read.files,
    changedOnly: read['changed-only'],
    onlyImages: read['only-images'],
    skipImages: read['skip-images'],
    tlog: read.tlog,
    fail: read.fail,
    comment: read.comment,
    ...optional('sarif', read.sarif),
    services: trustOf(read),
    registry: registryOf(read),
    ...optional('signatureRepository', read['signature-repository']),
    timeout: read.timeout,
    ...optional('githubToken', read['github-token']),
  };
  const mistakes = otherNames(source, 'verify', verifyTable);
  return {
    ...inputs,
    warnings: [
      ...read.annotations.warnings,
      ...checkVerifyInputs(inputs, given, mistakes, source.env),
    ],
  };
}

/** @throws {Failure} `bad-input` for intermediates without a root */
function ownTrust(
  read: Readonly<Record<'ca-roots' | 'ca-intermediates', string | undefined>>,
  asksIssuer: boolean,
): OwnTrust | undefined {
  const { 'ca-roots': roots, 'ca-intermediates': intermediates } = read;
  if (roots !== undefined)
    return { roots, ...optional('intermediates', intermediates), asksIssuer };
  if (intermediates === undefined) return undefined;
  throw new Failure(
    'bad-input',
    'Input ca-intermediates is set and ca-roots is empty, so nothing says which roots are trusted.',
    'Add the root: `ca-roots: ca/root.pem`.',
  );
}

type CompilePattern = (source: string) => Pattern;

/** What compiles patterns, where an input holds some: few do, and it is large. */
export async function loadPatterns(
  source: InputSource = runnerInputs,
): Promise<CompilePattern | undefined> {
  const has = ['certificate-identity-regexp', 'certificate-oidc-issuer-regexp'].some(
    (name) => source.get(name) !== '',
  );
  return has ? (await import('../../signature/pattern.ts')).compilePattern : undefined;
}

function notLoaded(): never {
  throw new Error('is a pattern, and patterns are not loaded');
}

/** The claims that are asked for, by the names of their inputs. */
function claimsOf<Claims extends object>(
  inputs: Readonly<Record<keyof Claims, ClaimInput>>,
  read: Readonly<Record<string, unknown>>,
): Claims {
  const claims = Object.entries<ClaimInput>(inputs).flatMap(([name, { input }]) => {
    const value = read[input];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(claims) as Claims;
}

/** @throws {Failure} `bad-input` for what is no predicate type */
function typesOf(entries: readonly string[]): readonly string[] {
  const types = entries.map((entry) => {
    const type = predicateTypeOf(entry);
    if (type !== undefined) return type;
    throw new Failure(
      'bad-input',
      `Input attestation-type has "${shown(entry, 100)}", which is no type of attestations that is known here.`,
      `Write one a line: ${Object.keys(predicateTypes).slice(0, 8).join(', ')}, or the URI of a predicate type, such as \`attestation-type: https://slsa.dev/provenance/v1\`.`,
    );
  });
  return [...new Set(types)];
}

function exact(text: string): Matcher {
  return { exact: text };
}
