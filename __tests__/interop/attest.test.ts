// What the built action attests, real cosign 2 and cosign 3 accept by type and signer, and refuse
// where they should; signatures beside it stay valid, for skopeo's policies too.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predicateTypes } from '../../src/signature/attestation.ts';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import {
  type KeylessWorld,
  type RegistryKind,
  realWorld,
  signKeyless,
} from '../sign-action/keyless-world.ts';
import { cosign2, cosign3, keyPassword, need, type Ran, skopeo, temporaryFolder } from './peers.ts';

const entry = 'dist/attest.js';

/** What the writers of each type write, in short; cosign reads what it knows. */
const documents: Readonly<Record<string, string>> = {
  slsaprovenance1:
    '{"buildDefinition":{"buildType":"https://example.com/build/v1","externalParameters":{"n":1.0}},"runDetails":{"builder":{"id":"https://example.com/builder"}}}',
  slsaprovenance:
    '{"builder":{"id":"https://example.com/builder"},"buildType":"https://example.com/b"}',
  spdx: '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"röcket","dataLicense":"CC0-1.0","documentNamespace":"https://example.com/x","creationInfo":{"created":"2026-11-20T12:00:00Z","creators":["Tool: syft"]},"packages":[]}',
  cyclonedx: '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}',
  vuln: '{"invocation":{"parameters":null,"uri":"https://example.com","event_id":"","builder.id":""},"scanner":{"uri":"trivy","version":"1","db":{"uri":"","version":""},"result":{}},"metadata":{"scanStartedOn":"2026-11-20T12:00:00Z","scanFinishedOn":"2026-11-20T12:00:01Z"}}',
  openvex:
    '{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex","author":"a","timestamp":"2026-11-20T12:00:00Z","version":1,"statements":[]}',
  custom: '{"anything":[1.0,{}]}',
  link: '{"name":"build","command":["make"],"_type":"link","materials":{},"products":{},"byproducts":{},"environment":{}}',
  slsaprovenance02:
    '{"builder":{"id":"https://example.com/builder"},"buildType":"https://example.com/b"}',
  'https://example.com/scan/v1': '{"z":12345678901234567890123,"a":1.50}',
};
const uriOf = (type: string) => (predicateTypes as Record<string, string>)[type] ?? type;

let world: KeylessWorld;
let folder: string;
let cleanUp: () => Promise<void>;
const keys = new Map<string, { readonly text: string; readonly publicFile: string }>();

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  world = await realWorld();
  for (const name of ['ours', 'stranger']) {
    const prefix = join(folder, name);
    accepted(await cosign3(['generate-key-pair', '--output-key-prefix', prefix]));
    const text = await readFile(`${prefix}.key`, 'utf8');
    keys.set(name, { text, publicFile: `${prefix}.pub` });
  }
});

afterAll(async () => {
  await world?.close();
  await cleanUp?.();
});

let count = 0;
const push = (kind: RegistryKind, options: Parameters<typeof pushImage>[2] = {}) =>
  pushImage(world.registries[kind], `interop/attest-${process.pid}-${count++}`, options);
const refused = (ran: Ran) => expect(ran, ran.output).not.toMatchObject({ code: 0 });
const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });
const http = '--allow-http-registry';
const byKey = (name = 'ours') => [
  '--key',
  keys.get(name)?.publicFile ?? '',
  '--insecure-ignore-tlog=true',
  http,
];

async function attest(reference: string, inputs: Record<string, string>) {
  const run = await runAction({
    entry,
    inputs: {
      images: reference,
      key: keys.get('ours')?.text ?? '',
      'key-password': keyPassword,
      tlog: 'false',
      ...inputs,
    },
  });
  expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  return run;
}

/** The predicate that cosign prints for what it has verified. */
function printed({ output }: Ran): unknown {
  const line = output.split('\n').find((text) => text.startsWith('{"payload'));
  const { payload } = JSON.parse(line ?? '{}');
  return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).predicate;
}

const kinds = ['with the referrers API', 'without the referrers API'] as const;

