import { describe, expect, it } from 'vitest';
import { pushImage } from './images.ts';
import { type BehaviourName, behaviours, plain } from './registry-behaviours.ts';
import { RegistryClient } from './registry-client.ts';
import { faultTable } from './registry-fault-table.ts';
import { faultKinds } from './registry-faults.ts';
import { startRegistryLike } from './registry-like.ts';
import { ociIndex } from './registry-manifest-check.ts';

describe.each(Object.keys(behaviours) as BehaviourName[])('a registry like %s', (name) => {
  it('takes an index with attestations from who may push, and shows it again', async () => {
    await using known = await startRegistryLike(name);
    const { registry, credentials } = known;
    const options = credentials === undefined ? {} : { credentials };
    const image = await pushImage(registry.host, 'acme/app', {
      ...options,
      tag: 'v1',
      platforms: 2,
      attestations: true,
    });
    const answer = await new RegistryClient(registry.host, options).ask(
      'GET',
      '/v2/acme/app/manifests/v1',
      {
        headers: { accept: ociIndex },
      },
    );
    expect([
      answer.status,
      answer.headers['docker-content-digest'],
      registry.store.dangling(),
    ]).toEqual([200, image.digest, []]);
  });

  it('lets nobody push who has no password, where it has a login', async () => {
    await using known = await startRegistryLike(name);
    const push = pushImage(known.registry.host, 'acme/app');
    if (known.credentials === undefined) await push;
    else await expect(push).rejects.toThrow('401');
    expect(known.registry.store.find('acme/app') === undefined).toBe(
      known.credentials !== undefined,
    );
  });

  it('differs from the plain one in switches that exist', () => {
    expect(Object.keys(plain)).toEqual(
      expect.arrayContaining(Object.keys(behaviours[name].switches)),
    );
  });
});

it('Artifactory says 403 where others say 404', async () => {
  await using known = await startRegistryLike('artifactory', { auth: { kind: 'none' } });
  expect(
    (await new RegistryClient(known.registry.host).ask('GET', '/v2/a/b/manifests/none')).status,
  ).toBe(403);
});

it('the table of faults has every kind, and 41 rows', () => {
  const rows = Object.values(faultTable).map((fault) => fault().kind);
  expect([new Set(rows), rows.length]).toEqual([new Set(faultKinds), 41]);
});
