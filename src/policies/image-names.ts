import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import {
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
 * The texts that policy-controller would hold against a glob: the full name with tag or digest
 * (Docker Hub is `index.docker.io` there), what was written, and the name with the digest, since
 * its webhook puts digests in the place of tags first.
 */
export function policyControllerNames(image: PolicyImage): readonly string[] {
  return unique([
    ...written(image).flatMap((text) => [inPolicyController(text), text]),
    ...withDigest(image).map(inPolicyController),
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

function withDigest({ name, digest }: PolicyImage): readonly string[] {
  return digest === undefined ? [] : [`${formatRepository(name)}@${digest}`];
}

function inPolicyController(text: string): string {
  const reference = readable(text);
  if (reference === undefined) return text;
  const { tag, digest, ...name } = reference;
  const full = `${name.registry === 'docker.io' ? 'index.docker.io' : name.registry}/${name.repository}`;
  return digest === undefined ? `${full}:${tag ?? 'latest'}` : `${full}@${digest}`;
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
