// A runner whose clock is wrong: Fulcio, Rekor and the authority have another time than it has. A
// token that does not fit is told by its cause; whatever else is signed and verified goes by signed
// times.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import { type SigningConfigName, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { signed } from './signed.ts';

/** Everybody but the runner is `minutes` ahead of it. */
async function openWorld(minutes: number) {
  const [sigstore, registry] = await Promise.all([
    startSigstore({ now: () => new Date(Date.now() + minutes * 60_000) }),
    startRegistry({ referrersApi: true, ociSubject: true }),
  ]);
  const { reference: image, digest } = await pushImage(registry.host, 'acme/app');
  const services = (config: SigningConfigName) => ({
    'signing-config': JSON.stringify(sigstore.signingConfig[config]),
    'trusted-root': JSON.stringify(sigstore.trustedRoot),
  });
  const github = {
    ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
  };
  const close = async () => void (await Promise.all([sigstore.close(), registry.close()]));
  return { sigstore, registry, image, digest, services, github, [Symbol.asyncDispose]: close };
}

const errorOf = (run: { annotations: readonly { kind: string; message: string }[] }) =>
  run.annotations.find(({ kind }) => kind === 'error')?.message ?? '';

describe.concurrent('a fresh token', () => {
  it.each([
    [
      60,
      /clock of this runner is (59|60|61) minutes behind.*GitHub's identity token is valid only/s,
    ],
    [-60, /clock of this runner is (59|60|61) minutes ahead.*GitHub's identity token expired/s],
    [-60 * 24 * 3, /clock of this runner is 3 days ahead/],
  ])('of a world that is %i minutes ahead of the runner', async (minutes, words) => {
    await using world = await openWorld(minutes);
    const run = await signed(
      { images: world.image, ...world.services('v1') },
      { env: world.github },
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-identity-token'] });
    expect(errorOf(run)).toMatch(words);
    expect(errorOf(run)).toContain('Set the clock of the runner');
    const paths = world.sigstore.requests.map(({ service, path }) => `${service} ${path}`);
    expect(paths.slice(1)).toEqual(['fulcio /api/v2/configuration']);
  });

  it('is judged by itself where Fulcio does not tell the time', async () => {
    await using world = await openWorld(-60);
    world.sigstore.faults.fulcio.inject({ kind: 'status', status: 500 });
    const run = await signed(
      { images: world.image, ...world.services('v1'), timeout: '60s' },
      { env: world.github },
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-identity-token'] });
    expect(errorOf(run)).toMatch(/clock of this runner is (59|60|61) minutes ahead/);
  });
});

describe.concurrent('a token that is old', () => {
  it('is told from a clock that is wrong', async () => {
    await using world = await openWorld(0);
    const token = await world.sigstore.token({ iat: '-4200', nbf: '-4200', exp: '-3600' });
    const run = await signed({
      images: world.image,
      ...world.services('v1'),
      'identity-token': token,
    });
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-identity-token'] });
    expect(errorOf(run)).toMatch(/expired 60 minutes ago; the clock of this runner is right/);
  });

  it('that the runner holds to be good is refused by Fulcio, and the clock is told', async () => {
    await using world = await openWorld(120);
    const token = await world.sigstore.token({ iat: '-7000', nbf: '-7300', exp: '-3600' });
    const run = await signed({
      images: world.image,
      ...world.services('v1'),
      'identity-token': token,
    });
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-identity-token'] });
    expect(errorOf(run)).toMatch(
      /refused.*The clock of this runner is (120 minutes|2 hours) behind/s,
    );
  });
});

describe.concurrent.each([-3 * 60, 3 * 60, -30 * 24 * 60, 30 * 24 * 60])(
  'where the world is %i minutes ahead of the runner',
  (minutes) => {
    it.each<SigningConfigName>(['v1', 'v1_tsa', 'v2', 'tsa'])(
      'a token without a beginning and an end soon signs, and the gate verifies (%s)',
      async (config) => {
        await using world = await openWorld(minutes);
        const token = await world.sigstore.token({ drop: 'nbf', exp: '31536000' });
        const services = world.services(config);
        const run = await signed({ images: world.image, ...services, 'identity-token': token });
        expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
        const certificates = world.sigstore.requests.filter(({ path }) =>
          path.endsWith('/signingCert'),
        );
        expect(certificates).toHaveLength(1);
        const gate = await runAction({
          entry: 'dist/verify.js',
          inputs: {
            images: world.image,
            'trusted-root': services['trusted-root'],
            'certificate-identity': world.sigstore.certificateIdentity,
            'certificate-oidc-issuer': world.sigstore.issuer,
            ...(config === 'tsa' ? { tlog: 'ignore' } : {}),
          },
        });
        expect(gate, gate.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      },
    );
  },
);
