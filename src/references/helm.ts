import { shown } from '../text/untrusted.ts';
import { isSet, mapOf, mapsIn, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

/**
 * The images of Helm values, at any depth: maps with `repository` and a tag or digest, and `image:
 * repository:tag` (beside it `tag` or `imageTag`). A global registry would go in front of all of
 * them, so with one they are unresolved.
 */
export function readHelmValues(document: YamlNode): readonly ImageUse[] {
  const registry = globalRegistry(document);
  const uses = [...mapsIn(document)].flatMap(({ key, map }) => {
    const triple = readTriple(key, map);
    const texts = [...map].flatMap(([name, node]) => imageText(name, node, map));
    return triple === undefined ? texts : [triple, ...texts];
  });
  if (registry === undefined) return uses;
  return uses.map((use) =>
    unresolved(
      use.line,
      use.written,
      `may get the registry \`${shown(registry, 80)}\` of \`global\` in front`,
    ),
  );
}

function globalRegistry(document: YamlNode): string | undefined {
  const global = mapOf(mapOf(document).get('global'));
  return textOf(global.get('imageRegistry')) ?? textOf(mapOf(global.get('image')).get('registry'));
}

/** `{ registry?, repository, tag?, digest? }` as one image; undefined for a map that is none. */
export function readTriple(key: string, map: YamlMap): ImageUse | undefined {
  const repository = map.get('repository');
  const name = textOf(repository);
  if (repository === undefined || name === undefined) return undefined;
  const onRegistry =
    /^[^/]+[.:][^/]*\//.test(name) && !/^(github\.com|gitlab\.com|bitbucket\.org)\//.test(name);
  const isImage =
    onRegistry ||
    /image$/i.test(key) ||
    ['tag', 'digest', 'registry', 'pullPolicy'].some((field) => map.has(field));
  // `repository` alone is also a Git or chart repository.
  if (!isImage || /^[a-z+]+:\/\//i.test(name)) return undefined;
  const { line } = map.get('digest') ?? map.get('tag') ?? repository;
  const registry = textOf(map.get('registry'));
  const full = registry === undefined ? name : `${registry}/${name}`;
  const tag = plainText(map.get('tag'));
  const digest = textOf(map.get('digest')) ?? textOf(map.get('sha'));
  if (tag === undefined)
    return unresolved(
      line,
      full,
      `has the tag ${map.get('tag')?.source ?? ''} without quotes, which YAML reads as a number`,
    );
  if (tag === '' && digest === undefined && !/[:@][^/]*$/.test(full)) {
    return unresolved(line, full, 'has no tag here: the chart puts its own in');
  }
  const marked = digest === undefined || digest.includes(':') ? digest : `sha256:${digest}`;
  return imageUse(
    line,
    `${full}${tag === '' ? '' : `:${tag}`}${marked === undefined ? '' : `@${marked}`}`,
  );
}

function imageText(name: string, node: YamlNode, map: YamlMap): readonly ImageUse[] {
  const text = textOf(node);
  if (text === undefined || !/^image$|[a-z]Image$/.test(name)) return [];
  const tag = map.get('imageTag') ?? map.get('tag');
  if (name === 'image' && tag !== undefined && !/[:@][^/]*$/.test(text)) {
    const value = plainText(tag);
    if (value === undefined)
      return [
        unresolved(node.line, text, 'has a tag without quotes, which YAML reads as a number'),
      ];
    return [
      value === ''
        ? unresolved(node.line, text, 'has no tag here: the chart puts its own in')
        : imageUse(node.line, `${text}:${value}`),
    ];
  }
  // `logoImage: dark` may be many things; a slash or a colon makes it an image.
  return (name === 'image' || /[/:]/.test(text)) && !/^[a-z+]+:\/\/|^[./]|\s/i.test(text)
    ? [imageUse(node.line, text)]
    : [];
}

/**
 * A text, or a number that is written as Helm prints it (`1.10` would become 1.1); empty where
 * there is none.
 */
function plainText(node: YamlNode | undefined): string | undefined {
  if (!isSet(node)) return '';
  if (typeof node.value === 'string') return node.value.trim();
  return typeof node.value === 'number' && String(node.value) === node.source
    ? node.source
    : undefined;
}
