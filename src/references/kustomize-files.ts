import { isSet, listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, mentioned, unresolved } from './image-use.ts';
import { mayHoldImage } from './patches.ts';

/**
 * A file or folder that a kustomization names, which has to be chosen as well.
 * @param writes true for one that can change images of others; one that only brings in more by a
 * name that says YAML is told
 */
export function otherFile(item: YamlNode, writes: boolean): readonly ImageUse[] {
  const text = textOf(item);
  if (text === undefined) return [];
  if (/^[\w+]+:\/\/|^git@|\?ref=|^(?:github|gitlab|bitbucket)\.\w+\//.test(text))
    return [
      mentioned(item.line, text, 'is a base elsewhere, whose images are not in this repository'),
    ];
  const isNamed = !writes && /(?:\.ya?ml|\.json|(?:^|\/)[^./]*\/?|\.\.\/?)$/i.test(text);
  const why = 'is a file or folder that kustomize takes here, and `files` does not choose it';
  const use = isNamed ? mentioned(item.line, text, why) : unresolved(item.line, text, why);
  return [{ ...use, unlessChosen: text, mayBeFolder: true }];
}

/** `path` of items that take one, in any case, as kustomize reads fields. */
export function pathOf(item: YamlNode): YamlNode | undefined {
  return [...mapOf(item)].find(([name]) => name.toLowerCase() === 'path')?.[1];
}

/** Lists of places that kustomize writes prefixes, names, labels and the like into. */
const written =
  /^(?:nameprefix|namesuffix|namespace|commonlabels|templatelabels|labels|commonannotations|namereference|replicas)$/;

/**
 * A file of `configurations`: it says into which fields kustomize writes. Where `images` writes to
 * is no harm, as what it writes is judged.
 */
export function readConfiguration(document: YamlNode): readonly ImageUse[] {
  return [...mapOf(document)].flatMap(([name, list]) =>
    written.test(name.toLowerCase()) ? readFieldSpecs(list) : [],
  );
}

/** Items with a `path` that leads to an image, or to what holds one; also in lists inside. */
export function readFieldSpecs(list: YamlNode | undefined): readonly ImageUse[] {
  return listOf(list).flatMap((item) => {
    const path = pathOf(item);
    const inside = listsIn(mapOf(item)).flatMap(readFieldSpecs);
    if (!isSet(path)) return inside;
    const text = textOf(path);
    const writes = text === undefined || text.length > 1000 || mayHoldImage(segmentsOf(text));
    return writes
      ? [...inside, unresolved(path.line, text ?? '', 'is a field of images that kustomize writes')]
      : inside;
  });
}

function listsIn(map: YamlMap): readonly YamlNode[] {
  return [...map].flatMap(([name, node]) => (/^field(?:specs|s)$/i.test(name) ? [node] : []));
}

/** `spec/containers[]/image`; a slash behind a backslash belongs to a name. */
function segmentsOf(path: string): readonly string[] {
  return (path.match(/(?:\\.|[^/])+/g) ?? []).map((each) => each.replace(/\[.*\]$/, ''));
}
