import { yamlDocuments } from '../text/yaml.ts';
import { mapOf, nodesIn, UnreadableYaml, type YamlNode } from '../text/yaml-node.ts';
import { isCompose, readCompose } from './compose.ts';
import { isDevcontainerPath, readDevcontainer, withoutComments } from './devcontainer.ts';
import { type Environment, openEnvironment } from './environment.ts';
import { isGitlab, readGitlab } from './gitlab.ts';
import { readHelmValues } from './helm.ts';
import { doubtful } from './image-fields.ts';
import { type FileReading, type ImageUse, unresolved, workloadName } from './image-use.ts';
import { isKubernetes, readKubernetes } from './kubernetes.ts';
import {
  isKustomization,
  isReplacement,
  kustomizeFields,
  readKustomization,
  readReplacements,
} from './kustomize.ts';
import { readConfiguration } from './kustomize-files.ts';
import { isJsonPatch, readJsonPatch } from './patches.ts';
import { actionsOutside, isTemplate, isTemplatePlace, readTemplate } from './template.ts';
import { isAction, isWorkflow, readAction, readWorkflow } from './workflow.ts';

const nothing: FileReading = { kinds: [], uses: [] };

/** True for a name that says YAML or JSON. */
export function isYamlName(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name);
}

/**
 * The images of a YAML or JSON file of any kind; nothing for a text that is none and does not say
 * so by its name.
 * @param path with `/`
 * @param environment what decides the variables of a compose file; without, no `.env` does
 */
export function readYamlFile(
  path: string,
  written: string,
  environment: Environment = openEnvironment(path, []),
): FileReading {
  const isDevcontainer = isDevcontainerPath(path);
  const text = isDevcontainer ? withoutComments(written) : written;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const readings: FileReading[] = [];
  try {
    for (const document of yamlDocuments(text)) {
      readings.push(
        isDevcontainer
          ? { kinds: ['devcontainer'], uses: readDevcontainer(document, path) }
          : readDocument(document, name, environment),
      );
      if (text.includes('{{') && !isValuesName(name)) readings.push(made(document));
    }
    if (isTemplatePlace(path)) readings.push(made(text));
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    const isOther = !isYamlName(name) && !isTemplate(name, text);
    if (
      isOther &&
      readings.every(({ kinds: found }) => found.length === 0) &&
      !mayBeYaml(name, text)
    )
      return nothing;
    readings.push(readUnreadable(name, text, caught));
  }
  return {
    kinds: [...new Set(readings.flatMap(({ kinds: found }) => found))],
    uses: distinct(readings.flatMap(({ uses: found }) => found)),
  };
}

/** What a template makes besides values. */
function made(what: YamlNode | string): FileReading {
  return { kinds: [], uses: actionsOutside(what) };
}

/**
 * A text under another name that begins like YAML and speaks of images: `kubectl apply -f` and
 * kustomize take files of any name.
 */
