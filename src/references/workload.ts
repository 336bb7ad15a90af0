import { listOf, mapOf, textOf, type YamlMap } from '../text/yaml-node.ts';

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
