import { shown } from '../text/untrusted.ts';
import { isSet, listOf, mapOf, textOf, type YamlNode } from '../text/yaml-node.ts';
import { readDockerfile } from './dockerfile.ts';
import { expand, Variables } from './dockerfile-expand.ts';
import { type ImageUse, imageUse, unresolved } from './image-use.ts';

/** A compose file has a map of services, each one a map. */
export function isCompose(document: YamlNode): boolean {
  const services = mapOf(mapOf(document).get('services'));
  return (
    services.size > 0 &&
    [...services.values()].every(({ value }) => value instanceof Map || value === null)
  );
}

/**
 * The images of a compose file: `image` of services (one that is also built is asked for from the
 * registry first, unless `pull_policy` is `build`), Dockerfiles written in it, images that builds
 * take as contexts, and volumes of the type `image`. Variables count with their default.
 */
export function readCompose(document: YamlNode): readonly ImageUse[] {
  return [...mapOf(mapOf(document).get('services')).values()].flatMap((service) => {
    const fields = mapOf(service);
    const build = mapOf(fields.get('build'));
    const onlyBuilt =
      isSet(fields.get('build')) &&
      ['build', 'never'].includes(textOf(fields.get('pull_policy')) ?? '');
    const inline = build.get('dockerfile_inline');
    return [
      ...(onlyBuilt ? [] : interpolated(fields.get('image'))),
      ...(textOf(inline) === undefined
        ? []
        : readDockerfile(String(inline?.value), (inline?.line ?? 0) + 1)),
      ...contexts(build.get('additional_contexts')).flatMap(fromContext),
      ...listOf(fields.get('volumes')).flatMap((volume) =>
        textOf(mapOf(volume).get('type')) === 'image'
          ? interpolated(mapOf(volume).get('source'))
          : [],
      ),
    ];
  });
}

/** A map `name: value`, or a list of `name=value`. */
function contexts(node: YamlNode | undefined): readonly YamlNode[] {
  const listed = listOf(node).map((item) => ({
    ...item,
    value: String(item.value).replace(/^[^=]*=/, ''),
  }));
  return [...mapOf(node).values(), ...listed];
}

function fromContext(node: YamlNode): readonly ImageUse[] {
  const image = /^docker-image:\/\/(.*)$/s.exec(textOf(node) ?? '')?.[1];
  return image === undefined ? [] : interpolated({ ...node, value: image });
}

/**
 * Compose replaces `$NAME`, `${NAME}`, `${NAME:-default}` as a shell does; `$$` is a dollar. What
 * `.env` holds is not looked at.
 */
function interpolated(node: YamlNode | undefined): readonly ImageUse[] {
  if (!isSet(node)) return [];
  const written = textOf(node);
  if (written === undefined)
    return [unresolved(node.line, String(node.source ?? ''), 'is not a text')];
  const value = written.includes('$$') ? { open: '$$' } : expand(written, new Variables());
  if ('open' in value)
    return [
      unresolved(
        node.line,
        written,
        `holds \`${shown(value.open, 80)}\`, which has no default in this file`,
      ),
    ];
  return [imageUse(node.line, value.text, written)];
}
