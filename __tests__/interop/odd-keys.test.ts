// Keys and signatures as people make them by hand: a password from `echo`, files from PowerShell,
// a signature from `openssl base64`.
import { execFileSync } from 'node:child_process';
import { sign as signWith } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { makeKey } from '../sign-action/keyed-world.ts';
import { cosign2, cosign3, need, startDockerRegistry, temporaryFolder } from './peers.ts';

let folder: string;
let remove: () => Promise<void>;
let registry: { host: string; stop: () => void };
const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];

beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  registry = await startDockerRegistry(folder);
});
afterAll(async () => {
  registry?.stop();
  await remove?.();
});

async function image(name: string): Promise<string> {
  const { digest } = await pushImage(registry.host, `odd/${name}`, { seed: name });
  return `${registry.host}/odd/${name}@${digest}`;
}

describe.each(['COSIGN2', 'COSIGN3'])('a key pair of `echo PASSWORD | %s`', (program) => {
  const password = 'correct horse';
  let key: string;
  let pub: string;
  beforeAll(async () => {
    const prefix = join(folder, program);
    execFileSync(need(program), ['generate-key-pair', '--output-key-prefix', prefix], {
      input: `${password}\n`,
      env: { ...process.env, COSIGN_PASSWORD: undefined },
    });
    key = await readFile(`${prefix}.key`, 'utf8');
    pub = `${prefix}.pub`;
  });

  it.each([
    ['without the line break', password],
    ['with it', `${password}\n`],
  ])('signs with its password %s', async (how, given) => {
    const reference = await image(`${program.toLowerCase()}-${how.replaceAll(' ', '-')}`);
    for (const env of [{}, { COSIGN_PASSWORD: given }]) {
      const inputs = { images: reference, key, tlog: 'false' };
      const result = await runAction({
        inputs: 'COSIGN_PASSWORD' in env ? inputs : { ...inputs, 'key-password': given },
        env,
      });
      expect(result, result.stdout).toMatchObject({ code: 0 });
    }
    for (const cosign of [cosign2, cosign3])
      expect(await cosign(['verify', '--key', pub, ...offline, reference])).toMatchObject({
        code: 0,
      });
  });

  it('signs from a file of PowerShell, and is verified with one', async () => {
    const reference = await image(`${program.toLowerCase()}-powershell`);
    const utf16 = (text: string) =>
      Buffer.from(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'utf16le');
    const [keyFile, pubFile] = [
      join(folder, `${program}-16.key`),
      join(folder, `${program}-16.pub`),
    ];
    await writeFile(keyFile, utf16(key));
    await writeFile(pubFile, utf16(await readFile(pub, 'utf8')));
    const signed = await runAction({
      inputs: { images: reference, key: keyFile, 'key-password': password, tlog: 'false' },
    });
    expect(signed, signed.stdout).toMatchObject({ code: 0 });
    const verified = await runAction({
      entry: 'dist/verify.js',
      inputs: { images: reference, key: pubFile, tlog: 'ignore' },
    });
    expect(verified, verified.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe('a signature that `openssl base64` wrapped and `cosign attach signature` attached', () => {
  it('verifies here as in cosign 2 and 3; another signature does not', async () => {
    const { pem, publicKey } = makeKey();
    const pub = join(folder, 'wrapped.pub');
    await writeFile(pub, publicKey.export({ type: 'spki', format: 'pem' }));
    for (const [name, honest] of [
      ['wrapped', true],
      ['wrapped-other', false],
    ] as const) {
      const reference = await image(name);
      const payload = Buffer.from(
        (await cosign2(['generate', '--allow-http-registry', reference])).output,
      );
      const signature = signWith('sha256', honest ? payload : Buffer.from('another'), pem);
      const wrapped = execFileSync('openssl', ['base64'], { input: signature }).toString();
      expect(wrapped.trim()).toContain('\n');
      const files = [join(folder, `${name}.payload`), join(folder, `${name}.sig`)] as const;
      await writeFile(files[0], payload);
      await writeFile(files[1], wrapped);
      const attached = await cosign2([
        'attach',
        'signature',
        '--allow-http-registry',
        '--payload',
        files[0],
        '--signature',
        files[1],
        reference,
      ]);
      expect(attached, attached.output).toMatchObject({ code: 0 });
      for (const cosign of [cosign2, cosign3])
        expect((await cosign(['verify', '--key', pub, ...offline, reference])).code === 0).toBe(
          honest,
        );
      const gate = await runAction({
        entry: 'dist/verify.js',
        inputs: { images: reference, key: pub, tlog: 'ignore' },
      });
      expect(gate, gate.stdout).toMatchObject({ code: honest ? 0 : 1 });
    }
  });
});
