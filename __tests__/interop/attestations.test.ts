// What real cosign 2 and cosign 3 attest today, our gate takes where it is asked for; of another
// type, by another signer, about another image, or copied there, it refuses it.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../attacks/material.ts';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { cosign2, cosign3, need, startDockerRegistry, temporaryFolder } from './peers.ts';
import { accepted, type Cosign, identityToken, makeKey } from './verify-signing.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let docker: { host: string; stop: () => void };
let ours = '';
let stranger = '';

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  docker = await startDockerRegistry(folder);
  ours = await makeKey(folder, 'ours', 'generated', cosign3);
  stranger = await makeKey(folder, 'stranger', 'generated', cosign3);
  for (const [name, predicate] of Object.entries(predicates))
    await writeFile(join(folder, `${name}.json`), predicate);
});
afterAll(async () => {
  docker?.stop();
  await cleanUp?.();
});

const hosts: Readonly<Record<string, () => string>> = {
  'docker-registry 2.8': () => docker.host,
  'referrers API': () => need('REGISTRY_REFERRERS'),
  'no referrers API': () => need('REGISTRY_TAGS'),
};
let count = 0;
const push = (registry: string, more = {}) =>
  pushImage((hosts[registry] as () => string)(), `interop/attested-${process.pid}-${count++}`, {
    seed: `attested ${count}`,
    tag: 'attested',
    ...more,
  });

const provenance1 = {
  buildDefinition: {
    buildType: 'https://acme.example/make',
    externalParameters: { target: 'all' },
    internalParameters: {},
    resolvedDependencies: [],
  },
  runDetails: { builder: { id: 'https://acme.example/builder' }, metadata: { invocationId: '1' } },
};
const provenance02 = {
  builder: { id: 'https://acme.example/builder' },
  buildType: 'https://acme.example/make',
  invocation: { configSource: {}, parameters: {}, environment: {} },
  materials: [],
};
const scan = {
  invocation: { parameters: null, uri: '', event_id: '', 'builder.id': '' },
  scanner: {
    uri: 'pkg:scan',
    version: '1',
    db: { uri: '', version: '', lastUpdate: '2026-11-01T00:00:00Z' },
    result: { n: 1 },
  },
  metadata: { scanStartedOn: '2026-11-01T00:00:00Z', scanFinishedOn: '2026-11-01T00:00:00Z' },
};
const predicates: Readonly<Record<string, string>> = {
  slsaprovenance1: JSON.stringify(provenance1),
  slsaprovenance: JSON.stringify(provenance02),
  spdx: 'SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n',
  spdxjson: JSON.stringify({ spdxVersion: 'SPDX-2.3', name: 'app', packages: [] }),
  cyclonedx: JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    components: [],
  }),
  vuln: JSON.stringify(scan),
  openvex: JSON.stringify({
    '@context': 'https://openvex.dev/ns',
    '@id': 'x',
    author: 'acme',
    timestamp: '2026-11-01T00:00:00Z',
    version: 1,
    statements: [],
  }),
  'https://acme.example/scan/v1': JSON.stringify({ passed: true, score: 9.5 }),
};
const fileOf = (type: string) =>
  join(folder, `${Object.hasOwn(files, type) ? files[type] : type}.json`);
const files: Record<string, string> = { 'https://acme.example/scan/v1': 'uri' };
// A name of a file has no slash.
Object.assign(predicates, { uri: predicates['https://acme.example/scan/v1'] });
delete (predicates as Record<string, string>)['https://acme.example/scan/v1'];
const types = [
  ...Object.keys(predicates).filter((name) => name !== 'uri'),
  'https://acme.example/scan/v1',
];

const http = ['--yes', '--allow-http-registry'];
const withoutLog = [...http, '--tlog-upload=false'];
const byKey = () => ['--key', `${ours}.key`];
const config = (name: string) => [
  '--signing-config',
  need(`SIGNING_CONFIG_${name}`),
  '--trusted-root',
  need('TRUSTED_ROOT'),
];
const services = () => ['--fulcio-url', need('FULCIO_URL'), '--rekor-url', need('REKOR_URL')];

