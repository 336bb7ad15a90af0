import { isSet, listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { readHelmValues } from './helm.ts';
import { doubtful } from './image-fields.ts';
import {
  type ImageUse,
  imageUse,
  mentioned,
  nothing,
  type Special,
  unresolved,
} from './image-use.ts';
import { isBuiltinTransformer, readKustomizeFields, readTransformer } from './kustomize.ts';
import {
  readBuildConfig,
  readDeploymentConfig,
  readImageStream,
  triggeredBy,
} from './openshift.ts';
import { type ReadObject, readEmbedded, readPatchText } from './patches.ts';

type Reader = (object: YamlMap, read: ReadObject) => Special;

/** What the object that a map is has besides; nothing for most. */
export function readSpecial(object: YamlMap, read: ReadObject): Special {
  const kind = textOf(object.get('kind'));
  const version = textOf(object.get('apiVersion'));
  if (kind === undefined || version === undefined) return nothing;
  if (isBuiltinTransformer(object)) {
    const taken = [...object.values()];
    // Without its kind and version it is no object again, so this ends.
    const inner: ReadObject = (node, key) => (node.value === object ? [] : read(node, key));
    return { uses: readTransformer({ line: lineOf(object), value: object }, inner), taken };
  }
  const filled = triggeredBy(mapOf(mapOf(object.get('metadata')).get('annotations')));
  const [, reader] =
    readers.find(([of]) => of.test(`${version.replace(/(^|\/)[^/]*$/, '')}/${kind}`)) ?? [];
  return { ...nothing, ...filled, ...reader?.(object, read) };
}

function lineOf(object: YamlMap): number {
  return object.get('kind')?.line ?? 1;
}

/** By group and kind; `/Kind` is of the core group. */
const readers: readonly (readonly [RegExp, Reader])[] = [
  [/^kustomize\.toolkit\.fluxcd\.io\/Kustomization$/, readFluxKustomization],
  [/^helm\.toolkit\.fluxcd\.io\/HelmRelease$/, readHelmRelease],
  [/^argoproj\.io\/Application(?:Set)?$/, readApplication],
  [/^helm\.cattle\.io\/HelmChart(?:Config)?$/, readHelmChart],
  [/^(?:policies\.)?kyverno\.io\//, readKyverno],
  [/^(?:build\.openshift\.io)?\/BuildConfig$/, readBuildConfig],
  [/^(?:image\.openshift\.io)?\/ImageStream$/, readImageStream],
  [/^(?:apps\.openshift\.io)?\/DeploymentConfig$/, readDeploymentConfig],
];

const kustomizeParts = ['images', 'patches', 'patchesStrategicMerge', 'patchesJson6902'];

function kustomizeIn(fields: YamlMap, read: ReadObject): Special {
  const parts = new Map([...fields].filter(([name]) => kustomizeParts.includes(name)));
  return { uses: readKustomizeFields(parts, read), taken: [...parts.values()] };
}

function readFluxKustomization(object: YamlMap, read: ReadObject): Special {
  const spec = mapOf(object.get('spec'));
  return together([
    kustomizeIn(spec, read),
    told(spec.get('components'), 'components', 'change objects, and are not read from here'),
  ]);
}

/** Something that has a say in images, and stands elsewhere. */
function told(node: YamlNode | undefined, name: string, why: string): Special {
  return isSet(node) ? { uses: [mentioned(node.line, name, why)], taken: [] } : nothing;
}

function readHelmRelease(object: YamlMap, read: ReadObject): Special {
  const spec = mapOf(object.get('spec'));
  const renderers = listOf(spec.get('postRenderers')).map((renderer) =>
    kustomizeIn(mapOf(mapOf(renderer).get('kustomize')), read),
  );
  const elsewhere = told(spec.get('valuesFrom'), 'valuesFrom', 'are values that are not here');
  return together([valuesIn(spec, 'values'), elsewhere, ...renderers]);
}

function valuesIn(fields: YamlMap, name: string): Special {
  const values = fields.get(name);
  return values === undefined
    ? nothing
    : { uses: readEmbedded(values, name, readHelmValues), taken: [values] };
}

/**
 * `source`, `sources`, `drySource`, also in the template of an ApplicationSet and in an operation.
 */
function readApplication(object: YamlMap, read: ReadObject): Special {
  const sources: YamlMap[] = [];
  const find = (node: YamlNode | undefined, key: string): void => {
    for (const item of listOf(node)) find(item, key);
    const map = mapOf(node);
    if (/sources?$/i.test(key)) sources.push(map);
    for (const [name, child] of map) find(child, name);
  };
  for (const [name, child] of object) find(child, name);
  return together([
    readTemplatePatch(mapOf(object.get('spec')).get('templatePatch')),
    ...sources.flatMap((source) => [
      readArgoKustomize(mapOf(source.get('kustomize')), read),
      readArgoHelm(mapOf(source.get('helm'))),
    ]),
  ]);
}

/** A text that is a template of a patch: it can set what a source says of images. */
function readTemplatePatch(patch: YamlNode | undefined): Special {
  if (patch === undefined || !/image|kustomize|helm|source/i.test(String(patch.value)))
    return nothing;
  const why = 'is a template of a patch, which may name images';
  return { uses: [unresolved(patch.line, 'templatePatch', why)], taken: [patch] };
}

/** Images are `name=image:tag` or `image:tag`, as `kustomize edit set image` takes them. */
function readArgoKustomize(kustomize: YamlMap, read: ReadObject): Special {
  const images = kustomize.get('images');
  const patches = kustomizeIn(new Map([...kustomize].filter(([name]) => name !== 'images')), read);
  const uses = listOf(images).flatMap((item) => {
    const text = textOf(item);
    if (text === undefined)
      return isSet(item) ? [...doubtful(item), unresolved(item.line, '', 'is not a text')] : [];
    const image = text.slice(text.indexOf('=') + 1);
    return /[:@][^/]*$/.test(image)
      ? [imageUse(item.line, image, text)]
      : [unresolved(item.line, text, 'gets its tag from the manifest that it replaces')];
  });
  return together([patches, { uses, taken: images === undefined ? [] : [images] }]);
}

function readArgoHelm(helm: YamlMap): Special {
  const parameters = helm.get('parameters');
  const pairs = listOf(parameters).map((item) => {
    const fields = mapOf(item);
    return [textOf(fields.get('name')) ?? '', fields.get('value')] as const;
  });
  return together([
    valuesIn(helm, 'values'),
    valuesIn(helm, 'valuesObject'),
    told(helm.get('fileParameters'), 'fileParameters', 'are values that are not here'),
    { uses: readParameters(pairs), taken: parameters === undefined ? [] : [parameters] },
  ]);
}

const deepestPath = 40;

/** `--set a.b=c`: values whose names are paths. */
function readParameters(
  pairs: readonly (readonly [string, YamlNode | undefined])[],
): readonly ImageUse[] {
  const root = new Map<string, YamlNode>();
  const strange: ImageUse[] = [];
  for (const [name, value] of pairs) {
    if (value === undefined) continue;
    const path = name.slice(0, 1000).match(/(?:\\.|[^.[\]])+/g) ?? [];
    if (path.length > deepestPath) {
      strange.push(unresolved(value.line, name, 'is a parameter of more parts than values have'));
      continue;
    }
    let map = root;
    for (const part of path.slice(0, -1)) {
      const next = map.get(part);
      const inside = next?.value instanceof Map ? (next.value as Map<string, YamlNode>) : new Map();
      map.set(part, { line: value.line, value: inside });
      map = inside;
    }
    // A parameter is a text to whoever gives it, whatever YAML takes it for.
    const text = typeof value.value === 'string' ? value.value : (value.source ?? '');
    map.set(path.at(-1) ?? '', { ...value, value: text, style: 'quoted' });
  }
  return [...strange, ...readHelmValues({ line: 1, value: root })];
}

/** k3s and RKE2 install such a chart with the values of the text. */
function readHelmChart(object: YamlMap): Special {
  const spec = mapOf(object.get('spec'));
  const set = spec.get('set');
  return together([
    valuesIn(spec, 'valuesContent'),
    valuesIn(spec, 'values'),
    {
      uses: readParameters([...mapOf(set)]),
      taken: set === undefined ? [] : [set],
    },
  ]);
}

/** Patterns say what images may be; only what a rule writes into objects is an image. */
function readKyverno(object: YamlMap, read: ReadObject): Special {
  return together(
    listOf(mapOf(object.get('spec')).get('rules')).map((rule): Special => {
      const fields = mapOf(rule);
      const taken = ['validate', 'match', 'exclude', 'preconditions', 'context'].flatMap(
        (name) => fields.get(name) ?? [],
      );
      const mutate = mapOf(fields.get('mutate'));
      const patches = [mutate, ...listOf(mutate.get('foreach')).map(mapOf)].flatMap(
        (each) => each.get('patchesJson6902') ?? [],
      );
      return {
        uses: patches.flatMap((patch) => readPatchText(patch, read)),
        taken: [...taken, ...patches],
      };
    }),
  );
}

function together(parts: readonly Special[]): Special {
  return {
    uses: parts.flatMap(({ uses }) => uses),
    taken: parts.flatMap(({ taken }) => taken),
  };
}
