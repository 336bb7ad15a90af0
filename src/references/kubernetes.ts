import { isSet, mapOf, mapsIn, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { readTriple } from './helm.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

/** A Kubernetes object says its kind and the version of its API. */
export function isKubernetes(document: YamlNode): boolean {
  const fields = mapOf(document);
  return textOf(fields.get('kind')) !== undefined && textOf(fields.get('apiVersion')) !== undefined;
}

/**
 * The images of a Kubernetes object, by one rule for every kind, custom ones too: wherever a field
 * `image` or `imageName`, or one whose name ends in `Image` and whose value has a `/` or a `:`,
 * holds a text, that is an image. So containers, initContainers and ephemeralContainers count in
 * whatever they are wrapped (a CronJob, a List, an Argo Rollout). `image` maps with `reference`
 * (image volumes) or `repository` count too. Labels, annotations, selectors, the status, and the
 * texts of ConfigMaps and Secrets are no images.
 */
export function readKubernetes(document: YamlNode): readonly ImageUse[] {
  return [...mapsIn(document, '', skipped)].flatMap(({ key, map }) => {
    const triple = readTriple(key, map);
    const fields = [...map].flatMap(([name, node]) =>
      skipped(name, map) ? [] : imageField(name, node, key),
    );
    return triple === undefined ? fields : [triple, ...fields];
  });
}

function imageField(name: string, node: YamlNode, key: string): readonly ImageUse[] {
  const text = textOf(node);
  if (name === 'reference' && key === 'image' && text !== undefined)
    return [imageUse(node.line, text)];
  if (text !== undefined && /^image(Name)?$|[a-z]Image$/.test(name)) {
    if (name !== 'image' && !/[/:]/.test(text)) return [];
    return [imageUse(node.line, text)];
  }
  const inContainer = /containers$/i.test(key) && name === 'image';
  return inContainer && isSet(node) && !(node.value instanceof Map)
    ? [unresolved(node.line, String(node.source ?? ''), 'is not a text')]
    : [];
}

const never = ['labels', 'annotations', 'matchLabels', 'nodeSelector', 'selector', 'managedFields'];

function skipped(name: string, parent: YamlMap): boolean {
  if (never.includes(name)) return true;
  const kind = textOf(parent.get('kind'));
  if (kind === undefined || textOf(parent.get('apiVersion')) === undefined) return false;
  return (
    name === 'status' ||
    (['data', 'stringData', 'binaryData'].includes(name) &&
      (kind === 'ConfigMap' || kind === 'Secret'))
  );
}