interface Attester {
  readonly cosign: Cosign;
  readonly flags: () => readonly string[];
  readonly tlog?: 'ignore';
}
const keyed: Readonly<Record<string, Attester>> = {
  'cosign 2, layer': { cosign: cosign2, flags: () => withoutLog },
  'cosign 3, layer': {
    cosign: cosign3,
    flags: () => [...withoutLog, '--use-signing-config=false', '--new-bundle-format=false'],
  },
  'cosign 3, bundle': {
    cosign: cosign3,
    flags: () => [...withoutLog, '--use-signing-config=false'],
  },
};
const logged: Readonly<Record<string, Attester>> = {
  'cosign 2, layer, Rekor v1': { cosign: cosign2, flags: () => [...http, ...services()] },
  'cosign 2, layer, Rekor v1 and timestamp': {
    cosign: cosign2,
    flags: () => [...http, ...services(), '--timestamp-server-url', timestampUrl()],
  },
  'cosign 2, layer, Rekor v1, entry intoto': {
    cosign: cosign2,
    flags: () => [...http, ...services(), '--rekor-entry-type', 'intoto'],
  },
  'cosign 3, bundle, Rekor v1': { cosign: cosign3, flags: () => [...http, ...config('V1')] },
  'cosign 3, bundle, Rekor v1 and timestamp': {
    cosign: cosign3,
    flags: () => [...http, ...config('V1_TSA')],
  },
  'cosign 3, bundle, Rekor v2 and timestamp': {
    cosign: cosign3,
    flags: () => [...http, ...config('V2')],
  },
  'cosign 3, bundle, timestamp alone': {
    cosign: cosign3,
    flags: () => [...http, ...config('TSA')],
    tlog: 'ignore',
  },
};
const timestampUrl = () => {
  const url = need('TSA_URL').replace(/\/$/, '');
  return url.includes('/api/') ? url : `${url}/api/v1/timestamp`;
};

const attest = (
  { cosign, flags }: Attester,
  signer: readonly string[],
  type: string,
  reference: string,
) =>
  accepted(
    cosign([
      'attest',
      ...flags(),
      ...signer,
      '--type',
      type === 'spdxjson' ? 'spdxjson' : type,
      '--predicate',
      fileOf(type),
      reference,
    ]),
  );

interface Answer {
  readonly answer: string;
  readonly log: string;
  readonly attestations: readonly {
    type: string;
    path: string;
    image: string;
    tlogIndex: number | null;
  }[];
}

async function ask(reference: string, inputs: Readonly<Record<string, string>>): Promise<Answer> {
  const { code, outputs, stdout } = await runAction({
    entry: 'dist/verify.js',
    inputs: {
      images: reference,
      signature: 'ignore',
      'trusted-root': need('TRUSTED_ROOT'),
      ...inputs,
    },
  });
  const results = JSON.parse(outputs.results ?? '[]') as { verified: boolean; code?: string }[];
  const codes = new Set(
    results.flatMap(({ verified, code: why = '?' }) => (verified ? [] : [why])),
  );
  const good = code === 0 && outputs.verified === 'true';
  return {
    answer: good ? 'verified' : [...codes].join('+') || `exit code ${code}`,
    log: stdout,
    attestations: JSON.parse(outputs.attestations || '[]'),
  };
}

async function asks(
  reference: string,
  good: Readonly<Record<string, string>>,
  variants: readonly (readonly [string, Readonly<Record<string, string>>, string])[],
): Promise<void> {
  for (const [asking, change, expected] of [
    ['as attested', {}, 'verified'] as const,
    ...variants,
  ]) {
    const { answer, log, attestations } = await ask(reference, { ...good, ...change });
    expect(answer, `${asking}:\n${log}`).toBe(expected);
    expect(attestations.length > 0, asking).toBe(expected === 'verified');
  }
}

const publicKey = (prefix: string) => readFile(`${prefix}.pub`, 'utf8');

describe.each(Object.keys(keyed))('attested with a key by %s', (name) => {
  const attester = keyed[name] as Attester;

  it.each(types)('%s', async (type) => {
    const { reference } = await push('docker-registry 2.8');
    await attest(attester, byKey(), type, reference);
    const good = { key: await publicKey(ours), tlog: 'ignore', 'attestation-type': type };
    const other = type === 'cyclonedx' ? 'openvex' : 'cyclonedx';
    await asks(reference, good, [
      ['another key', { key: await publicKey(stranger) }, 'wrong-key'],
      ['another type', { 'attestation-type': other }, 'no-attestation'],
      ['two types', { 'attestation-type': `${type}\n${other}` }, 'no-attestation'],
      [
        'a signature as well',
        { signature: 'required' },
        name.endsWith('bundle') ? 'wrong-predicate' : 'unsigned',
      ],
      ['a log entry', { tlog: 'required' }, 'no-log-entry'],
    ]);
  });
});

