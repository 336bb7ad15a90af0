import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import {
  cosignRepositoryName,
  formatReference,
  formatRepository,
  parseReference,
  type RepositoryName,
} from '../image/reference.ts';

/** The image that policies are asked about. */
export interface PolicyImage {
  readonly name: RepositoryName;
  /** as it was written, tags and digests included */
  readonly references: readonly string[];
  /** what it resolved to */
  readonly digest?: Digest;
}

/**
 * The text that policy-controller holds against a glob: its webhook puts the digest in the place of
 * a tag first, so that is always `host/path@sha256:…`, Docker Hub as `index.docker.io`. Where the
 * digest is not known yet, one of zeros stands for it.
 */
export function policyControllerName({ name, digest }: PolicyImage): string {
  return `${cosignRepositoryName(name)}@${digest ?? unknownDigest}`;
}

const unknownDigest = `sha256:${'0'.repeat(64)}`;

/**
 * The texts that an ImageValidatingPolicy's globs are held against: the image as it was written,
 * and with the digest, which Kyverno adds to what was written.
 */
export function textsAsWritten(image: PolicyImage): readonly string[] {
  const texts = written(image);
  const { digest } = image;
  if (digest === undefined) return texts;
  return unique([
    ...texts,
    ...texts.filter((text) => !text.includes('@')).map((text) => `${text}@${digest}`),
  ]);
}

/**
 * The texts that Kyverno would hold against its wildcards: `registry/path:tag`, or
 * `registry/path@digest` where there is a digest. A name without a registry gets `docker.io/` in
 * front, and no `library/`.
 * @returns one for each way the image was `written`; `all` of them and the one with the digest,
 * which Kyverno puts in the place of tags
 */
export function kyvernoNames(image: PolicyImage): {
  readonly written: readonly string[];
  readonly all: readonly string[];
} {
  const names = written(image);
  const one = unique(names.map(inKyverno));
  const { digest } = image;
  const path = (name: string) =>
    inKyverno(name)
      .replace(/@.*$/s, '')
      .replace(/:[^/:]*$/, '');
  return {
    written: one,
    all:
      digest === undefined
        ? one
        : unique([...one, ...names.map((name) => `${path(name)}@${digest}`)]),
  };
}

function written({ name, references, digest }: PolicyImage): readonly string[] {
  if (references.length > 0) return references.map((text) => text.trim());
  return [digest === undefined ? formatRepository(name) : `${formatRepository(name)}@${digest}`];
}

function inKyverno(text: string): string {
  const reference = readable(text);
  if (reference === undefined) return text;
  const { tag, digest } = reference;
  const full = formatReference(reference);
  const asWritten = text.replace(/@.*$/s, '').replace(/:[^/:]*$/, '');
  const first = asWritten.slice(0, Math.max(0, asWritten.indexOf('/')));
  const hasHost = first === 'localhost' || /[.:]/.test(first);
  const host = hasHost ? (full.split('/')[0] as string) : 'docker.io';
  const path = hasHost ? asWritten.slice(first.length + 1) : asWritten;
  const registry = first.toLowerCase() === 'index.docker.io' ? 'index.docker.io' : host;
  return digest === undefined
    ? `${registry}/${path}:${tag ?? 'latest'}`
    : `${registry}/${path}@${digest}`;
}

function readable(text: string) {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
