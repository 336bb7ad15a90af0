import { X509Certificate } from 'node:crypto';
import { Failure } from '../failure.ts';
import { formatRepository, type ImageReference, parseReference } from '../image/reference.ts';
import type { ClaimedName, SignerRule } from '../signature/policy.ts';
import { decodeBase64 } from '../text/base64.ts';
import { shown } from '../text/untrusted.ts';
import type { PolicyImage } from './image-names.ts';
import { type PolicyNode, refusal, textOf } from './node.ts';
import type { ImagePatterns } from './rule.ts';

// What containers-policy.json(5) says of scopes and identities; OpenShift's policies are made into
// such a file on every node.

/** An image as it is pulled: by tag, or by digest. */
export type PulledImage = Omit<ImageReference, 'digest'> & { readonly digest?: string };

/**
 * The ways in which an image would be pulled, one for each way it was written. A digest beside a tag
 * decides, and a name alone is pulled as `latest`.
 */
export function pulledAs({ name, references, digest }: PolicyImage): readonly PulledImage[] {
  const { registry, repository } = name;
  if (references.length === 0)
    return [{ registry, repository, ...(digest === undefined ? { tag: 'latest' } : { digest }) }];
  return references.map((text) => {
    const written = readable(text) ?? { registry, repository };
    if (written.digest !== undefined) return { registry, repository, digest: written.digest };
    return { registry, repository, tag: written.tag ?? 'latest' };
  });
}

