import { shown } from '../text/untrusted.ts';
import {
  isSet,
  lineInText,
  listOf,
  mapOf,
  mapsIn,
  textOf,
  type YamlMap,
  type YamlNode,
} from '../text/yaml-node.ts';
import { interpolate, interpolateDockerfile } from './compose-variables.ts';
import { readDockerfile } from './dockerfile.ts';
import { type ImageUse, imageUse, mentioned, openUse, unresolved } from './image-use.ts';

/** A compose file has a map of services, each one a map; or takes all of them from other files. */
export function isCompose(document: YamlNode): boolean {
  const fields = mapOf(document);
  const services = mapOf(fields.get('services'));
  const isServices =
    services.size > 0 &&
    [...services.values()].every(({ value }) => value instanceof Map || value === null);
  const onlyIncludes = [...fields.keys()].every((field) =>
    /^(include|name|version|networks|volumes|configs|secrets|models|x-.*)$/.test(field),
  );
  return isServices || (listOf(fields.get('include')).length > 0 && onlyIncludes);
}

/**
 * The images of a compose file: those of services and of their hooks (a service that is also built
 * is asked for from the registry first, unless `pull_policy` is `build`), Dockerfiles written in
 * it, images that builds take as contexts, volumes of the type `image`, and models. Variables count
 * with their default. Another file that it takes services from must be chosen as well.
 */
export function readCompose(document: YamlNode): readonly ImageUse[] {
  const fields = mapOf(document);
  return [
    ...[...mapOf(fields.get('services')).values()].flatMap(readService),
    ...[...mapOf(fields.get('models')).values()].flatMap((model) =>
      interpolated(mapOf(model).get('model')),
    ),
    ...listOf(fields.get('include')).flatMap((item) =>
      item.value instanceof Map
        ? oneOrMore(mapOf(item).get('path')).flatMap(otherFile)
        : otherFile(item),
    ),
  ];
}

function readService(service: YamlNode): readonly ImageUse[] {
  const fields = mapOf(service);
  const onlyBuilt =
    isSet(fields.get('build')) &&
    ['build', 'never'].includes(textOf(fields.get('pull_policy')) ?? '');
  const provider = mapOf(mapOf(fields.get('provider')).get('options'));
  return [
    ...(onlyBuilt ? [] : interpolated(fields.get('image'))),
    ...readBuild(fields.get('build')),
    ...[...fields].flatMap(([name, node]) => (plainFields.has(name) ? [] : imagesBelow(node))),
    ...listOf(fields.get('volumes')).flatMap((volume) =>
      textOf(mapOf(volume).get('type')) === 'image'
        ? interpolated(mapOf(volume).get('source'))
        : [],
    ),
    ...oneOrMore(provider.get('model')).flatMap(interpolated),
    ...(isSet(mapOf(fields.get('extends')).get('file'))
      ? otherFile(mapOf(fields.get('extends')).get('file'))
      : []),
  ];
}

/** Maps of the user's own names and values, and what is read by itself. */
const plainFields: ReadonlySet<string> = new Set(
  'image build volumes environment labels annotations sysctls extra_hosts args x-'.split(' '),
);

/** Hooks and whatever comes to run an image of its own: `pre_start`. */
function imagesBelow(node: YamlNode): readonly ImageUse[] {
  const skip = (key: string) => plainFields.has(key) && key !== 'image';
  return [...mapsIn(node, '', skip)].flatMap(({ map }) => {
    const image = map.get('image');
    return image === undefined || image.value instanceof Map ? [] : interpolated(image);
  });
}

function readBuild(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node)) return [];
  if (!(node.value instanceof Map)) return readContext(node);
  const build = mapOf(node);
  const generator = /(?:^|,)generator=([^,]*)/.exec(textOf(build.get('sbom')) ?? '')?.[1];
  const sbom = build.get('sbom');
  return [
    ...readContext(build.get('context')),
    ...readInline(build.get('dockerfile_inline')),
    ...contexts(build).flatMap(readContext),
    ...(generator === undefined || sbom === undefined
      ? []
      : interpolated({ ...sbom, value: generator })),
    ...listOf(build.get('cache_from')).flatMap((cache) =>
      isSet(cache)
        ? [
            mentioned(
              cache.line,
              String(cache.source ?? cache.value),
              'is a cache that the build takes layers from',
            ),
          ]
        : [],
    ),
  ];
}

/** compose puts its own variables in before the builder reads the text. */
function readInline(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node)) return [];
  if (typeof node.value !== 'string' || node.tag !== undefined) return [notText(node)];
  return readDockerfile(interpolateDockerfile(node.value)).map((use) => ({
    ...use,
    line: lineInText(node, use.line),
  }));
}

/** A map `name: value`, or a list of `name=value`. */
function contexts(build: YamlMap): readonly YamlNode[] {
  const node = build.get('additional_contexts');
  const listed = listOf(node).map((item) => ({
    ...item,
    value: String(item.value).replace(/^[^=]*=/, ''),
  }));
  return [...mapOf(node).values(), ...listed];
}

/** A folder, a stage or a service is none; `docker-image://` is an image. */
function readContext(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node)) return [];
  const written = textOf(node);
  if (written === undefined) return node.tag === undefined ? [] : [notText(node)];
  const value = interpolate(written);
  if ('open' in value)
    // A variable alone is a folder of the machine, as a rule.
    return /docker-image:/i.test(written) ? interpolated(node) : [];
  const image = /^docker-image:\/\/(.*)$/is.exec(value.text)?.[1];
  if (image !== undefined) return [imageUse(node.line, image, written)];
  return /^(?:https?|git|ssh):\/\/|^git@|^oci-layout:/i.test(value.text)
    ? [
        mentioned(
          node.line,
          written,
          'is a build context elsewhere, and its Dockerfile is not read',
        ),
      ]
    : [];
}

function oneOrMore(node: YamlNode | undefined): readonly YamlNode[] {
  if (node === undefined) return [];
  return Array.isArray(node.value) ? listOf(node) : [node];
}

/** What `include` and `extends` take services from. */
function otherFile(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node)) return [];
  const written = textOf(node);
  if (written === undefined) return [notText(node)];
  const value = interpolate(written);
  const path = 'text' in value ? value.text : undefined;
  const isLocal = path !== undefined && !/^[a-z][a-z0-9+.-]*:|^git@|\.git(?:#|$)/i.test(path);
  const use = unresolved(
    node.line,
    written,
    isLocal
      ? 'is a file whose services run here, and `files` does not choose it'
      : 'is not in this repository, and its services run here',
  );
  return [isLocal ? { ...use, unlessChosen: path } : use];
}

function interpolated(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node) || isReset(node)) return [];
  const written = textOf(node);
  if (written === undefined) return [notText(node)];
  const value = interpolate(written);
  if ('open' in value)
    return [
      openUse(
        node.line,
        written,
        `holds \`${shown(value.open, 80)}\`, which has no default in this file`,
      ),
    ];
  return [imageUse(node.line, value.text, written)];
}

/** `!reset null` takes a field of another file away. */
function isReset({ tag, source, value }: YamlNode): boolean {
  return tag === '!reset' && /^(?:null|~|)$/i.test(String(source ?? value));
}

function notText(node: YamlNode): ImageUse {
  return unresolved(
    node.line,
    String(node.source ?? ''),
    'is not a text that all versions read alike',
  );
}
