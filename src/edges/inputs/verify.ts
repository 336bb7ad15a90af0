import type { VerifyRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { parseDigest } from '../../image/digest.ts';
import type { GithubClaims, Matcher, Pattern } from '../../signature/policy.ts';
import { parseAnnotations } from './annotations.ts';
import { otherNames, rememberNames } from './other-names.ts';
import { parsePatterns } from './patterns.ts';
import { asIs, type InputSource, optional, runnerInputs } from './sign.ts';
import {
  parseBoolean,
  parseChoice,
  parseDuration,
  parseGlobs,
  parseImages,
  parseList,
  parseRegistryHost,
  parseServiceUrl,
} from './values.ts';
import { checkVerifyInputs } from './verify-rules.ts';

/**
 * Issuer of the tokens that GitHub Actions gives its workflows; what counts when no issuer is
 * named.
 */
export const githubIssuer = 'https://token.actions.githubusercontent.com';

/** The inputs of sign-image/verify, read once: what is to be verified, and how it is reported. */
export interface VerifyInputs extends VerifyRequest {
  readonly changedOnly: boolean;
  readonly fail: boolean;
  readonly comment: boolean;
  readonly sarif?: string;
  readonly githubToken?: string;
  readonly warnings: readonly string[];
}

/**
 * Reads and checks all inputs of sign-image/verify. Secrets are masked before anything that can
 * fail or print.
 * @param compilePattern signature/pattern.ts, where `hasPatterns` says so
 * @throws {Failure} `bad-input`, `bad-digest`, `bad-annotation`, `nothing-to-verify`, naming the
 * input and what to write instead.
 */
export function readVerifyInputs(
  masker: Masker,
  read: InputSource = runnerInputs,
  compilePattern: CompilePattern = notLoaded,
): VerifyInputs {
  const { source, names } = rememberNames(read);
  const secrets = readSecrets(masker, source);
  const text = (name: string) => source.get(name);
  const flag = (name: string, fallback: boolean) => parseBoolean(name, text(name), fallback);
  const list = (name: string) => parseList(text(name), 'keep-commas');
  const { annotations, warnings } = parseAnnotations(text('annotations'));
  const given = {
    identity: list('certificate-identity'),
    identityRegexp: parsePatterns(
      'certificate-identity-regexp',
      list('certificate-identity-regexp'),
      compilePattern,
    ),
    issuer: list('certificate-oidc-issuer'),
    issuerRegexp: parsePatterns(
      'certificate-oidc-issuer-regexp',
      list('certificate-oidc-issuer-regexp'),
      compilePattern,
    ),
  };
  const [firstIssuer = { exact: githubIssuer }, ...moreIssuers] = [
    ...given.issuer.map(exact),
    ...given.issuerRegexp,
  ];
  const inputs = {
    images: parseImages(text('images')),
    ...optional('digest', text('digest'), parseDigest),
    ...optional('metadata', text('metadata'), asIs),
    recursive: flag('recursive', false),
    ...optional('key', text('key'), asIs),
    identities: [...given.identity.map(exact), ...given.identityRegexp],
    issuers: [firstIssuer, ...moreIssuers] as const,
    github: readClaims(text),
    annotations,
    policy: list('policy'),
    files: parseGlobs(text('files')),
    changedOnly: flag('changed-only', false),
    onlyImages: parseGlobs(text('only-images')),
    skipImages: parseGlobs(text('skip-images')),
    tlog: parseChoice('tlog', text('tlog') || 'required', ['required', 'ignore']),
    fail: flag('fail', true),
    comment: flag('comment', false),
    ...optional('sarif', text('sarif'), asIs),
    services: {
      ...optional('trustedRoot', text('trusted-root'), asIs),
      ...optional('tufMirror', text('tuf-mirror'), (value) => parseServiceUrl('tuf-mirror', value)),
      ...optional('tufRoot', text('tuf-root'), asIs),
    },
    registry: {
      ...secrets.registry,
      ...optional('host', text('registry'), parseRegistryHost),
      allowHttp: flag('allow-http-registry', false),
      allowInsecure: flag('allow-insecure-registry', false),
    },
    timeout: parseDuration('timeout', text('timeout') || '5m'),
    ...optional('githubToken', secrets.githubToken, asIs),
  };
  return {
    ...inputs,
    warnings: [
      ...warnings,
      ...checkVerifyInputs(inputs, given, otherNames(source, 'verify', names), source.env),
    ],
  };
}

type CompilePattern = (source: string) => Pattern;

/** True where an input holds patterns: few do, and what compiles them is large. */
export function hasPatterns(source: InputSource = runnerInputs): boolean {
  return ['certificate-identity-regexp', 'certificate-oidc-issuer-regexp'].some(
    (name) => source.get(name) !== '',
  );
}

function notLoaded(): never {
  throw new Error('is a pattern, and patterns are not loaded');
}

function readClaims(text: (name: string) => string): GithubClaims {
  return {
    ...optional('repository', text('github-repository'), asIs),
    ...optional('ref', text('github-ref'), asIs),
    ...optional('sha', text('github-sha'), asIs),
    ...optional('event', text('github-event'), asIs),
    ...optional('workflowRef', text('github-workflow-ref'), asIs),
    ...optional('runnerEnvironment', text('github-runner-environment'), asIs),
  };
}

/**
 * Reads what must never be printed. A private key has no place here, but who pastes one by mistake
 * must not find it in the log.
 */
function readSecrets(masker: Masker, source: InputSource) {
  const key = source.get('key');
  const username = source.get('registry-username');
  const password = source
    .get('registry-password', { trimWhitespace: false })
    .replace(/[\r\n]+$/, '');
  const githubToken = source.get('github-token');
  masker.maskPrivateKey(key);
  masker.maskPrivateKey(source.env[/^env:\/\/(\w+)$/.exec(key)?.[1] ?? '']);
  masker.mask(password);
  masker.mask(githubToken);
  masker.maskBasic(username, password);
  return {
    githubToken,
    registry: { ...optional('username', username, asIs), ...optional('password', password, asIs) },
  };
}

function exact(text: string): Matcher {
  return { exact: text };
}
