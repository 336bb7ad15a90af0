import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type VerifyingTools, verifyImages } from '../../src/engine/verify-images.ts';
import { isWhole, type VerifyResult } from '../../src/engine/verify-result.ts';
import { Failure, type FailureCode, failureCodes } from '../../src/failure.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { ImageTarget } from '../../src/image/resolve.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import type { RequirementFor } from '../../src/signature/requirement.ts';
import type { Verdict } from '../../src/signature/verdict.ts';

const index = 'application/vnd.oci.image.index.v1+json';
const manifest = 'application/vnd.oci.image.manifest.v1+json';
const policy: SignaturePolicy = {
  signers: [{ key: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey }],
  annotations: {},
  tlog: 'required',
};
const requirementFor: RequirementFor = () => ({ kind: 'signature', policy });

interface Stored {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

function stored(mediaType: string, content: object): Stored {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { digest: digestOf(bytes), mediaType, bytes };
}

const empty = {
  mediaType: 'application/vnd.oci.image.config.v1+json',
  digest: digestOf(Buffer.from('{}')),
  size: 2,
};
const image = (name: string) =>
  stored(manifest, { config: empty, layers: [], annotations: { name } });
const app = image('app');
const web = image('web');
const indexOf = (...children: Stored[]) =>
  stored(index, {
    manifests: children.map(({ mediaType, digest, bytes }) => ({
      mediaType,
      digest,
      size: bytes.length,
      platform: { os: 'linux', architecture: digest === app.digest ? 'amd64' : 'arm64' },
    })),
  });

const signature = (digest: Digest): FoundSignature => ({
  format: 'bundle',
  digest,
  reference: `r.test/app@${digest}`,
  bundle: Buffer.alloc(0),
});

/**
 * A registry with these manifests and tags; `signed` are the digests that have a good signature.
 */
function world(
  manifests: readonly Stored[],
  tags: Record<string, Stored>,
  signed: readonly Digest[],
  recursive = false,
) {
  const get = async (reference: string) =>
    tags[reference] ?? manifests.find(({ digest }) => digest === reference);
  const judged: Digest[] = [];
  const tools: VerifyingTools = {
    open: () => ({
      getManifest: get,
      head: async (reference) => {
        const found = await get(reference);
        return (
          found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length }
        );
      },
    }),
    sleep: async () => {},
    recursive,
    describedBy: 'headers' as const,
    onTagOnly: () => {},
    attested: async () => {
      throw new Error('no attestation is asked for');
    },
    found: async ({ digest }) => (signed.includes(digest) ? [signature(digest)] : []),
    judge: async ({ format, digest, reference }): Promise<Verdict> => {
      judged.push(digest);
      return { format, digest, reference, verified: true, code: 'verified', annotations: {} };
    },
  };
  return { tools, judged };
}

function target(text: string): ImageTarget {
  const reference = parseReference(text);
  return {
    reference,
    references: [text],
    ...(reference.digest === undefined ? {} : { digest: reference.digest }),
  };
}

const brief = (results: readonly VerifyResult[]) =>
  results.map((result) => [
    result.digest,
    result.asked,
    result.verified,
    result.code ?? 'verified',
    isWhole(result, results),
  ]);

