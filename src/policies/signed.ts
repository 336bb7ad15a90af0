import type { TrustedRoot } from '@sigstore/protobuf-specs';
import type { Digest } from '../image/digest.ts';
import { formatRepository, type RepositoryName } from '../image/reference.ts';
import type { Format } from '../signature/found.ts';
import type { GithubClaims, Matcher, OwnAuthorities, SignerRule } from '../signature/policy.ts';

/** What was signed, by whom and how: all that a policy can ask for. */
export interface Signed {
  readonly images: readonly SignedImage[];
  readonly signer:
    | { readonly publicKeyPem: string }
    | { readonly identity: string; readonly issuer: string; readonly claims?: GithubClaims };
  /** PEM of the authorities of one's own that issued the signer's certificate, which has no issuer */
  readonly authorities?: OwnAuthorities['pem'];
  /** formats that were written for every image */
  readonly formats: readonly Format[];
  /** the signatures are in a transparency log */
  readonly tlog: boolean;
  /** every log was down for some of them, which were to be in one */
  readonly logOutage?: boolean;
  /**
   * hex; which log, for a Sigstore instance with several; that of the legacy signature where there
   * is one
   */
  readonly logId?: string;
  /** that log is Rekor v2, which states no time */
  readonly rekorV2?: boolean;
  /** the signatures carry an RFC 3161 timestamp */
  readonly timestamp: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** where the signatures lie, in the place of beside each image */
  readonly signatureRepository?: RepositoryName;
  /** what was written are attestations of this predicate type (URI), not signatures */
  readonly predicateType?: string;
  /** services other than the public-good instance, with their trusted root where it is known */
  readonly privateSigstore?: { readonly trustedRoot?: ParsedRoot };
  /**
   * the trusted root of the public-good instance; only podman's policy for keyless signatures needs
   * it
   */
  readonly publicRoot?: TrustedRoot;
}

/** A trusted root, and the JSON it was read from. */
export interface ParsedRoot {
  readonly parsed: TrustedRoot;
  readonly json: string;
}

export interface SignedImage {
  readonly name: RepositoryName;
  readonly digest: Digest;
  /** as the user wrote it */
  readonly references: readonly string[];
}

export const publicGood = {
  fulcio: 'https://fulcio.sigstore.dev',
  rekor: 'https://rekor.sigstore.dev',
} as const;

/** Who signed, as a policy states it: exactly, or, of a tag, all tags of the same workflow. */
export type Who = ({ readonly subject: string } | { readonly subjectRegExp: string }) & {
  readonly issuer: string;
};

/**
 * The identity that a policy asks for. A workflow that ran for a tag has the tag in its identity,
 * and the next release has another one; so the tag becomes a pattern, and nothing else does. A text
 * that Kyverno would read as a wildcard becomes a pattern of itself.
 */
export function whoSigned({
  identity,
  issuer,
}: {
  readonly identity: string;
  readonly issuer: string;
}): Who {
  const tagged = /^(https:\/\/[^@]+@refs\/tags\/)[^@]+$/.exec(identity)?.[1];
  if (tagged !== undefined) return { subjectRegExp: `^${quotedPattern(tagged)}.+$`, issuer };
  return /[*?]/.test(identity)
    ? { subjectRegExp: `^${quotedPattern(identity)}$`, issuer }
    : { subject: identity, issuer };
}

/** The regular expression, of Go and of others, that only this text fits (without anchors). */
export function quotedPattern(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&');
}

/** The repositories, each once, in their order. */
export function repositoriesOf({ images }: Signed): readonly RepositoryName[] {
  return [
    ...new Map(images.map(({ name }) => [`${name.registry}/${name.repository}`, name])).values(),
  ];
}

/** Why there is no policy for a reader that looks beside the image alone; undefined where it finds them there. */
export function elsewhereFor(
  { signatureRepository: place }: Signed,
  readers: string,
): { readonly reason: string } | undefined {
  return place === undefined
    ? undefined
    : {
        reason: `${readers} look for signatures beside the image alone, and these lie in ${formatRepository(place)}.`,
      };
}

/** True when a verifier of the legacy format finds something. */
export function hasLegacy({ formats }: Signed): boolean {
  return formats.includes('legacy');
}

/**
 * A name for Kubernetes objects: `signed-` and the first repository; of attestations another one for
 * each type, since one cluster may ask for all.
 */
export function policyName(signed: Signed): string {
  const first = repositoriesOf(signed)[0]?.repository ?? 'images';
  const type = signed.predicateType?.replace(/^\w+:\/*/, '');
  const what = type === undefined ? 'signed' : `attested-${type}`;
  const name = `${what}-${first}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return name.slice(0, 60).replace(/-+$/, '');
}

/** What stands at the top of every file. */
export function headOf(signed: Signed, what: string): string[] {
  const names = repositoriesOf(signed).map(
    ({ registry, repository }) => `${registry}/${repository}`,
  );
  const { signer } = signed;
  const tagged =
    'identity' in signer &&
    'subjectRegExp' in whoSigned(signer) &&
    /@refs\/tags\//.test(signer.identity);
  return [
    `${what} for ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}, written by sign-image from what it ${signed.predicateType === undefined ? 'signed' : 'attested'}.`,
    ...(signed.logOutage === true
      ? [
          'The transparency log was down when this was signed. Readers that ask for it refuse the images; what does not ask lets more through than it should. Sign again when it is back, and use the policies of that run.',
        ]
      : []),
    ...(tagged
      ? [
          `It was signed for a tag (${signer.identity}); the pattern admits every tag of that workflow, so that the next release passes too.`,
        ]
      : []),
  ];
}

/** The lists of images that Kyverno takes out of a Pod. */
export const imageLists = ['containers', 'initContainers', 'ephemeralContainers'];

/**
 * The regular expression of Go that stands for a matcher: as it was written, or made of Kyverno's
 * wildcards, which know no other one of their kind.
 */
function regexpOf(matcher: Matcher): string {
  if ('exact' in matcher) return `^${quotedPattern(matcher.exact)}$`;
  const { source, sibling } = matcher.pattern;
  if (sibling !== undefined) return source;
  const parts = source.split(/([*?])/);
  return `^${parts.map((part) => (part === '*' ? '.*' : part === '?' ? '.' : quotedPattern(part))).join('')}$`;
}

/** Who may sign, as policies of Kyverno and sigstore write it. */
export type TextWho = Readonly<Record<string, string>>;

/** A rule that has one identity and one issuer, as every rule of a policy has. */
export function whoOf(rule: Exclude<SignerRule, { key: unknown }>): TextWho {
  const field = (name: string, [matcher]: readonly Matcher[]): TextWho => {
    if (matcher === undefined) return {};
    return 'exact' in matcher && !/[*?]/.test(matcher.exact)
      ? { [name]: matcher.exact }
      : { [`${name}RegExp`]: regexpOf(matcher) };
  };
  return { ...field('subject', rule.identities), ...field('issuer', rule.issuers) };
}

/** The public key of a rule as PEM. */
export function pemOf(rule: SignerRule): string {
  return 'key' in rule ? rule.key.export({ type: 'spki', format: 'pem' }).toString() : '';
}
