// A TUF repository that is down, through the built action. It is waited for ten seconds where there is
// a cache; how that is measured, sigstore/tuf-outage.test.ts shows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { TufRepository } from '../sigstore/tuf-repository.ts';
import { signed } from './signed.ts';

it('a run goes on with the cache while the TUF repository is down, and says so', async () => {
  const [sigstore, tuf, toolCache] = await Promise.all([
    startSigstore(),
    new TufRepository().start(),
    mkdtemp(join(tmpdir(), 'sign-image-tools-')),
  ]);
  await using registry = await startRegistry({ referrersApi: true, ociSubject: true });
  const root = String(tuf.files.get('1.root.json'));
  tuf.publish({
    targets: {
      'trusted_root.json': Buffer.from(JSON.stringify(sigstore.trustedRoot)),
      'signing_config.v0.2.json': Buffer.from(JSON.stringify(sigstore.signingConfig.v1)),
    },
  });
  const { reference: images } = await pushImage(registry.host, 'acme/app');
  const sign = () =>
    signed(
      { images, 'tuf-mirror': tuf.url.href, 'tuf-root': root, format: 'bundle' },
      {
        env: {
          ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
          RUNNER_TOOL_CACHE: toolCache,
        },
      },
    );
  const before = await sign();
  expect(before, before.stdout).toMatchObject({ code: 0, annotations: [] });
  tuf.breakDown();
  const run = await sign();
  expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  expect(run.annotations.map(({ kind, message }) => [kind, message])).toEqual([
    ['notice', expect.stringContaining('from the cache')],
  ]);
  await Promise.all([sigstore.close(), tuf.stop(), rm(toolCache, { recursive: true })]);
});
