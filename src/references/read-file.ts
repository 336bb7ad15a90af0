import { isCompose, readCompose } from './compose.ts';
import { looksLikeDockerfile, readDockerfile } from './dockerfile.ts';
import { readHelmValues, readTemplate } from './helm.ts';
import { type FileReading, type ImageUse, unresolved } from './image-use.ts';
import { isKubernetes, readKubernetes } from './kubernetes.ts';
import { isJsonPatch, isKustomization, readJsonPatch, readKustomization } from './kustomize.ts';
import { isAction, isWorkflow, readAction, readWorkflow } from './workflow.ts';
import { readYamlNodes, UnreadableYaml, type YamlNode } from './yaml-node.ts';

/** What one file may have; larger ones are not read. */
export const mostFileBytes = 1024 * 1024;

/**
 * Finds the image references of a file. What it is, is decided by its content first: a manifest is one under any name. A file that cannot be read
 * to its end is unresolved, not empty.
 * @param path with `/`, for its name alone
 */
export function readFileReferences(path: string, bytes: Uint8Array): FileReading {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/\.dockerignore$/i.test(name)) return nothing;
  if (bytes.length > mostFileBytes) return broken('has more than 1 MiB, which no such file has');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return isNamed(name) || isYamlName(name) ? broken('is not text in UTF-8') : nothing;
  }
  if (isNamed(name)) return { kinds: ['Dockerfile'], uses: readDockerfile(text) };
  if (!isYamlName(name) && looksLikeDockerfile(text)) return { kinds: ['Dockerfile'], uses: readDockerfile(text) };
  return readAsYaml(name, text);
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
    documents = readYamlNodes(text);
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    if (/\{\{/.test(text) && /\.(ya?ml|json|tpl|tmpl|gotmpl)$/i.test(name)) return { kinds: ['template'], uses: readTemplate(text) };
    return isYamlName(name) ? broken(`is not YAML that can be read: ${caught.message}`, caught.line) : nothing;
  }
  const readings = documents.map((document) => readDocument(document, name));
  return { kinds: [...new Set(readings.flatMap(({ kinds }) => kinds))], uses: readings.flatMap(({ uses }) => uses).toSorted(byLine) };
}

function readDocument(document: YamlNode, name: string): FileReading {
  if (isJsonPatch(document)) return { kinds: ['JSON patch'], uses: readJsonPatch(document) };
  if (!(document.value instanceof Map)) return nothing;
  if (isKustomization(document, name)) return { kinds: ['kustomization'], uses: readKustomization(document) };
  if (isKubernetes(document)) return { kinds: ['Kubernetes'], uses: readKubernetes(document) };
  if (isWorkflow(document)) return { kinds: ['workflow'], uses: readWorkflow(document) };
  if (isAction(document)) return { kinds: ['action'], uses: readAction(document) };
  if (isCompose(document)) return { kinds: ['compose'], uses: readCompose(document) };
  const uses = readHelmValues(document);
  // Values without any image are values all the same; of another file nobody knows what it is.
  return uses.length > 0 || /^values.*\.ya?ml$/.test(name) ? { kinds: ['values'], uses } : nothing;
}

function byLine(one: ImageUse, other: ImageUse): number {
  return one.line - other.line;
}
