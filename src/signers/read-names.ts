import { Failure } from '../failure.ts';
import { parseReference, parseRegistry } from '../image/reference.ts';
import { nodeAt, type PolicyNode, refusal, textOf } from '../policies/node.ts';
import { readGlobs } from '../references/glob.ts';
import type { Mirror } from './list.ts';

// The fields of a list of signers that hold names: of images, repositories, registries.

/**
 * A glob has its registry in front: `nginx` might be meant as any of several.
 * @throws {Failure} `bad-policy`
 */
export function globOf(node: PolicyNode): string {
  const glob = textOf(node) ?? '';
  const [host = '', ...path] = glob.split('/');
  if (path.length === 0 || !/^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::\d+)?$/.test(host))
    throw refusal(
      node,
      'does not begin with a registry',
      'Write the whole name: `docker.io/library/nginx`, `ghcr.io/acme/**`.',
    );
  if (!/[.:]|^localhost$/.test(host) || host === 'index.docker.io')
    throw refusal(node, 'begins with no registry that is one', 'Docker Hub is `docker.io`.');
  if (/[@\s!:]/.test(path.join('/')))
    throw refusal(
      node,
      'is no glob of names',
      'Write it without tag, digest and `!`; tags belong into `tags`.',
    );
  checkGlobs([node]);
  return glob;
}

/** @throws {Failure} `bad-policy` for a glob that stands for too many others */
export function checkGlobs(nodes: readonly PolicyNode[]): void {
  for (const node of nodes) {
    try {
      readGlobs([textOf(node) ?? ''], node.field);
    } catch (error) {
      if (error instanceof Failure) throw refusal(node, 'stands for too many globs', error.fix);
      throw error;
    }
  }
}

/** `registry/repository`, written out. @throws {Failure} `bad-policy` */
export function repositoryOf(node: PolicyNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  const text = textOf(node) ?? '';
  const reference = readable(node);
  const whole = `${reference.registry}/${reference.repository}`;
  if (whole !== text)
    throw refusal(node, 'is not the whole name of a repository', `Write \`${whole}\`.`);
  return whole;
}

/** A reference of an image. @throws {Failure} `bad-policy` */
export function checkOf(node: PolicyNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  readable(node);
  return textOf(node);
}

function readable(node: PolicyNode) {
  try {
    return parseReference(textOf(node) ?? '', 'policy');
  } catch (error) {
    if (error instanceof Failure) throw refusal(node, 'is no image reference', error.fix);
    throw error;
  }
}

/** @throws {Failure} `bad-policy` */
export function readMirror(node: PolicyNode): Mirror {
  const place = (name: string) => {
    const child = nodeAt(node, name);
    const text = child === undefined ? undefined : textOf(child);
    if (child === undefined || text === undefined)
      throw refusal(
        node,
        `has no \`${name}\``,
        'Write `at:` the mirror, and `of:` what it copies.',
      );
    const [host = ''] = text.split('/');
    const path = text.slice(host.length);
    if (parseRegistry(host) !== host || !/^(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/.test(path))
      throw refusal(
        child,
        'is no registry, or path in one',
        'Write e.g. `at: registry.acme.example/docker-hub` and `of: docker.io`.',
      );
    return text;
  };
  return { at: place('at'), of: place('of') };
}