/** The scopes that an image lies in, the most specific first; not `""`, the transport's default. */
export function scopesOf(image: PulledImage): readonly string[] {
  const full = formatRepository(image);
  const parts = full.split('/');
  const [host = ''] = parts;
  const labels = host.replace(/:\d+$/, '').split('.');
  return [
    image.digest === undefined ? `${full}:${image.tag}` : `${full}@${image.digest}`,
    ...parts.map((_, index) => parts.slice(0, parts.length - index).join('/')),
    ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`),
  ];
}

/** Stands for the images that a policy speaks of, where it is not asked about one. */
export const anyImage: PulledImage = { registry: 'example.invalid', repository: 'any' };

/** What a signature's `docker-reference` must be for an image. */
export type SignedIdentity = (image: PulledImage) => ClaimedName;

/** `matchRepository`: the image's repository, whatever its tag. */
export const matchRepository: SignedIdentity = (image) => ({
  ...inRepository(formatRepository(image)),
  written: { type: 'matchRepository' },
});

/** `exactRepository`: this repository, whichever one the image is pulled from. */
export function exactRepository(node: PolicyNode | undefined, parent: PolicyNode): SignedIdentity {
  const repository = namedIn(node, parent);
  if (repository.tag !== undefined || repository.digest !== undefined)
    throw refusal(
      node ?? parent,
      'has a tag or a digest, where a repository belongs',
      'Write the repository alone: `registry/path`.',
    );
  const dockerRepository = formatRepository(repository);
  const claimed = {
    ...inRepository(dockerRepository),
    written: { type: 'exactRepository', dockerRepository },
  };
  return () => claimed;
}

/** `exactReference`: this name with its tag or digest. */
export function exactReference(node: PolicyNode | undefined, parent: PolicyNode): SignedIdentity {
  const expected = namedIn(node, parent);
  return () => claimed(nameOf(expected), (found) => isSame(found, expected));
}

/** `matchExact`: the image's name with its tag; nothing that is pulled by digest. */
export const matchExact: SignedIdentity = (image) =>
  claimed(
    nameOf(image),
    (found) => image.digest === undefined && found.digest === undefined && isSame(found, image),
  );

/**
 * `matchRepoDigestOrExact`, which holds where nothing is written: by tag the same tag, by digest any
 * tag of the repository. A name without a tag, as cosign signs, is neither.
 */
export const matchRepoDigestOrExact: SignedIdentity = (image) =>
  claimed(
    image.digest === undefined ? nameOf(image) : `a tag of ${formatRepository(image)}`,
    (found) =>
      image.digest === undefined
        ? isSame(found, image)
        : (found.tag ?? found.digest) !== undefined &&
          formatRepository(found) === formatRepository(image),
  );

/** `remapIdentity`: as above, for the image's name with another prefix. */
export function remapIdentity(
  prefix: PolicyNode | undefined,
  signedPrefix: PolicyNode | undefined,
  parent: PolicyNode,
): SignedIdentity {
  const from = textOf(prefix);
  const to = textOf(signedPrefix);
  if (from === undefined || to === undefined)
    throw refusal(
      parent,
      'does not say what is replaced by what',
      'Write `prefix` and `signedPrefix`.',
    );
  return (image) => {
    const full = formatRepository(image);
    if (full !== from && !full.startsWith(`${from}/`)) return matchRepoDigestOrExact(image);
    const mapped = readable(to + full.slice(from.length));
    if (mapped === undefined) return claimed(`${to}${full.slice(from.length)}`, () => false);
    const { registry, repository } = mapped;
    return matchRepoDigestOrExact({ ...image, registry, repository });
  };
}

/** What is told of a policy that no signature of cosign's satisfies. */
export const untaggedNote =
  'asks for a signature that names the tag (matchRepoDigestOrExact, which also holds where no signedIdentity is written), and cosign and sign-image sign the repository without a tag: no image signed by them satisfies it, here and in the cluster. matchRepository does.';

/** The person that a certificate of Fulcio names. @throws {Failure} `bad-policy` */
export function emailSigner(
  parent: PolicyNode,
  email: PolicyNode | undefined,
  issuer: PolicyNode | undefined,
): SignerRule {
  const [subject, by] = [textOf(email), textOf(issuer)];
  if (subject === undefined || by === undefined)
    throw refusal(parent, 'does not name a person', 'Write the e-mail address and its issuer.');
  return { identities: [{ exact: subject }], issuers: [{ exact: by }] };
}

function inRepository(expected: string): ClaimedName {
  return claimed(expected, (found) => formatRepository(found) === expected);
}

function claimed(expected: string, fits: (found: ImageReference) => boolean): ClaimedName {
  return {
    expected: shown(expected),
    fits: (text) => {
      const found = readable(text);
      return found !== undefined && fits(found);
    },
  };
}

/** With the same tag or digest; names without one are no references. */
function isSame(found: ImageReference, expected: PulledImage): boolean {
  return (found.tag ?? found.digest) !== undefined && nameOf(found) === nameOf(expected);
}

function nameOf(image: PulledImage): string {
  const tag = image.tag === undefined ? '' : `:${image.tag}`;
  const digest = image.digest === undefined ? '' : `@${image.digest}`;
  return `${formatRepository(image)}${tag}${digest}`;
}

function namedIn(node: PolicyNode | undefined, parent: PolicyNode): ImageReference {
  const reference = readable(textOf(node) ?? '');
  if (reference === undefined)
    throw refusal(
      node ?? parent,
      'does not name a repository or an image',
      'Write it whole, with its registry: `registry/path`.',
    );
  return reference;
}

function readable(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The scope as it is written in a policy; which of them an image lies in is `scopesOf`. */
export function checkScope(node: PolicyNode, scope: string): void {
  if (/^\*\.[a-z0-9.-]+$/i.test(scope)) return;
  if (!/[*?\s]/.test(scope) && scope !== '' && !scope.endsWith('/')) return;
  throw refusal(
    node,
    'is not a scope',
    'Write a registry, a folder, a repository or an image in full (`docker.io/library/busybox:latest`), or `*.example.com` for all subdomains.',
  );
}

/**
 * True for certificates of the public-good Fulcio, by the name that they give themselves. Nothing is
 * trusted for it: it tells that a policy means the instance that the gate knows without being told.
 */
export function isPublicGoodAuthority(node: PolicyNode | undefined): boolean {
  if (node === undefined || textOf(node) === undefined) return false;
  const blocks = decoded(node).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  return (blocks ?? []).length > 0 && (blocks ?? []).every(isOfPublicGood);
}

function isOfPublicGood(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject.split('\n').includes('O=sigstore.dev');
  } catch {
    return false;
  }
}

/** The base64 text of a field, decoded. @throws {Failure} `bad-policy` */
export function decoded(node: PolicyNode): string {
  // Go's decoder skips line ends, and nothing else.
  const bytes = decodeBase64(textOf(node)?.replace(/[\r\n]/g, ''));
  if (bytes === undefined)
    throw refusal(node, 'is not base64', 'Write the PEM file in base64: `base64 -w0 cosign.pub`.');
  return bytes.toString('utf8');
}

/** The images in these scopes, as a policy tells them. */
export function scopePatterns(include: readonly string[]): ImagePatterns {
  return { syntax: 'scope', include, exclude: [] };
}
