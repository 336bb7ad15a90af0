import { type Digest, parseDigest } from '../../image/digest.ts';
import type { GithubClaims, Matcher, Pattern } from '../../signature/policy.ts';
import type { Masker } from '../action/masker.ts';
import { parseAnnotations } from './annotations.ts';
import { otherNames, rememberNames } from './other-names.ts';
import { parsePatterns } from './patterns.ts';
import {
  asIs,
  type InputSource,
  optional,
  type RegistryInputs,
  runnerInputs,
  type ServiceInputs,
} from './sign.ts';
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

/** The inputs of sign-image/verify, read once. */
export interface VerifyInputs {
  /** references as written */
  readonly images: readonly string[];
  readonly digest?: Digest;
  /** JSON text */
  readonly metadata?: string;
  readonly recursive: boolean;
  /** text, `env://NAME`, or a path */
  readonly key?: string;
  /** empty = no identity asked for */
  readonly identities: readonly Matcher[];
  readonly issuers: readonly [Matcher, ...Matcher[]];
  readonly github: GithubClaims;
  readonly annotations: Readonly<Record<string, string>>;
  /** paths or globs of policy files */
  readonly policy: readonly string[];
  readonly files: readonly string[];
  readonly changedOnly: boolean;
  /** globs over the images that `files` name */
  readonly onlyImages: readonly string[];
  readonly skipImages: readonly string[];
  readonly tlog: 'required' | 'ignore';
  readonly fail: boolean;
  readonly comment: boolean;
  readonly sarif?: string;
  readonly services: Pick<ServiceInputs, 'trustedRoot' | 'tufMirror' | 'tufRoot'>;
  readonly registry: RegistryInputs;
  /** milliseconds for the whole step */
  readonly timeout: number;
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
  maskPrivateKey(masker, key);
  maskPrivateKey(masker, source.env[/^env:\/\/(\w+)$/.exec(key)?.[1] ?? '']);
  masker.mask(password);
  masker.mask(githubToken);
  masker.maskBasic(username, password);
  return {
    githubToken,
    registry: { ...optional('username', username, asIs), ...optional('password', password, asIs) },
  };
}

/** Masks a key that is not a public one; lines of a public key are what the report shows. */
export function maskPrivateKey(masker: Masker, text = ''): void {
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(text) || text.includes('PRIVATE'))
    masker.maskKey(text);
}

function exact(text: string): Matcher {
  return { exact: text };
}
