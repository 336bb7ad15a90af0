// The real programs that judge us. They come from the environment; without them these tests fail
// and say how to get them.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const instructions =
  'Interop tests need real peers: set COSIGN2, COSIGN3, REGISTRY (docker-registry), CRANE, ORAS, SKOPEO, KUBECTL and COMPOSE to their programs, and start a private Sigstore whose variables (FULCIO_URL, REGISTRY_REFERRERS, TRUSTED_ROOT, …) are in the environment. CONTRIBUTING.md says how.';

/** The value of an environment variable that interop needs. */
export function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set. ${instructions}`);
  return value;
}

export interface Ran {
  readonly code: number;
  /** stdout and stderr together */
  readonly output: string;
}

/**
 * Runs a peer to its end. Variables that name keys for cosign 2 are dropped for cosign 3, where
 * only the trusted root shall count.
 */
export function run(
  program: string,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { env: { ...process.env, ...env }, maxBuffer: 32 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          output: `${stdout}${stderr}`,
        });
      },
    );
  });
}

const forCosign2Only = {
  SIGSTORE_ROOT_FILE: undefined,
  SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: undefined,
  SIGSTORE_REKOR_PUBLIC_KEY: undefined,
  SIGSTORE_TSA_CERTIFICATE_FILE: undefined,
};

export const cosign2 = (args: readonly string[], env = {}) =>
  run(need('COSIGN2'), args, { COSIGN_PASSWORD: keyPassword, ...env });
export const cosign3 = (args: readonly string[], env = {}) =>
  run(need('COSIGN3'), args, { COSIGN_PASSWORD: keyPassword, ...forCosign2Only, ...env });
export const skopeo = (args: readonly string[], env = {}) => run(need('SKOPEO'), args, env);

export const keyPassword = 'interop-password';

/** A fresh folder, and its removal. */
export async function temporaryFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sign-image-interop-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Starts docker-registry 2.8, in memory. `stop` ends exactly this process. */
export async function startDockerRegistry(
  folder: string,
  extra = '',
): Promise<{ host: string; stop: () => void }> {
  const port = await freePort();
  const config = join(folder, `registry-${port}.yml`);
  await writeFile(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { inmemory: {}, delete: { enabled: true } }\nhttp: { addr: "127.0.0.1:${port}", relativeurls: true }\n${extra}`,
  );
  const child = spawn(need('REGISTRY'), ['serve', config], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt++) {
    if (
      await fetch(`http://${host}/v2/`).then(
        (answer) => answer.ok || answer.status === 401,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { host, stop: () => child.kill() };
}
