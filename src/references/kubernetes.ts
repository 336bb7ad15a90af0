import { isSet, listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { readSpecial } from './gitops.ts';
import { doubtful, imagesOf, namesImage } from './image-fields.ts';
import {
  type ImageUse,
  imageUse,
  isListOfObjects,
  mentioned,
  unresolved,
  workloadOf,
} from './image-use.ts';
import { mentionIn, mentionInText } from './mention.ts';
import { readEmbedded } from './patches.ts';

/** A Kubernetes object says its kind and the version of its API. */
export function isKubernetes(document: YamlNode): boolean {
  const fields = mapOf(document);
  return [fields.get('kind'), fields.get('apiVersion')].every(
    (node) => isSet(node) && !(node.value instanceof Map) && !Array.isArray(node.value),
  );
}

/**
 * The images of a Kubernetes object, by one rule for every kind, custom ones too: wherever a field
 * names an image, or a map names the parts of one, that is an image. So containers, initContainers
 * and ephemeralContainers count in whatever they are wrapped (a CronJob, a List, an Argo Rollout).
 * Some kinds have more: patches and values of Flux and Argo CD, `DockerImage` of OpenShift,
 * Dockerfiles in builds, functions of KRM. Labels, annotations, selectors, the status, patterns of
 * Kyverno, and the texts of ConfigMaps and Secrets are no images. What looks like one elsewhere is
 * told.
 * @param key that the object stands under, if it is a part of one
 */
export function readKubernetes(document: YamlNode, key = ''): readonly ImageUse[] {
  return [...walk(document, { key, taken: new Set(), triggered: [] })];
}

interface Place {
  readonly key: string;
  /** nodes that are read with the object around, or that name no image */
  readonly taken: ReadonlySet<YamlNode>;
  /** containers whose blank image an ImageChange trigger fills in */
  readonly triggered: readonly string[];
  /** in a list of objects that a cluster has, outside of any object */
  readonly isListed?: boolean;
}

function* walk(node: YamlNode, place: Place): Generator<ImageUse> {
  const map = mapOf(node);
  const workload = place.isListed === true && isObject(map) ? workloadOf(map) : undefined;
  if (workload === undefined) return yield* walkInto(node, place);
  for (const use of walkInto(node, { ...place, isListed: false })) yield { ...use, workload };
}

function* walkInto(node: YamlNode, place: Place): Generator<ImageUse> {
  if (place.taken.has(node)) return;
  yield* doubtful(node);
  for (const item of listOf(node)) {
    yield* mentionIn(place.key, item);
    yield* walk(item, place);
  }
  if (!(node.value instanceof Map)) return;
  const map = mapOf(node);
  const special = readSpecial(map, readKubernetes);
  yield* special.uses;
  const inside = {
    taken: new Set([...place.taken, ...special.taken]),
    triggered: special.triggered ?? place.triggered,
    isListed: place.isListed ?? isListOfObjects(map),
  };
  yield* readMap(map, { key: place.key, ...inside });
  for (const [key, child] of map) {
    if (key === 'annotations') yield* readAnnotations(child);
    if (isTexts(key, map))
      for (const [name, text] of mapOf(child)) yield* mentionInText(name, text);
    if (!isSkipped(key, map)) yield* walk(child, { key, ...inside });
  }
}

function* readMap(map: YamlMap, { key, taken, triggered }: Place): Generator<ImageUse> {
  yield* imagesOf(key, map, { loose: false });
  if (textOf(map.get('kind')) === 'DockerImage' && textOf(map.get('name')) !== undefined)
    yield imageUse(map.get('name')?.line ?? 1, textOf(map.get('name')) ?? '');
  const reference = map.get('reference');
  if (key === 'image' && textOf(reference) !== undefined)
    yield imageUse(reference?.line ?? 1, textOf(reference) ?? '');
  for (const [name, node] of map) {
    if (isSkipped(name, map) || taken.has(node)) continue;
    if (/containers$/i.test(key) && name === 'image') yield* readContainer(map, node, triggered);
    // Kyverno puts such a field in where it is missing.
    const added = /^\+\((.*)\)$/.exec(name)?.[1];
    if (added !== undefined && namesImage(added))
      yield* imagesOf(key, new Map([[added, node]]), { loose: false });
    if (!namesImage(name) && !['name', 'reference'].includes(name)) {
      yield* mentionIn(name, node, map);
      yield* mentionInText(name, node);
    }
  }
}

/** An image of a container that is no text, or blank. */
function* readContainer(
  map: YamlMap,
  image: YamlNode,
  triggered: readonly string[],
): Generator<ImageUse> {
  if (textOf(image) !== undefined || image.tag !== undefined || image.value instanceof Map) return;
  const isBlank = typeof image.value === 'string' && image.value.trim() === '';
  const name = textOf(map.get('name')) ?? '';
  if (isBlank && triggered.includes(name))
    yield mentioned(
      image.line,
      name,
      'is a container whose image a trigger fills in from an image stream',
    );
  else if (isSet(image)) yield unresolved(image.line, String(image.source ?? ''), 'is not a text');
}

function isObject(map: YamlMap): boolean {
  return isKubernetes({ line: 1, value: map }) || (map.has('metadata') && map.has('spec'));
}

const never = ['labels', 'annotations', 'matchLabels', 'nodeSelector', 'selector', 'managedFields'];

function isSkipped(name: string, parent: YamlMap): boolean {
  return never.includes(name) || (name === 'status' && isObject(parent)) || isTexts(name, parent);
}

/** The texts of a ConfigMap or Secret are the business of the program that reads them. */
function isTexts(name: string, parent: YamlMap): boolean {
  const kind = textOf(parent.get('kind'));
  return (
    (kind === 'ConfigMap' || kind === 'Secret') &&
    textOf(parent.get('apiVersion')) === 'v1' &&
    ['data', 'stringData', 'binaryData'].includes(name)
  );
}

/** kustomize runs the image that such an annotation names. */
function* readAnnotations(annotations: YamlNode): Generator<ImageUse> {
  for (const [name, node] of mapOf(annotations))
    if (/^config\.(?:kubernetes\.io|k8s\.io)\/function$/.test(name))
      yield* readEmbedded(node, 'function', (document) => readKubernetes(document));
    else if (/image/i.test(name)) yield* mentionIn(name, node);
}
