// To whom the actions as they ship send `registry-password`: to the registry that the workflow
// names, never to one that a file of the pull request or a build's metadata names.
import { describe, expect, it, onTestFinished } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import type { Auth } from '../sandbox/registry-auth.ts';
import { keyedInputs, makeKey } from '../sign-action/keyed-world.ts';
import { signed } from '../sign-action/signed.ts';

const account = { username: 'ci', password: 'the-password-of-ci' };
const login = { 'registry-username': account.username, 'registry-password': account.password };
const key = makeKey();
const publicKey = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** Our registry with a signed image, and a foreign one that asks for a login in the given way. */
async function world(asks: 'basic' | 'token' = 'basic') {
  const own = await startRegistry({ auth: { kind: 'token', accounts: [account] } });
  onTestFinished(() => own.close());
  const foreignAuth: Auth = { kind: asks, accounts: [account] };
  const foreign = await startRegistry({ auth: foreignAuth });
  onTestFinished(() => foreign.close());
  const image = await pushImage(own.host, 'acme/app', { credentials: account });
  const metadata = (host: string) =>
    JSON.stringify({
      'image.name': `${host}/acme/app:1`,
      'containerimage.digest': image.digest,
    });
  const sentTo = (registry: typeof foreign) =>
    new Set(registry.requests.map(({ authorization }) => authorization));
  const sign = (inputs: Record<string, string>) =>
    signed({ key: key.pem, tlog: 'false', ...login, ...inputs });
  const verify = (
    inputs: Record<string, string>,
    workspace: Record<string, string> = {},
    more: Record<string, string> = login,
  ) =>
    signed(
      { key: publicKey, tlog: 'ignore', ...more, ...inputs },
      { entry: 'dist/verify.js', workspace },
    );
  return { own, foreign, image, metadata, sentTo, sign, verify };
}

const dockerfile = (...images: string[]) => images.map((image) => `FROM ${image}\n`).join('');

describe('a registry that only a file of the pull request names', () => {
  it.each(sampled(['basic', 'token'], ['token']))(
    'never sees the password, whatever login it asks for: %s',
    async (asks) => {
      const { own, foreign, image, sentTo, sign, verify } = await world(asks);
      expect(await sign({ images: image.reference })).toMatchObject({ code: 0 });
      const Dockerfile = dockerfile(`${foreign.host}/acme/app:1`, image.reference);
      for (const named of [{ registry: own.host }, { images: image.reference }]) {
        const run = await verify({ ...named, files: 'Dockerfile' }, { Dockerfile });
        expect(run, run.stdout).toMatchObject({
          code: 1,
          outputs: {
            images: JSON.stringify([image.reference]),
            failed: JSON.stringify([`${foreign.host}/acme/app:1`]),
          },
        });
        // The advice must not have people put their password into a step for that registry.
        const said = run.annotations.map(({ message }) => message).join('\n');
        expect(said).toContain('whoever wrote the file chose it');
        expect(run.stdout + run.summary).not.toMatch(/REGISTRY_PASSWORD|secrets\./);
      }
      expect(foreign.requests.length).toBeGreaterThan(0);
      expect(sentTo(foreign)).toEqual(new Set(['none']));
    },
  );

  it('is not asked at all where nothing says whom the login is for', async () => {
    const { foreign, verify } = await world();
    const Dockerfile = dockerfile(`${foreign.host}/acme/app:1`);
    const run = await verify({ files: 'Dockerfile' }, { Dockerfile });
    expect(run).toMatchObject({ code: 1, errorCodes: ['bad-input'] });
    expect(run.annotations[0]?.message).toContain('registry: ghcr.io');
    expect(foreign.requests).toEqual([]);
  });

  it('gets nothing when it stands under the name of ours, at another port', async () => {
    const { foreign, sentTo, verify } = await world();
    const Dockerfile = dockerfile(`${foreign.host}/acme/app:1`);
    const run = await verify({ registry: '127.0.0.1', files: 'Dockerfile' }, { Dockerfile });
    expect(run.code).toBe(1);
    expect(sentTo(foreign)).toEqual(new Set(['none']));
  });
});

describe('an image that files name in our registry', () => {
  it('is read with the login for `registry`', async () => {
    const { own, image, sign, verify } = await world();
    await sign({ images: image.reference });
    const run = await verify(
      { registry: own.host, files: 'Dockerfile' },
      { Dockerfile: dockerfile(image.reference) },
    );
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe('a registry that only the metadata of a build names', () => {
  it.each(sampled(['sign', 'verify'], ['verify']))('decides nothing: %s', async (action) => {
    const { own, foreign, metadata, sentTo, ...run } = await world();
    const named = { metadata: metadata(foreign.host) };
    expect(await run[action](named)).toMatchObject({ code: 1, errorCodes: ['bad-input'] });
    expect(foreign.requests).toEqual([]);
    await run[action]({ ...named, registry: own.host });
    await run[action]({ ...named, images: `${own.host}/acme/app` });
    expect(sentTo(foreign)).toEqual(new Set(['none']));
  });

  itInWhole('is signed and verified with the login where `registry` names it', async () => {
    const { own, metadata, sign, verify } = await world();
    const inputs = { metadata: metadata(own.host), registry: own.host };
    const run = await sign(inputs);
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(await verify(inputs)).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

it('images on two registries: `registry` says for which the login is', async () => {
  const { own, foreign, image, sentTo } = await world();
  const inputs = {
    ...keyedInputs([image.reference, `${foreign.host}/acme/app@${image.digest}`], key),
    ...login,
  };
  expect(await signed(inputs)).toMatchObject({ code: 1, errorCodes: ['bad-input'] });
  const run = await signed({ ...inputs, registry: own.host });
  expect(run.results.map(({ status }) => status)).toEqual(['signed', 'failed']);
  expect(sentTo(foreign)).toEqual(new Set(['none']));
});
