import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selfTest } from '../../src/signature/self-test.ts';
import { recordedCase, trustedRootBytes } from './fixtures.ts';

describe.each(['key', 'certificate'] as const)('the self-test by %s', (by) => {
  it('passes on this machine, as often as it is asked', async () => {
    await selfTest(by);
    await selfTest(by);
  });
});

describe('what it judges', () => {
  const known = (file: string) =>
    JSON.parse(readFileSync(join(import.meta.dirname, '../../src/signature', file), 'utf8'));
  const recorded = (name: string) => {
    const { digest, signaturesOf } = recordedCase(name);
    return {
      digest,
      bundles: signaturesOf(digest).flatMap((found) =>
        'bundle' in found ? [JSON.parse(found.bundle.toString())] : [],
      ),
    };
  };

  it('is what a real cosign made with a key, unchanged', () => {
    const { image, bundle, key } = known('known-by-key.json');
    expect({ digest: image, bundles: [bundle] }).toEqual(recorded('keyed-bundle-nolog'));
    expect(key).toBe(
      readFileSync(join(import.meta.dirname, '../fixtures/keys/release.pub'), 'utf8'),
    );
  });

  it('is what a real cosign made with a certificate, unchanged', () => {
    const { image, bundle, trustedRoot } = known('known-by-certificate.json');
    expect({ digest: image, bundles: [bundle] }).toEqual(recorded('keyless-bundle-rekor1-tsa'));
    expect(trustedRoot).toEqual(JSON.parse(trustedRootBytes().toString()));
  });
});
