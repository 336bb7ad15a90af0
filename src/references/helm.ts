import { shown } from '../text/untrusted.ts';
import { isSet, listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { hasHost, imagesOf, isScalar, namesImage } from './image-fields.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';
import { mentionIn, mentionInText } from './mention.ts';

/**
 * The images of Helm values, at any depth: fields that name an image, maps that name its parts, and
 * texts under `images`. A registry that the values set for all of them goes in front of what has
 * none of its own, and one of `global` in front of all; what the chart makes of it is not in the
 * file, so these are unresolved.
 */
export function readHelmValues(document: YamlNode): readonly ImageUse[] {
  const registries: Registry[] = [];
  const uses = [
    ...readTree(document, { key: '', underImages: false, isGlobal: false }, registries),
  ];
  const all = registries.find(({ isGlobal }) => isGlobal);
  const [some] = registries;
  return uses.map((use) => {
    const registry = all ?? (hasHost(use.written) ? undefined : some);
    if (registry === undefined || 'told' in use) return use;
    return unresolved(
      use.line,
      use.written,
      `may get the registry \`${shown(registry.text, 80)}\` of \`${shown(registry.field, 60)}\` in front`,
    );
  });
}

/** A field that sets the registry of images elsewhere. */
interface Registry {
  readonly field: string;
  readonly text: string;
  readonly isGlobal: boolean;
}

interface Place {
  readonly key: string;
  readonly underImages: boolean;
  readonly isGlobal: boolean;
}

function* readTree(node: YamlNode, place: Place, registries: Registry[]): Generator<ImageUse> {
  for (const item of listOf(node)) {
    if (place.underImages) yield* readName(item);
    else yield* mentionIn(place.key, item);
    yield* mentionInText(place.key, item);
    yield* readTree(item, place, registries);
  }
  if (!(node.value instanceof Map)) return;
  const map = mapOf(node);
  registries.push(...registriesIn(map, place));
  yield* imagesOf(place.underImages ? 'image' : place.key, map, { loose: true });
  const isList = place.underImages && !parts.some((part) => isScalar(map.get(part)));
  for (const [key, child] of map) {
    if (isList && !namesImage(key)) yield* readName(child);
    // A chart may take an image from any field.
    if (!namesImage(key) && !parts.includes(key)) yield* mentionIn(key, child, map);
    yield* mentionInText(key, child);
    yield* readTree(
      child,
      {
        key,
        underImages:
          place.underImages || key === 'images' || (namesImage(key) && Array.isArray(child.value)),
        isGlobal: place.isGlobal || key === 'global',
      },
      registries,
    );
  }
}

/** A map under `images` that has one of these is one image, or the place of one. */
const parts = [
  'repository',
  'repo',
  'registry',
  'name',
  'tag',
  'digest',
  'image',
  'path',
  'kind',
  'glob',
];

/** `images: { api: registry/api:1 }`: a whole reference under any name. */
function readName(node: YamlNode): readonly ImageUse[] {
  const text = textOf(node);
  const isName = text !== undefined && /^[\w.-]+(?::\d+)?\/\S+$|^[\w.-]+[:@]\S+$/.test(text);
  return isName || text?.includes('{{') ? [imageUse(node.line, text ?? '')] : [];
}

function registriesIn(map: YamlMap, { key, isGlobal }: Place): readonly Registry[] {
  // A login, and the registry of the image that the same map names.
  if (map.has('username') || map.has('password')) return [];
  const isOwn = ['repository', 'repo', 'image', 'name'].some((part) => isSet(map.get(part)));
  return [...map].flatMap(([field, node]) => {
    const sets = isGlobal
      ? /registry|^imageRepository$|^image_?prefix$/i.test(field)
      : /registry(?:Url|Host|Name|Prefix)?$|^image_?prefix$/i.test(field) && !isOwn;
    const text = textOf(node);
    return sets && text !== undefined
      ? [{ field: key === '' ? field : `${key}.${field}`, text, isGlobal }]
      : [];
  });
}
