// What a step says of a service that fails it: the cause as it was, and inputs that it has.
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { listenOnOwnPort } from '../sandbox/own-port.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { type Action, strangeInputs, told } from '../sandbox/told.ts';
import { makeKey } from '../sign-action/keyed-world.ts';
import { ferry, key, verify } from './gate.ts';

/** A port where nobody listens any more. */
async function newPort(): Promise<number> {
  const server = createServer();
  const port = await listenOnOwnPort(server);
  await new Promise((done) => server.close(done));
  return port;
}

let registry: SandboxRegistry;
let image: string;
let digest: string;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: false });
  ({ reference: image, digest } = await pushImage(registry.host, 'acme/app', { tag: '1' }));
});
afterAll(() => registry.close());

function checkTold(run: RunResult, action: Action, says: RegExp): void {
  expect(run.code, run.shown).toBe(1);
  expect(told(run)).toMatch(says);
  expect(strangeInputs(told(run), action)).toEqual([]);
}

describe('GitHub does not answer', () => {
  it('is told as it was, and not as a status that nobody gave', async () => {
    const port = await newPort();
    const repo = { full_name: 'acme/app' };
    const run = await verify(
      {
        files: 'deploy/*.yaml',
        'changed-only': 'true',
        'certificate-identity': ferry,
      },
      {
        workspace: { 'deploy/app.yaml': 'kind: Pod\n' },
        env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: `http://127.0.0.1:${port}` },
        event: {
          number: 7,
          pull_request: { number: 7, head: { sha: '0'.repeat(40), repo }, base: { repo } },
          repository: repo,
        },
      },
    );
    checkTold(run, 'verify', /GitHub did not answer .*refused the connection/);
    expect(told(run)).not.toMatch(/status|500/);
  });
});

describe('a trusted root that cannot be fetched', () => {
  it('is told with inputs that the gate has', async () => {
    const port = await newPort();
    const run = await verify({
      images: image,
      'certificate-identity': ferry,
      'tuf-mirror': `http://127.0.0.1:${port}/`,
      'tuf-root': '{"signed":{},"signatures":[]}',
      timeout: '5s',
    });
    expect(run.code).toBe(1);
    expect(strangeInputs(told(run), 'verify')).toEqual([]);
  });
});

describe('a registry that wants a login', () => {
  const deny = () =>
    registry.set({
      override: ({ path }) =>
        path.includes('/manifests/sha256-')
          ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: '{}' }
          : undefined,
    });

  it('for signatures is told with the name of the image', async () => {
    deny();
    const runs = await Promise.all([
      verify({ images: image, key: key('release.pub'), tlog: 'ignore' }),
      runAction({ inputs: { images: image, key: makeKey().pem, tlog: 'false' } }),
    ]);
    registry.set({ override: () => undefined });
    for (const [run, action] of [
      [runs[0], 'verify'],
      [runs[1], 'sign'],
    ] as const) {
      checkTold(run, action, new RegExp(`the signatures of acme/app@${digest}`));
      expect(told(run)).not.toMatch(/sha256-/);
    }
  });
});
