// The built gate as the runner starts it, beside what the built actions sign and attest.
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import { keyedInputs, makeKey } from '../sign-action/keyed-world.ts';

const key = makeKey();
const publicPem = (pem: string) =>
  createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
const cyclonedx = 'https://cyclonedx.org/bom';
const scanType = 'https://example.com/scan/v1';
const sbom = '{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1.0}';
const scan = '{"score": 9.50}';

let registry: SandboxRegistry;
let reference: string;
beforeAll(async () => {
  registry = await startRegistry();
  ({ reference } = await pushImage(registry.host, 'acme/app', { seed: 'attested' }));
  const attest = (type: string, predicate: string) =>
    runAction({
      entry: 'dist/attest.js',
      inputs: keyedInputs(reference, key, { 'predicate-type': type, predicate }),
    });
  const runs = [
    await runAction({ entry: 'dist/sign.js', inputs: keyedInputs(reference, key) }),
    await attest(cyclonedx, sbom),
    await attest(scanType, scan),
  ];
  for (const { code, stdout } of runs) expect(code, stdout).toBe(0);
});
afterAll(() => registry.close());

async function verify(inputs: Readonly<Record<string, string>>) {
  const before = registry.requests.length;
  const run = await runAction({
    entry: 'dist/verify.js',
    inputs: { images: reference, key: publicPem(key.pem), tlog: 'ignore', ...inputs },
    measure: true,
  });
  const asked = registry.requests.slice(before).map(({ path }) => path);
  const kept = [...run.files.keys()].filter((path) => path.includes('sign-image-attestations'));
  return { ...run, asked, kept };
}

it('asks for attestations, and keeps what they say as it was signed', async () => {
  const types = `${cyclonedx}\n${scanType}`;
  const { code, stdout, outputs, files, kept, summary } = await verify({
    'attestation-type': types,
  });
  expect(code, stdout).toBe(0);
  const told = JSON.parse(outputs.attestations ?? '') as Record<string, string>[];
  // Both formats of both.
  expect(told.map(({ type }) => type).sort()).toEqual([cyclonedx, cyclonedx, scanType, scanType]);
  expect(told).toMatchObject(told.map(() => ({ image: reference, identity: null, issuer: null })));
  const contents = told.map(({ path = '' }) => {
    const name = kept.find((file) => path.endsWith(file.slice(file.lastIndexOf('/'))));
    return files.get(name ?? '')?.toString();
  });
  expect(contents.toSorted()).toEqual([sbom, sbom, scan, scan].toSorted());
  const [result] = JSON.parse(outputs.results ?? '');
  expect(result.attestations).toMatchObject(told.map(() => ({ verified: true, code: 'verified' })));
  for (const text of [stdout, summary]) expect(text).toContain(cyclonedx);
});

it.each([
  ['another key', { key: publicPem(makeKey().pem) }, 'wrong-key'],
  ['another type', { 'attestation-type': 'openvex' }, 'no-attestation'],
  [
    'a type that is there and one that is not',
    { 'attestation-type': `${cyclonedx}\nopenvex` },
    'no-attestation',
  ],
  [
    'a type by its name alone',
    { 'attestation-type': 'https://cyclonedx.org/BOM' },
    'no-attestation',
  ],
])('refuses %s, and keeps nothing', async (_, inputs, expected) => {
  const { code, outputs, kept } = await verify({ 'attestation-type': cyclonedx, ...inputs });
  expect([code, outputs.verified, outputs.attestations, kept]).toEqual([1, 'false', '[]', []]);
  expect(JSON.parse(outputs.results ?? '')).toMatchObject([{ verified: false, code: expected }]);
});

const indented = (text: string, by: number) => text.trim().replaceAll('\n', `\n${' '.repeat(by)}`);
const policies = {
  ClusterImagePolicy: (pem: string, type: string) => `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: attested}
spec:
  images: [{glob: "**"}]
  authorities:
    - key:
        data: |
          ${indented(pem, 10)}
      attestations: [{name: one, predicateType: "${type}"}]
`,
  ClusterPolicy: (pem: string, type: string) => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: attested}
