// `sign-image attest` as it ships, and the gate with the very flags that it prints.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { command } from './command.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const files = { 'cosign.pub': publicKey.export({ type: 'spki', format: 'pem' }).toString() };
const offline = ['--key', 'env://SIGNING_KEY', '--tlog=false'];
const env = { SIGNING_KEY: pem };

it('attests, and says how to verify that', async () => {
  const { reference } = await pushImage(registry.host, 'acme/app');
  const sbom = { 'sbom.json': '{"bomFormat":"CycloneDX","specVersion":"1.6"}' };
  const attested = await command(
    ['attest', '--images', reference, ...offline, '--sbom-path', 'sbom.json', '--json'],
    { env, files: sbom },
  );
  expect(attested, attested.stderr).toMatchObject({ code: 0 });
  expect(attested.json.outputs).toMatchObject({ verified: 'true', image: reference });
  expect(attested.json.results).toMatchObject([
    { status: 'signed', predicateType: 'https://cyclonedx.org/bom' },
  ]);
  expect(attested.stderr).toMatch(/^✓ .+: attested \(bundle and legacy\)/m);
  const line = /^Verify with: sign-image (.+)$/m.exec(attested.stderr)?.[1] ?? '';
  expect(line).toContain('--attestation-type https://cyclonedx.org/bom --signature ignore');
  const verified = await command(line.split(' '), { files });
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
  // Without --signature ignore a signature is asked for, and an attestation is none.
  const unsigned = line.replace(' --signature ignore', '').split(' ');
  expect(await command(unsigned, { files })).toMatchObject({ code: 1 });
  const otherType = line.replace('cyclonedx.org/bom', 'cyclonedx.org/bom2').split(' ');
  expect(await command(otherType, { files })).toMatchObject({ code: 1 });
});

it('takes a document as text, and refuses one that readers could read in two ways', async () => {
  const { reference } = await pushImage(registry.host, 'acme/text');
  const attest = (predicate: string) =>
    command(
      ['attest', '--images', reference, ...offline, '--predicate-type', 'vuln'].concat([
        '--predicate',
        predicate,
      ]),
      { env },
    );
  expect(await attest('{"a":1.0}')).toMatchObject({ code: 0 });
  const twice = await attest('{"a":1,"a":2}');
  expect(twice.code).not.toBe(0);
  expect(twice.stderr).toContain('stands in one object twice');
});
