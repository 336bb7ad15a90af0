// `npm pack`, installed into an empty folder without a network: it signs and verifies.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
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

/** Signs and verifies with the command at this place. */
async function signsAndVerifies(entry: string, repository: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { reference } = await pushImage(registry.host, repository);
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
}

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
  await signsAndVerifies(entry, 'acme/packed');
});

// There is no docker here: what the Dockerfile copies is laid out as it says, and started so.
it.skipIf(process.platform === 'win32')('works as the container lays it out', async () => {
  const image = join(folder, 'image');
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  for (const [, files = '', to = ''] of dockerfile.matchAll(
    /^COPY (?:--\S+ )?((?:(?!<<).)+) (\S+)$/gm,
  ))
    for (const file of files.split(' ')) {
      const target = join(image, to.endsWith('/') ? to + basename(file) : to);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(root, file), target, { recursive: true });
    }
  const [, script = ''] =
    /^COPY --chmod=755 <<'SCRIPT' \/usr\/local\/bin\/sign-image\n([\s\S]*?)^SCRIPT$/m.exec(
      dockerfile,
    ) ?? [];
  expect(script).toBe('#!/bin/sh\nexec node /opt/sign-image/dist/cli.js "$@"\n');
  await signsAndVerifies(join(image, 'opt/sign-image/dist/cli.js'), 'acme/contained');
  const version = await command(['--version'], {
    entry: join(image, 'opt/sign-image/dist/cli.js'),
  });
  expect(version.stdout.trim()).toBe(
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  );
});
