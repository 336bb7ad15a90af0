// What cosign 2 and cosign 3 have signed in one repository is told right; what is signed again after
// a rotation, both verify with the new key; and of what is removed, crane lists nothing more.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../command/command.ts';
import { type PushedImage, pushImage } from '../sandbox/images.ts';
import {
  cosign2,
  cosign3,
  keyPassword,
  need,
  run,
  startDockerRegistry,
  temporaryFolder,
} from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let dockerRegistry: { host: string; stop: () => void };
const keyOf = (name: string) => join(folder, `${name}.key`);
const publicOf = (name: string) => join(folder, `${name}.pub`);

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  dockerRegistry = await startDockerRegistry(folder);
  for (const name of ['old', 'new', 'stranger'])
    expect(
      await cosign3(['generate-key-pair', '--output-key-prefix', join(folder, name)]),
    ).toMatchObject({ code: 0 });
});
afterAll(async () => {
  dockerRegistry?.stop();
  await cleanUp?.();
});

const plain = ['--yes', '--tlog-upload=false', '--allow-http-registry'];
const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
const crane = async (...args: string[]) => {
  const { code, output } = await run(need('CRANE'), args);
  expect({ code, output }).toMatchObject({ code: 0 });
  return output.trim().split('\n').filter(Boolean).sort();
};

async function by2({ reference }: PushedImage, key: string, ...more: string[]) {
  const args = ['sign', '--key', keyOf(key), ...plain, ...more, reference];
  expect(await cosign2(args)).toMatchObject({ code: 0 });
}

async function by3({ reference }: PushedImage, key: string) {
  const args = ['sign', '--key', keyOf(key), ...plain, '--use-signing-config=false', reference];
  expect(await cosign3(args)).toMatchObject({ code: 0 });
}

describe.each([
  ['docker-registry 2.8', () => dockerRegistry.host],
  ['a registry with the referrers API', () => need('REGISTRY_REFERRERS')],
  ['a registry without it', () => need('REGISTRY_TAGS')],
])('%s', (_, host) => {
  it('inventory, signing again, removing', async () => {
    const repository = `inventory/app${Date.now().toString(36)}`;
    const place = `${host()}/${repository}`;
    const push = (tag: string, platforms = 0) =>
      pushImage(host(), repository, { tag, seed: `${place} ${tag}`, platforms });
    const [two, three, both, other, none, lost] = [
      await push('two'),
      await push('three', 2),
      await push('both'),
      await push('other'),
      await push('unsigned'),
      await push('lost'),
    ];
    await by2(two, 'old', '--annotations', 'env=prod');
    await by3(three, 'old');
    await by2(both, 'old');
    await by3(both, 'old');
    await by2(other, 'stranger');
    await by3(other, 'stranger');
    await by2(lost, 'old');
    await by3(lost, 'old');
    await crane('delete', `${place}@${lost.digest}`);
    await run(need('CRANE'), ['delete', `${place}:lost`]); // some keep the tag

    const list = (...args: string[]) =>
      command(['inventory', place, '--tlog', 'ignore', '--json', ...args], {
        env: { COSIGN_PASSWORD: keyPassword },
      });
    const told = await list('--key', publicOf('old'));
    expect(told.stderr).not.toContain('error');
    const images = told.json.results
      .filter(({ kind }) => kind === 'image')
      .map(({ tags, signatures }) => [
        tags[0],
        signatures.map(({ format, standing }: never) => `${format} ${standing}`).sort(),
      ]);
    expect(images.filter(([tag]) => tag !== undefined)).toEqual([
      ['both', ['bundle verified', 'legacy verified']],
      ['other', ['bundle claimed', 'legacy claimed']],
      ['three', ['bundle verified']],
      ['two', ['legacy verified']],
      ['unsigned', []],
    ]);

    const rotate = ['--key', publicOf('old'), '--resign-with', keyOf('new'), '--prune'];
    const before = await crane('ls', place);
    const dry = await list(...rotate);
    expect(dry).toMatchObject({ code: 0 });
    expect(await crane('ls', place)).toEqual(before);
    const done = await list(...rotate, '--dry-run=false');
    expect(done).toMatchObject({ code: 0, json: { outputs: { complete: 'true', resigned: '3' } } });

    // Tags are only added (a signature of another format), but for those of the image that is gone.
    const after = await crane('ls', place);
    const lostTag = lost.digest.replace(':', '-');
    expect(before.some((tag) => tag.startsWith(lostTag))).toBe(true);
    expect(after.filter((tag) => tag.startsWith(lostTag))).toEqual([]);
    expect(before.filter((tag) => !tag.startsWith(lostTag) && !after.includes(tag))).toEqual([]);

    const verify = ['verify', '--key', publicOf('new'), ...offline];
    for (const image of [two, both])
      expect(await cosign2([...verify, image.reference])).toMatchObject({ code: 0 });
    expect(await cosign2([...verify, '-a', 'env=prod', two.reference])).toMatchObject({ code: 0 });
    for (const image of [three, both])
      expect(await cosign3([...verify, image.reference])).toMatchObject({ code: 0 });
    for (const image of [other, none]) {
      expect((await cosign2([...verify, image.reference])).code).not.toBe(0);
      expect((await cosign3([...verify, image.reference])).code).not.toBe(0);
    }
    // The old signatures are still there.
    const old = ['verify', '--key', publicOf('old'), ...offline];
    expect(await cosign2([...old, two.reference])).toMatchObject({ code: 0 });
    expect(await cosign3([...old, three.reference])).toMatchObject({ code: 0 });
    expect((await readFile(publicOf('new'), 'utf8')).length).toBeGreaterThan(0);
  });
});

