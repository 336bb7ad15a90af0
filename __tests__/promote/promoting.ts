// Whole promotions in this process, over real sockets.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openWorld } from '../../src/edges/world.ts';
import { promote } from '../../src/engine/promote.ts';
import type { PromoteRequest } from '../../src/engine/request.ts';
import type { Told } from '../../src/engine/world.ts';
import { parseDestination } from '../../src/image/targets.ts';
import { signingRun } from '../faults/signing-run.ts';
import { type ImageOptions, type PushedImage, pushImage } from '../sandbox/images.ts';
import type { SandboxRegistry } from '../sandbox/registry.ts';
import { makeKey, type TestKey } from '../sign-action/keyed-world.ts';

export const ours = makeKey();
export const theirs = makeKey();
export const account = { username: 'octocat', password: 'correct horse battery' };

export function publicPem({ publicKey }: TestKey): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** Pushes an image and signs it in both formats. */
export async function pushSigned(
  { host }: SandboxRegistry,
  repository: string,
  options: ImageOptions = {},
  key: TestKey = ours,
): Promise<PushedImage> {
  const image = await pushImage(host, repository, options);
  const { credentials } = options;
  const [result] = await signingRun({
    host,
    repository,
    images: [image.digest],
    key,
    ...(credentials === undefined ? {} : { credentials }),
  });
  if (result?.status !== 'signed') throw new Error(`not signed: ${result?.error?.message}`);
  return image;
}

/** A folder with what `docker login` leaves. */
export function dockerLogin(hosts: readonly string[], { username, password } = account): string {
  const folder = mkdtempSync(join(tmpdir(), 'promote-'));
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
  return folder;
}

export function requestOf(
  images: readonly string[],
  to: readonly string[],
  more: Partial<PromoteRequest> = {},
): PromoteRequest {
  return {
    images,
    recursive: false,
    key: publicPem(ours),
    identities: [],
    issuers: [{ exact: 'https://token.actions.githubusercontent.com' }],
    github: {},
    source: {},
    annotations: {},
    attestationTypes: [],
    signature: 'required',
    policy: [],
    files: [],
    onlyImages: [],
    skipImages: [],
    tlog: 'ignore',
    services: {},
    registry: { allowHttp: false, allowInsecure: false },
    timeout: 60_000,
    to: to.map(parseDestination) as never,
    include: ['all'],
    ...more,
  } as PromoteRequest;
}

export async function promoting(
  request: PromoteRequest,
  env: NodeJS.ProcessEnv = {},
  clock: Clock = systemClock,
) {
  const told: Told[] = [];
  const none = () => {};
  const world = openWorld(request.timeout, {
    env: { HOME: '/nonexistent', ...env },
    clock,
    mask: { mask: none, maskKey: none, maskPrivateKey: none, maskBasic: none },
    tell: (event) => told.push(event),
    workspace: '.',
  });
  try {
    const { results } = await promote(request, world);
    return { results, told };
  } finally {
    world.close();
  }
}
