import { parseRepository, type RepositoryName } from '../image/reference.ts';
import { listOf, mapOf, type PolicyNode, refusal, textOf } from './node.ts';

/**
 * The repository that a field names as the place of signatures. Its registry stands in front:
 * policy-controller takes no short name of Docker Hub, and Kyverno would read one.
 * @returns undefined where the field is absent or empty
 * @throws {Failure} `bad-policy`
 */
export function repositoryIn(node: PolicyNode | undefined): RepositoryName | undefined {
  const text = textOf(node);
  if (node === undefined || text === undefined) return undefined;
  try {
    const [host = ''] = text.split('/', 1);
    if (/[.:]/.test(host)) return parseRepository(text, node.field);
  } catch (cause) {
    throw notOne(node, { cause });
  }
  throw notOne(node);
}

function notOne(node: PolicyNode, options?: { readonly cause: unknown }): Error {
  return refusal(
    node,
    'is not the whole name of a repository',
    'Write registry and repository, without a tag: `ghcr.io/acme/signatures`.',
    options,
  );
}

/** `{ repository }`, or nothing where there is none. */
export function withPlace(repository: RepositoryName | undefined): {
  readonly repository?: RepositoryName;
} {
  return repository === undefined ? {} : { repository };
}

/**
 * Where an authority of policy-controller looks for signatures, in the place of beside the image.
 * @throws {Failure} `bad-policy`
 */
export function placeOfAuthority(
  fields: ReadonlyMap<string, PolicyNode>,
): RepositoryName | undefined {
  const list = fields.get('source');
  const [source, second] = listOf(list);
  if (list === undefined || source === undefined) return undefined;
  if (second !== undefined)
    throw refusal(
      list,
      'has several sources, and policy-controller takes one',
      'Keep one of them.',
    );
  if (mapOf(fields.get('static')).size > 0)
    throw refusal(list, 'stands beside `static`, which looks at no signature', 'Remove `source`.');
  const place = repositoryIn(mapOf(source).get('oci'));
  if (place !== undefined && textOf(fields.get('signatureFormat')) === 'bundle')
    throw refusal(
      list,
      'is not looked at for bundles: policy-controller reads these beside the image alone',
      'Keep either `source` or `signatureFormat: bundle`, and sign with `format: both` for the first.',
    );
  return place;
}

/**
 * Where a Kyverno ClusterPolicy says that signatures lie.
 * @param bundle it is of type SigstoreBundle
 * @throws {Failure} `bad-policy`, also where Kyverno would not look there
 */
export function placeOfEntry(
  node: PolicyNode | undefined,
  bundle: boolean,
): RepositoryName | undefined {
  const place = repositoryIn(node);
  if (node === undefined || place === undefined || !bundle) return place;
  throw refusal(
    node,
    'has no effect in type SigstoreBundle: Kyverno reads bundles beside the image there',
    'Use an ImageValidatingPolicy with `cosign.source.repository`, or `type: Cosign` with legacy signatures.',
  );
}
