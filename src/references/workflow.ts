import { isSet, listOf, mapOf, textOf, type YamlNode } from '../text/yaml-node.ts';
import { type ImageUse, imageUse, mentioned, unresolved } from './image-use.ts';

/** A workflow has jobs, and says when it runs or what its jobs run on. */
export function isWorkflow(document: YamlNode): boolean {
  const fields = mapOf(document);
  const jobs = [...mapOf(fields.get('jobs')).values()];
  return (
    jobs.length > 0 &&
    (fields.has('on') || fields.has('true') || jobs.some((job) => mapOf(job).has('runs-on')))
  );
}

/**
 * The images of a GitHub workflow: `container` and `services` of its jobs, and steps with `uses:
 * docker://…`.
 */
export function readWorkflow(document: YamlNode): readonly ImageUse[] {
  return [...mapOf(mapOf(document).get('jobs')).values()].flatMap((job) => {
    const fields = mapOf(job);
    const services = fields.get('services');
    const computed = textOf(services);
    return [
      ...container(fields.get('container')),
      ...[...mapOf(services).values()].flatMap(container),
      // `services: ${{ fromJSON(…) }}`
      ...(computed === undefined ? [] : [imageUse(services?.line ?? job.line, computed)]),
      ...steps(fields.get('steps')),
    ];
  });
}

/** An action's metadata: `runs.using`. */
export function isAction(document: YamlNode): boolean {
  return textOf(mapOf(mapOf(document).get('runs')).get('using')) !== undefined;
}

/**
 * The images of an action: `runs.image: docker://…` (a Dockerfile beside it is a file of its own),
 * and the steps of a composite one.
 */
export function readAction(document: YamlNode): readonly ImageUse[] {
  const runs = mapOf(mapOf(document).get('runs'));
  const image = runs.get('image');
  const text = textOf(image);
  const isFile = image !== undefined && text !== undefined && !/^docker:/i.test(text);
  const dockerfile = isFile
    ? [
        {
          ...mentioned(
            image.line,
            text,
            'is the Dockerfile of an action, which is not judged here',
          ),
          unlessChosen: text,
        },
      ]
    : [];
  return [...dockerfile, ...dockerUrl(image), ...steps(runs.get('steps'))];
}

/** `container: image`, or `container: { image }`; an empty text means no container. */
function container(node: YamlNode | undefined): readonly ImageUse[] {
  const image = node?.value instanceof Map ? mapOf(node).get('image') : node;
  if (!isSet(image)) return [];
  const text = textOf(image);
  if (text === undefined)
    return [unresolved(image.line, String(image.source ?? ''), 'is not a text')];
  return [imageUse(image.line, text.replace(/^docker:\/\//, ''), text)];
}

function steps(node: YamlNode | undefined): readonly ImageUse[] {
  return listOf(node).flatMap((step) => dockerUrl(mapOf(step).get('uses')));
}

function dockerUrl(node: YamlNode | undefined): readonly ImageUse[] {
  // A tag keeps or changes the text, and readers differ.
  if (node?.tag !== undefined && /docker:/i.test(String(node.source ?? node.value)))
    return [unresolved(node.line, String(node.source ?? ''), 'is not a text')];
  const text = textOf(node);
  const image = /^docker:\/\/(.*)$/is.exec(text ?? '')?.[1];
  return node === undefined || text === undefined || image === undefined
    ? []
    : [imageUse(node.line, image, text)];
}
