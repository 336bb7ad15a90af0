import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { parseReference, type RepositoryName } from './reference.ts';

/** Where an image is promoted to: one repository, or a place that keeps the image's own name. */
export type Destination =
  | { readonly repository: RepositoryName; readonly tag?: string }
  | { readonly registry: string; readonly prefix: string };

/**
 * Reads one line of input `to`: `registry/repo[:tag]`, or `registry/prefix/` (also `registry/`),
 * behind which the repository of the image stands.
 * @throws {Failure} `bad-reference`
 */
export function parseDestination(text: string): Destination {
  const line = text.trim();
  if (line.endsWith('/')) {
    const host = line.split('/', 1)[0] ?? '';
    if (host !== 'localhost' && !/[.:]/.test(host))
      throw bad(line, 'it begins with no registry', 'ghcr.io/acme/prod/');
    const { registry, repository } = parseReference(`${line}x/x`, 'to');
    return { registry, prefix: repository.slice(0, -'x/x'.length) };
  }
  const { tag, digest, ...repository } = parseReference(line, 'to');
  // Bytes decide the digest: to name another one would promise what nobody keeps.
  if (digest !== undefined) throw bad(line, 'a target has no digest', line.replace(/@.*$/, ''));
  return { repository, ...(tag === undefined ? {} : { tag }) };
}

/** The repository that an image goes to. @throws {Failure} `bad-reference` for a name too long */
export function placeOf(destination: Destination, image: RepositoryName): RepositoryName {
  if ('repository' in destination) return destination.repository;
  const { registry, prefix } = destination;
  const { repository } = parseReference(`${registry}/${prefix}${image.repository}`, 'to');
  return { registry, repository };
}

function bad(line: string, problem: string, instead: string): Failure {
  return new Failure(
    'bad-reference',
    `"${shown(line, 200)}" in \`to\` is no target: ${problem}.`,
    `Write \`registry/repository\`, with a tag or without, or \`registry/prefix/\` to keep the name of the repository, such as \`to: ${shown(instead, 200)}\`.`,
  );
}