describe('verifyImages', () => {
  it('answers in the order asked, the failed ones at their place, and tells each as it is done', async () => {
    const { tools } = world([app, web], {}, [web.digest]);
    const told: VerifyResult[] = [];
    const lost = digestOf(Buffer.from('lost'));
    const targets = [
      `r.test/app:gone`,
      `r.test/app@${app.digest}`,
      `r.test/web@${web.digest}`,
      `r.test/app@${lost}`,
    ].map(target);
    const results = await verifyImages(targets, requirementFor, tools, (result) =>
      told.push(result),
    );
    expect(brief(results)).toEqual([
      [undefined, true, false, 'unresolved', false],
      [app.digest, true, false, 'unsigned', false],
      [web.digest, true, true, 'verified', true],
      [lost, true, false, 'unresolved', false],
    ]);
    expect(new Set(told)).toEqual(new Set(results));
  });

  it('counts ten tags of one digest as one image, with all its names', async () => {
    const { tools, judged } = world([app], { a: app, b: app }, [app.digest]);
    const results = await verifyImages(
      ['r.test/app:a', 'r.test/app:b', `r.test/app@${app.digest}`].map(target),
      requirementFor,
      tools,
      () => {},
    );
    expect(results.map(({ references }) => references)).toEqual([
      ['r.test/app:a', 'r.test/app:b', `r.test/app@${app.digest}`],
    ]);
    expect(judged).toHaveLength(1);
  });

  it('asks for the signatures of an index alone, unless it is recursive', async () => {
    const both = indexOf(app, web);
    const { tools } = world([app, web, both], {}, [both.digest]);
    expect(
      brief(
        await verifyImages([target(`r.test/app@${both.digest}`)], requirementFor, tools, () => {}),
      ),
    ).toEqual([[both.digest, true, true, 'verified', true]]);
  });

  it('fails an index with a platform that fails, and every other index with the same platform', async () => {
    const [first, second, third] = [indexOf(app, web), indexOf(web), indexOf(app)];
    const { tools } = world(
      [app, web, first, second, third],
      {},
      [app, first, second, third].map(({ digest }) => digest),
      true,
    );
    const targets = [first, second, third].map(({ digest }) => target(`r.test/app@${digest}`));
    const results = await verifyImages(targets, requirementFor, tools, () => {});
    expect(brief(results)).toEqual([
      [first.digest, true, true, 'verified', false],
      [app.digest, false, true, 'verified', true],
      [web.digest, false, false, 'unsigned', false],
      [second.digest, true, true, 'verified', false],
      [third.digest, true, true, 'verified', true],
    ]);
    expect(results.map(({ platform }) => platform)).toEqual([
      undefined,
      'linux/amd64',
      'linux/arm64',
      undefined,
      undefined,
    ]);
  });

  it('keeps apart what was asked for by name and is inside an index too', async () => {
    const both = indexOf(app);
    const { tools } = world([app, both], {}, [both.digest], true);
    const results = await verifyImages(
      [`r.test/app@${both.digest}`, `r.test/app@${app.digest}`].map(target),
      requirementFor,
      tools,
      () => {},
    );
    expect(brief(results)).toEqual([
      [both.digest, true, true, 'verified', false],
      [app.digest, true, false, 'unsigned', false],
    ]);
  });

  it('looks for signatures where the policy says that they lie', async () => {
    const elsewhere: SignaturePolicy = {
      ...policy,
      repository: { registry: 'r.test', repository: 'signatures' },
    };
    const { tools } = world([app], {}, []);
    const asked: string[] = [];
    const found: VerifyingTools['found'] = async ({ digest }, repository) => {
      asked.push(repository?.repository ?? 'beside');
      return repository === undefined ? [] : [signature(digest)];
    };
    const verified = async (requirement: RequirementFor) =>
      (
        await verifyImages(
          [target(`r.test/app@${app.digest}`)],
          requirement,
          { ...tools, found },
          () => {},
        )
      ).map(({ verified: good, signatures }) => [good, signatures.length]);
    expect(await verified(() => ({ kind: 'signature', policy: elsewhere }))).toEqual([[true, 1]]);
    expect(await verified(requirementFor)).toEqual([[false, 0]]);
    const either = [policy, elsewhere].map((one) => ({ kind: 'signature', policy: one }) as const);
    expect(await verified(() => ({ kind: 'count', of: either, count: 1 }))).toEqual([[true, 1]]);
    expect(asked).toEqual(['signatures', 'beside', 'beside', 'signatures']);
  });

  it('looks at no signature where the policy decides by itself', async () => {
    const { tools } = world([app], {}, []);
    const found = () => expect.unreachable();
    const asked = [target(`r.test/app@${app.digest}`)];
    const refused = await verifyImages(
      asked,
      () => ({ kind: 'fail', reason: 'No policy speaks of it.' }),
      { ...tools, found },
      () => {},
    );
    expect(refused).toEqual([
      {
        image: `r.test/app@${app.digest}`,
        references: [`r.test/app@${app.digest}`],
        digest: app.digest,
        asked: true,
        partOf: [],
        verified: false,
        code: 'not-allowed',
        reason: 'No policy speaks of it.',
        signatures: [],
      },
    ]);
    const passed = await verifyImages(
      asked,
      () => ({ kind: 'pass', reason: 'Static.' }),
      { ...tools, found },
      () => {},
    );
    expect(passed).toMatchObject([{ verified: true, reason: 'Static.', signatures: [] }]);
  });
});

describe('what the registry does not answer', () => {
  const expected: Partial<Record<FailureCode, string>> = {
    'image-not-found': 'unresolved',
    'bad-reference': 'unresolved',
    'bad-manifest': 'malformed',
    'bad-digest': 'malformed',
    'too-large': 'too-large',
    'bad-credentials': 'registry-error',
    'registry-denied': 'registry-error',
    'registry-error': 'registry-error',
    'registry-unsupported': 'registry-error',
    network: 'registry-error',
    timeout: 'registry-error',
  };

  it.each(failureCodes)('is never "unsigned": %s', async (code) => {
    const failure = new Failure(code, 'What happened.', 'What to change.');
    const { tools } = world([app], {}, [app.digest]);
    const failing = { ...tools, found: () => Promise.reject(failure) };
    const asked = [target(`r.test/app@${app.digest}`)];
    const answer = verifyImages(asked, requirementFor, failing, () => {});
    if (expected[code] === undefined) await expect(answer).rejects.toBe(failure);
    else
      expect(await answer).toMatchObject([
        {
          verified: false,
          code: expected[code],
          reason: 'What happened.',
          signatures: [],
          failure,
        },
      ]);
  });

  it('ends the run when nothing can be judged', async () => {
    const { tools } = world([app], {}, [app.digest]);
    const failure = new Failure('tuf-error', 'No root.', 'Give one.');
    const failing = { ...tools, judge: () => Promise.reject(failure) };
    await expect(
      verifyImages([target(`r.test/app@${app.digest}`)], requirementFor, failing, () => {}),
    ).rejects.toBe(failure);
  });
});
