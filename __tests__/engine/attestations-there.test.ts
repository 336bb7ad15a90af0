// What makes an attestation superfluous: only one that a stranger who trusts this signer would take
// for the very same. Everything else that lies beside the image is left where it is, and ours is
// written.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { attestationKind } from '../../src/engine/attest.ts';
import { signImage } from '../../src/engine/sign-image.ts';
import { noServices, signatureMaker } from '../../src/engine/signer.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { openStore } from '../../src/registry/store.ts';
import { makeAttestation } from '../../src/signature/attestation.ts';
import { signBundle, signEnvelope } from '../../src/signature/make.ts';
import { makeStatement } from '../../src/signature/statement.ts';
import { MemoryRegistry, testTools } from '../registry/memory-registry.ts';
import { makeKey } from '../sign-action/keyed-world.ts';

const type = 'https://example.com/scan/v1';
const text = '{"found":1.0}';
const ours = makeKey();
const strangers = makeKey();
const created = new Date(0);

/** What somebody has put beside the image before, in both formats. */
interface Before {
  readonly by?: typeof ours;
  readonly about?: 'another image';
  readonly type?: string;
  /** what the manifest and the layer say of it */
  readonly said?: string;
  readonly predicate?: string;
  readonly statement?: (image: Digest) => Buffer;
}

async function put(registry: MemoryRegistry, image: Descriptor, before: Before): Promise<void> {
  const { by = ours, about, predicate = text, said = type } = before;
  const signer = await loadSigner({ key: by.pem });
  const digest = about === undefined ? image.digest : digestOf(Buffer.from('another'));
  const name = 'registry.test/acme/app';
  const statement =
    before.statement?.(image.digest) ??
    makeAttestation({ name, digest }, before.type ?? type, predicate);
  const { bundle } = await signBundle({ signer, witnesses: [], statement });
  const layer = await signEnvelope({ signer, witnesses: {}, statement, predicateType: said });
  const store = openStore(registry.client(), image.digest, testTools({}).tools);
  await (await store.attachBundle(image, bundle, created, said)).kept;
  await (await store.attachLegacy(layer.payload, layer.annotations, 'attestation')).kept;
}

async function attest(registry: MemoryRegistry, image: Descriptor) {
  const kind = attestationKind({ type, text, digest: digestOf(Buffer.from(text)) });
  const maker = signatureMaker(loadSigner({ key: ours.pem }), Promise.resolve(noServices), kind);
  const store = openStore(registry.client(), image.digest, testTools({}).tools);
  return signImage(
    {
      name: registry.name,
      digest: image.digest,
      references: ['registry.test/acme/app:1'],
      subject: Promise.resolve(image),
    },
    { formats: ['bundle', 'legacy'], annotations: {}, skipExisting: true, verify: true },
    {
      ...maker,
      thing: kind.thing,
      saysSame: kind.saysSame,
      clock: systemClock,
      store: () => kind.place(store),
    },
  );
}

const layersOf = (registry: MemoryRegistry, image: Descriptor) =>
  registry.json(`${image.digest.replace(':', '-')}.att`).layers.length;

describe.each([{}, { referrersApi: true }])('beside an image on %o', (traits) => {
  it('the very same attestation is enough', async () => {
    const registry = new MemoryRegistry(traits);
    const image = registry.pushImage();
    await put(registry, image, {});
    expect(await attest(registry, image)).toMatchObject({ status: 'already-signed' });
    expect(layersOf(registry, image)).toBe(1);
  });

  it.each<[string, Before]>([
    ['another signer says the same', { by: strangers }],
    ['another predicate', { predicate: '{"found":2.0}' }],
    ['the same value, spelled otherwise', { predicate: '{"found":1}' }],
    ['the same letters and a space', { predicate: '{"found": 1.0}' }],
    ['another type', { type: `${type}x` }],
    ['another type that says to be ours', { type: `${type}x`, said: type }],
    ['a copy that is about another image', { about: 'another image' }],
    ['a signature', { statement: (image) => makeStatement(image, {}) }],
    [
      'a statement with two predicates',
      {
        statement: (digest) =>
          Buffer.from(
            String(makeAttestation({ name: 'a', digest }, type, text)).replace(
              ',"predicate":',
              ',"predicate":{},"predicate":',
            ),
          ),
      },
    ],
  ])('%s is not', async (_name, before) => {
    const registry = new MemoryRegistry(traits);
    const image = registry.pushImage();
    await put(registry, image, before);
    expect(await attest(registry, image)).toMatchObject({
      status: 'signed',
      verified: true,
      signatures: [{ format: 'bundle' }, { format: 'legacy' }],
    });
    expect(layersOf(registry, image)).toBe(2);
    expect(await attest(registry, image)).toMatchObject({ status: 'already-signed' });
  });
});

it('is not called verified where the registry shows something else than was written', async () => {
  const registry = new MemoryRegistry({ referrersApi: true });
  const image = registry.pushImage();
  const wanted = digestOf(Buffer.from('never'));
  // Whatever is asked for, the registry answers with the bytes of something else.
  const other = Buffer.from('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}');
  registry.trouble = (request, reference) => {
    if (request === 'GET blob' && reference !== wanted)
      registry.blobs.set(reference as Digest, other);
  };
  expect(await attest(registry, image)).toMatchObject({
    status: 'failed',
    verified: false,
    error: { code: 'not-verified', message: expect.stringContaining('attestation') },
  });
});
