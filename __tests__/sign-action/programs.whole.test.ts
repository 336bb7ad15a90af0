// Programs of the runner that never end: the step does, and they end with it.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey } from './keyed-world.ts';
import { signed } from './signed.ts';

const kubeconfig = JSON.stringify({
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { exec: { command: 'cluster-login', args: ['token'] } } }],
});

/** Each has the program, and how a workflow comes to run it. */
const programs: readonly {
  program: string;
  key?: string;
  home?: Record<string, string>;
}[] = [
  {
    program: 'docker-credential-stuck',
    home: { '.docker/config.json': '{"credsStore":"stuck"}' },
  },
  { program: 'pkcs11-tool', key: 'pkcs11:token=t;object=k?module-path=/m.so&pin-value=1234' },
  { program: 'az', key: 'azurekms://vault.vault.azure.net/key' },
  { program: 'cluster-login', key: 'k8s://ns/secret', home: { '.kube/config': kubeconfig } },
];

const isGone = async (pid: number) => {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return status === undefined || /\) [ZX] /.test(status);
};

describe.runIf(process.platform === 'linux').concurrent.each(programs)(
  '$program that never ends',
  ({ program, key, home = {} }) => {
    it('ends with the step, and so do its children', async () => {
      const accounts = [{ username: 'octocat', password: 'a password' }];
      await using registry = await startRegistry(
        key === undefined ? { auth: { kind: 'basic', accounts } } : {},
      );
      const digest =
        key === undefined
          ? `sha256:${'a'.repeat(64)}`
          : (await pushImage(registry.host, 'acme/app')).digest;
      const folder = await mkdtemp(join(tmpdir(), 'sign-image-programs-'));
      try {
        const script = `#!/bin/sh\ntrap "" TERM\nsleep 600 &\necho $$ $! >"$IDS"\nwait\n`;
        await writeFile(join(folder, program), script);
        await chmod(join(folder, program), 0o755);
        const inputs = keyedInputs(`${registry.host}/acme/app@${digest}`, makeKey(), {
          // All of it passes: a program that has not begun by then would be a hang of the machine.
          timeout: '30s',
          ...(key === undefined ? {} : { key }),
        });
        const path = `${folder}${delimiter}${process.env.PATH}`;
        const ids = join(folder, 'ids');
        const run = await signed(inputs, { home, env: { PATH: path, IDS: ids } });
        expect(run, run.shown).toMatchObject({ code: 1, outputs: { verified: 'false' } });
        expect(new Set(run.errorCodes)).toEqual(new Set(['timeout']));
        const pids = (await readFile(ids, 'utf8')).trim().split(' ').map(Number);
        expect(pids).toHaveLength(2);
        await vi.waitFor(
          async () => expect(await Promise.all(pids.map(isGone))).toEqual([true, true]),
          60_000,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  },
);

describe.runIf(process.platform === 'linux')('a credential helper', () => {
  it('that leaves an agent with its output open is not waited for', async () => {
    const account = { username: 'octocat', password: 'a password of the agent' };
    await using registry = await startRegistry({ auth: { kind: 'basic', accounts: [account] } });
    await using open = await startRegistry();
    const { digest } = await pushImage(open.host, 'acme/app');
    const { blobs, manifests } = open.store.open('acme/app');
    for (const bytes of blobs.values()) registry.store.addBlob('acme/app', bytes);
    for (const { bytes, mediaType } of manifests.values())
      registry.store.addManifest('acme/app', bytes, mediaType);
    const folder = await mkdtemp(join(tmpdir(), 'sign-image-programs-'));
    try {
      const answer = JSON.stringify({ Username: account.username, Secret: account.password });
      const file = join(folder, 'docker-credential-agent');
      await writeFile(file, `#!/bin/sh\nsleep 600 &\necho $! >"$IDS"\necho '${answer}'\n`);
      await chmod(file, 0o755);
      const ids = join(folder, 'ids');
      const run = await signed(keyedInputs(`${registry.host}/acme/app@${digest}`, makeKey()), {
        home: { '.docker/config.json': '{"credsStore":"agent"}' },
        env: { PATH: `${folder}${delimiter}${process.env.PATH}`, IDS: ids },
        secrets: [account.password],
      });
      expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      const agent = Number(await readFile(ids, 'utf8'));
      expect(await isGone(agent)).toBe(false);
      process.kill(agent);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
