// The gate as it ships: dist/verify.js in a child process, on some recorded signatures of real
// cosign in the sandbox's registry (verify-recorded.whole.test.ts has them all).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
// @ts-expect-error a plain script, which the recordings come with
import { loadCase } from '../fixtures/load.mjs';
import type { SandboxRegistry } from '../sandbox/registry.ts';
import { type RunOptions, type RunResult, runAction } from '../sandbox/runner.ts';

const fixtures = join(import.meta.dirname, '../fixtures');

export const trustedRoot = join(fixtures, 'trusted_root.json');
/** The workflow that signed the recorded image, another one, and who vouched for both. */
export const ferry =
  'https://github.com/harbor-lights/ferry/.github/workflows/release.yml@refs/heads/main';
export const lantern =
  'https://github.com/harbor-lights/lantern/.github/workflows/publish.yml@refs/heads/main';
export const recordedIssuer = 'http://127.0.0.1:8180';

/** A recorded public key as PEM. */
export const key = (file: string): string => readFileSync(join(fixtures, 'keys', file), 'utf8');

/** A recorded case as it lies in a registry. */
export interface Recorded {
  readonly host: string;
  readonly repository: string;
  readonly digest: string;
  /** host/repository@digest */
  readonly reference: string;
  readonly platforms: readonly { readonly digest: string }[];
}

/** Puts a recorded case into the registry, below fixtures/. */
export const record = (
  registry: SandboxRegistry,
  name: string,
  repository = name,
): Promise<Recorded> => loadCase(join(fixtures, name), registry.host, `fixtures/${repository}`);

/**
 * An image that was signed keyless, and the inputs that ask for it; `certificate-identity` is
 * missing.
 */
export async function keyless(registry: SandboxRegistry) {
  const loaded = await record(registry, 'keyless-bundle-rekor1');
  return {
    loaded,
    asked: {
      images: loaded.reference,
      'trusted-root': trustedRoot,
      'certificate-oidc-issuer': recordedIssuer,
    },
  };
}

export const verify = (
  inputs: Readonly<Record<string, string>>,
  options: RunOptions = {},
): Promise<RunResult> => runAction({ entry: 'dist/verify.js', inputs, ...options });
