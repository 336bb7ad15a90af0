// Signatures that carry a certificate of one's own authority: cosign 2 and cosign 3 accept ours, we
// accept theirs, and both refuse the same ones.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forge } from '../attacks/forge.ts';
import { mailbox, type OwnPki, ownLeaf, ownPki } from '../attacks/own-authority.ts';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { cosign2, cosign3, keyPassword, need, type Ran, skopeo, temporaryFolder } from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
const pki = ownPki();
const key = newEcKey();
const file = (name: string) => join(folder, name);
const pemOf = ({ der }: OwnPki['root']) => pem('CERTIFICATE', der);

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  const day = 86_400_000;
  const period = {
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
  };
  const leaf = new Forge().certificate(key, ownLeaf(pki, period));
  const other = ownPki();
  await Promise.all([
    writeFile(file('leaf.pem'), pem('CERTIFICATE', leaf)),
    writeFile(file('chain.pem'), pemOf(pki.step) + pemOf(pki.root)),
    writeFile(file('root.pem'), pemOf(pki.root)),
    writeFile(file('step.pem'), pemOf(pki.step)),
    writeFile(file('stranger.pem'), pemOf(other.root)),
    writeFile(file('plain.pem'), key.export({ type: 'pkcs8', format: 'pem' })),
    writeFile(file('trusted_root.json'), JSON.stringify(await trustedRootWith(pki))),
    writeFile(file('strange_root.json'), JSON.stringify(await trustedRootWith(other))),
  ]);
  const prefix = file('cosign');
  const imported = ['import-key-pair', '--yes', '--key', file('plain.pem')];
  accepted(await cosign3([...imported, '--output-key-prefix', prefix]));
});
afterAll(() => cleanUp?.());

/** The trusted root of the deployment, with an authority of one's own: what cosign 3 asks for. */
async function trustedRootWith({ step, root }: OwnPki) {
  const trusted = JSON.parse(await readFile(need('TRUSTED_ROOT'), 'utf8'));
  const certificates = [step, root].map(({ der }) => ({ rawBytes: der.toString('base64') }));
  trusted.certificateAuthorities.push({
    subject: { organization: 'acme', commonName: 'acme-root' },
    uri: 'https://ca.acme.example',
    certChain: { certificates },
    validFor: { start: '2024-01-01T00:00:00Z' },
  });
  return trusted;
}

const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });
const refused = (ran: Ran, words: RegExp) => {
  expect(ran, ran.output).not.toMatchObject({ code: 0 });
  expect(ran.output).toMatch(words);
};

let counter = 0;
async function push(): Promise<string> {
  const name = `interop/own-${process.pid}-${counter++}`;
  const { digest } = await pushImage(need('REGISTRY_REFERRERS'), name, { seed: name });
  return `${need('REGISTRY_REFERRERS')}/${name}@${digest}`;
}

async function ours(images: string, inputs: Record<string, string>) {
  const given = {
    images,
    key: await readFile(file('plain.pem'), 'utf8'),
    certificate: await readFile(file('leaf.pem'), 'utf8'),
    'certificate-chain': await readFile(file('chain.pem'), 'utf8'),
    'trusted-root': await readFile(need('TRUSTED_ROOT'), 'utf8'),
  };
  const run = await runAction({ inputs: { ...given, ...inputs } });
  expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  return run;
}

async function gate(images: string, inputs: Record<string, string> = {}) {
  const given = {
    images,
    'certificate-identity': mailbox,
    'ca-roots': await readFile(file('root.pem'), 'utf8'),
    'ca-intermediates': await readFile(file('step.pem'), 'utf8'),
    'trusted-root': await readFile(need('TRUSTED_ROOT'), 'utf8'),
  };
  const set = Object.entries({ ...given, ...inputs }).filter(([, value]) => value !== '');
  const run = await runAction({ entry: 'dist/verify.js', inputs: Object.fromEntries(set) });
  return { ...run, codes: codesOf(run.outputs.results) };
}

