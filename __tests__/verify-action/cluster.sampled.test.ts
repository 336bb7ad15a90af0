// Everything that runs in a cluster, as `kubectl get … -A -o json` prints it, through the gate as it
// ships: what would be denied, and what nobody can say.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, keyless, record, verify } from './gate.ts';

let registry: SandboxRegistry;
let asked: Readonly<Record<string, string>>;
let signed: string;
let unsigned: string;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
  const { loaded, asked: inputs } = await keyless(registry);
  const { images: _, ...rest } = inputs;
  asked = { ...rest, 'certificate-identity': ferry, files: 'cluster.json' };
  signed = loaded.reference;
  unsigned = (await record(registry, 'unsigned')).reference;
});
afterAll(() => registry?.close());

const workload = (kind: string, name: string, ...images: string[]) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'shop' },
  spec: {
    template: { spec: { containers: images.map((image) => ({ name: 'app', image })) } },
  },
});

it('reports by workload, and fails nothing with `fail: false`', async () => {
  // Nobody listens there.
  const silent = `127.0.0.1:1/app@sha256:${'a'.repeat(64)}`;
  const items = [
    workload('Deployment', 'web', signed),
    workload('Deployment', 'old', signed, unsigned),
    workload('StatefulSet', 'far', silent),
  ];
  const run = await verify(
    { ...asked, fail: 'false' },
    {
      workspace: {
        'cluster.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 4),
      },
    },
  );
  expect([run.code, run.outputs.verified], run.shown).toEqual([0, 'false']);
  const [, report] = [...run.files].find(([path]) => path.endsWith('/workloads.json')) ?? [];
  const { workloads } = JSON.parse(report?.toString() ?? '');
  expect(workloads).toMatchObject([
    {
      workload: 'shop/Deployment/old',
      state: 'denied',
      images: [
        { reference: signed, state: 'passes' },
        { reference: unsigned, code: 'unsigned', fix: expect.stringContaining('Sign it') },
      ],
    },
    { workload: 'shop/Deployment/web', state: 'passes' },
    { workload: 'shop/StatefulSet/far', state: 'unknown', images: [{ code: 'registry-error' }] },
  ]);
  expect(run.summary).toMatch(/### By workload.*1 workload would be denied/s);
  expect(JSON.parse(run.outputs.results ?? '[]')).toContainEqual(
    expect.objectContaining({ reference: unsigned, workload: 'shop/Deployment/old' }),
  );
});
