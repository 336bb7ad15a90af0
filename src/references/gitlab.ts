import { isSet, listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, mentioned, unresolved } from './image-use.ts';

/** A pipeline of GitLab, by its name; or a map of jobs with scripts, of which one names an image. */
export function isGitlab(document: YamlNode, name: string): boolean {
  const fields = mapOf(document);
  if (/gitlab-ci[^/]*\.ya?ml$/i.test(name)) return true;
  const jobs = [...fields.values()].map(mapOf).filter((job) => job.has('script'));
  return jobs.length > 0 && (fields.has('stages') || jobs.some(namesImages));
}

/** As jobs do, and values of a chart do not. */
function namesImages(job: YamlMap): boolean {
  const image = job.get('image');
  const known = ['name', 'entrypoint', 'pull_policy', 'docker', 'kubernetes'];
  return (
    Array.isArray(job.get('services')?.value) ||
    (mapOf(image).has('name') && [...mapOf(image).keys()].every((field) => known.includes(field)))
  );
}

/** The images of a GitLab pipeline: `image` and `services` of all jobs, of `default` and of one. */
export function readGitlab(document: YamlNode): readonly ImageUse[] {
  const fields = mapOf(document);
  const include = fields.get('include');
  return [
    ...imagesOfJob(document, document),
    ...[...fields].flatMap(([name, job]) =>
      name === 'variables' ? [] : imagesOfJob(job, document),
    ),
    ...(isSet(include)
      ? [mentioned(include.line, 'include', 'takes jobs from other files, and those are not read')]
      : []),
  ];
}

function imagesOfJob(job: YamlNode, document: YamlNode): readonly ImageUse[] {
  if (job.tag !== undefined)
    return [unresolved(job.line, job.tag, 'is a job that this file does not show as it is')];
  const fields = mapOf(job);
  const trigger = mapOf(fields.get('trigger')).get('include');
  const run = fields.get('run') ?? fields.get('steps');
  const services = fields.get('services');
  return [
    ...imageOf(fields.get('image'), document),
    ...(services === undefined ? [] : servicesOf(services, document, new Set())),
    ...(isSet(trigger)
      ? [mentioned(trigger.line, 'trigger', 'starts a pipeline of another file, which is not read')]
      : []),
    ...(Array.isArray(run?.value)
      ? [mentioned(run.line, 'run', 'runs steps, whose images are not read')]
      : []),
  ];
}

/** A list, lists in it, and what they take from other jobs; each node once. */
function servicesOf(node: YamlNode, document: YamlNode, seen: Set<YamlNode>): readonly ImageUse[] {
  if (seen.has(node)) return [];
  seen.add(node);
  if (node.tag === '!reference') {
    const found = referred(node, document);
    return found === undefined ? [notShown(node)] : servicesOf(found, document, seen);
  }
  return Array.isArray(node.value)
    ? listOf(node).flatMap((item) => servicesOf(item, document, seen))
    : imageOf(node, document);
}

const deepest = 10;

/** `image: text`, or `image: { name: text }`; also by `!reference`. */
function imageOf(node: YamlNode | undefined, document: YamlNode, depth = 0): readonly ImageUse[] {
  if (node === undefined) return [];
  if (node.tag === '!reference') {
    const found = depth > deepest ? undefined : referred(node, document);
    return found === undefined ? [notShown(node)] : imageOf(found, document, depth + 1);
  }
  if (Array.isArray(node.value) || depth > deepest) return [notShown(node)];
  if (node.value instanceof Map) return imageOf(mapOf(node).get('name'), document, depth + 1);
  if (!isSet(node)) return [];
  const text = textOf(node);
  return text === undefined
    ? [unresolved(node.line, String(node.source ?? ''), 'is not a text')]
    : [imageUse(node.line, text)];
}

/** What `!reference [job, field]` means in this file. */
function referred(node: YamlNode, document: YamlNode): YamlNode | undefined {
  let found: YamlNode | undefined = document;
  for (const step of listOf(node)) found = mapOf(found).get(textOf(step) ?? '');
  return found === document ? undefined : found;
}

function notShown({ line, tag = '' }: YamlNode): ImageUse {
  return unresolved(line, tag, 'names images that this file does not show');
}
