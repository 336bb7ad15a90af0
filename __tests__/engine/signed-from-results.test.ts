import { describe, expect, it } from 'vitest';
import { signedFrom } from '../../src/engine/save-policies.ts';
import type { SignResult } from '../../src/engine/sign-result.ts';
import { failed, keyed, keyless, publicKey, workflowSigner } from '../edges/results.ts';

const app = keyless('app');
const image = ({ digest, references }: SignResult, repository: string) => ({
  name: { registry: 'ghcr.io', repository: `acme/${repository}` },
  digest,
  references,
});

/** The result with its signatures changed. */
function withSignatures(
  result: SignResult,
  change: (signature: SignResult['signatures'][number]) => object,
): SignResult {
  return {
    ...result,
    signatures: result.signatures.map((signature) => ({ ...signature, ...change(signature) })),
  };
}

describe('what policies can ask for', () => {
  it('is what the results say', () => {
    expect(
      signedFrom([app, keyless('web'), failed('broken')], { claims: { repository: 'acme/app' } }),
    ).toEqual({
      images: [image(app, 'app'), image(keyless('web'), 'web')],
      signer: { ...workflowSigner, claims: { repository: 'acme/app' } },
      formats: ['bundle', 'legacy'],
      tlog: true,
      rekorV2: false,
      timestamp: false,
      annotations: {},
      logId: app.signatures[0]?.logId,
    });
  });

  it('is of a key what the key and the formats say', () => {
    expect(
      signedFrom([keyed('app', { annotations: { team: 'blue' } })], { publicKeyPem: publicKey }),
    ).toEqual({
      images: [image(keyed('app'), 'app')],
      signer: { publicKeyPem: publicKey },
      formats: ['bundle'],
      tlog: false,
      rekorV2: false,
      timestamp: false,
      annotations: { team: 'blue' },
    });
  });

  it.each<[string, readonly SignResult[], object]>([
    [
      'a format that one image lacks',
      [app, keyless('web', { signatures: app.signatures.slice(0, 1) })],
      { formats: ['bundle'] },
    ],
    [
      'a log without a time',
      [withSignatures(app, ({ format }) => ({ integratedTime: undefined, timestamp: format }))],
      { rekorV2: true, timestamp: true },
    ],
    [
      'one image without a log',
      [app, withSignatures(app, () => ({ tlogIndex: undefined }))],
      { tlog: false },
    ],
    [
      'the log of the legacy format',
      [withSignatures(app, ({ format }) => ({ logId: format }))],
      { logId: 'legacy' },
    ],
    [
      'platforms of an index',
      [app, keyless('platform', { partOf: app.image })],
      { images: [image(app, 'app')] },
    ],
  ])('takes account of %s', (_, results, expected) =>
    expect(signedFrom(results, {})).toMatchObject(expected),
  );

  it.each<[string, readonly SignResult[]]>([
    ['nothing was signed', []],
    ['all failed', [failed('app')]],
    ['nobody can be named', [keyed('app')]],
    ['an issuer is missing', [keyless('app', { signer: { identity: 'x' } })]],
  ])('is nothing where %s', (_, results) => expect(signedFrom(results, {})).toBeUndefined());
});
