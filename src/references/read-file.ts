import { UnreadableYaml } from '../text/unreadable-yaml.ts';
import { commentsIn, yamlDocuments } from '../text/yaml.ts';
import { mapOf, mapsIn, nodesIn, type YamlNode } from '../text/yaml-node.ts';
import { isCompose, readCompose } from './compose.ts';
import { looksLikeDockerfile, readDockerfile, readSyntax } from './dockerfile.ts';
import { readHelmValues } from './helm.ts';
import { doubtful } from './image-fields.ts';
import { type FileReading, type ImageUse, mostFileBytes, unresolved } from './image-use.ts';
import { isKubernetes, readKubernetes } from './kubernetes.ts';
import { isKustomization, kustomizeFields, readKustomization } from './kustomize.ts';
import { isJsonPatch, readJsonPatch } from './patches.ts';
import { readTemplate } from './template.ts';
import { isAction, isWorkflow, readAction, readWorkflow } from './workflow.ts';

const mostDockerfileBytes = 1024 * 1024;

/**
 * Finds the image references of a file. What it is, is decided by its content first: a manifest is
 * one under any name. A file that cannot be read to its end is unresolved, not empty.
 * @param path with `/`, for its name alone
 */
export function readFileReferences(path: string, bytes: Uint8Array): FileReading {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/\.dockerignore$/i.test(name)) return nothing;
  if (bytes.length > mostFileBytes) return broken('has more than 6 MiB, which no such file has');
  if (isNamed(name) || (!isYamlName(name) && looksLikeDockerfile(bytes)))
    return bytes.length > mostDockerfileBytes
      ? broken('has more than 1 MiB, which no such file has')
      : { kinds: ['Dockerfile'], uses: readDockerfile(bytes) };
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
  const documents: YamlNode[] = [];
  const readings: FileReading[] = [];
  const isValues = isValuesName(name);
  try {
    for (const document of yamlDocuments(text)) {
      documents.push(document);
      readings.push(readDocument(document, name));
    }
    if (!isValues && text.includes('{{')) refuseTemplate(text, readings, documents);
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    const unread = readUnreadable(name, text, caught);
    if (unread.kinds.length === 0 && !isYamlName(name)) return nothing;
    readings.push(unread);
  }
  return {
    kinds: [...new Set(readings.flatMap(({ kinds: found }) => found))],
    uses: distinct(readings.flatMap(({ uses: found }) => found)),
  };
}

/** Each use once, by line; what is told without those that are judged elsewhere in the file. */
function distinct(found: readonly ImageUse[]): readonly ImageUse[] {
  const uses = new Map(found.map((use) => [identity(use), use]));
  const judged = new Set(found.flatMap((use) => ('reference' in use ? [use.written] : [])));
  return [...uses.values()]
    .filter((use) => !('told' in use && judged.has(use.written)))
    .toSorted(byLine);
}

/** A file that some reader of YAML may take otherwise, or a template. */
function readUnreadable(name: string, text: string, why: UnreadableYaml): FileReading {
  const isTemplate = /\.(ya?ml|json|tpl|tmpl|gotmpl|j2)$/i.test(name) && /(?<!\$)\{\{/.test(text);
  if (isTemplate)
    return {
      kinds: ['template'],
      uses: readTemplate(text, why.line, why.isTemplate ? 'is a template' : why.message),
    };
  return isYamlName(name) ? broken(why.message, why.line) : nothing;
}

/**
 * Helm also renders comments and keys: `image{{/* x *\/}}: evil` is another key, and a comment can
 * end with a line that an action prints. Files that nobody renders may have such comments.
 * @throws {UnreadableYaml} for an action outside of a value
 */
function refuseTemplate(
  text: string,
  readings: readonly FileReading[],
  documents: readonly YamlNode[],
): void {
  const isPlain = readings.every(({ kinds: found }) =>
    found.every((kind) => unrendered.includes(kind)),
  );
  if (isPlain && readings.length > 0) return;
  for (const document of documents)
    for (const { map } of mapsIn(document))
      for (const [key, { line }] of map)
        if (hasAction(key)) throw new UnreadableYaml(line, 'has a key that a template makes');
  for (const comment of commentsIn(text))
    if (hasAction(comment.text))
      throw new UnreadableYaml(comment.line, 'has a comment that a template makes');
}

/** GitHub's `${{ }}` is no action of a template. */
function hasAction(text: string): boolean {
  return /(?<!\$)\{\{/.test(text);
}

const unrendered = ['workflow', 'action', 'compose', 'kustomization'];

/** Under such a name they are values, whatever else they look like: values may have any field. */
function isValuesName(name: string): boolean {
  return /^values.*\.ya?ml$/.test(name);
}

function readDocument(document: YamlNode, name: string): FileReading {
  const isValues = isValuesName(name);
  if (isJsonPatch(document) && !isValues)
    return {
      kinds: ['JSON patch'],
      uses: [...readJsonPatch(document, readKubernetes), ...doubtsIn(document)],
    };
  const kind = kinds.find(({ is }) => document.value instanceof Map && is(document, name));
  const known = kind?.read(document) ?? [];
  const other = isValues ? [] : (kind?.has(document) ?? []);
  // The rest of a file that only looks like a manifest: Helm values under another name, with a
  // field `services` or `jobs` in front.
  const rest = readHelmValues(
    other === 'all' ? { line: 1, value: null } : without(document, other),
  );
  const uses = [...known, ...rest, ...(kind?.name === 'compose' ? [] : doubtsIn(document))];
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
    read: (document) => readKustomization(document, readKubernetes),
    has: () => kustomizeFields,
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
  const sort = 'why' in use ? 'why' : 'told' in use ? 'told' : 'reference';
  return `${use.line} ${sort} ${use.written}`;
}

function byLine(one: ImageUse, other: ImageUse): number {
  return one.line - other.line;
}
