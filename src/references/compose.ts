import { posix } from 'node:path';
import { shown } from '../text/untrusted.ts';
import { isSet, listOf, mapOf, mapsIn, textOf, type YamlNode } from '../text/yaml-node.ts';
import { interpolated, notText, readBuild } from './compose-build.ts';
import { interpolate } from './compose-variables.ts';
import type { Environment } from './environment.ts';
import { type ImageUse, openUse, unresolved } from './image-use.ts';

/** A compose file has a map of services, each one a map; or takes all of them from other files. */
export function isCompose(document: YamlNode): boolean {
  const fields = mapOf(document);
  const services = mapOf(fields.get('services'));
  const isServices =
    services.size > 0 &&
    [...services.values()].every(({ value }) => value instanceof Map || value === null);
  const onlyIncludes =
    services.size === 0 &&
    [...fields.keys()].every((field) =>
      /^(include|services|name|version|networks|volumes|configs|secrets|models|x-.*)$/.test(field),
    );
  return isServices || (listOf(fields.get('include')).length > 0 && onlyIncludes);
}

/**
 * The images of a compose file: those of services and of their hooks (a service that is also built
 * is asked for from the registry first, unless `pull_policy` is `build`), Dockerfiles written in
 * it, images that builds take as contexts, volumes of the type `image`, and models. Variables count
 * with their default, unless a `.env` may set them. Another file that it takes services from must
 * be chosen as well.
 */
export function readCompose(document: YamlNode, environment: Environment): readonly ImageUse[] {
  const fields = mapOf(document);
  return [
    ...environment.composeFiles().flatMap((files) => readComposeFiles(files, environment)),
    ...[...mapOf(fields.get('services')).values()].flatMap((service) =>
      readService(service, environment),
    ),
    ...[...mapOf(fields.get('models')).values()].flatMap((model) =>
      interpolated(mapOf(model).get('model'), environment),
    ),
    ...listOf(fields.get('include')).flatMap((item) => readInclude(item, environment)),
  ];
}

/** `COMPOSE_FILE` of a `.env`: what compose runs there in the place of this file. */
function readComposeFiles(
  { place, paths }: ReturnType<Environment['composeFiles']>[number],
  environment: Environment,
): readonly ImageUse[] {
  if (paths === undefined)
    return [unresolved(1, 'COMPOSE_FILE', `may be set by ${place} to files that nobody judges`)];
  return paths.map((path) => {
    const use = unresolved(
      1,
      path,
      `runs here by \`COMPOSE_FILE\` of ${place}, and \`files\` does not choose it`,
    );
    const hasOthers = hasOtherVariables(path, environment);
    return {
      ...use,
      unlessChosen: posix.relative(environment.folder, path),
      ...(hasOthers ? { unlessPlain: true } : {}),
    };
  });
}

function readService(service: YamlNode, environment: Environment): readonly ImageUse[] {
  const fields = mapOf(service);
  const build = fields.get('build');
  const onlyBuilt =
    isSet(build) &&
    build.tag === undefined &&
    ['build', 'never'].includes(textOf(fields.get('pull_policy')) ?? '');
  const provider = mapOf(mapOf(fields.get('provider')).get('options'));
  return [
    ...(onlyBuilt ? [] : interpolated(fields.get('image'), environment)),
    ...readBuild(build, environment),
    ...[...fields].flatMap(([name, node]) =>
      plainFields.has(name) ? [] : imagesBelow(node, environment),
    ),
    ...listOf(fields.get('volumes')).flatMap((volume) => readVolume(volume, environment)),
    ...oneOrMore(provider.get('model')).flatMap((model) => interpolated(model, environment)),
    ...otherFile(mapOf(fields.get('extends')).get('file'), environment),
  ];
}

/** Variables stand for the type as well. */
function readVolume(volume: YamlNode, environment: Environment): readonly ImageUse[] {
  const type = mapOf(volume).get('type');
  const written = textOf(type);
  const text = written === undefined ? undefined : interpolate(written, environment);
  const mayBeImage =
    text === undefined ? type?.tag !== undefined : 'open' in text || text.text.trim() === 'image';
  return mayBeImage ? interpolated(mapOf(volume).get('source'), environment) : [];
}

/** Maps of the user's own names and values, and what is read by itself. */
const plainFields: ReadonlySet<string> = new Set(
  'image build volumes environment labels annotations sysctls extra_hosts args x-'.split(' '),
);

/** Hooks and whatever comes to run an image of its own: `pre_start`. */
function imagesBelow(node: YamlNode, environment: Environment): readonly ImageUse[] {
  const skip = (key: string) => plainFields.has(key) && key !== 'image';
  return [...mapsIn(node, '', skip)].flatMap(({ map }) => {
    const image = map.get('image');
    return image === undefined || image.value instanceof Map
      ? []
      : interpolated(image, environment);
  });
}

/**
 * An item of `include`. The file's variables come from the `.env` of its own folder as well, or from
 * what the item says.
 */
function readInclude(item: YamlNode, environment: Environment): readonly ImageUse[] {
  if (!(item.value instanceof Map)) return otherFile(item, environment);
  const fields = mapOf(item);
  const isStrange = ['env_file', 'project_directory'].some((name) => isSet(fields.get(name)));
  return oneOrMore(fields.get('path')).flatMap((path) => otherFile(path, environment, isStrange));
}

/**
 * What `include` and `extends` take services from.
 * @param isStrange true where its variables are not those that it has by itself
 */
function otherFile(
  node: YamlNode | undefined,
  environment: Environment,
  isStrange = false,
): readonly ImageUse[] {
  if (!isSet(node)) return [];
  const written = textOf(node);
  if (written === undefined) return [notText(node)];
  const value = interpolate(written, environment);
  if ('open' in value)
    return [openUse(node.line, written, `holds \`${shown(value.open, 80)}\`, ${value.why}`)];
  const path = value.text;
  if (/^[a-z][a-z0-9+.-]*:|^git@|\.git(?:#|$)|^[~/\\]/i.test(path))
    return [unresolved(node.line, written, 'is not in this repository, and its services run here')];
  const hasOthers =
    isStrange || hasOtherVariables(posix.join(environment.folder, path), environment);
  const why = hasOthers
    ? 'gets variables from elsewhere here, and holds some or is not chosen by `files`; write its images without variables'
    : 'is a file whose services run here, and `files` does not choose it';
  const use = unresolved(node.line, written, why);
  return [{ ...use, unlessChosen: path, ...(hasOthers ? { unlessPlain: true } : {}) }];
}

/** True for a file that gets variables from a `.env` which is neither beside nor above it. */
function hasOtherVariables(path: string, { folders }: Environment): boolean {
  return folders.some((folder) => folder !== '' && !path.startsWith(`${folder}/`));
}

function oneOrMore(node: YamlNode | undefined): readonly YamlNode[] {
  if (node === undefined) return [];
  return Array.isArray(node.value) ? listOf(node) : [node];
}
