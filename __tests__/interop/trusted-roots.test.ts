// A trusted root whose authorities may not issue everything: we accept what real cosign accepts
// (Go's crypto/x509), and refuse what it refuses.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyless, sceneOf } from '../attacks/attack.ts';
import { authorityCases, chainFor, stamperCases, stampingChain } from '../attacks/authorities.ts';
import {
  base64,
  chainOf,
  Forge,
  identity,
  issuer,
  minutes,
  type TrustedRootJson,
} from '../attacks/forge.ts';
import { gate } from '../attacks/gate.ts';
import { stampedOnly } from '../attacks/material.ts';
import { type SignatureStore, Stage } from '../attacks/store.ts';
import { cosign3, temporaryFolder } from './peers.ts';

const forge = new Forge();
let stage: Stage;
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  stage = await Stage.start();
  ({ folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  await stage.close();
  await remove();
});

for (const [subject, authorities] of Object.entries(authorityCases)) {
  describe(`${subject} of authorities`, () => {
    it.each(authorities)('$name: $accepted', async (authority) => {
      const chain = chainFor(authority);
      const store = stage.store();
      const { bundle } = sceneOf(forge, store);
      store.bundle(bundle({ leaf: { ...authority.leaf, by: chain[0] } }));
      const root = forge.trustedRoot();
      root.certificateAuthorities[0].certChain = chainOf(...chain);
      const who = authority.identity ?? identity;
      const theirs = await cosign(store, root, who);
      const policy = {
        ...keyless,
        signers: [{ identities: [{ exact: who }], issuers: [{ exact: issuer }] }] as never,
      };
      const trust = forge.trust((own) => Object.assign(own, root));
      const ours = await gate(store.image, policy, trust, { retryBudget: 0 });
      expect(
        { cosign: theirs.code === 0, ours: ours.verified },
        `${theirs.output}\n${ours.texts.join('\n')}`,
      ).toEqual({ cosign: authority.accepted, ours: authority.accepted });
    });
  });
}

describe('timestamp authorities', () => {
  it.each(stamperCases)('$name: $accepted', async (stamper) => {
    const chain = stampingChain(stamper);
    const store = stage.store();
    const good = sceneOf(forge, store).bundle(stampedOnly);
    const signature = Buffer.from(good.dsseEnvelope.signatures[0].sig, 'base64');
    good.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
      { signedTimestamp: base64(forge.timestamp(signature, minutes(1), ...chain)) },
    ];
    store.bundle(good);
    const root = forge.trustedRoot();
    root.timestampAuthorities[0].certChain = chainOf(...chain);
    const flags = ['--use-signed-timestamps', '--insecure-ignore-tlog'];
    const theirs = await cosign(store, root, identity, flags);
    const trust = forge.trust((own) => Object.assign(own, root));
    const ours = await gate(store.image, { ...keyless, tlog: 'ignore' }, trust, { retryBudget: 0 });
    expect(
      { cosign: theirs.code === 0, ours: ours.verified },
      `${theirs.output}\n${ours.texts.join('\n')}`,
    ).toEqual({ cosign: stamper.accepted, ours: stamper.accepted });
  });
});

async function cosign(
  store: SignatureStore,
  root: TrustedRootJson,
  who: string,
  flags: readonly string[] = [],
) {
  const file = join(folder, `${store.repository.replace('/', '-')}.json`);
  await writeFile(file, JSON.stringify(root));
  return cosign3([
    'verify',
    '--allow-http-registry',
    `--trusted-root=${file}`,
    `--certificate-identity=${who}`,
    `--certificate-oidc-issuer=${issuer}`,
    ...flags,
    `${store.image.reference}@${store.image.digest}`,
  ]);
}
