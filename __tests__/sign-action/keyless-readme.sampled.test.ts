// The variants that the README's section "Keyless" shows, as their `with:` says them: files lie in
// the workspace, as after a checkout.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { type ConnectProxy, startConnectProxy } from '../sandbox/connect-proxy.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { TufRepository } from '../sigstore/tuf-repository.ts';
import { signed } from './signed.ts';

let sigstore: Sigstore;
let registry: SandboxRegistry;
let tuf: TufRepository;
let internet: ConnectProxy;
let firstRoot: string;

beforeAll(async () => {
  [sigstore, registry, tuf, internet] = await Promise.all([
    startSigstore(),
    startRegistry(),
    new TufRepository().start(),
    startConnectProxy({ refuse: 403 }),
  ]);
  firstRoot = String(tuf.files.get('1.root.json'));
  const files = {
    'trusted_root.json': sigstore.trustedRoot,
    'signing_config.v0.2.json': sigstore.signingConfig.v1_tsa,
  };
  tuf.publish({
    targets: Object.fromEntries(
      Object.entries(files).map(([name, json]) => [name, Buffer.from(JSON.stringify(json))]),
    ),
  });
});

afterAll(async () => {
  await Promise.all([sigstore.close(), registry.close(), tuf.stop(), internet.close()]);
});

let count = 0;
const step = async (
  inputs: Readonly<Record<string, string>>,
  job: Readonly<Record<string, string>>,
  config: 'v1' | 'v1_tsa' | 'v2' | 'tsa' = 'v2',
) => {
  const { digest, tagged = '' } = await pushImage(registry.host, `acme/app-${count++}`, {
    tag: 'v1.2.0',
  });
  const workspace = {
    'sigstore/signing_config.json': JSON.stringify(sigstore.signingConfig[config]),
    'sigstore/trusted_root.json': JSON.stringify(sigstore.trustedRoot),
    'sigstore/root.json': firstRoot,
  };
  const event = { repository: { full_name: 'acme/app', private: true, visibility: 'private' } };
  const env = { ...job, HTTPS_PROXY: internet.url, HTTP_PROXY: internet.url };
  const run = await signed({ images: tagged, digest, ...inputs }, { env, workspace, event });
  expect(run, run.stdout).toMatchObject({
    code: 0,
    errorCodes: [],
    outputs: { verified: 'true', identity: sigstore.certificateIdentity },
  });
  expect(internet.log).toEqual([]);
  return run;
};
const withPermission = () => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
});
const files = {
  'signing-config': 'sigstore/signing_config.json',
  'trusted-root': 'sigstore/trusted_root.json',
};

describe('a private instance', () => {
  it.each(sampled(['v2', 'tsa'], ['v2']))(
    'by its two files, with the services of %s',
    async (config) => {
      await step(files, withPermission(), config);
    },
  );

  itInWhole('by its addresses', async () => {
    const { fulcioUrl, rekorUrl, timestampUrl } = sigstore;
    const addresses = {
      'fulcio-url': fulcioUrl,
      'rekor-url': rekorUrl,
      'timestamp-url': timestampUrl,
    };
    const run = await step(
      { ...addresses, 'trusted-root': 'sigstore/trusted_root.json' },
      withPermission(),
    );
    expect(run.results[0]?.signatures.map(({ format }) => format)).toEqual(['bundle', 'legacy']);
  });

  it('by its TUF repository', async () => {
    await step({ 'tuf-mirror': tuf.url.href, 'tuf-root': 'sigstore/root.json' }, withPermission());
  });
});

describe('an air-gapped network', () => {
  it('needs the two files and a token, and nothing of the outside', async () => {
    await step({ ...files, 'identity-token': await sigstore.token() }, {});
  });
});
