import { listOf, mapOf, textOf, type YamlMap } from '../text/yaml-node.ts';
import { readDockerfile } from './dockerfile.ts';
import { doubtful } from './image-fields.ts';
import { unresolved } from './image-use.ts';
import { nothing, type Special } from './special.ts';

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
  const uses = readDockerfile(String(dockerfile.value));
  const isBlock = dockerfile.style === 'literal';
  return {
    uses: uses.map((use) => ({
      ...use,
      line: isBlock ? dockerfile.line + use.line : dockerfile.line,
    })),
    taken: [...taken, dockerfile],
  };
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
