// What does it cost to judge everything that runs in a cluster? `npm run bench:cluster`: 500
// workloads of 120 images, as `kubectl get pods,deployments -A -o json` prints them, with 50 ms a
// response. The built action against the sandbox's registry in this process.

import { join } from 'node:path';
import { startRegistry } from '../../__tests__/sandbox/registry.ts';
import { runAction } from '../../__tests__/sandbox/runner.ts';
import { record } from '../../__tests__/verify-action/gate.ts';

const root = process.env.ACTION_ROOT ?? join(import.meta.dirname, '..', '..');
const fixtures = join(import.meta.dirname, '../../__tests__/fixtures');
const [workloads, images] = [500, 120];

await using registry = await startRegistry({ referrersApi: true });
const references: string[] = [];
for (let number = 0; number < images; number++) {
  references.push((await record(registry, 'keyless-bundle-rekor1', `app${number}`)).reference);
}
registry.set({ faults: () => ({ kind: 'latency', ms: 50 }) });
registry.requests.length = 0;

/** About the size of what a real API server says of a Pod. */
const noise = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [
    `example.com/label-${index}`,
    'a value of a label'.repeat(2),
  ]),
);
const spec = (index: number) => ({
  containers: [
    {
      name: 'app',
      image: references[index % images],
      env: Array.from({ length: 12 }, (_, at) => ({ name: `NAME_${at}`, value: `value ${at}` })),
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
    },
  ],
  tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
});
const items = Array.from({ length: workloads }, (_, index) => {
  const metadata = { name: `app-${index}`, namespace: 'shop', annotations: noise, uid: `${index}` };
  const hash = '5d4f9c7b8';
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { template: { spec: spec(index) } },
    },
    ...[1, 2].map((pod) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        name: `app-${index}-${hash}-${pod}`,
        labels: { 'pod-template-hash': hash },
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'ReplicaSet',
            name: `app-${index}-${hash}`,
            controller: true,
          },
        ],
      },
      spec: spec(index),
      status: { phase: 'Running', conditions: Array(4).fill({ type: 'Ready', status: 'True' }) },
    })),
  ];
}).flat();
const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 4);
const run = await runAction({
  entry: 'dist/verify.js',
  root,
  measure: true,
  inputs: {
    files: 'cluster.json',
    'trusted-root': join(fixtures, 'trusted_root.json'),
    'certificate-identity':
      'https://github.com/harbor-lights/ferry/.github/workflows/release.yml@refs/heads/main',
    'certificate-oidc-issuer': 'http://127.0.0.1:8180',
  },
  workspace: { 'cluster.json': list },
});
const judged = run.stdout.split('\n').filter((line) => line.startsWith('✓')).length;
process.stdout.write(
  `${JSON.stringify(
    {
      exitCode: run.code,
      verified: run.outputs.verified,
      megabytesOfJson: Math.round(list.length / 1e5) / 10,
      places: items.length,
      resultLines: judged,
      requests: registry.requests.length,
      seconds: Math.round(run.durationMs / 100) / 10,
      mebibytes: Math.round((run.maxRssKb ?? 0) / 1024),
      summary: run.summary.length,
    },
    undefined,
    2,
  )}\n`,
);
if (run.code !== 0) process.stdout.write(run.shown.slice(0, 3000));
