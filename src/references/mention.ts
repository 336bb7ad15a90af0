import { shown } from '../text/untrusted.ts';
import { isSet, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { namesImage } from './image-fields.ts';
import { type ImageUse, mentioned } from './image-use.ts';

/** A whole reference with its registry, anywhere in a text, but not as the end of an address. */
const reference =
  /(?<![\w.@:/-])(?:(?:docker|oci)[\w-]*:\/\/)?(?:[a-z\d-]+(?:\.[a-z\d-]+)+(?::\d+)?|[a-z\d-]+:\d+)\/[\w./-]*\w(?::\w[\w.-]{0,127}|@sha256:[\da-f]{64})(?![\w/])/i;

const longest = 64 * 1024;

/**
 * What looks like an image where no field says so: the value of an environment variable, an
 * argument, the parameter of a bundle or package. Only the program that gets it knows; so it is
 * told, and not judged.
 * @param key the field it stands in, or that its list stands in
 */
export function mentionIn(key: string, node: YamlNode, map?: YamlMap): readonly ImageUse[] {
  const text = textOf(node);
  if (text === undefined || text.length > longest) return [];
  const artifact = key === 'url' && /^oci:\/\/\S+$/.test(text) ? text : undefined;
  const whole = reference.exec(text)?.[0] ?? artifact ?? shortName(key, text, map);
  return whole === undefined
    ? []
    : [
        mentioned(
          node.line,
          whole,
          `stands in \`${shown(key, 60)}\`, where only the program knows whether it is an image`,
        ),
      ];
}

/** `RELATED_IMAGE_X: acme/app:1`, `--helper-image=busybox:1`: a name without a registry. */
function shortName(key: string, text: string, map: YamlMap | undefined): string | undefined {
  const variable = key === 'value' ? textOf(map?.get('name')) : undefined;
  const flag = /^--?([\w.-]+)[= ](.*)$/s.exec(text);
  const [name, value] = flag === null ? [variable, text] : [flag[1], flag[2]];
  return name !== undefined && /image/i.test(name) && /^[\w./-]+[:@][\w.:-]+$/.test(value ?? '')
    ? value
    : undefined;
}

/** A text of several lines in which a field names an image: a manifest or values inside of it. */
export function mentionInText(key: string, node: YamlNode): readonly ImageUse[] {
  const text = node.value;
  if (typeof text !== 'string' || !text.includes('\n') || text.length > longest) return [];
  const line = text.split('\n').findIndex((each) => {
    const field = /^[\s-]*["']?([\w-]{1,60})["']?\s*:\s*["']?\S/.exec(each)?.[1];
    return field !== undefined && namesImage(field);
  });
  return line < 0 || !isSet(node)
    ? []
    : [mentioned(node.line, key, 'holds a text that names an image, and is not read')];
}