function codesOf(results = '[]'): readonly string[] {
  const parsed = JSON.parse(results) as { signatures: { code: string }[] }[];
  return [...new Set(parsed.flatMap(({ signatures }) => signatures.map(({ code }) => code)))];
}

const who = ['--certificate-identity', mailbox, '--insecure-ignore-sct', '--allow-http-registry'];
const noIssuer = ['--certificate-oidc-issuer-regexp', '^$'];
const trusting = (root = 'trusted_root.json') => ['--trusted-root', file(root)];
const roots = (root = 'root.pem') => ['--ca-roots', file(root)];

describe('what we sign', () => {
  it.each([
    ['v1', 'SIGNING_CONFIG_V1', [], true],
    ['v1 and a timestamp', 'SIGNING_CONFIG_V1_TSA', ['--use-signed-timestamps'], true],
    ['v2 and a timestamp', 'SIGNING_CONFIG_V2', ['--use-signed-timestamps'], false],
  ] as const)(
    'in a log %s, cosign accepts by the name and the root alone',
    async (_, config, timed, legacy) => {
      const image = await push();
      await ours(image, { 'signing-config': await readFile(need(config), 'utf8') });
      const asked = [...who, ...noIssuer, ...timed];
      accepted(await cosign3(['verify', ...asked, ...trusting(), image]));
      refused(
        await cosign3(['verify', ...asked, ...trusting('strange_root.json'), image]),
        /leaf cert/,
      );
      const other = [...asked, '--certificate-identity', 'x@acme.example'];
      refused(await cosign3(['verify', ...other, ...trusting(), image]), /identity/i);
      expect((await gate(image)).codes).toEqual(['verified']);
      if (!legacy) return;
      // The chain comes along; and where it does not count, the intermediate is named.
      const by2 = ['verify', ...who, ...noIssuer];
      accepted(await cosign2([...by2, ...roots(), image]));
      accepted(await cosign2([...by2, ...roots(), '--ca-intermediates', file('step.pem'), image]));
      refused(await cosign2([...by2, ...roots('stranger.pem'), image]), /unknown authority/);
    },
  );

  it('with a timestamp alone, cosign accepts where it looks at no log', async () => {
    const image = await push();
    await ours(image, { tlog: 'false', 'timestamp-url': need('TSA_URL') });
    const asked = [...who, ...noIssuer, '--use-signed-timestamps'];
    const ignoring = [...asked, '--insecure-ignore-tlog'];
    accepted(await cosign3(['verify', ...ignoring, ...trusting(), image]));
    refused(await cosign3(['verify', ...asked, ...trusting(), image]), /log/);
    expect((await gate(image, { tlog: 'ignore' })).codes).toEqual(['verified']);
    expect((await gate(image)).codes).toEqual(['no-log-entry']);
  });

  it('is not signed twice by the same certificate', async () => {
    const image = await push();
    const config = { 'signing-config': await readFile(need('SIGNING_CONFIG_V1'), 'utf8') };
    await ours(image, config);
    const again = await ours(image, config);
    expect(JSON.parse(again.outputs.results ?? '[]')).toMatchObject([{ status: 'already-signed' }]);
  });
});

