// Promotion of what an identity has signed with a real private Sigstore; and what a keyed attestation
// leaves in a real log: hashes, never what it says.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command } from '../command/command.ts';
import { pushImage } from '../sandbox/images.ts';
import { cosign3, keyPassword, need, temporaryFolder } from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
});
afterAll(() => cleanUp?.());

const trust = () => ['--trusted-root', need('TRUSTED_ROOT')];

it('a keyless signature is verified at the source and at the target', async () => {
  const repository = `promote/keyless${Date.now().toString(36)}`;
  const image = await pushImage(need('REGISTRY_REFERRERS'), repository, {
    tag: 'v1',
    platforms: 2,
    seed: repository,
  });
  const env = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: need('ACTIONS_ID_TOKEN_REQUEST_URL'),
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: need('ACTIONS_ID_TOKEN_REQUEST_TOKEN'),
  };
  const signing = ['sign', '--images', image.reference, '--signing-config'];
  for (const config of ['SIGNING_CONFIG_V1', 'SIGNING_CONFIG_V2'])
    expect(await command([...signing, need(config), ...trust()], { env })).toMatchObject({
      code: 0,
    });
  const target = `${need('REGISTRY_TAGS')}/${repository}`;
  const promote = (identity: string) =>
    command([
      ...['promote', '--images', `${need('REGISTRY_REFERRERS')}/${repository}:v1`, '--to', target],
      ...['--certificate-identity', identity, ...trust(), '--json'],
      ...['--certificate-oidc-issuer', need('CERTIFICATE_OIDC_ISSUER')],
    ]);
  const stranger = await promote(
    'https://github.com/stranger/app/.github/workflows/x.yml@refs/heads/main',
  );
  expect(stranger).toMatchObject({
    code: 1,
    json: { outputs: { verified: 'false', images: '[]' } },
  });
  expect((await fetch(`http://${target.replace('/', '/v2/')}/manifests/v1`)).status).toBe(404);
  const good = await promote(need('CERTIFICATE_IDENTITY'));
  expect(good.json.results).toMatchObject([{ status: 'promoted', verified: true, left: [] }]);
  const again = await promote(need('CERTIFICATE_IDENTITY'));
  expect(again.json.results).toMatchObject([{ status: 'already-promoted', verified: true }]);
  const verify = ['verify', '--certificate-identity', need('CERTIFICATE_IDENTITY'), ...trust()];
  const issuer = ['--certificate-oidc-issuer', need('CERTIFICATE_OIDC_ISSUER')];
  expect(
    await cosign3([...verify, ...issuer, '--allow-http-registry', `${target}@${image.digest}`]),
  ).toMatchObject({ code: 0 });
});

it('a keyed attestation leaves hashes, a signature and the public key in the log', async () => {
  const key = join(folder, 'own');
  expect(await cosign3(['generate-key-pair', '--output-key-prefix', key])).toMatchObject({
    code: 0,
  });
  const secret = `nobody-may-read-${Date.now().toString(36)}`;
  const predicate = join(folder, 'predicate.json');
  await writeFile(predicate, JSON.stringify({ secret }));
  const repository = `attest/${secret}`;
  const image = await pushImage(need('REGISTRY_REFERRERS'), repository, { tag: 'v1' });
  const { code, json } = await command(
    [
      ...['attest', '--images', image.reference, '--predicate', predicate, '--json'],
      ...['--predicate-type', 'https://example.com/scan/v1', '--key', `${key}.key`],
      ...['--signing-config', need('SIGNING_CONFIG_V1'), ...trust()],
    ],
    { env: { COSIGN_PASSWORD: keyPassword } },
  );
  expect(code).toBe(0);
  const indexes = json.results[0].signatures.map(
    ({ tlogIndex }: { tlogIndex: number }) => tlogIndex,
  );
  expect(indexes.length).toBeGreaterThan(0);
  for (const index of indexes) {
    const url = `${need('REKOR_URL')}/api/v1/log/entries?logIndex=${index}`;
    const [entry] = Object.values((await (await fetch(url)).json()) as Record<string, never>);
    const { body, attestation } = entry as unknown as { body: string; attestation?: unknown };
    const text = Buffer.from(body, 'base64').toString();
    expect(attestation).toBeUndefined();
    expect(Object.keys(JSON.parse(text).spec).sort()).toEqual([
      'envelopeHash',
      'payloadHash',
      'signatures',
    ]);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(2, 18));
  }
});
