import { isSet, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

/**
 * Which fields name an image, for manifests, values and patches alike: `image`, `imageName`,
 * `imageRef`, and names that end in `Image`, `_image` or `-image`.
 */
export function namesImage(field: string): boolean {
  return /^image(?:Name|Ref)?$|[a-z\d](?:Image|[_-]image)$/.test(field);
}

/** What the text of a field may be besides an image. */
export interface Dialect {
  /** values may have a field `image` for anything: a picture, an address, a duration */
  readonly loose: boolean;
}

/**
 * The images that one map names by its fields: `image: reference`, or in parts, `{ registry,
 * repository | repo | name | image, tag, digest }`, `imageRepository` with `imageTag`. Parts that
 * do not make one certain image are unresolved: a wrong image judged is worse than none.
 * @param key that the map stands under (of its list, for items)
 */
export function imagesOf(key: string, map: YamlMap, dialect: Dialect): readonly ImageUse[] {
  const parts = [partsUnder(key, map), ...[...map.keys()].map((name) => prefixedParts(name, map))];
  return [
    ...parts.flatMap((each) => (each === undefined ? [] : inParts(each))),
    ...[...map].flatMap(([name, node]) => readField(name, node, map, dialect)),
  ];
}

/** An image in parts; `name` is a name beside the repository, which may be a part of it. */
interface Parts {
  readonly repository: YamlNode | undefined;
  readonly registry?: YamlNode | undefined;
  readonly name?: YamlNode | undefined;
  readonly tag?: YamlNode | undefined;
  readonly digest?: YamlNode | undefined;
}

function partsUnder(key: string, map: YamlMap): Parts | undefined {
  const isImage = /image$/i.test(key) && !map.has('reference');
  const tag = map.get('tag');
  const digest = map.get('digest') ?? map.get('sha');
  const registry = map.get('registry') ?? map.get('imageRegistry');
  const marked =
    [tag, map.get('digest'), registry].some(isScalar) ||
    map.has('pullPolicy') ||
    (isImage && isScalar(digest));
  const repository = map.get('repository') ?? map.get('repo');
  const name = map.get('name');
  if (repository !== undefined) {
    const text = typeof repository.value === 'string' ? repository.value.trim() : '';
    // `repository` alone is also a Git or chart repository.
    if (isAddress(text) || (repository.tag === undefined && text === '')) return undefined;
    const onRegistry = hasHost(text) && !isForge(text);
    const isMarked = map.has('repository') ? onRegistry || marked : isScalar(tag);
    if (!isImage && !isMarked) return undefined;
    return { repository, registry, name: marked || isImage ? name : undefined, tag, digest };
  }
  if (!isImage || !marked) return undefined;
  if (isSet(name)) return { repository: name, registry, tag, digest };
  const isElsewhere = !isSet(map.get('image')) && [tag, digest, registry].some(isScalar);
  return isElsewhere ? { repository: undefined, registry, tag, digest } : undefined;
}

function prefixedParts(field: string, map: YamlMap): Parts | undefined {
  const prefix = /^(|.*[a-z\d])[iI]mageRepository$/.exec(field);
  const repository = map.get(field);
  if (prefix === null || !isScalar(repository)) return undefined;
  const other = (part: string) => map.get(field.replace(/Repository$/, part));
  return {
    repository,
    registry: other('Registry'),
    name: other('Name'),
    tag: other('Tag') ?? other('Version'),
    digest: other('Digest'),
  };
}

function readParts(parts: Parts): ImageUse | undefined {
  const { repository, registry, name, tag, digest } = parts;
  const changed = [digest, tag, repository, registry].find(isSet);
  if (changed === undefined) return undefined;
  const { line } = changed;
  if (repository === undefined)
    return unresolved(line, textOf(changed) ?? '', 'is a part of an image that is named elsewhere');
  const doubt = [repository, registry, name, tag, digest].flatMap(doubtOf)[0];
  const written = [textOf(registry), textOf(repository)].filter((part) => part !== undefined);
  const full = written.join('/').replaceAll(/\/+/g, '/');
  if (doubt !== undefined) return unresolved(changed.doubtLine ?? line, full, doubt);
  if (textOf(repository) === undefined || (isSet(registry) && textOf(registry) === undefined))
    return unresolved(line, full, 'has a repository or registry that is not a text');
  if (isSet(name) && name !== repository)
    return unresolved(line, full, `has a name (${textOf(name) ?? ''}) that may be a part of it`);
  return withSelector(line, full, tag, digest);
}

/** The image with its tag and digest, where these stand in fields of their own. */
function withSelector(
  line: number,
  name: string,
  tag: YamlNode | undefined,
  digest: YamlNode | undefined,
): ImageUse {
  const tagText = plainText(tag);
  const digestText = plainText(digest);
  if (tagText === undefined || digestText === undefined)
    return unresolved(
      line,
      `${name}:${tag?.source ?? ''}`,
      'has a tag without quotes, which readers of YAML take for a number or a truth value; put it in quotes',
    );
  if (tagText === '' && digestText === '' && !/[:@][^/]*$/.test(name))
    return unresolved(line, name, 'has no tag here: the chart puts its own in');
  const marked =
    digestText === '' || digestText.includes(':') ? digestText : `sha256:${digestText}`;
  return imageUse(
    line,
    `${name}${tagText === '' ? '' : `:${tagText}`}${marked === '' ? '' : `@${marked}`}`,
  );
}

function readField(
  field: string,
  node: YamlNode,
  map: YamlMap,
  { loose }: Dialect,
): readonly ImageUse[] {
  if (!namesImage(field)) return [];
  const doubts = isScalar(node) ? doubtful(node) : [];
  if (doubts.length > 0) return doubts;
  const text = textOf(node);
  if (text === undefined) return [];
  // A template may stand for anything, also where the rest looks like no image.
  if (!text.includes('{{') && !mayBeImage(field, text, loose)) return [];
  const beside = (...names: readonly string[]) =>
    names.map((name) => map.get(name)).find((other) => isScalar(other));
  const own = field === 'image';
  const registry = own ? beside('imageRegistry', 'registry') : beside(`${field}Registry`);
  if (/[:@][^/]*$/.test(text))
    return registry === undefined
      ? [imageUse(node.line, text)]
      : inParts({ repository: node, registry });
  const tag = own ? beside('imageTag', 'tag') : beside(`${field}Tag`, `${field}_tag`);
  const digest = own ? beside('imageDigest', 'digest') : beside(`${field}Digest`);
  if ((tag ?? digest ?? registry) !== undefined)
    return inParts({ repository: node, registry, tag, digest });
  const version = own ? beside('imageVersion', 'version') : beside(`${field}Version`);
  return version === undefined || !loose
    ? [imageUse(node.line, text)]
    : [unresolved(version.line, text, 'may get the version beside it as its tag')];
}

function inParts(parts: Parts): readonly ImageUse[] {
  const use = readParts(parts);
  return use === undefined ? [] : [use];
}

function mayBeImage(field: string, text: string, loose: boolean): boolean {
  if (field !== 'image' && !/[/:]/.test(text)) return false;
  // `purge: { image: 24h }`
  const isAmount = /^\d+(?:\.\d+)?\s?(?:[nuµm]?s|m|h|d|w|y|[kKMGTP]i?B?|%)?$/.test(text);
  return !loose || !(isAddress(text) || isAmount || /^[./]|\s/.test(text));
}

/** `https://…`; but `docker://` and the like stand in front of images. */
function isAddress(text: string): boolean {
  return /^[a-z+]+:\/\//i.test(text) && !/^(?:docker[\w-]*|oci):/i.test(text);
}

/** True where a text begins with the host of a registry, so that no chart has to put one in front. */
export function hasHost(text: string): boolean {
  return /^(?:[^/]*[.:][^/]*|localhost)\//.test(text);
}

function isForge(text: string): boolean {
  return /^(?:github\.com|gitlab\.com|bitbucket\.org)\//.test(text);
}

/** Not a list or map, and not empty; a tag is something whatever stands behind it. */
export function isScalar(node: YamlNode | undefined): node is YamlNode {
  return (
    node !== undefined && typeof node.value !== 'object' && (node.tag !== undefined || isSet(node))
  );
}

/** A scalar with a tag of its own where an image may stand: readers differ in what they make of it. */
export function doubtful(node: YamlNode): readonly ImageUse[] {
  return doubtOf(node).map((why) => {
    const text = String(node.source ?? node.value ?? '');
    return unresolved(
      node.doubtLine ?? node.line,
      node.tag === undefined ? text : `${short(node.tag)} ${text}`,
      why,
    );
  });
}

function doubtOf(node: YamlNode | undefined): readonly string[] {
  if (node?.doubt !== undefined) return [node.doubt];
  return node?.tag === undefined
    ? []
    : [`has the tag \`${short(node.tag)}\`, and readers differ in what they make of it`];
}

function short(tag: string): string {
  return tag.replace(/^tag:yaml\.org,2002:/, '!!').slice(0, 60);
}

/**
 * A text, or a number that all readers print as it is written; empty where there is none, undefined
 * where YAML 1.1 and 1.2 or Helm make something else of it (`1.10`, `0x1F`, `1_0`, `yes`,
 * and 1000000, which Helm prints as 1e+06).
 */
function plainText(node: YamlNode | undefined): string | undefined {
  if (!isSet(node)) return '';
  if (typeof node.value === 'number')
    return String(node.value) === node.source && node.value < 1e6 ? node.source : undefined;
  if (typeof node.value !== 'string') return undefined;
  const text = node.value.trim();
  return node.style === 'plain' && isTyped(text) ? undefined : text;
}

/** A plain text of YAML 1.2 that is a number, a truth value or nothing in YAML 1.1. */
function isTyped(text: string): boolean {
  return (
    /^(?:y|n|yes|no|on|off|true|false|null|~)$/i.test(text) ||
    /^[-+]?(?:\.[\d_]+|[\d_]+(?:\.[\d_]*)?)(?:e[-+]?\d+)?$/i.test(text) ||
    /^[-+]?(?:0[box][\da-f_]+|\.inf|\.nan)$/i.test(text)
  );
}