describe('what cosign signs', () => {
  const signing = () => [
    ...['sign', '--yes', '--key', file('cosign.key'), '--certificate', file('leaf.pem')],
    ...['--certificate-chain', file('chain.pem'), '--allow-http-registry'],
  ];
  const env = { COSIGN_PASSWORD: keyPassword };
  it.each([
    [
      'cosign 3, v1',
      (image: string) =>
        cosign3(
          [...signing(), '--signing-config', need('SIGNING_CONFIG_V1'), ...trusting(), image],
          env,
        ),
      {},
    ],
    [
      'cosign 3, v2',
      (image: string) =>
        cosign3(
          [...signing(), '--signing-config', need('SIGNING_CONFIG_V2'), ...trusting(), image],
          env,
        ),
      {},
    ],
    [
      'cosign 3, a timestamp',
      (image: string) =>
        cosign3(
          [...signing(), '--signing-config', need('SIGNING_CONFIG_TSA'), ...trusting(), image],
          env,
        ),
      { tlog: 'ignore' },
    ],
    [
      'cosign 2',
      (image: string) => cosign2([...signing(), '--rekor-url', need('REKOR_URL'), image], env),
      {},
    ],
  ] as const)('%s: we accept by the name and the root alone', async (peer, sign, more) => {
    const image = await push();
    accepted(await sign(image));
    expect((await gate(image, more)).codes).toEqual(['verified']);
    const stranger = await readFile(file('stranger.pem'), 'utf8');
    expect((await gate(image, { ...more, 'ca-roots': stranger })).codes).toEqual([
      'untrusted-certificate',
    ]);
    expect(
      (await gate(image, { ...more, 'certificate-identity': 'x@acme.example' })).codes,
    ).toEqual(['wrong-identity']);
    expect(
      (await gate(image, { ...more, 'certificate-oidc-issuer': 'https://id.example' })).codes,
    ).toEqual(['wrong-issuer']);
    // cosign 2 sends the chain along, cosign 3.1 does not.
    expect((await gate(image, { ...more, 'ca-intermediates': '' })).codes).toEqual([
      peer === 'cosign 2' ? 'verified' : 'untrusted-certificate',
    ]);
    expect(
      (
        await gate(image, {
          ...more,
          'ca-roots': '',
          'ca-intermediates': '',
          'certificate-oidc-issuer': 'https://id.example',
        })
      ).codes,
    ).toEqual(['untrusted-certificate']);
  });
});

describe('a policy with an authority of one\u2019s own', () => {
  let image: string;
  beforeAll(async () => {
    image = await push();
    await ours(image, { 'signing-config': await readFile(need('SIGNING_CONFIG_V1'), 'utf8') });
    const docker = { [need('REGISTRY_REFERRERS')]: { 'use-sigstore-attachments': true } };
    await mkdir(file('registries.d'), { recursive: true });
    await writeFile(file('registries.d/all.yaml'), JSON.stringify({ docker }));
  });

  const certificates = async (name: string) => (await readFile(file(name))).toString('base64');
  const rule = async (change: object) => ({
    type: 'sigstoreSigned',
    pki: { caRootsData: await certificates('root.pem'), subjectEmail: mailbox, ...change },
    signedIdentity: { type: 'matchRepository' },
  });
  it.each<[string, () => Promise<object>, boolean]>([
    ['the root alone', () => rule({}), true],
    [
      'the root by its path',
      async () => {
        const byPath = { caRootsPath: file('root.pem'), subjectEmail: mailbox };
        return { ...(await rule({})), pki: byPath };
      },
      true,
    ],
    [
      'the intermediate as well',
      async () => rule({ caIntermediatesData: await certificates('step.pem') }),
      true,
    ],
    ['another root', async () => rule({ caRootsData: await certificates('stranger.pem') }), false],
    ['another mailbox', () => rule({ subjectEmail: 'x@acme.example' }), false],
    ['a host as well', () => rule({ subjectHostname: 'build.acme.example' }), false],
    [
      'another repository',
      async () => {
        const dockerRepository = 'registry.example.com/acme/app';
        const signedIdentity = { type: 'exactRepository', dockerRepository };
        return { ...(await rule({})), signedIdentity };
      },
      false,
    ],
  ])('with %s, skopeo and the gate are of one mind', async (_, made, admits) => {
    const transports = { docker: { [need('REGISTRY_REFERRERS')]: [await made()] } };
    const policy = file('policy.json');
    await writeFile(policy, JSON.stringify({ default: [{ type: 'reject' }], transports }));
    const copied = await skopeo([
      ...['--policy', policy, '--registries.d', file('registries.d')],
      ...['copy', '--src-tls-verify=false', `docker://${image}`, `dir:${file('copied')}`],
    ]);
    expect([copied.code === 0, copied.output]).toEqual([admits, expect.any(String)]);
    const run = await runAction({
      entry: 'dist/verify.js',
      inputs: { images: image, policy },
      env: { GITHUB_WORKSPACE: folder },
    });
    expect([run.code, run.outputs.verified], run.stdout).toEqual([admits ? 0 : 1, `${admits}`]);
  });
});
