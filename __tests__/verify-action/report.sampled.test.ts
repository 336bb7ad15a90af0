// What the gate says of images, good and bad: in its log, its annotations, its outputs and its
// summary.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, lantern, record, recordedIssuer, verify } from './gate.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

describe('the report of a good image', () => {
  it('says who signed, when, and where in the log; in log, outputs and summary', async () => {
    const { loaded, asked } = await keyless(registry);
    const result = await verify({ ...asked, 'certificate-identity': ferry });
    expect(result.annotations).toEqual([]);
    expect(result.outputs).toMatchObject({
      verified: 'true',
      identity: ferry,
      issuer: recordedIssuer,
      image: loaded.reference,
    });
    const [{ signatures }] = JSON.parse(result.outputs.results ?? '');
    expect(signatures).toEqual([
      expect.objectContaining({
        format: 'bundle',
        verified: true,
        code: 'verified',
        identity: ferry,
        tlogIndex: Number(result.outputs['tlog-index']),
        github: expect.objectContaining({
          repository: 'harbor-lights/ferry',
          ref: 'refs/heads/main',
        }),
      }),
    ]);
    const line = `✓ ${loaded.host}/${loaded.repository} ${loaded.digest}: signed by workflow release.yml of harbor-lights/ferry at refs/heads/main, 2026-11-20 `;
    expect(result.shown).toContain(line);
    expect(result.shown).toMatch(/UTC, log index \d+$/m);
    expect(result.summary).toMatch(/^## ✅ 1 image verified\n/);
    expect(result.summary).toMatch(
      /^<p>Signed by release\.yml of harbor-lights\/ferry at main, verified, \S+ s\.<\/p>$/m,
    );
  });

  itInWhole('takes the digest from `digest`, and names and digests from `metadata`', async () => {
    const { loaded, asked } = await keyless(registry);
    const name = `${loaded.host}/${loaded.repository}`;
    const byDigest = await verify({
      ...asked,
      images: `${name}:some-tag`,
      digest: loaded.digest,
      'certificate-identity': ferry,
    });
    expect(byDigest.outputs).toMatchObject({
      verified: 'true',
      images: JSON.stringify([loaded.reference]),
    });
    const metadata = JSON.stringify({
      'image.name': `${name}:some-tag`,
      'containerimage.digest': loaded.digest,
    });
    const byMetadata = await verify({
      ...asked,
      images: '',
      metadata,
      'certificate-identity': ferry,
    });
    expect(byMetadata.outputs).toMatchObject({
      verified: 'true',
      images: JSON.stringify([loaded.reference]),
    });
  });

  itInWhole('accepts any line of several identities, and any key of several', async () => {
    const { asked } = await keyless(registry);
    expect(
      (await verify({ ...asked, 'certificate-identity': `${lantern}\n${ferry}` })).outputs.verified,
    ).toBe('true');
    const keyed = await record(registry, 'keyed-bundle-nolog');
    const both = {
      images: keyed.reference,
      tlog: 'ignore',
      key: `${key('stranger.pub')}${key('release.pub')}`,
    };
    expect((await verify(both)).outputs.verified).toBe('true');
  });
});

describe('the report of a bad image', () => {
  it('says what was found instead and what was wanted', async () => {
    const { loaded, asked } = await keyless(registry);
    const result = await verify({ ...asked, 'certificate-identity': lantern });
    expect(result.code).toBe(1);
    const sentence = `wrong-identity: It was signed by ${ferry} (issuer ${recordedIssuer}); expected ${lantern}.`;
    expect(result.shown).toContain(
      `✗ ${loaded.host}/${loaded.repository} ${loaded.digest}: ${sentence}`,
    );
    expect(result.annotations).toEqual([
      expect.objectContaining({
        kind: 'error',
        message: expect.stringContaining(`${loaded.reference}: ${sentence}`),
      }),
    ]);
    expect(result.summary).toMatch(/^## ❌ 1 of 1 image does not verify\n/);
    expect(result.summary).toContain(
      `expected <code>${lantern}</code><br>found <code>${ferry}</code>`,
    );
  });

  it('is only told with `fail: false`', async () => {
    const { asked } = await keyless(registry);
    const result = await verify({ ...asked, 'certificate-identity': lantern, fail: 'false' });
    expect(result).toMatchObject({ code: 0, outputs: { verified: 'false', images: '[]' } });
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['warning']);
    expect(result.summary).toMatch(/^## ⚠️ /);
  });

  it('lists a provenance by a stranger beside a good signature, and is not disturbed by it', async () => {
    const { reference } = await record(registry, 'legacy-key1-provenance-key2', 'beside');
    const result = await verify({ images: reference, tlog: 'ignore', key: key('release.pub') });
    const [{ signatures }] = JSON.parse(result.outputs.results ?? '');
    expect(
      signatures.map(({ format, code }: { format: string; code: string }) => [format, code]),
    ).toEqual([
      ['bundle', 'wrong-predicate'],
      ['legacy', 'verified'],
    ]);
    expect(result.summary).toContain('1 signature of');
  });

  it('lets only the good one of two images through', async () => {
    const { loaded, asked } = await keyless(registry);
    const unsigned = await record(registry, 'unsigned');
    const result = await verify({
      ...asked,
      images: `${unsigned.reference}\n${loaded.reference}`,
      'certificate-identity': ferry,
    });
    expect(result).toMatchObject({
      code: 1,
      outputs: {
        verified: 'false',
        images: JSON.stringify([loaded.reference]),
        failed: JSON.stringify([unsigned.reference]),
      },
    });
  });

  it('fails an index whose platform is not signed, and does not hand it on', async () => {
    const loaded = await record(registry, 'index-recursive-legacy', 'half-signed');
    const [platform] = loaded.platforms;
    registry.set({
      override: ({ path }) =>
        path.endsWith(`${platform?.digest.replace(':', '-')}.sig`)
          ? { status: 404, headers: {}, body: '{}' }
          : undefined,
    });
    const asked = { images: loaded.reference, tlog: 'ignore', key: key('release.pub') };
    const [alone, whole] = [await verify(asked), await verify({ ...asked, recursive: 'true' })];
    registry.set({ override: () => undefined });
    expect(alone.outputs.verified).toBe('true');
    expect(whole).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: '[]', failed: JSON.stringify([loaded.reference]) },
    });
    const codesFound = JSON.parse(whole.outputs.results ?? '[]').map(
      ({ code }: { code?: string }) => code ?? 'verified',
    );
    expect(codesFound.toSorted()).toEqual(['unsigned', 'verified', 'verified']);
  });
});

describe('a tag', () => {
  it('is resolved once, and its digest is what is handed on', async () => {
    const image = await pushImage(registry.host, 'acme/tagged', { tag: '1.0' });
    const result = await verify({
      images: `${registry.host}/acme/tagged:1.0`,
      tlog: 'ignore',
      key: key('release.pub'),
    });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({
        image: image.reference,
        reference: `${registry.host}/acme/tagged:1.0`,
        digest: image.digest,
        code: 'unsigned',
        reason: 'No signature of this image was found.',
      }),
    ]);
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['notice', 'error']);
  });
});
