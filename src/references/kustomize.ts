import { UnreadableYaml } from '../text/unreadable-yaml.ts';
import { readYaml } from '../text/yaml.ts';
import {
  lineInText,
  listOf,
  mapOf,
  textOf,
  type YamlMap,
  type YamlNode,
} from '../text/yaml-node.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';
import { readKubernetes } from './kubernetes.ts';

/** A kustomization: by its kind or name, or by a list `images` whose entries replace something. */
export function isKustomization(document: YamlNode, fileName: string): boolean {
  const fields = mapOf(document);
  if (/^kustomization\.ya?ml$|^Kustomization$/.test(fileName)) return true;
  if (textOf(fields.get('apiVersion'))?.startsWith('kustomize.config.k8s.io/')) return true;
  return (
    !fields.has('kind') &&
    listOf(fields.get('images')).some((entry) =>
      ['newName', 'newTag'].some((name) => mapOf(entry).has(name)),
    )
  );
}

/**
 * What the entries of `images` put in the place of an image (its new name, tag and digest), and the
 * images in patches that stand in the file.
 */
export function readKustomization(document: YamlNode): readonly ImageUse[] {
  const fields = mapOf(document);
  const patches = ['patches', 'patchesJson6902', 'patchesStrategicMerge'].flatMap((name) =>
    listOf(fields.get(name)),
  );
  return [
    ...listOf(fields.get('images')).flatMap((entry) => readEntry(mapOf(entry), entry.line)),
    ...patches.flatMap((patch) =>
      readInlinePatch(patch.value instanceof Map ? mapOf(patch).get('patch') : patch),
    ),
    ...(textOf(fields.get('kind')) === undefined ? [] : readKubernetes(document)),
  ];
}

/** True for a JSON patch (RFC 6902): a list of operations. */
export function isJsonPatch(document: YamlNode): boolean {
  const items = listOf(document);
  return (
    items.length > 0 && items.every((item) => mapOf(item).has('op') && mapOf(item).has('path'))
  );
}

/** The images that a JSON patch writes: values at `…/image`, and those inside of larger values. */
export function readJsonPatch(document: YamlNode): readonly ImageUse[] {
  return listOf(document).flatMap((item): readonly ImageUse[] => {
    const value = mapOf(item).get('value');
    if (value === undefined) return [];
    const text = textOf(value);
    if (text !== undefined && /\/image$/.test(textOf(mapOf(item).get('path')) ?? ''))
      return [imageUse(value.line, text)];
    return readKubernetes(value);
  });
}

/** A patch as a text of several lines; one line is the name of a file. */
function readInlinePatch(node: YamlNode | undefined): readonly ImageUse[] {
  const text = textOf(node);
  if (node === undefined || text === undefined || !text.includes('\n')) return [];
  try {
    const uses = readYaml(text).flatMap((patch) =>
      isJsonPatch(patch) ? readJsonPatch(patch) : readKubernetes(patch),
    );
    return uses.map((use) => ({ ...use, line: lineInText(node, use.line) }));
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    return [unresolved(node.line, 'patch', caught.message)];
  }
}

function readEntry(entry: YamlMap, line: number): readonly ImageUse[] {
  const name = textOf(entry.get('newName')) ?? textOf(entry.get('name'));
  const tag = entry.get('newTag');
  const digest = textOf(entry.get('digest'));
  const at = (entry.get('digest') ?? tag ?? entry.get('newName'))?.line;
  if (at === undefined) return [];
  if (name === undefined) return [unresolved(line, 'images', 'replaces an image without a name')];
  if (tag !== undefined && typeof tag.value !== 'string' && tag.value !== null) {
    return [
      unresolved(
        tag.line,
        `${name}:${tag.source ?? ''}`,
        'has a tag that is no text; put it in quotes',
      ),
    ];
  }
  const newTag = textOf(tag);
  if (newTag === undefined && digest === undefined && !/[:@][^/]*$/.test(name)) {
    return [unresolved(at, name, 'gets its tag from the manifest that it replaces')];
  }
  return [
    imageUse(
      at,
      `${name}${newTag === undefined ? '' : `:${newTag}`}${digest === undefined ? '' : `@${digest}`}`,
    ),
  ];
}