describe.each(kinds)('attested with a key in a registry %s', (kind) => {
  it.each(Object.keys(documents))('%s is accepted by cosign 2 and 3, and only so', async (type) => {
    const { reference } = await push(kind);
    const predicate = documents[type] ?? '';
    await attest(reference, { 'predicate-type': type, predicate });
    const other = await push(kind, { seed: 'other' });
    for (const cosign of [cosign2, cosign3]) {
      const own = await cosign(['verify-attestation', '--type', type, ...byKey(), reference]);
      accepted(own);
      expect(printed(own)).toEqual(JSON.parse(predicate));
      accepted(await cosign(['verify-attestation', '--type', uriOf(type), ...byKey(), reference]));
      const wrongType = type === 'vuln' ? 'openvex' : 'vuln';
      refused(await cosign(['verify-attestation', '--type', wrongType, ...byKey(), reference]));
      refused(
        await cosign(['verify-attestation', '--type', type, ...byKey('stranger'), reference]),
      );
      refused(await cosign(['verify-attestation', '--type', type, ...byKey(), other.reference]));
    }
    refused(await cosign2(['verify', ...byKey(), reference]));
  });

  it('beside what cosign 2 and 3 attested and signed before, which stays', async () => {
    const { reference } = await push(kind);
    const file = join(folder, 'predicate.json');
    await writeFile(file, documents.cyclonedx ?? '');
    const [key, stranger] = ['ours', 'stranger'].map((name) => join(folder, `${name}.key`));
    const plain = ['--yes', '--tlog-upload=false', http];
    const to3 = ['--use-signing-config=false'];
    const by = ['--key', stranger ?? '', '--predicate', file, '--type', 'cyclonedx'];
    accepted(await cosign2(['attest', ...by, ...plain, reference]));
    accepted(await cosign3(['attest', ...by, ...to3, ...plain, reference]));
    accepted(await cosign2(['sign', '--key', key ?? '', ...plain, reference]));
    accepted(await cosign3(['sign', '--key', key ?? '', ...to3, ...plain, reference]));
    await attest(reference, { 'predicate-type': 'spdx', predicate: documents.spdx ?? '' });
    for (const cosign of [cosign2, cosign3]) {
      accepted(
        await cosign([
          'verify-attestation',
          '--type',
          'cyclonedx',
          ...byKey('stranger'),
          reference,
        ]),
      );
      accepted(await cosign(['verify-attestation', '--type', 'spdx', ...byKey(), reference]));
      accepted(await cosign(['verify', ...byKey(), reference]));
    }
  });

  it('index and platforms, each format alone', async () => {
    const image = await push(kind, { platforms: 2 });
    const { reference } = image;
    const name = reference.split('@')[0];
    const inner = image.platforms.map(({ digest }) => `${name}@${digest}`);
    const document = { 'predicate-type': 'vuln', predicate: documents.vuln ?? '' };
    await attest(reference, { ...document, recursive: 'true', format: 'legacy' });
    for (const one of [reference, ...inner])
      accepted(await cosign2(['verify-attestation', '--type', 'vuln', ...byKey(), one]));
    await attest(reference, { ...document, recursive: 'true', format: 'bundle' });
    for (const one of [reference, ...inner])
      accepted(await cosign3(['verify-attestation', '--type', 'vuln', ...byKey(), one]));
  });
});

describe.each(kinds)('attested keyless in a registry %s', (kind) => {
  const stamped = ['--use-signed-timestamps'];
  const unlogged = [...stamped, '--insecure-ignore-tlog'];

  /** What cosign 3 and cosign 2 must be told besides; undefined: there is no legacy attestation. */
  it.each([
    ['v1', [], []],
    ['v1_tsa', stamped, stamped],
    ['v2', stamped, undefined],
    ['tsa', unlogged, unlogged],
  ] as const)('with the config %s, by exact identity and issuer', async (config, for3, for2) => {
    const { reference } = await push(kind);
    const run = await signKeyless(world, reference, {
      config,
      entry,
      inputs: { 'sbom-path': 'sbom.json' },
      workspace: { 'sbom.json': documents.spdx ?? '' },
    });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const who = (identity = world.sigstore.certificateIdentity) => [
      '--certificate-identity',
      identity,
      '--certificate-oidc-issuer',
      world.sigstore.issuer,
    ];
    const verify3 = (identity?: string) =>
      cosign3([
        'verify-attestation',
        '--type',
        'spdxjson',
        ...who(identity),
        ...for3,
        '--trusted-root',
        need('TRUSTED_ROOT'),
        http,
        reference,
      ]);
    accepted(await verify3());
    refused(await verify3(`${world.sigstore.certificateIdentity}x`));
    if (for2 === undefined) return;
    const verify2 = (identity?: string) =>
      cosign2([
        'verify-attestation',
        '--type',
        'spdxjson',
        ...who(identity),
        ...for2,
        '--rekor-url',
        need('REKOR_URL'),
        http,
        reference,
      ]);
    accepted(await verify2());
    refused(await verify2(`${world.sigstore.certificateIdentity}x`));
  });
});

it('skopeo still copies what was signed, with attestations beside it', async () => {
  const host = world.registries['without the referrers API'];
  const image = await push('without the referrers API', { tag: 'v1' });
  const signed = await runAction({
    inputs: {
      images: image.reference,
      key: keys.get('ours')?.text ?? '',
      'key-password': keyPassword,
      tlog: 'false',
    },
  });
  expect(signed.code, signed.stdout).toBe(0);
  await attest(image.reference, { 'predicate-type': 'spdx', predicate: documents.spdx ?? '' });
  const policy = join(folder, 'policy.json');
  const rule = {
    type: 'sigstoreSigned',
    keyPath: keys.get('ours')?.publicFile,
    signedIdentity: { type: 'matchRepository' },
  };
  await writeFile(
    policy,
    JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [host]: [rule] } } }),
  );
  const registriesD = join(folder, 'registries.d');
  await mkdir(registriesD, { recursive: true });
  await writeFile(
    join(registriesD, 'default.yaml'),
    `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`,
  );
  const copied = await skopeo([
    '--policy',
    policy,
    '--registries.d',
    registriesD,
    'copy',
    '--src-tls-verify=false',
    `docker://${image.reference}`,
    `dir:${join(folder, 'copied')}`,
  ]);
  accepted(copied);
});
