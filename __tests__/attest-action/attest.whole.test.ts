// Attesting against every registry and key service that the sandbox knows, beside others, and with
// large documents.
import { describe, expect, it } from 'vitest';
import { keyWorlds } from '../keys/kms/worlds.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type BehaviourName, behaviours } from '../sandbox/registry-behaviours.ts';
import { startRegistryLike } from '../sandbox/registry-like.ts';
import { runAction } from '../sandbox/runner.ts';
import { contentOf, keyedInputs, makeKey, storedSignatures } from '../sign-action/keyed-world.ts';
import { signed } from '../sign-action/signed.ts';
import { attestationsIn, predicateOf } from './attested.ts';

const entry = 'dist/attest.js';
const key = makeKey();
const type = 'https://example.com/scan/v1';
const repository = 'acme/app';
// GitLab takes no bundles without the tag; that is told by the tests of signing.
const names = (Object.keys(behaviours) as BehaviourName[]).filter((name) => name !== 'gitlab');
const document = (predicate: string) => ({ 'predicate-type': type, predicate });

describe.concurrent('on a registry like', () => {
  it.each(names)('%s: both formats are written and read back; again adds nothing', async (name) => {
    await using known = await startRegistryLike(name);
    const { registry } = known;
    await using plain = await startRegistry();
    const image = await pushImage(plain.host, repository);
    const { blobs, manifests } = plain.store.open(repository);
    for (const bytes of blobs.values()) registry.store.addBlob(repository, bytes);
    for (const { bytes, mediaType } of manifests.values())
      registry.store.addManifest(repository, bytes, mediaType);
    const reference = `${registry.host}/${repository}@${image.digest}`;
    const machine = {
      entry,
      home: { '.docker/config.json': known.dockerConfig },
      secrets: known.secrets,
    };
    const inputs = keyedInputs(reference, key, document('{"a":1.0}'));
    const first = await signed(inputs, machine);
    expect(first, first.shown).toMatchObject({
      code: 0,
      results: [{ status: 'signed', verified: true }],
    });
    const found = attestationsIn(registry.store, repository, image.digest);
    expect(found.map(({ format, statement }) => [format, predicateOf(statement)])).toEqual([
      ['bundle', '{"a":1.0}'],
      ['legacy', '{"a":1.0}'],
    ]);
    const before = contentOf(registry.store, repository);
    const again = await signed(inputs, machine);
    expect(again.results, again.shown).toMatchObject([{ status: 'already-signed' }]);
    expect(contentOf(registry.store, repository)).toEqual(before);
  });
});

describe.each(keyWorlds)('%s', (_name, start) => {
  it('attests two images, and its public key verifies them', async () => {
    await using world = await start();
    await using registry = await startRegistry();
    const images = await Promise.all(
      [1, 2].map((seed) => pushImage(registry.host, repository, { seed })),
    );
    const machine = {
      env: world.env,
      ...(world.home === undefined ? {} : { home: world.home }),
      ...(world.workspace === undefined ? {} : { workspace: world.workspace }),
    };
    const run = await runAction({
      entry,
      inputs: {
        images: images.map(({ reference }) => reference).join('\n'),
        key: world.reference,
        tlog: 'false',
        ...document('{"a":1}'),
      },
      ...machine,
    });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const gate = await runAction({
      entry: 'dist/verify.js',
      inputs: {
        images: run.outputs.images ?? '',
        key: world.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        tlog: 'ignore',
        'attestation-type': type,
        signature: 'ignore',
      },
    });
    expect(gate, gate.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe('many jobs at one image', () => {
  it.each([{ referrersApi: true, ociSubject: true }, {}])(
    'six attest and four sign on %o: nothing is lost, and every one is read back',
    async (options) => {
      await using registry = await startRegistry(options);
      const image = await pushImage(registry.host, repository);
      const attesters = Array.from({ length: 6 }, (_, n) => `{"n":${n}}`);
      const signers = Array.from({ length: 4 }, makeKey);
      const runs = await Promise.all([
        ...attesters.map((predicate) =>
          signed(keyedInputs(image.reference, key, document(predicate)), { entry }),
        ),
        ...signers.map((signer) => signed(keyedInputs(image.reference, signer))),
      ]);
      for (const run of runs)
        expect(run, run.shown).toMatchObject({
          code: 0,
          results: [{ status: 'signed', verified: true }],
        });
      const found = attestationsIn(registry.store, repository, image.digest);
      const texts = (format: string) =>
        found
          .filter((one) => one.format === format)
          .map(({ statement }) => predicateOf(statement))
          .sort();
      expect([texts('bundle'), texts('legacy')]).toEqual([attesters, attesters]);
      const kept = storedSignatures(
        registry.store,
        repository,
        image.digest,
        signers,
        'referrersApi' in options,
      );
      const good = kept.filter(({ verdict, listed }) => verdict === 'verified' && listed);
      expect(good).toHaveLength(2 * signers.length);
    },
  );
});

describe('a document of 16 MiB', () => {
  const big = `{"a":"${'x'.repeat((16 << 20) - 8)}"}`;

  it('is attested of four images within 700 MiB, and verified', async () => {
    await using registry = await startRegistry();
    const images = await Promise.all(
      [1, 2, 3, 4].map((seed) => pushImage(registry.host, repository, { seed })),
    );
    const references = images.map(({ reference }) => reference);
    const run = await runAction({
      entry,
      measure: true,
      inputs: keyedInputs(references, key, document('big.json')),
      workspace: { 'big.json': big },
    });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect((run.maxRssKb ?? 0) >> 10).toBeLessThan(700);
    const [first] = images;
    const found = attestationsIn(registry.store, repository, first?.digest ?? '');
    expect(found.map(({ statement }) => predicateOf(statement) === big)).toEqual([true, true]);
  });

  it('and one byte is refused, before anything is contacted', async () => {
    const image = '127.0.0.1:9/acme/app@sha256:'.concat('a'.repeat(64));
    const run = await signed(keyedInputs(image, key, document('big.json')), {
      entry,
      workspace: { 'big.json': `${big} ` },
    });
    expect(run).toMatchObject({ code: 1, errorCodes: ['too-large'] });
    expect(run.stdout).toContain('16 MiB');
    expect(run.stdout).toContain('GitHub');
  });
});