describe.each(['docker-registry 2.8', 'referrers API', 'no referrers API'])('in %s', (registry) => {
  it.each(Object.keys(logged))('attested by a workflow, by %s', async (name) => {
    const attester = logged[name] as Attester;
    const { reference } = await push(registry);
    await attest(attester, await identityToken(), 'cyclonedx', reference);
    const identity = need('CERTIFICATE_IDENTITY');
    const good = {
      'certificate-identity': identity,
      'certificate-oidc-issuer': need('CERTIFICATE_OIDC_ISSUER'),
      'attestation-type': 'cyclonedx',
      tlog: attester.tlog ?? 'required',
    };
    await asks(reference, good, [
      ['another identity', { 'certificate-identity': identity.slice(0, -1) }, 'wrong-identity'],
      ['another type', { 'attestation-type': 'spdx' }, 'no-attestation'],
      ...(attester.tlog ? [['a log entry', { tlog: 'required' }, 'no-log-entry'] as const] : []),
    ]);
  });
});

it.each(Object.keys(keyed))('an index and a platform, by %s', async (name) => {
  const attester = keyed[name] as Attester;
  const { reference, platforms } = await push('docker-registry 2.8', { platforms: 2 });
  const platform = reference.replace(/@.*/, `@${platforms[0]?.digest}`);
  const good = { key: await publicKey(ours), tlog: 'ignore', 'attestation-type': 'cyclonedx' };
  await attest(attester, byKey(), 'cyclonedx', reference);
  await asks(reference, good, [['platforms too', { recursive: 'true' }, 'no-attestation']]);
  expect(await ask(platform, good)).toMatchObject({ answer: 'no-attestation' });
  await attest(attester, byKey(), 'cyclonedx', platform);
  await asks(platform, good, []);
});

it.each(Object.keys(keyed))('copied beside another image, by %s', async (name) => {
  const attester = keyed[name] as Attester;
  const host = docker.host;
  const repository = `interop/copied-${process.pid}-${count++}`;
  const [one, two] = await Promise.all(
    ['one', 'two'].map((seed) =>
      pushImage(host, repository, { seed: `${name} ${seed}`, tag: seed }),
    ),
  );
  if (one === undefined || two === undefined) throw new Error('two images were pushed');
  await attest(attester, byKey(), 'cyclonedx', one.reference);
  const good = { key: await publicKey(ours), tlog: 'ignore', 'attestation-type': 'cyclonedx' };
  expect(await ask(one.reference, good)).toMatchObject({ answer: 'verified' });
  const tag = (digest: string) => digest.replace(':', '-');
  const manifestAt = async (reference: string) => {
    const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
      headers: {
        accept:
          'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
      },
    });
    const json = (await answer.json()) as Json;
    return { type: answer.headers.get('content-type') ?? '', json };
  };
  const put = async (reference: string, type: string, body: string) =>
    expect(
      (
        await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
          method: 'PUT',
          headers: { 'content-type': type },
          body,
        })
      ).status,
    ).toBe(201);
  if (name.endsWith('layer')) {
    const { type, json } = await manifestAt(`${tag(one.digest)}.att`);
    await put(`${tag(two.digest)}.att`, type, JSON.stringify(json));
  } else {
    const index = await manifestAt(tag(one.digest));
    const { type, json } = await manifestAt(index.json.manifests[0].digest);
    json.subject = { ...json.subject, digest: two.digest, size: two.size };
    const body = JSON.stringify(json);
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    await put(digest, type, body);
    const entry = { ...index.json.manifests[0], digest, size: Buffer.byteLength(body) };
    await put(tag(two.digest), index.type, JSON.stringify({ ...index.json, manifests: [entry] }));
  }
  expect(await ask(two.reference, good)).toMatchObject({ answer: 'wrong-subject' });
});

it('an index of BuildKit\u2019s whose attestation manifests cosign has signed', async () => {
  const { reference, platforms } = await push('docker-registry 2.8', {
    platforms: 2,
    attestations: true,
  });
  const holders = platforms.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] !== undefined,
  );
  expect(holders.length).toBe(2);
  const good = { key: await publicKey(ours), tlog: 'ignore', 'attestation-type': 'slsaprovenance' };
  const signHolder = ({ digest }: { digest: string }) =>
    accepted(
      cosign3([
        'sign',
        ...byKey(),
        ...withoutLog,
        '--use-signing-config=false',
        reference.replace(/@.*/, `@${digest}`),
      ]),
    );
  expect(await ask(reference, good)).toMatchObject({ answer: 'unsigned' });
  await signHolder(holders[0] as (typeof holders)[number]);
  expect((await ask(reference, good)).answer).not.toBe('verified');
  await signHolder(holders[1] as (typeof holders)[number]);
  await asks(reference, good, [
    ['another key', { key: await publicKey(stranger) }, 'wrong-key'],
    ['another type', { 'attestation-type': 'spdx' }, 'no-attestation'],
  ]);
  await asks(reference, { ...good, recursive: 'true' }, []);
});
