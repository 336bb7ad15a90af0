import { readYaml } from '../text/yaml.ts';
import {
  lineInText,
  listOf,
  mapOf,
  textOf,
  UnreadableYaml,
  type YamlMap,
  type YamlNode,
} from '../text/yaml-node.ts';
import { doubtful, namesImage } from './image-fields.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

/** Reads the images of an object, or of a part of one that stands under the key. */
export type ReadObject = (node: YamlNode, key?: string) => readonly ImageUse[];

/** True for a JSON patch (RFC 6902): a list of operations. */
export function isJsonPatch(document: YamlNode): boolean {
  const items = listOf(document);
  return (
    items.length > 0 && items.every((item) => mapOf(item).has('op') && mapOf(item).has('path'))
  );
}

/**
 * The images that a JSON patch writes: values at a field that names an image, and those inside of
 * larger values. What is copied or moved there is in another file, so it is unresolved.
 */
export function readJsonPatch(document: YamlNode, read: ReadObject): readonly ImageUse[] {
  return listOf(document).flatMap((item) => readOperation(mapOf(item), item.line, read));
}

function readOperation(fields: YamlMap, line: number, read: ReadObject): readonly ImageUse[] {
  const op = textOf(fields.get('op'));
  const path = fields.get('path');
  // An empty path is the whole object; every other one starts with a slash.
  if (
    op === undefined ||
    path === undefined ||
    typeof path.value !== 'string' ||
    path.tag !== undefined
  )
    return [unresolved(line, 'patch', 'has an operation or a path that is not a plain text')];
  if (op === 'test' || op === 'remove') return [];
  const segments = path.value.split('/').slice(1).map(unescaped);
  if (op === 'copy' || op === 'move')
    return mayHoldImage(segments)
      ? [unresolved(line, path.value, `is written by \`${op}\`, from a place in another file`)]
      : [];
  const value = fields.get('value');
  if (op !== 'add' && op !== 'replace')
    return [unresolved(line, path.value, 'is written by an operation that is not known')];
  if (value === undefined) return [];
  return [...doubtful(value), ...readWritten(segments, value, read)];
}

function readWritten(
  segments: readonly string[],
  value: YamlNode,
  read: ReadObject,
): readonly ImageUse[] {
  const field = segments.at(-1) ?? '';
  const text = textOf(value);
  if (value.value instanceof Map || Array.isArray(value.value))
    return read(
      value,
      segments.findLast((segment) => !/^(?:\d+|-)$/.test(segment)),
    );
  if (namesImage(field) || (field === 'reference' && segments.at(-2) === 'image'))
    return text === undefined
      ? [unresolved(value.line, String(value.source ?? ''), 'is not a text')]
      : [imageUse(value.line, text)];
  const within = segments.some((segment) => /^images?$/.test(segment) || namesImage(segment));
  return within && text !== undefined && !/polic(?:y|ies)$/i.test(field)
    ? [
        unresolved(
          value.line,
          text,
          'is a part of an image, or of a list of images, in another file',
        ),
      ]
    : [];
}

function unescaped(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

const holders =
  /^(?:spec|template|podTemplate|jobTemplate|(?:init|ephemeral)?containers|volumes|items|objects|values|images)$/i;

/**
 * True for a path (of a JSON patch, or of a replacement) to a field that names an image, or to
 * something that holds such fields: a container, its list, a Pod's template, a whole object.
 * @param segments of the path; numbers, `-`, `*` and `[name=x]` choose items
 */
export function mayHoldImage(segments: readonly string[]): boolean {
  const [first = '', second = ''] = segments;
  if (first === 'metadata' && /^(?:name|namespace|labels|annotations)$/.test(second)) return false;
  const field = segments.findLast((segment) => !/^(?:\d+|-|\*|\[.*\])$/.test(segment));
  return (
    field === undefined ||
    holders.test(field) ||
    segments.some((segment) => namesImage(segment) || /^images?$/.test(segment))
  );
}

/** A patch as a text: a JSON patch, or objects to merge. */
export function readPatchText(node: YamlNode, read: ReadObject): readonly ImageUse[] {
  return readEmbedded(node, 'patch', (patch) =>
    isJsonPatch(patch) ? readJsonPatch(patch, read) : read(patch),
  );
}

const mostNested = 8;
/** how many texts the text that is being read stands in */
let nested = 0;

/**
 * A text in a field that is a YAML file of its own; its lines are those of the file where they are
 * known.
 */
export function readEmbedded(
  node: YamlNode | undefined,
  what: string,
  read: (document: YamlNode) => readonly ImageUse[],
): readonly ImageUse[] {
  if (node === undefined) return [];
  const doubts = doubtful(node);
  if (doubts.length > 0) return doubts;
  if (typeof node.value !== 'string') return read(node);
  // Each level is parsed once more: a thousand of them would take the square of the file's time.
  if (nested >= mostNested) return [unresolved(node.line, what, 'stands in too many texts')];
  nested++;
  try {
    const uses = readYaml(node.value).flatMap(read);
    return uses.map((use) => ({ ...use, line: lineInText(node, use.line) }));
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    return [unresolved(lineInText(node, caught.line), what, caught.message)];
  } finally {
    nested--;
  }
}