spec:
  rules:
    - name: attested
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["*"]
          attestations:
            - type: "${type}"
              attestors:
                - entries:
                    - keys:
                        publicKeys: |-
                          ${indented(pem, 26)}
                        rekor: {ignoreTlog: true, url: https://rekor.sigstore.dev}
`,
  ImageValidatingPolicy: (pem: string, type: string) => `apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata: {name: attested}
spec:
  attestors:
    - name: ours
      cosign:
        key:
          data: |
            ${indented(pem, 12)}
        ctlog: {insecureIgnoreTlog: true}
  attestations: [{name: one, intoto: {type: "${type}"}}]
  validations:
    - expression: images.containers.all(i, verifyAttestationSignatures(i, attestations.one, [attestors.ours]) > 0)
`,
};

it.each(sampled(Object.entries(policies), ['ImageValidatingPolicy']))(
  'takes the attestations that a %s asks for',
  async (_, policy) => {
    const asked = async (pem: string, type: string) => {
      const { code, outputs, stdout } = await runAction({
        entry: 'dist/verify.js',
        inputs: { images: reference, policy: 'policy.yaml' },
        workspace: { 'policy.yaml': policy(pem, type) },
      });
      const [{ code: why }] = JSON.parse(outputs.results || '[{}]');
      return [
        code,
        why,
        JSON.parse(outputs.attestations || '[]').length > 0,
        code === 0 ? '' : stdout,
      ];
    };
    const ours = publicPem(key.pem);
    expect(await asked(ours, cyclonedx)).toEqual([0, undefined, true, '']);
    const refused = (why: string) => [1, why, false, expect.any(String)];
    expect(await asked(ours, 'https://openvex.dev/ns')).toEqual(refused('no-attestation'));
    expect(await asked(publicPem(makeKey().pem), cyclonedx)).toEqual(refused('wrong-key'));
  },
);

itInWhole('asks what the conditions of a ClusterPolicy ask of the predicate', async () => {
  const asked = async (least: number) => {
    const policy = policies.ClusterPolicy(publicPem(key.pem), scanType);
    const condition = `{key: "{{ score }}", operator: GreaterThanOrEquals, value: ${least}}`;
    const { code, outputs } = await runAction({
      entry: 'dist/verify.js',
      inputs: { images: reference, policy: 'policy.yaml' },
      workspace: {
        'policy.yaml': `${policy.trimEnd()}\n              conditions: [{all: [${condition}]}]\n`,
      },
    });
    const [result] = JSON.parse(outputs.results ?? '');
    return [code, result.code, result.reason];
  };
  expect(await asked(9)).toEqual([0, undefined, undefined]);
  expect(await asked(10)).toEqual([
    1,
    'not-allowed',
    expect.stringContaining('"score GreaterThanOrEquals" does not hold: it is 9.5'),
  ]);
});

it('takes attestations alone where it is told to, and not otherwise', async () => {
  const other = await pushImage(registry.host, 'acme/other', { seed: 'unsigned' });
  const inputs = keyedInputs(other.reference, key, { 'predicate-type': scanType, predicate: scan });
  expect((await runAction({ entry: 'dist/attest.js', inputs })).code).toBe(0);
  const about = { images: other.reference, 'attestation-type': scanType };
  const alone = await verify({ ...about, signature: 'ignore' });
  expect(alone.code, alone.stdout).toBe(0);
  expect(alone.stdout).toContain(': attested by key');
  expect(alone.asked.filter((path) => path.endsWith('.sig'))).toEqual([]);
  const both = await verify(about);
  expect([both.code, both.kept]).toEqual([1, []]);
});

itInWhole(
  'judges the images that a Dockerfile names for BuildKit, where only their provenance is signed',
  async () => {
    const { digest, platforms } = await pushImage(registry.host, 'docker/dockerfile', {
      seed: 'frontend',
      tag: '1',
      platforms: 2,
      attestations: true,
    });
    const image = `${registry.host}/docker/dockerfile`;
    const holders = platforms.filter(({ annotations }) => annotations !== undefined);
    const judge = () =>
      runAction({
        entry: 'dist/verify.js',
        inputs: {
          files: 'Dockerfile',
          key: publicPem(key.pem),
          tlog: 'ignore',
          signature: 'ignore',
          'attestation-type': 'slsaprovenance',
        },
        workspace: { Dockerfile: `# syntax=${image}:1\nFROM scratch\nRUN true\n` },
      });
    const before = await judge();
    expect(JSON.parse(before.outputs.results ?? '')).toMatchObject([{ code: 'unsigned' }]);
    for (const holder of holders) {
      const inputs = keyedInputs(`${image}@${holder.digest}`, key);
      expect((await runAction({ entry: 'dist/sign.js', inputs })).code).toBe(0);
    }
    const { code, outputs, stdout } = await judge();
    expect(code, stdout).toBe(0);
    expect(JSON.parse(outputs.images ?? '')).toEqual([`${image}@${digest}`]);
    // Signed in both formats, each platform is attested once.
    expect(JSON.parse(outputs.attestations ?? '').length).toBe(2);
  },
);

it('neither asks for more nor loads more where no attestation is asked for', async () => {
  const [without, also] = [await verify({}), await verify({ 'attestation-type': cyclonedx })];
  const isMore = (path: string) => path.includes('.att') || path.includes('attest');
  expect(without.asked.filter(isMore)).toEqual([]);
  const judging = ({ loaded = [] }: typeof without) =>
    loaded.map(({ file }) => file).filter((file) => file.includes('judge-attestation'));
  expect([judging(without).length, judging(also).length]).toEqual([0, 1]);
  // The tag of cosign 1 and 2, and its two layers; lists and bundles are read once for both.
  const layers = 2;
  expect(also.asked.length - without.asked.length).toBe(1 + layers);
});
