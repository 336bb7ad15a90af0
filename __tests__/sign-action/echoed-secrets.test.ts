// Services that fail and send back what they were sent: `signed` finds every secret that comes near
// the log, the summary or an output.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { signed } from './signed.ts';

let sigstore: Sigstore;
let registry: SandboxRegistry;
beforeAll(async () => {
  [sigstore, registry] = await Promise.all([startSigstore(), startRegistry()]);
});
afterAll(() => Promise.all([sigstore.close(), registry.close()]));

/** Signs keyless, with a credential that no fixture holds; debug logging is on. */
async function sign(inputs: Readonly<Record<string, string>> = {}) {
  const { reference: images } = await pushImage(registry.host, 'acme/app');
  return signed(
    {
      images,
      'signing-config': JSON.stringify(sigstore.signingConfig.v1),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
      ...inputs,
    },
    {
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
      },
    },
  );
}

describe('a service that refuses with the request itself', () => {
  it('is the endpoint of identity tokens: its credential is masked and quoted nowhere', async () => {
    sigstore.faults.oidc.inject({ kind: 'echo', status: 500 });
    // It is tried again until the time is up; a slow machine needs some of that to begin.
    const run = await sign({ timeout: '20s' });
    sigstore.faults.oidc.clear();
    expect(run).toMatchObject({ code: 1, errorCodes: ['no-identity-token'] });
    expect(sigstore.faults.oidc.faulted).toBeGreaterThan(0);
    const mask = `::add-mask::${sigstore.idTokenRequestToken}`;
    expect(run.stdout.split(mask).join('')).not.toContain(sigstore.idTokenRequestToken);
    expect(run.stdout).toContain(mask);
  });

  it('is Fulcio: the identity token is quoted nowhere', async () => {
    sigstore.faults.fulcio.inject({ kind: 'echo', status: 400 });
    const run = await sign();
    sigstore.faults.fulcio.clear();
    expect(run).toMatchObject({ code: 1, errorCodes: ['fulcio-error'] });
    expect(run.stdout.replace(/^::add-mask::.*$/gm, '')).not.toMatch(/eyJ[\w-]{20}/);
  });

  it('does so no more: the same run signs', async () => {
    const run = await sign();
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});
