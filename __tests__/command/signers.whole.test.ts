// `sign-image signers`, and `signers check` on recorded signatures.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, lantern, record, recordedIssuer, trustedRoot } from '../verify-action/gate.ts';
import { command } from './command.ts';

describe('signers', () => {
  it('prints who signs what, and where that was read', async () => {
    const { code, stdout, stderr } = await command(['signers']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(
      '  gcr.io/distroless/**\n    keyless@distroless.iam.gserviceaccount.com, https://accounts.google.com\n    cited: GoogleContainerTools/distroless README.md',
    );
    expect(stdout).toContain('not judged: Docker Official Images have no Sigstore signatures');
  });

  it('prints it for a program', async () => {
    const { code, json } = await command(['signers', '--json']);
    expect(code).toBe(0);
    expect(json.results).toContainEqual(
      expect.objectContaining({ publisher: 'Distroless', evidence: 'cited' }),
    );
  });

  it('takes no images', async () => {
    const { code, stderr } = await command(['signers', '--images', 'a']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('is no flag of `sign-image signers`'),
    ]);
    expect((await command(['signers', 'chekc'])).code).toBe(2);
  });
});

describe('signers check', () => {
  let registry: SandboxRegistry;
  let image: string;
  beforeAll(async () => {
    registry = await startRegistry({ referrersApi: true });
    image = (await record(registry, 'keyless-bundle-rekor1')).reference;
  });
  afterAll(() => registry?.close());

  const list = (identity: string, check: string) => `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Harbor Lights
entries:
  - images: ["${check.replace(/\/.*/, '')}/**"]
    signers:
      - identity: ${identity}
        issuer: ${recordedIssuer}
    check: ${check}
`;
  const check = (text: string) =>
    command(
      [
        ...['signers', 'check', '--policy', 'list.yaml', '--json'],
        ...['--trusted-root', trustedRoot, '--timeout', '30s'],
      ],
      { files: { 'list.yaml': text } },
    );

  it('is content with a publisher that signs as the list says', async () => {
    const { code, json, stderr } = await check(list(ferry, image));
    expect([code, json.results], stderr).toEqual([
      0,
      [{ publisher: 'Harbor Lights', image, state: 'verified' }],
    ]);
    expect(stderr).toContain('1 of 1 verified, 0 changed, 0 without an answer');
  });

  it('fails for one that does not', async () => {
    const { code, json } = await check(list(lantern, image));
    expect([code, json.results]).toEqual([
      1,
      [expect.objectContaining({ state: 'changed', code: 'wrong-identity' })],
    ]);
  });

  it('takes a registry that does not answer for no change', async () => {
    const silent = `127.0.0.1:1/app@sha256:${'a'.repeat(64)}`;
    const { code, json } = await check(list(ferry, silent));
    expect([code, json.results]).toEqual([
      0,
      [expect.objectContaining({ state: 'no-answer', code: 'registry-error' })],
    ]);
  });
});
