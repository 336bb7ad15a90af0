import { listOf, mapOf, nodesIn, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { readHelmValues } from './helm.ts';
import { doubtful } from './image-fields.ts';
import { type ImageUse, imageUse, mentioned, unresolved } from './image-use.ts';
import { otherFile, pathOf, readFieldSpecs } from './kustomize-files.ts';
import { mayHoldImage, type ReadObject, readEmbedded, readPatchText } from './patches.ts';

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

/** The fields of a kustomization that are read here. */
export const kustomizeFields = [
  'images',
  'imageTags',
  'patches',
  'patchesJson6902',
  'patchesStrategicMerge',
  'replacements',
  'transformers',
  'generators',
  'validators',
  'helmCharts',
  'resources',
  'components',
  'bases',
  'configurations',
  'labels',
];

/**
 * What a kustomization puts in the place of an image: entries of `images`, patches that stand in
 * the file, replacements, transformers. Files that it names are files of their own. kustomize takes
 * fields in any case (`Images`), so such a field is unresolved.
 */
export function readKustomization(document: YamlNode, read: ReadObject): readonly ImageUse[] {
  const fields = mapOf(document);
  const isWorkload =
    textOf(fields.get('kind')) !== undefined &&
    !textOf(fields.get('apiVersion'))?.startsWith('kustomize.config.k8s.io/');
  const misspelt = [...fields].flatMap(([name, node]) => {
    const known = kustomizeFields.find((field) => field.toLowerCase() === name.toLowerCase());
    return known === undefined || known === name
      ? []
      : [unresolved(node.line, name, `is taken for \`${known}\` by kustomize; write that`)];
  });
  return [...misspelt, ...readKustomizeFields(fields, read), ...(isWorkload ? read(document) : [])];
}

/**
 * The same fields where another program gives them to kustomize: Flux's `spec`, the post renderers
 * of a HelmRelease.
 */
export function readKustomizeFields(fields: YamlMap, read: ReadObject): readonly ImageUse[] {
  const items = (name: string) => listOf(fields.get(name));
  return [
    ...['images', 'imageTags'].flatMap(items).flatMap(readEntry),
    ...['patches', 'patchesJson6902'].flatMap(items).flatMap((item) => readPatch(item, read)),
    ...items('patchesStrategicMerge').flatMap((item) => readTextOrPath(item, read)),
    ...items('replacements').flatMap(readReplacement),
    ...['patches', 'patchesJson6902', 'replacements'].flatMap(items).flatMap((item) => {
      const path = pathOf(item);
      return path === undefined ? [] : otherFile(path, true);
    }),
    ...['components', 'configurations'].flatMap(items).flatMap((item) => otherFile(item, true)),
    ...items('labels').flatMap((item) => readFieldSpecs({ ...item, value: [item] })),
    ...['transformers', 'generators', 'validators']
      .flatMap(items)
      .flatMap((item) => readTextOrPath(item, (node) => readTransformer(node, read))),
    ...items('helmCharts').flatMap((chart) => {
      const values = mapOf(chart).get('valuesInline');
      const name = mapOf(chart).get('name');
      return [
        ...(values === undefined ? [] : readHelmValues(values)),
        ...(name === undefined
          ? []
          : [mentioned(name.line, textOf(name) ?? '', 'is a chart, and is not rendered here')]),
      ];
    }),
    ...['resources', 'bases'].flatMap(items).flatMap((item) => otherFile(item, false)),
  ];
}

function readPatch(item: YamlNode, read: ReadObject): readonly ImageUse[] {
  if (!(item.value instanceof Map)) return readTextOrPath(item, read);
  const { patch, others } = withoutCase(mapOf(item), 'patch');
  if (others !== undefined)
    return [unresolved(others.line, 'patch', 'is a field in other letters; write `patch`')];
  return patch === undefined ? [] : readPatchText(patch, read);
}

/** The field, and one that differs from it in upper and lower case only. */
function withoutCase(map: YamlMap, name: string): { patch?: YamlNode; others?: YamlNode } {
  const patch = map.get(name);
  const others = [...map].find(([field]) => field !== name && field.toLowerCase() === name)?.[1];
  return { ...(patch === undefined ? {} : { patch }), ...(others === undefined ? {} : { others }) };
}

/** An item is the path of a file, or a text that is YAML or JSON, in one line or several. */
function readTextOrPath(item: YamlNode, read: ReadObject): readonly ImageUse[] {
  if (item.value instanceof Map) return read(item);
  const text = textOf(item);
  if (text === undefined) return doubtful(item);
  if (/^[\w@%+=:,./ -]+$/.test(text) && !/[:{[]\s|^[-{[]/.test(text)) return otherFile(item, true);
  return readEmbedded(item, 'patch', (document) =>
    typeof document.value === 'string' ? [] : readPatchText(document, read),
  );
}

/** True for a file that `replacements` of a kustomization names. */
export function isReplacement(document: YamlNode): boolean {
  const items = Array.isArray(document.value) ? listOf(document) : [document];
  return (
    items.length > 0 &&
    items.every((item) => ['source', 'targets'].every((name) => mapOf(item).has(name)))
  );
}

/** What such a file replaces. */
export function readReplacements(document: YamlNode): readonly ImageUse[] {
  return (Array.isArray(document.value) ? listOf(document) : [document]).flatMap(readReplacement);
}

function readReplacement(item: YamlNode): readonly ImageUse[] {
  return listOf(mapOf(item).get('targets')).flatMap((target) => {
    const paths = [...mapOf(target)].filter(([name]) => name.toLowerCase() === 'fieldpaths');
    return paths.flatMap(([, list]) =>
      listOf(list).flatMap((path) => {
        const text = textOf(path);
        const writes =
          text === undefined || text.length > longestPath || mayHoldImage(fieldPath(text));
        return writes
          ? [unresolved(path.line, text ?? '', 'is replaced by a value from another place')]
          : [];
      }),
    );
  });
}

const longestPath = 1000;

/** `spec.containers.[name=a.b].image`; dots in brackets and behind a backslash belong to a name. */
function fieldPath(text: string): readonly string[] {
  return text.match(/(?:\[[^\]]*\]|\\.|[^.])+/g) ?? [];
}

const harmless =
  /^(?:Label|Annotations|Namespace|Prefix|Suffix|PrefixSuffix|ReplicaCount|Hash|IAMPolicy|ConfigMap|Secret|SortOrder)(?:Transformer|Generator)$/;

/** The configuration of one of kustomize's own transformers, or of a function. */
export function readTransformer(document: YamlNode, read: ReadObject): readonly ImageUse[] {
  const fields = mapOf(document);
  const kind = textOf(fields.get('kind')) ?? '';
  const field = (name: string) => fields.get(name);
  if (kind === 'ImageTagTransformer') return readEntry(field('imageTag') ?? document);
  if (kind === 'ReplacementTransformer')
    return listOf(field('replacements')).flatMap(readReplacement);
  if (/^Patch(?:Json6902|StrategicMerge)?Transformer$/.test(kind))
    return [
      ...['patch', 'jsonOp', 'patches'].flatMap((name) => {
        const patch = field(name);
        return patch === undefined ? [] : readPatchText(patch, read);
      }),
    ];
  if (kind === 'HelmChartInflationGenerator') {
    const values = field('valuesInline');
    return values === undefined ? [] : readHelmValues(values);
  }
  const specs = [...fields].filter(([name]) => name.toLowerCase() === 'fieldspecs');
  const uses = [...read(document), ...specs.flatMap(([, list]) => readFieldSpecs(list))];
  return harmless.test(kind)
    ? uses
    : [
        ...uses,
        unresolved(document.line, kind || 'transformer', 'is a transformer that is not read'),
      ];
}

/** Kinds of kustomize's own transformers, in a file or in a text. */
export function isBuiltinTransformer(fields: YamlMap): boolean {
  return textOf(fields.get('apiVersion')) === 'builtin';
}

function readEntry(item: YamlNode): readonly ImageUse[] {
  const entry = mapOf(item);
  const doubts = [...nodesIn(item)].flatMap(doubtful);
  if (doubts.length > 0) return doubts;
  const known = ['name', 'newName', 'newTag', 'digest', 'tagSuffix'];
  const other = [...entry].find(([field]) => !known.includes(field));
  if (other !== undefined)
    return [unresolved(other[1].line, other[0], 'is no field of an image that is replaced')];
  const suffix = entry.get('tagSuffix');
  if (textOf(suffix) !== undefined)
    return [
      unresolved(
        suffix?.line ?? item.line,
        textOf(suffix) ?? '',
        'goes behind a tag in another file',
      ),
    ];
  const name = textOf(entry.get('newName')) ?? textOf(entry.get('name'));
  const tag = entry.get('newTag');
  const digest = textOf(entry.get('digest'));
  const at = (digest === undefined ? (tag ?? entry.get('newName')) : entry.get('digest'))?.line;
  if (at === undefined) return [];
  if (name === undefined)
    return [unresolved(item.line, 'images', 'replaces an image without a name')];
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
  if (newTag === undefined && digest === undefined && !/[:@][^/]*$/.test(name))
    return [unresolved(at, name, 'gets its tag from the manifest that it replaces')];
  return [
    imageUse(
      at,
      `${name}${newTag === undefined ? '' : `:${newTag}`}${digest === undefined ? '' : `@${digest}`}`,
    ),
  ];
}
