import { posix } from 'node:path';
import {
  isSet,
  listOf,
  mapOf,
  nodesIn,
  textOf,
  type YamlMap,
  type YamlNode,
} from '../text/yaml-node.ts';
import { type BuildArgument, type ImageUse, imageUse, mentioned, unresolved } from './image-use.ts';
import { mentionIn } from './mention.ts';

/** The file of a development container, by its name or folder. */
export function isDevcontainerPath(path: string): boolean {
  return /(?:^|\/)(?:\.?devcontainer\.json|\.devcontainer\/(?:.*\/)?[^/]*\.json)$/i.test(path);
}

/**
 * JSON with comments and commas at ends, as JSON, with all line ends in their place: a comment ends
 * at what is one for any reader. Comments in texts are texts.
 */
export function withoutComments(text: string): string {
  const parts =
    text.match(
      /"(?:\\[\s\S]|[^"\\])*"?|\/\/[^\n\r\u0085\u2028\u2029]*|\/\*[\s\S]*?(?:\*\/|$)|[^"/]+|\//g,
    ) ?? [];
  const bare = parts.map((part) =>
    /^\/[/*]/.test(part) ? part.replace(/[^\n\r\u0085\u2028\u2029]/g, ' ') : part,
  );
  // A comma in front of a bracket; texts are parts of their own.
  for (let at = 0, comma: number | undefined; at < bare.length; at++) {
    const part = bare[at] ?? '';
    if (part.startsWith('"')) comma = undefined;
    else {
      if (comma !== undefined && /^\s*[}\]]/.test(part)) dropComma(bare, comma);
      bare[at] = part.replace(/,(?=\s*[}\]])/g, ' ');
      if (/,\s*$/.test(part)) comma = at;
      else if (part.trim() !== '') comma = undefined;
    }
  }
  return bare.join('');
}

function dropComma(parts: string[], at: number): void {
  const part = parts[at] ?? '';
  const comma = part.lastIndexOf(',');
  parts[at] = `${part.slice(0, comma)} ${part.slice(comma + 1)}`;
}

/**
 * The images of a development container: `image`, and what its build arguments make of its
 * Dockerfile; features, that Dockerfile and what its arguments may name are told.
 * @param path of the file
 */
export function readDevcontainer(document: YamlNode, path: string): readonly ImageUse[] {
  const fields = mapOf(document);
  const build = mapOf(fields.get('build'));
  const features = [...mapOf(fields.get('features'))];
  const told = (node: YamlNode | undefined, why: string) =>
    listed(node).map((item) => mentioned(item.line, String(item.value), why));
  return [
    ...imageOf(fields.get('image')),
    ...told(build.get('cacheFrom'), 'is a cache that the build takes layers from'),
    ...readDockerfileOf(build, build.get('dockerfile') ?? fields.get('dockerFile'), path),
    ...[...nodesIn(document)].flatMap((node) => mentionIn('devcontainer.json', node)),
    ...listed(fields.get('dockerComposeFile')).map((item) => ({
      ...unresolved(
        item.line,
        String(item.value),
        'is a file whose services run here, and `files` does not choose it',
      ),
      unlessChosen: String(item.value),
    })),
    ...features
      .filter(([name]) => !name.startsWith('./'))
      .map(([name, { line }]) =>
        mentioned(line, name, 'is a feature, an artifact that the build installs'),
      ),
  ];
}

function readDockerfileOf(
  build: YamlMap,
  dockerfile: YamlNode | undefined,
  path: string,
): readonly ImageUse[] {
  return listed(dockerfile).map((item) => ({
    ...mentioned(
      item.line,
      String(item.value),
      'is its Dockerfile, which is judged where `files` chooses it',
    ),
    build: {
      dockerfile: posix.join(posix.dirname(path), String(item.value)),
      arguments: argumentsOf(build),
    },
  }));
}

/** `args`, and `--build-arg` among the `options` of `docker build`. */
function argumentsOf(build: YamlMap): readonly BuildArgument[] {
  const options = listed(build.get('options'));
  const given = options.flatMap((option, at) => {
    const text = String(option.value).replace(/^--build-arg=/, '');
    const isArgument =
      text !== option.value || String(options[at - 1]?.value).trim() === '--build-arg';
    const [name = ''] = text.split('=', 1);
    return isArgument ? [{ name, line: option.line, text: text.slice(name.length + 1) }] : [];
  });
  const args = [...mapOf(build.get('args'))].map(([name, node]) => ({
    name,
    line: node.line,
    text: String(node.source ?? node.value),
  }));
  return [...args, ...given].map(({ name, line, text }) => ({
    name,
    line,
    value: text.includes('$') ? { open: text } : { text },
  }));
}

/** A text, as it stands. */
function imageOf(image: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(image)) return [];
  const text = textOf(image);
  return text === undefined
    ? [unresolved(image.line, String(image.source ?? ''), 'is not a text')]
    : [imageUse(image.line, text)];
}

function listed(node: YamlNode | undefined): readonly YamlNode[] {
  if (!isSet(node)) return [];
  return Array.isArray(node.value) ? listOf(node) : [node];
}