function mayBeYaml(name: string, text: string): boolean {
  if (/\.(?:md|markdown|rst|adoc|html?)$/i.test(name) || !text.includes('image')) return false;
  const lines = text.slice(0, 64 * 1024).split(/[\r\n\u0085\u2028\u2029]/);
  const first = lines.find((line) => !/^\uFEFF?\s*(?:$|#|---|%)/.test(line));
  return first !== undefined && /^\s*(?:[{[?!&*"']|-\s|[\w.-]+\s*:(?:\s|$))/.test(first);
}

/** A template, or a file that some reader of YAML may take otherwise. */
function readUnreadable(name: string, text: string, why: UnreadableYaml): FileReading {
  return isTemplate(name, text)
    ? { kinds: ['template'], uses: readTemplate(text, why) }
    : { kinds: ['unreadable'], uses: [unresolved(why.line, '', why.message)] };
}

/** Each use once, by line; what is told without those that are judged elsewhere in the file. */
function distinct(found: readonly ImageUse[]): readonly ImageUse[] {
  const uses = new Map(found.map((use) => [identity(use), use]));
  const judged = new Set(found.flatMap((use) => ('reference' in use ? [use.written] : [])));
  return [...uses.values()]
    .filter((use) => !('told' in use && judged.has(use.written)))
    .toSorted(byLine);
}

/** Under such a name they are values, whatever else they look like: values may have any field. */
function isValuesName(name: string): boolean {
  return /^values.*\.ya?ml$/.test(name);
}

function readDocument(document: YamlNode, name: string, environment: Environment): FileReading {
  const isValues = isValuesName(name);
  if (isJsonPatch(document) && !isValues)
    return {
      kinds: ['JSON patch'],
      uses: [...readJsonPatch(document, readKubernetes), ...doubtsIn(document)],
    };
  const replaced = isReplacement(document)
    ? readReplacements(document)
    : isValues
      ? []
      : readConfiguration(document);
  const kind = kinds.find(({ is }) => document.value instanceof Map && is(document, name));
  const known = kind?.read(document, environment) ?? [];
  const other = isValues ? [] : (kind?.has(document) ?? []);
  // The rest of a file that only looks like a manifest: Helm values under another name, with a
  // field `services` or `jobs` in front.
  const rest = readHelmValues(
    other === 'all' ? { line: 1, value: null } : without(document, other),
  );
  const uses = [
    ...replaced,
    ...known,
    ...rest,
    ...(kind?.name === 'compose' ? [] : doubtsIn(document)),
  ];
  if (isValues) return { kinds: ['values'], uses };
  if (kind !== undefined) return { kinds: [kind.name], uses };
  return uses.length > 0 ? { kinds: ['values'], uses } : nothing;
}

/**
 * Values that another reader takes from a merge key. For compose the explicit key counts in every
 * version.
 */
function doubtsIn(document: YamlNode): readonly ImageUse[] {
  return [...nodesIn(document)].flatMap((node) => (node.doubt === undefined ? [] : doubtful(node)));
}

interface Kind {
  readonly name: string;
  readonly is: (document: YamlNode, fileName: string) => boolean;
  readonly read: (document: YamlNode, environment: Environment) => readonly ImageUse[];
  /**
   * the fields of a document that `read` looks at, or that name no image; `all` where it looks
   * everywhere
   */
  readonly has: (document: YamlNode) => readonly string[] | 'all';
}

/** In the order in which they are tried. */
const kinds: readonly Kind[] = [
  {
    name: 'kustomization',
    is: isKustomization,
    read: (document) => readKustomization(document, readKubernetes),
    has: () => kustomizeFields,
  },
  // No object of Kubernetes has a field `global`; values that pose as one do.
  {
    name: 'Kubernetes',
    is: isKubernetes,
    read: (document) => readKubernetes(document),
    has: (document) => (mapOf(document).has('global') ? [] : 'all'),
  },
  {
    name: 'workflow',
    is: isWorkflow,
    read: readWorkflow,
    has: () => ['jobs', 'on', 'env', 'defaults'],
  },
  { name: 'action', is: isAction, read: readAction, has: () => ['runs', 'inputs', 'outputs'] },
  {
    name: 'compose',
    is: isCompose,
    read: readCompose,
    has: (document) => [
      'services',
      'models',
      'include',
      ...[...mapOf(document).keys()].filter((field) => field.startsWith('x-')),
    ],
  },
  { name: 'GitLab pipeline', is: isGitlab, read: readGitlab, has: () => [] },
];

function without(document: YamlNode, fields: readonly string[]): YamlNode {
  if (!(document.value instanceof Map)) return document;
  return {
    ...document,
    value: new Map([...mapOf(document)].filter(([field]) => !fields.includes(field))),
  };
}

function identity(use: ImageUse): string {
  const sort = 'why' in use ? 'why' : 'told' in use ? 'told' : 'reference';
  // What a cluster prints may be one line, in which many workloads run the same image.
  const workload = use.workload === undefined ? '' : workloadName(use.workload);
  return `${use.line} ${sort} ${workload} ${use.written}`;
}

function byLine(one: ImageUse, other: ImageUse): number {
  return one.line - other.line;
}
