import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { readYaml } from '../text/yaml.ts';
import type { YamlLimits, YamlMap, YamlNode } from '../text/yaml-node.ts';
import { UnreadableYaml } from '../text/yaml-node.ts';
import { type PolicyNode, refusal } from './node.ts';

/** What one file may hold: less than a file of manifests. */
export const policyLimits: YamlLimits = {
  lexemes: 500_000,
  documents: 1000,
  depth: 40,
  values: 50_000,
};

/**
 * Reads a policy file of several documents into nodes that know their fields. Stricter than for
 * other files: a tag, or a value about which readers of YAML may differ, is refused.
 * @returns the documents that are not empty
 * @throws {Failure} `bad-policy` with the line
 */
export function readPolicyNodes(file: string, text: string): readonly PolicyNode[] {
  return documents(file, text).flatMap((document) => {
    const tree = placed(document, file, '');
    return tree.value === null ? [] : [tree];
  });
}

function documents(file: string, text: string): readonly YamlNode[] {
  try {
    return readYaml(text, policyLimits);
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    throw new Failure(
      'bad-policy',
      `${shown(file)}, line ${caught.line}: this is not a policy file that can be read: it ${shown(caught.message)}.`,
      'Give YAML as `kubectl apply` takes it. A template (Helm, kustomize variables) must be rendered first, for example with `helm template`.',
      { cause: caught },
    );
  }
}

function placed(node: YamlNode, file: string, field: string): PolicyNode {
  const place = { file, line: node.line, field, value: null };
  if (node.tag !== undefined)
    throw refusal(place, `has the tag ${shown(node.tag)}`, 'Write the value without a tag.');
  if (node.doubt !== undefined) throw refusal(place, node.doubt, 'Write the value once.');
  const { value } = node;
  if (value instanceof Map) {
    const fields = [...(value as YamlMap)].map(([name, child]) => {
      const inside = field === '' ? name : `${field}.${name}`;
      return [name, placed(child, file, inside)] as const;
    });
    return { ...place, value: new Map(fields) };
  }
  if (Array.isArray(value))
    return {
      ...place,
      value: (value as readonly YamlNode[]).map((item, index) =>
        placed(item, file, `${field}[${index}]`),
      ),
    };
  return { ...place, value: value as PolicyNode['value'] };
}
