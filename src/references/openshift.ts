import { listOf, mapOf, textOf, type YamlMap } from '../text/yaml-node.ts';
import { readDockerfile, readWithArguments } from './dockerfile.ts';
import { doubtful } from './image-fields.ts';
import { type BuildArgument, nothing, type Special, unresolved } from './image-use.ts';

/** OpenShift fills in the blank images of containers that such an annotation names. */
export function triggeredBy(annotations: YamlMap): Pick<Special, 'triggered'> {
  const text = textOf(annotations.get('image.openshift.io/triggers'));
  if (text === undefined) return {};
  return {
    triggered: [...text.matchAll(/@\.name\s*==\s*\\?["']([^"'\\]+)/g)].map(([, name = '']) => name),
  };
}

/** `output` is where a build pushes to; a Dockerfile may stand in `source`. */
export function readBuildConfig(object: YamlMap): Special {
  const spec = mapOf(object.get('spec'));
  const output = spec.get('output');
  const dockerfile = mapOf(spec.get('source')).get('dockerfile');
  const taken = output === undefined ? [] : [output];
  if (dockerfile === undefined || textOf(dockerfile) === undefined)
    return { uses: dockerfile === undefined ? [] : doubtful(dockerfile), taken };
  const text = String(dockerfile.value);
  const strategy = mapOf(mapOf(spec.get('strategy')).get('dockerStrategy'));
  const built = readWithArguments(text, argumentsOf(strategy));
  const uses = readDockerfile(text);
  const isBlock = dockerfile.style === 'literal';
  return {
    uses: [
      ...built,
      ...uses.map((use) => ({
        ...use,
        line: isBlock ? dockerfile.line + use.line : dockerfile.line,
      })),
    ],
    taken: [...taken, dockerfile],
  };
}

/** `buildArgs`: one without a value of its own gets it in the cluster. */
function argumentsOf(strategy: YamlMap): readonly BuildArgument[] {
  return listOf(strategy.get('buildArgs')).map((item) => {
    const fields = mapOf(item);
    const name = textOf(fields.get('name')) ?? '';
    const value = fields.get('value');
    const isText = typeof value?.value === 'string' && value.tag === undefined;
    return {
      name,
      line: value?.line ?? item.line,
      value: isText ? { text: String(value.value) } : { open: `$${name}` },
    };
  });
}

/** A repository all of whose tags are brought in. */
export function readImageStream(object: YamlMap): Special {
  const repository = mapOf(object.get('spec')).get('dockerImageRepository');
  const text = textOf(repository);
  if (repository === undefined || text === undefined) return nothing;
  return {
    uses: [unresolved(repository.line, text, 'brings in every tag of a repository')],
    taken: [repository],
  };
}

/** The containers whose blank images its triggers fill in. */
export function readDeploymentConfig(object: YamlMap): Special {
  const triggers = listOf(mapOf(object.get('spec')).get('triggers')).map((trigger) =>
    mapOf(mapOf(trigger).get('imageChangeParams')),
  );
  const triggered = triggers
    .filter((params) => textOf(mapOf(params.get('from')).get('kind')) === 'ImageStreamTag')
    .flatMap((params) =>
      listOf(params.get('containerNames')).flatMap((name) => textOf(name) ?? []),
    );
  return { ...nothing, triggered };
}
