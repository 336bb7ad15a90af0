// `npm run demo`: what the actions do, shown on a sandbox on loopback: a registry, an image, and
// the built actions in processes of their own. No network, no peer, no secret that is worth
// anything. Ends with 1 when anything is not as it should be.
import { generateKeyPairSync } from 'node:crypto';
import { encryptPrivateKey } from '../../src/keys/encrypted.ts';
import { pushImage } from './images.ts';
import { startRegistry } from './registry.ts';
import { type RunResult, runAction } from './runner.ts';
import { startSigstore } from './sigstore/sigstore.ts';

const started = performance.now();
let failures = 0;

const say = (text: string) => console.log(text);
const chapter = (title: string) => say(`\n\x1b[1m━━ ${title}\x1b[0m`);

/**
 * Shows a step as the job log shows it, and its outputs; notes when it did not end as it should.
 */
function show(step: RunResult, expected: { code: number; verified: string }): void {
  for (const line of step.shown.split('\n'))
    if (line !== '' && !/^::(debug|add-mask|endgroup)/.test(line)) say(`  ${line}`);
  const { verified = '', image = '' } = step.outputs;
  const told = Object.entries(step.outputs).filter(
    ([name, value]) => value !== '' && !['results', 'certificate', 'images'].includes(name),
  );
  for (const [name, value] of told) say(`    ${name}=${value}`);
  const right = step.code === expected.code && verified === expected.verified;
  say(
    `  exit code ${step.code}, verified=${verified}${right ? '' : `  ← expected ${expected.code}, ${expected.verified} for ${image}`}`,
  );
  if (!right) failures++;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const password = 'a password only for this demo';
const key = await encryptPrivateKey(privateKey.export({ type: 'pkcs8', format: 'der' }), password);
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
await using registry = await startRegistry({ referrersApi: false });
const sigstore = await startSigstore();
const name = `${registry.host}/acme/app`;

chapter('1. An image is pushed (build-push-action would do this)');
const image = await pushImage(registry.host, 'acme/app', { tag: '1.0', seed: 'the real app' });
say(`  ${name}:1.0 is ${image.digest}`);

chapter('2. sign-image signs it with a key from a secret, and reads both signatures back');
const keyed = {
  images: `${name}:1.0`,
  digest: image.digest,
  key,
  'key-password': password,
  tlog: 'false',
  annotations: 'env=demo',
};
const signed = await runAction({ inputs: keyed });
show(signed, { code: 0, verified: 'true' });
say('\n  The job summary, as Markdown:');
for (const line of signed.summary.split('\n').slice(0, 14)) say(`  │ ${line}`);

chapter('3. The same job again adds nothing');
show(await runAction({ inputs: keyed }), { code: 0, verified: 'true' });

chapter('4. Keyless: the workflow itself signs (Fulcio certificate, Rekor entry, no secret)');
const trust = {
  'trusted-root': JSON.stringify(sigstore.trustedRoot),
  'signing-config': JSON.stringify(sigstore.signingConfig.v1_tsa),
};
const identityEnv = {
  ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
};
const keyless = await pushImage(registry.host, 'acme/app', { tag: '2.0', seed: 'the next app' });
show(
  await runAction({
    inputs: { images: `${name}:2.0`, digest: keyless.digest, ...trust },
    env: identityEnv,
  }),
  {
    code: 0,
    verified: 'true',
  },
);

chapter('5. The gate lets pass what the right signer signed');
const byKey = { key: publicPem, tlog: 'ignore' };
const verify = (inputs: Record<string, string>) => runAction({ entry: 'dist/verify.js', inputs });
show(await verify({ images: `${name}:1.0`, ...byKey }), { code: 0, verified: 'true' });
const byIdentity = {
  'trusted-root': trust['trusted-root'],
  'certificate-identity': sigstore.certificateIdentity,
  'certificate-oidc-issuer': sigstore.issuer,
};
show(await verify({ images: `${name}:2.0`, ...byIdentity }), { code: 0, verified: 'true' });

chapter('6. … and refuses the wrong identity');
const stranger = 'https://github.com/acme/app/.github/workflows/fork.yml@refs/heads/main';
show(await verify({ images: `${name}:2.0`, ...byIdentity, 'certificate-identity': stranger }), {
  code: 1,
  verified: 'false',
});

chapter('7. … and an image that nobody signed');
await pushImage(registry.host, 'acme/app', { tag: '3.0', seed: 'unsigned' });
show(await verify({ images: `${name}:3.0`, ...byKey }), { code: 1, verified: 'false' });

chapter('8. … and an image that somebody swapped under the tag');
await pushImage(registry.host, 'acme/app', { tag: '1.0', seed: 'not the real app' });
show(await verify({ images: `${name}:1.0`, ...byKey }), { code: 1, verified: 'false' });

await sigstore.close();
const seconds = (performance.now() - started) / 1000;
say(
  `\n${failures === 0 ? 'Everything went as it should' : `${failures} steps did not go as they should`}, in ${seconds.toFixed(1)} s.`,
);
process.exitCode = failures === 0 ? 0 : 1;