it('with the trusted root, whoever signed keyless is proven; without it they only claim to be', async () => {
  const host = need('REGISTRY_REFERRERS');
  const repository = `inventory/keyless${Date.now().toString(36)}`;
  const image = await pushImage(host, repository, { tag: 'v1', seed: repository });
  const signed = await command(
    ['sign', '--images', image.reference, '--signing-config', need('SIGNING_CONFIG_V1')].concat([
      '--trusted-root',
      need('TRUSTED_ROOT'),
    ]),
    {
      env: {
        GITHUB_ACTIONS: 'true',
        ACTIONS_ID_TOKEN_REQUEST_URL: need('ACTIONS_ID_TOKEN_REQUEST_URL'),
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: need('ACTIONS_ID_TOKEN_REQUEST_TOKEN'),
      },
    },
  );
  expect(signed).toMatchObject({ code: 0 });
  const list = async (...args: string[]) => {
    const { code, json } = await command([
      ...['inventory', `${host}/${repository}`, '--json', ...args],
    ]);
    expect(code).toBe(0);
    return json.results[0].signatures.map(({ standing, identity, tlogIndex, claims }: never) => [
      standing,
      identity,
      typeof tlogIndex,
      (claims as { identity?: string } | undefined)?.identity,
    ]);
  };
  const who = need('CERTIFICATE_IDENTITY');
  const root = ['--trusted-root', need('TRUSTED_ROOT')];
  const rows = (row: readonly unknown[]) => [row, row];
  expect(await list()).toEqual(rows(['claimed', undefined, 'undefined', who]));
  expect(await list(...root)).toEqual(rows(['genuine', who, 'number', undefined]));
  const asked = ['--certificate-oidc-issuer', need('CERTIFICATE_OIDC_ISSUER')];
  expect(await list(...root, ...asked, '--certificate-identity', who)).toEqual(
    rows(['verified', who, 'number', undefined]),
  );
  expect(await list(...root, ...asked, '--certificate-identity', 'https://example.com/')).toEqual(
    rows(['genuine', who, 'number', undefined]),
  );
});
