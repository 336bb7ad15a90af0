import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Attachment, SigningPlan, SigningTools } from '../../src/engine/sign-image.ts';
import { signImages } from '../../src/engine/sign-images.ts';
import { Failure } from '../../src/failure.ts';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { ResolveTools } from '../../src/image/resolve.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import type { Verdict } from '../../src/signature/verdict.ts';

const digests = { one: digestOf(Buffer.from('one')), two: digestOf(Buffer.from('two')) };
const plan: SigningPlan = {
  formats: ['bundle'],
  annotations: {},
  skipExisting: true,
  verify: true,
};
type Tools = SigningTools<FoundSignature, Verdict>;

const target = (text: string) => ({ reference: parseReference(text), references: [text] });

/**
 * What the registry holds under a tag; a store that keeps what is attached; a signer that signs
 * `signed DIGEST`.
 */
function tools(tags: Record<string, Digest>, broken: Partial<Tools> = {}) {
  const shelves = new Map<Digest, FoundSignature[]>();
  const attached: string[] = [];
  const verdictOn = (digest: Digest, reference: string): Verdict => ({
    format: 'bundle',
    digest,
    reference,
    verified: true,
    code: 'verified',
    annotations: {},
  });
  const head = async (reference: string): Promise<Descriptor | undefined> => {
    const digest = tags[reference];
    return digest && { mediaType: mediaTypes.ociManifest, digest, size: 3 };
  };
  const all: Tools & ResolveTools = {
    open: () => ({ head, getManifest: async () => undefined }),
    clock: systemClock,
    sleep: async () => {},
    recursive: false,
    describedBy: 'headers' as const,
    onTagOnly: () => {},
    thing: 'signature',
    saysSame: () => true,
    signer: async () => ({ keyId: 'key' }),
    judge: async (found, digest) => verdictOn(digest, found.reference),
    make: (_, { digest }) => ({
      format: 'bundle',
      bundle: Promise.resolve(Buffer.from(`signed ${digest}`)),
      verdict: Promise.resolve(verdictOn(digest, 'the new signature')),
    }),
    store: ({ digest }) => ({
      found: async () => shelves.get(digest) ?? [],
      attachBundle: async (subject, bundle): Promise<Attachment> => {
        attached.push(String(await bundle));
        const reference = `registry.example/app@${subject.digest}`;
        shelves.set(digest, [{ format: 'bundle', digest, reference, bundle: await bundle }]);
        return { format: 'bundle', digest, reference, kept: Promise.resolve() };
      },
      attachLegacy: async () => {
        throw new Error('not asked for');
      },
      readBack: async () => shelves.get(digest) ?? [],
    }),
    ...broken,
  };
  return { all, attached };
}

const told = (results: Awaited<ReturnType<typeof signImages>>) =>
  results.map(({ image, status, error }) => [image, status, error?.code]);

describe('signImages', () => {
  it('signs many tags of one digest once, and keeps all their names', async () => {
    const { all, attached } = tools({ '1': digests.one, '1.0': digests.one });
    const results = await signImages(
      [target('registry.example/app:1'), target('registry.example/app:1.0')],
      plan,
      all,
      () => {},
    );
    expect(attached).toEqual([`signed ${digests.one}`]);
    expect(results.map(({ references }) => references)).toEqual([
      ['registry.example/app:1', 'registry.example/app:1.0'],
    ]);
  });

  it('gives the results in the order of the targets, also those of images that are not there', async () => {
    const { all } = tools({ one: digests.one, two: digests.two });
    const targets = ['app:missing', 'app:two', 'app:one'].map((name) =>
      target(`registry.example/${name}`),
    );
    expect(told(await signImages(targets, plan, all, () => {}))).toEqual([
      ['registry.example/app:missing', 'failed', 'image-not-found'],
      [`registry.example/app@${digests.two}`, 'signed', undefined],
      [`registry.example/app@${digests.one}`, 'signed', undefined],
    ]);
  });

  it('writes nothing where it is there already', async () => {
    const { all, attached } = tools({ one: digests.one });
    const targets = [target('registry.example/app:one')];
    await signImages(targets, plan, all, () => {});
    const [again] = await signImages(targets, plan, all, () => {});
    expect(again).toMatchObject({ status: 'already-signed', verified: true });
    expect(attached).toHaveLength(1);
  });

  it('says what is true of an image whose signature was written and could not be kept', async () => {
    const lost = new Failure('signature-lost', 'It is gone.', 'Run the step again.');
    const { all } = tools({ one: digests.one });
    const store: Tools['store'] = (image) => ({
      ...all.store(image),
      attachBundle: async (...given) => ({
        ...(await all.store(image).attachBundle(...given)),
        kept: Promise.reject(lost),
      }),
    });
    const [result] = await signImages(
      [target('registry.example/app:one')],
      plan,
      { ...all, store },
      () => {},
    );
    expect(result).toMatchObject({
      status: 'failed',
      verified: false,
      error: { code: 'signature-lost' },
      signatures: [{ digest: digests.one }],
    });
  });

  it('looks away from the log in what is read back only where no log took in what was made', async () => {
    const target1 = [target('registry.example/app:one')];
    for (const withoutLog of [false, true]) {
      const { all } = tools({ one: digests.one });
      const asked: unknown[] = [];
      // A registry that takes the entry away from what was written: only by its timestamp it holds.
      const stripped: Partial<Tools> = {
        mayLackLog: true,
        judge: async (found, digest, looksAway) => {
          asked.push(looksAway);
          const verdict = await all.judge(found, digest);
          return looksAway === true
            ? verdict
            : { ...verdict, verified: false, code: 'no-log-entry', reason: 'It is in no log.' };
        },
        make: (format, image) => {
          const pending = all.make(format, image);
          const verdict = pending.verdict.then((one) =>
            withoutLog ? { ...one, withoutLog } : one,
          );
          return { ...pending, verdict };
        },
      };
      const [result] = await signImages(target1, plan, { ...all, ...stripped }, () => {});
      expect(asked).toEqual([withoutLog ? true : undefined]);
      expect(result).toMatchObject(
        withoutLog
          ? { status: 'signed', verified: true, signatures: [{ withoutLog: true }] }
          : { status: 'failed', error: { code: 'not-verified' } },
      );
    }
  });

  it('does not call verified what was read back and is not', async () => {
    const { all } = tools({ one: digests.one });
    const judge: Tools['judge'] = async (found, digest) => ({
      ...(await all.judge(found, digest)),
      verified: false,
      code: 'bad-signature',
      reason: 'It was changed.',
    });
    const [result] = await signImages(
      [target('registry.example/app:one')],
      plan,
      { ...all, judge },
      () => {},
    );
    expect(result).toMatchObject({
      status: 'failed',
      verified: false,
      error: { code: 'not-verified' },
    });
  });
});
