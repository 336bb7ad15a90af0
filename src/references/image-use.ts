import { asFailure } from '../failure.ts';
import { type ImageReference, parseReference } from '../image/reference.ts';
import { shown } from '../text/untrusted.ts';
import { listOf, mapOf, textOf, type YamlMap, type YamlNode } from '../text/yaml-node.ts';

const mebibyte = 1024 * 1024;

/**
 * Bytes that a file may have; larger ones are not read. JSON may have more, as reading it takes a
 * tenth of what YAML takes, and `kubectl get -A -o json` prints some 10 MiB of 500 workloads.
 */
export function mostFileBytes(path: string): number {
  return (/\.json$/i.test(path) ? 16 : 5) * mebibyte;
}

/**
 * One place in a file where an image is named: what it names; or why that cannot be said from the
 * file alone; or, where only another program knows whether it is an image, why it is `told` and not
 * judged.
 */
export type ImageUse = {
  /** counted from 1 */
  readonly line: number;
  /** as it stands in the file */
  readonly written: string;
  /** of a list that `kubectl get` printed: what runs it */
  readonly workload?: Workload;
  /** the file that it names, from the folder of this one: no problem where `files` chooses it */
  readonly unlessChosen?: string;
  /** and where it holds no variable, and takes nothing from another file */
  readonly unlessPlain?: boolean;
  /** that may also be a folder with a kustomization */
  readonly mayBeFolder?: boolean;
} & (
  | { readonly reference: ImageReference }
  | {
      readonly why: string;
      /** the whole text, where a part of it is what some tool replaces */
      readonly open?: string;
    }
  | {
      readonly told: string;
      /** a build whose arguments decide what its Dockerfile names */
      readonly build?: Build;
    }
);

/** A build of a Dockerfile in another file. */
export interface Build {
  /** its path from the root, with `/` */
  readonly dockerfile: string;
  readonly arguments: readonly BuildArgument[];
}

/** A value that counts in the place of an ARG's default; `open` where only the machine knows it. */
export interface BuildArgument {
  readonly name: string;
  readonly value: { readonly text: string } | { readonly open: string };
  readonly line: number;
}

/** What a reader found in a text that it understands. */
export interface FileReading {
  /**
   * what the file was understood as, e.g. `Dockerfile`, `Kubernetes`; empty for a file that nobody
   * understands
   */
  readonly kinds: readonly string[];
  readonly uses: readonly ImageUse[];
}

/**
 * The image that a text names; unresolved where the text is a template, or no reference at all:
 * what is not understood never counts as absent.
 */
export function imageUse(line: number, text: string, written = text): ImageUse {
  const open = openPart(text);
  if (open !== undefined)
    return openUse(
      line,
      written,
      `holds ${open}, and what stands for it is not in this file`,
      text,
    );
  try {
    return { line, written, reference: parseReference(text, 'files') };
  } catch (caught) {
    return unresolved(
      line,
      written,
      asFailure(caught)
        .message.replace(/^.*?`files` /s, '')
        .replace(/\.$/, ''),
    );
  }
}

/**
 * What has a part that some tool replaces. `why` is the end of a sentence, without a full stop.
 * @param open the whole text; what stands before that part is as it will be
 */
export function openUse(line: number, written: string, why: string, open = written): ImageUse {
  return { ...unresolved(line, written, why), open };
}

/** `told` is the end of a sentence, without a full stop. */
export function mentioned(line: number, written: string, told: string): ImageUse {
  return { line, written: shown(written, 200), told };
}

/** `why` is the end of a sentence, without a full stop. */
export function unresolved(
  line: number,
  written: string,
  why: string,
): Extract<ImageUse, { readonly why: string }> {
  return { line, written: shown(written, 200), why };
}

/**
 * The first part of a text that some tool replaces before it is an image: `{{ … }}`, `${{ … }}`,
 * `${…}`, `$(…)`, `$NAME`, `<…>`, `@…@`, `%…%`.
 */
function openPart(text: string): string | undefined {
  const found =
    /\$?\{\{.{0,80}|\$\{[^}]{0,80}\}?|\$\([^)]{0,80}\)?|\$\w{1,80}|<[^>]{1,80}>|@\w{1,80}@|%\w{1,80}%|__\w{1,80}__|\$/.exec(
      text,
    );
  return found === null ? undefined : `\`${shown(found[0], 90)}\``;
}

/** What a kind has besides fields that name images. */
export interface Special {
  readonly uses: readonly ImageUse[];
  /** nodes that are read with it, or that name no image */
  readonly taken: readonly YamlNode[];
  /** names of containers whose blank image a trigger fills in */
  readonly triggered?: readonly string[];
}

export const nothing: Special = { uses: [], taken: [] };

/** What runs an image in a cluster, as a person knows it. */
export interface Workload {
  readonly namespace?: string;
  readonly kind: string;
  readonly name: string;
}

/** `production/Deployment/web`; without a namespace `Namespace/production`. */
export function workloadName({ namespace, kind, name }: Workload): string {
  return `${namespace === undefined ? '' : `${namespace}/`}${kind}/${name}`;
}

/** True for what `kubectl get` prints of several objects: a `List`, or `PodList`, `DeploymentList`. */
export function isListOfObjects(map: YamlMap): boolean {
  return /List$/.test(textOf(map.get('kind')) ?? '') && Array.isArray(map.get('items')?.value);
}

/**
 * The workload that an object of a cluster belongs to: its controller, as far as the object says it.
 * A Pod of a Deployment is made by a ReplicaSet, whose name is that of the Deployment and a hash
 * that the Pod has as a label.
 * @returns undefined for an object without a name
 */
export function workloadOf(map: YamlMap): Workload | undefined {
  const metadata = mapOf(map.get('metadata'));
  const [kind, name, namespace] = [
    textOf(map.get('kind')),
    textOf(metadata.get('name')),
    textOf(metadata.get('namespace')),
  ];
  if (kind === undefined || name === undefined) return undefined;
  const place = namespace === undefined ? {} : { namespace };
  const owner = listOf(metadata.get('ownerReferences'))
    .map(mapOf)
    .find((reference) => reference.get('controller')?.value === true);
  const ownerKind = textOf(owner?.get('kind'));
  const ownerName = textOf(owner?.get('name'));
  // The owner of a static Pod is its node, which runs others too.
  if (ownerKind === undefined || ownerName === undefined || ownerKind === 'Node')
    return { ...place, kind, name };
  const hash = textOf(mapOf(metadata.get('labels')).get('pod-template-hash'));
  if (ownerKind === 'ReplicaSet' && hash !== undefined && ownerName.endsWith(`-${hash}`))
    return { ...place, kind: 'Deployment', name: ownerName.slice(0, -hash.length - 1) };
  return { ...place, kind: ownerKind, name: ownerName };
}
