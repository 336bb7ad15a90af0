// `npm pack`, installed into an empty folder without a network: it signs and verifies.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { command, root } from './command.ts';

let registry: SandboxRegistry;
let folder: string;
let tarball: string;
beforeAll(async () => {
  registry = await startRegistry();
  folder = mkdtempSync(join(tmpdir(), 'sign-image-package-'));
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  tarball = join(folder, JSON.parse(packed)[0].filename);
});
afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

it('is small', () => {
  expect(statSync(tarball).size).toBeLessThanOrEqual(1_500_000);
});

it('installs without a network, and signs and verifies', async () => {
  const place = join(folder, 'empty');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], {
    cwd: place,
    stdio: 'pipe',
  });
  expect(readdirSync(join(place, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'sign-image',
  ]);
  const entry = join(place, 'node_modules/.bin/sign-image');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { reference } = await pushImage(registry.host, 'acme/packed');
  const signed = await command(
    ['sign', '--images', reference, '--key', 'env://SIGNING_KEY', '--tlog=false'],
    { entry, env: { SIGNING_KEY: pem } },
  );
  expect(signed, signed.stderr).toMatchObject({ code: 0 });
  const verified = await command(
    ['verify', '--images', reference, '--key', 'cosign.pub', '--tlog', 'ignore'],
    {
      entry,
      files: { 'cosign.pub': publicKey.export({ type: 'spki', format: 'pem' }).toString() },
    },
  );
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
});
