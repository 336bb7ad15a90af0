import { posix } from 'node:path';
import { shown } from '../text/untrusted.ts';
import {
  isSet,
  lineInText,
  listOf,
  mapOf,
  textOf,
  type YamlMap,
  type YamlNode,
} from '../text/yaml-node.ts';
import { interpolate, interpolateDockerfile } from './compose-variables.ts';
import { readDockerfile, readWithArguments } from './dockerfile.ts';
import type { Environment } from './environment.ts';
import {
  type BuildArgument,
  type ImageUse,
  imageUse,
  mentioned,
  openUse,
  unresolved,
} from './image-use.ts';

/** The images of a `build`, and which Dockerfile it builds with what arguments. */
export function readBuild(
  node: YamlNode | undefined,
  environment: Environment,
): readonly ImageUse[] {
  if (!isSet(node)) return [];
  if (!(node.value instanceof Map))
    return [
      ...readContext(node, environment),
      ...readFile(new Map([['context', node]]), environment),
    ];
  const build = mapOf(node);
  const inline = build.get('dockerfile_inline');
  return [
    ...readContext(build.get('context'), environment),
    ...(isSet(inline) ? readInline(inline, build, environment) : readFile(build, environment)),
    ...readFrontend(build, environment),
    ...contexts(build).flatMap((context) => readContext(context, environment)),
    ...readGenerator(build.get('sbom'), environment),
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
function readInline(node: YamlNode, build: YamlMap, environment: Environment): readonly ImageUse[] {
  if (typeof node.value !== 'string' || node.tag !== undefined) return [notText(node)];
  const text = interpolateDockerfile(node.value, environment);
  const usual = readDockerfile(text).map((use) => ({ ...use, line: lineInText(node, use.line) }));
  return [...usual, ...readWithArguments(text, argumentsOf(build, environment))];
}

/** Whoever reads the files looks for the Dockerfile: what it is called, only this file says. */
function readFile(build: YamlMap, environment: Environment): readonly ImageUse[] {
  const parts = [
    ['context', '.'],
    ['dockerfile', 'Dockerfile'],
  ].map(([name = '', usual = '']) => ({ node: build.get(name), usual }));
  const node = parts.map((part) => part.node).findLast(isSet) ?? build.get('args');
  if (node === undefined) return [];
  const texts = parts.map((part) => {
    if (!isSet(part.node)) return part.usual;
    const written = textOf(part.node);
    const value = written === undefined ? undefined : interpolate(written, environment);
    return value !== undefined && 'text' in value ? value.text : undefined;
  });
  const [context, dockerfile] = texts;
  if (context !== undefined && isElsewhere(context)) return [];
  const why = 'is the Dockerfile of a build, which is not judged here';
  if (context === undefined || dockerfile === undefined || /^[~/\\]/.test(dockerfile))
    return [mentioned(node.line, String(node.source ?? node.value), why)];
  const path = posix.join(environment.folder, context, dockerfile);
  return [
    {
      ...mentioned(node.line, path, why),
      build: { dockerfile: path, arguments: argumentsOf(build, environment) },
    },
  ];
}

/** Of `args`: one without a value is that of the machine, and without one there the default. */
function argumentsOf(build: YamlMap, environment: Environment): readonly BuildArgument[] {
  const node = build.get('args');
  const pairs = [...mapOf(node)].map(([name, value]) => ({ name, value }));
  const listed = listOf(node).map((item) => {
    const [name = ''] = String(item.value).split('=', 1);
    const hasValue = String(item.value).length > name.length;
    const rest = String(item.value).slice(name.length + 1);
    return { name, value: { ...item, value: hasValue ? rest : null } };
  });
  return [...pairs, ...listed].flatMap(({ name, value }) => {
    const { line } = value;
    if (value.value === null && value.tag === undefined)
      return environment.replaces(name) === undefined
        ? []
        : [{ name, line, value: { open: `$${name}` } }];
    const text = typeof value.value === 'string' ? value.value : value.source;
    const isPlain = value.tag === undefined && text === String(value.value);
    const given = isPlain ? interpolate(text, environment) : { open: `$${name}` };
    return [{ name, line, value: 'text' in given ? given : { open: given.open } }];
  });
}

/** This argument is a frontend, which BuildKit runs in the place of the one the file names. */
function readFrontend(build: YamlMap, environment: Environment): readonly ImageUse[] {
  return argumentsOf(build, environment)
    .filter(({ name }) => name === 'BUILDKIT_SYNTAX')
    .map(({ line, value }) =>
      'text' in value
        ? imageUse(line, value.text)
        : openUse(line, value.open, 'is a frontend that builds run, and is not known'),
    );
}

/** `generator=image` of the SBOM, in what is comma-separated. */
function readGenerator(sbom: YamlNode | undefined, environment: Environment): readonly ImageUse[] {
  const written = textOf(sbom);
  if (sbom === undefined || written === undefined) return [];
  const value = interpolate(written, environment);
  if ('open' in value) return interpolated(sbom, environment);
  const generator = /(?:^|,)generator=([^,]*)/.exec(value.text.replaceAll('"', ''))?.[1];
  return generator === undefined ? [] : [imageUse(sbom.line, generator)];
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
function readContext(node: YamlNode | undefined, environment: Environment): readonly ImageUse[] {
  if (!isSet(node)) return [];
  const written = textOf(node);
  if (written === undefined) return node.tag === undefined ? [] : [notText(node)];
  const value = interpolate(written, environment);
  if ('open' in value)
    // A variable alone is a folder of the machine, as a rule.
    return value.isReplaced || /docker-image:/i.test(written)
      ? interpolated(node, environment)
      : [];
  const image = /^docker-image:\/\/(.*)$/is.exec(value.text)?.[1];
  if (image !== undefined) return [imageUse(node.line, image, written)];
  return isElsewhere(value.text)
    ? [
        mentioned(
          node.line,
          written,
          'is a build context elsewhere, and its Dockerfile is not read',
        ),
      ]
    : [];
}

function isElsewhere(context: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@|^oci-layout:|^github\.com\/|^[~/\\]/i.test(context);
}

/** The image that a field names, with the defaults of its variables. */
export function interpolated(
  node: YamlNode | undefined,
  environment: Environment,
): readonly ImageUse[] {
  if (!isSet(node) || isReset(node)) return [];
  const written = textOf(node);
  if (written === undefined) return [notText(node)];
  const value = interpolate(written, environment);
  if ('open' in value)
    return [openUse(node.line, written, `holds \`${shown(value.open, 80)}\`, ${value.why}`)];
  return [imageUse(node.line, value.text, written)];
}

/** `!reset null` takes a field of another file away. */
function isReset({ tag, source, value }: YamlNode): boolean {
  return tag === '!reset' && /^(?:null|~|)$/i.test(String(source ?? value));
}

/** A scalar with a tag, a number, a list or a map, where a text has to stand. */
export function notText(node: YamlNode): ImageUse {
  return unresolved(
    node.line,
    String(node.source ?? ''),
    'is not a text that all versions read alike',
  );
}
