// The built action as the runner starts it: what lies in the registry afterwards, letter by letter.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { itInWhole } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import { contentOf, keyedInputs, makeKey } from '../sign-action/keyed-world.ts';
import { type KeylessWorld, sandboxWorld, signKeyless } from '../sign-action/keyless-world.ts';
import { signed } from '../sign-action/signed.ts';
import { attestationsIn, predicateOf } from './attested.ts';

const entry = 'dist/attest.js';
const key = makeKey();
const type = 'https://example.com/scan/v1';
/** Numbers that a double cannot hold, keys that sort otherwise, spaces, escapes. */
const odd =
  '{ "z": 1.0, "a": 12345678901234567890123, "e": 1E2,\n  "10": -0, "2": "\\u00e9é\\/",  "n": null }';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

describe('a keyed attestation', () => {
  it('says what was given, letter by letter, in both formats, and is not written twice', async () => {
    const images = await Promise.all(
      ['app', 'web'].map((name) => pushImage(registry.host, `acme/${name}`, { seed: name })),
    );
    const references = images.map(({ reference }) => reference);
    const inputs = keyedInputs(references, key, {
      'predicate-type': type,
      predicate: 'scan.json',
    });
    const workspace = { 'scan.json': `\n${odd}\n` };
    const run = await signed(inputs, { entry, workspace });
    expect(run, run.stdout).toMatchObject({ code: 0, errorCodes: [] });
    const digest = digestOf(Buffer.from(odd));
    expect(run.outputs).toMatchObject({ verified: 'true', images: JSON.stringify(references) });
    expect(run.results).toMatchObject(
      references.map((image) => ({
        image,
        status: 'signed',
        verified: true,
        predicateType: type,
        predicateDigest: digest,
        signatures: [{ format: 'bundle' }, { format: 'legacy' }],
      })),
    );
    for (const text of [run.stdout, run.summary]) {
      expect(text).toContain(type);
      expect(text).toContain(digest);
    }
    expect(run.summary).toContain('2 images attested and verified');
    expect(run.summary).toContain('cosign verify-attestation');
    const policy = [...run.files].find(([path]) => path.endsWith('cluster-image-policy.yaml'));
    const gate = (text: string) =>
      runAction({
        entry: 'dist/verify.js',
        inputs: { images: references.join('\n'), policy: 'policy.yaml', tlog: 'ignore' },
        workspace: { 'policy.yaml': text },
      });
    const text = String(policy?.[1]);
    expect((await gate(text)).outputs).toMatchObject({ verified: 'true' });
    // A signature is another matter, and so is another type.
    expect((await gate(text.replace(/ +attestations:\n.*\n.*\n/, ''))).code).toBe(1);
    expect((await gate(text.replaceAll('scan/v1"', 'scan/v2"'))).code).toBe(1);
    for (const [index, { digest: image }] of images.entries()) {
      const name = `acme/${['app', 'web'][index]}`;
      const found = attestationsIn(registry.store, name, image);
      expect(found.map(({ format, statement }) => [format, predicateOf(statement)])).toEqual([
        ['bundle', odd],
        ['legacy', odd],
      ]);
      for (const { statement } of found)
        expect(JSON.parse(statement)).toMatchObject({
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ name: `${registry.host}/${name}`, digest: { sha256: image.slice(7) } }],
          predicateType: type,
        });
    }
    const before = ['acme/app', 'acme/web'].map((name) => contentOf(registry.store, name));
    const again = await signed(inputs, { entry, workspace });
    expect(again.results.map(({ status }) => status)).toEqual(['already-signed', 'already-signed']);
    expect(['acme/app', 'acme/web'].map((name) => contentOf(registry.store, name))).toEqual(before);
    // Another document of the same type, and the same one of another type, are other attestations.
    const other = await signed({ ...inputs, predicate: '{}' }, { entry });
    expect(other.results.map(({ status }) => status)).toEqual(['signed', 'signed']);
    expect(attestationsIn(registry.store, 'acme/app', images[0]?.digest ?? '')).toHaveLength(4);
  });

  itInWhole('lies beside a signature, and neither counts for the other', async () => {
    const image = await pushImage(registry.host, 'acme/both', { seed: 'both' });
    const document = { 'predicate-type': type, predicate: '{"a":1}' };
    const first = await signed(keyedInputs(image.reference, key, document), { entry });
    expect(first, first.stdout).toMatchObject({ code: 0 });
    const sign = await signed(keyedInputs(image.reference, key));
    expect(sign.results).toMatchObject([{ status: 'signed', verified: true }]);
    const again = await signed(keyedInputs(image.reference, key, document), { entry });
    expect(again.results).toMatchObject([{ status: 'already-signed', verified: true }]);
    const stranger = await signed(keyedInputs(image.reference, makeKey(), document), { entry });
    expect(stranger.results).toMatchObject([{ status: 'signed', verified: true }]);
    expect(attestationsIn(registry.store, 'acme/both', image.digest)).toHaveLength(4);
  });

  it('names what is wrong with the document before anything is contacted', async () => {
    const run = await signed(
      {
        ...keyedInputs('127.0.0.1:9/acme/app@sha256:'.concat('a'.repeat(64)), key),
        'sbom-path': 'sbom.json',
      },
      {
        entry,
        workspace: { 'sbom.json': '{"bomFormat":"CycloneDX","specVersion":"1.6","a":1,"a":2}' },
      },
    );
    expect(run).toMatchObject({ code: 1, errorCodes: ['bad-predicate'] });
    expect(run.stdout).toContain('stands in one object twice');
    expect(run.summary).toContain('Nothing was attested');
    expect(run.outputs).toMatchObject({ verified: 'false', images: '[]' });
  });
});

describe('a keyless attestation', () => {
  let world: KeylessWorld;
  beforeAll(async () => {
    world = await sandboxWorld();
  });
  afterAll(() => world.close());

  it.each([
    ['v1', { tlogIndex: expect.any(Number), timestamp: null }],
    ['tsa', { tlogIndex: null, timestamp: expect.any(String) }],
  ] as const)('is witnessed and verified in both formats (%s)', async (config, witnessed) => {
    const host = world.registries['without the referrers API'];
    const image = await pushImage(host, 'acme/app', { seed: config });
    const run = await signKeyless(world, image.reference, {
      config,
      entry,
      inputs: { 'sbom-path': 'sbom.json' },
      workspace: { 'sbom.json': '{"bomFormat":"CycloneDX","specVersion":"1.6"}' },
    });
    expect(run, run.stdout).toMatchObject({ code: 0, errorCodes: [] });
    expect(run.results).toMatchObject([
      {
        verified: true,
        predicateType: 'https://cyclonedx.org/bom',
        signatures: ['bundle', 'legacy'].map((format) => ({ format, ...witnessed })),
      },
    ]);
  });
});
