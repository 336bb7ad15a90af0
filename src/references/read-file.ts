import { UnreadableYaml } from '../text/unreadable-yaml.ts';
import { readYaml } from '../text/yaml.ts';
import { mapOf, type YamlNode } from '../text/yaml-node.ts';
import { isCompose, readCompose } from './compose.ts';
import { looksLikeDockerfile, readDockerfile, readSyntax } from './dockerfile.ts';
import { readHelmValues } from './helm.ts';
import { type FileReading, type ImageUse, unresolved } from './image-use.ts';
import { isKubernetes, readKubernetes } from './kubernetes.ts';
import { isJsonPatch, isKustomization, readJsonPatch, readKustomization } from './kustomize.ts';
import { readTemplate } from './template.ts';
import { isAction, isWorkflow, readAction, readWorkflow } from './workflow.ts';

/** What one file may have; larger ones are not read. */
export const mostFileBytes = 1024 * 1024;

/**
 * Finds the image references of a file. What it is, is decided by its content first: a manifest is
 * one under any name. A file that cannot be read to its end is unresolved, not empty.
 * @param path with `/`, for its name alone
 */
export function readFileReferences(path: string, bytes: Uint8Array): FileReading {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/\.dockerignore$/i.test(name)) return nothing;
  if (bytes.length > mostFileBytes) return broken('has more than 1 MiB, which no such file has');
  if (isNamed(name)) return { kinds: ['Dockerfile'], uses: readDockerfile(bytes) };
  if (!isYamlName(name) && looksLikeDockerfile(bytes))
    return { kinds: ['Dockerfile'], uses: readDockerfile(bytes) };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return readOtherText(name, bytes);
  }
  const { kinds, uses } = readAsYaml(name, text);
  // `docker build -f` takes a file of any name, and runs the frontend that it begins with.
  return { kinds, uses: isYamlName(name) ? [...readSyntax(bytes), ...uses] : uses };
}

/**
 * A file that is not UTF-8. Readers differ in what they make of it: YAML readers refuse it or take
 * UTF-16, JSON readers put something in the place of a wrong byte. So it is no manifest only if it
 * names no image in any reading.
 */
function readOtherText(name: string, bytes: Uint8Array): FileReading {
  if (isYamlName(name)) return broken('is not text in UTF-8');
  const [first, second] = bytes;
  const isBigEndian = first === 0xfe && second === 0xff;
  const isWide = isBigEndian || (first === 0xff && second === 0xfe);
  if (!isWide && bytes.includes(0)) return nothing;
  const encoding = isWide ? (isBigEndian ? 'utf-16be' : 'utf-16le') : 'latin1';
  const { uses } = readAsYaml(name, new TextDecoder(encoding).decode(bytes));
  return uses.length === 0 ? nothing : broken('names images, and is not text in UTF-8');
}

const nothing: FileReading = { kinds: [], uses: [] };

function broken(why: string, line = 1, written = ''): FileReading {
  return { kinds: ['unreadable'], uses: [unresolved(line, written, why)] };
}

/** `Dockerfile`, `Dockerfile.dev`, `app.Dockerfile`, and the same with Containerfile. */
function isNamed(name: string): boolean {
  return /^(docker|container)file([.-].*)?$/i.test(name) || /\.(docker|container)file$/i.test(name);
}

function isYamlName(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name);
}

function readAsYaml(name: string, text: string): FileReading {
  let documents: readonly YamlNode[];
  try {
    documents = readYaml(text);
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    if (/\{\{/.test(text) && /\.(ya?ml|json|tpl|tmpl|gotmpl)$/i.test(name))
      return { kinds: ['template'], uses: readTemplate(text) };
    return isYamlName(name) ? broken(caught.message, caught.line) : nothing;
  }
  const readings = documents.map((document) => readDocument(document, name));
  return {
    kinds: [...new Set(readings.flatMap(({ kinds }) => kinds))],
    uses: readings.flatMap(({ uses }) => uses).toSorted(byLine),
  };
}

function readDocument(document: YamlNode, name: string): FileReading {
  // Values may have any field: under their own name they are values, whatever else they look like.
  const isValues = /^values.*\.ya?ml$/.test(name);
  if (!isValues && isJsonPatch(document))
    return { kinds: ['JSON patch'], uses: readJsonPatch(document) };
  const kind = isValues
    ? undefined
    : kinds.find(({ is }) => document.value instanceof Map && is(document, name));
  const known = kind?.read(document) ?? [];
  const other = kind?.has(document) ?? [];
  // The rest of a file that only looks like a manifest: Helm values under another name, with a
  // field `services` or `jobs` in front.
  const rest = readHelmValues(
    other === 'all' ? { line: 1, value: null } : without(document, other),
  );
  const seen = new Set(known.map(identity));
  const uses = [...known, ...rest.filter((use) => !seen.has(identity(use)))];
  if (kind !== undefined) return { kinds: [kind.name], uses };
  return uses.length > 0 || isValues ? { kinds: ['values'], uses } : nothing;
}

interface Kind {
  readonly name: string;
  readonly is: (document: YamlNode, fileName: string) => boolean;
  readonly read: (document: YamlNode) => readonly ImageUse[];
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
    read: readKustomization,
    has: () => ['images', 'patches', 'patchesJson6902', 'patchesStrategicMerge'],
  },
  // No object of Kubernetes has a field `global`; values that pose as one do.
  {
    name: 'Kubernetes',
    is: isKubernetes,
    read: readKubernetes,
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
      ...[...mapOf(document).keys()].filter((field) => field.startsWith('x-')),
    ],
  },
];

function without(document: YamlNode, fields: readonly string[]): YamlNode {
  if (!(document.value instanceof Map)) return document;
  return {
    ...document,
    value: new Map([...mapOf(document)].filter(([field]) => !fields.includes(field))),
  };
}

function identity(use: ImageUse): string {
  return `${use.line} ${'why' in use} ${use.written}`;
}

function byLine(one: ImageUse, other: ImageUse): number {
  return one.line - other.line;
}
