import { isSet, listOf, mapOf, textOf, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, mentioned, unresolved } from './image-use.ts';

/** A pipeline of GitLab, by its name; or a map of jobs with scripts, of which one names an image. */
export function isGitlab(document: YamlNode, name: string): boolean {
  const fields = mapOf(document);
  if (/gitlab-ci[^/]*\.ya?ml$/i.test(name)) return true;
  return (
    fields.has('stages') &&
    [...fields.values()].some((job) => mapOf(job).get('script') !== undefined)
  );
}

/** The images of a GitLab pipeline: `image` and `services` of all jobs, of `default` and of one. */
export function readGitlab(document: YamlNode): readonly ImageUse[] {
  const fields = mapOf(document);
  const include = fields.get('include');
  return [
    ...imagesOfJob(document),
    ...[...fields].flatMap(([name, job]) => (name === 'variables' ? [] : imagesOfJob(job))),
    ...(isSet(include)
      ? [mentioned(include.line, 'include', 'takes jobs from other files, and those are not read')]
      : []),
  ];
}

function imagesOfJob(job: YamlNode): readonly ImageUse[] {
  const fields = mapOf(job);
  const trigger = mapOf(fields.get('trigger')).get('include');
  const run = fields.get('run') ?? fields.get('steps');
  return [
    ...imageOf(fields.get('image')),
    ...listOf(fields.get('services')).flatMap(imageOf),
    ...(Array.isArray(fields.get('services')?.value) ? [] : imageOf(fields.get('services'))),
    ...(isSet(trigger)
      ? [mentioned(trigger.line, 'trigger', 'starts a pipeline of another file, which is not read')]
      : []),
    ...(Array.isArray(run?.value)
      ? [mentioned(run.line, 'run', 'runs steps, whose images are not read')]
      : []),
  ];
}

/** `image: text`, or `image: { name: text }`. */
function imageOf(node: YamlNode | undefined): readonly ImageUse[] {
  const image = node?.value instanceof Map ? mapOf(node).get('name') : node;
  if (!isSet(image) || Array.isArray(image.value)) return [];
  const text = textOf(image);
  return text === undefined
    ? [unresolved(image.line, String(image.source ?? ''), 'is not a text')]
    : [imageUse(image.line, text)];
}

/** The file of a development container, by its name or folder. */
export function isDevcontainerPath(path: string): boolean {
  return /(?:^|\/)(?:\.?devcontainer\.json|\.devcontainer\/(?:.*\/)?[^/]*\.json)$/i.test(path);
}

/**
 * JSON with comments and commas at ends, as JSON, with all line ends in their place. Comments in
 * texts are texts.
 */
export function withoutComments(text: string): string {
  const parts =
    text.match(/"(?:\\[\s\S]|[^"\\])*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[^"/]+|\//g) ?? [];
  const bare = parts.map((part) => (/^\/[/*]/.test(part) ? part.replace(/[^\n]/g, ' ') : part));
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

/** The images of a development container: `image`; features and its Dockerfile are told. */
export function readDevcontainer(document: YamlNode): readonly ImageUse[] {
  const fields = mapOf(document);
  const build = mapOf(fields.get('build'));
  const features = [...mapOf(fields.get('features'))];
  const told = (node: YamlNode | undefined, why: string) =>
    listed(node).map((item) => mentioned(item.line, String(item.value), why));
  return [
    ...imageOf(fields.get('image')),
    ...told(build.get('cacheFrom'), 'is a cache that the build takes layers from'),
    ...told(
      build.get('dockerfile') ?? fields.get('dockerFile'),
      'is its Dockerfile, which is judged where `files` chooses it',
    ),
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

function listed(node: YamlNode | undefined): readonly YamlNode[] {
  if (!isSet(node)) return [];
  return Array.isArray(node.value) ? listOf(node) : [node];
}
