// Which workload of a cluster an image belongs to, in what `kubectl get … -o json` prints.
import { describe, expect, it } from 'vitest';
import { workloadName } from '../../src/references/image-use.ts';
import { readFileReferences } from '../../src/references/read-file.ts';

const spec = (image: string) => ({ containers: [{ name: 'app', image }] });
const object = (kind: string, name: string, rest: object, metadata: object = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'shop', ...metadata },
  ...rest,
});
const owned = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }],
});
const list = (...items: object[]) => ({ apiVersion: 'v1', kind: 'List', items });

function read(content: object) {
  const { uses } = readFileReferences('cluster.json', Buffer.from(JSON.stringify(content)));
  return uses.map(({ written, workload }) =>
    workload === undefined ? written : `${workloadName(workload)} ${written}`,
  );
}

it('is the object itself, also where its template is wrapped', () =>
  expect(
    read(
      list(
        object('Deployment', 'web', { spec: { template: { spec: spec('a/web:1') } } }),
        object('CronJob', 'tidy', {
          spec: { jobTemplate: { spec: { template: { spec: spec('a/tidy:1') } } } },
        }),
        object('Node', 'one', { spec: spec('a/x:1') }, { namespace: undefined }),
      ),
    ),
  ).toEqual(['shop/Deployment/web a/web:1', 'shop/CronJob/tidy a/tidy:1', 'Node/one a/x:1']));

it('is each of several that run the same image, also in one line', () => {
  const same = ['a', 'b'].map((name) =>
    object('Deployment', name, { spec: { template: { spec: spec('a/web:1') } } }),
  );
  expect(read(list(...same))).toEqual(['shop/Deployment/a a/web:1', 'shop/Deployment/b a/web:1']);
});

describe('of a Pod', () => {
  const pod = (metadata: object) => read(list(object('Pod', 'p', { spec: spec('a:1') }, metadata)));
  it.each([
    ['is the Pod without an owner', {}, 'shop/Pod/p a:1'],
    ['is the owner', owned('StatefulSet', 'db'), 'shop/StatefulSet/db a:1'],
    [
      'is the Deployment behind the ReplicaSet',
      { ...owned('ReplicaSet', 'web-5d4f9c7b8'), labels: { 'pod-template-hash': '5d4f9c7b8' } },
      'shop/Deployment/web a:1',
    ],
    [
      'is the ReplicaSet where its name tells of no Deployment',
      { ...owned('ReplicaSet', 'alone'), labels: { 'pod-template-hash': '5d4f9c7b8' } },
      'shop/ReplicaSet/alone a:1',
    ],
    ['is the Pod on its node', owned('Node', 'one'), 'shop/Pod/p a:1'],
    [
      'is the Pod where the owner does not control it',
      { ownerReferences: [{ kind: 'X', name: 'x' }] },
      'shop/Pod/p a:1',
    ],
  ])('%s', (_, metadata, expected) => expect(pod(metadata)).toEqual([expected]));
});

it('is told of lists of a cluster only: a manifest of the repository has its line', () => {
  const deployment = object('Deployment', 'web', { spec: { template: { spec: spec('a/web:1') } } });
  expect(read(deployment)).toEqual(['a/web:1']);
  expect(read({ ...list(deployment), kind: 'DeploymentList', apiVersion: 'apps/v1' })).toEqual([
    'shop/Deployment/web a/web:1',
  ]);
});

it('is told of what cannot be resolved, too', () =>
  expect(read(list(object('Pod', 'p', { spec: spec('a/${NAME}:1') })))).toEqual([
    'shop/Pod/p a/${NAME}:1',
  ]));
