import { readFileSync } from 'node:fs';
import { digestOf } from '../../src/image/digest.ts';
import type { Signed } from '../../src/policies/write.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { makeKey } from './tools.ts';

export const key = makeKey();
const json = readFileSync(new URL('../fixtures/trusted_root.json', import.meta.url), 'utf8');
export const trustedRoot = { parsed: parseTrustedRoot(Buffer.from(json)), json };
export const github = 'https://token.actions.githubusercontent.com';
export const branch = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
export const tag = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0';

/**
 * Two images, one of them on Docker Hub, signed by a workflow at a branch in both formats on the
 * public-good instance.
 */
export function signed(change: Partial<Signed> = {}): Signed {
  return {
    images: [
      {
        name: { registry: 'ghcr.io', repository: 'acme/app' },
        digest: digestOf(Buffer.from('app')),
        references: ['ghcr.io/acme/app:1.2.0'],
      },
      {
        name: { registry: 'docker.io', repository: 'library/tool' },
        digest: digestOf(Buffer.from('tool')),
        references: ['tool:1'],
      },
    ],
    signer: { identity: branch, issuer: github, claims: { repository: 'acme/app' } },
    formats: ['bundle', 'legacy'],
    tlog: true,
    timestamp: false,
    annotations: {},
    ...change,
  };
}

const byKey = { signer: { publicKeyPem: key.pem } };
const own = { privateSigstore: { trustedRoot } };
const bundle = { formats: ['bundle'] } as const;

const manyImages = Array.from({ length: 30 }, (_, index) => ({
  name: { registry: '127.0.0.1:5000', repository: `a/b${index}` },
  digest: digestOf(Buffer.from(`b${index}`)),
  references: [`127.0.0.1:5000/a/b${index}:1`],
}));

/** Every way of signing that leads to another policy. */
export const waysOfSigning: readonly (readonly [string, Signed])[] = [
  ['a workflow at a branch', signed()],
  ['a workflow at a branch, bundles', signed(bundle)],
  ['a workflow at a tag', signed({ signer: { identity: tag, issuer: github } })],
  [
    'a workflow at a tag, bundles',
    signed({ ...bundle, signer: { identity: tag, issuer: github } }),
  ],
  [
    'a person',
    signed({
      signer: { identity: 'someone@acme.com', issuer: 'https://accounts.google.com' },
      publicRoot: trustedRoot.parsed,
    }),
  ],
  [
    'strange characters',
    signed({ signer: { identity: 'https://acme.com/*?"\\\'{{}}: # \u{1f600}é', issuer: github } }),
  ],
  [
    'annotations',
    signed({
      annotations: {
        team: 'rocket & <co>',
        note: 'a=b, "c": {d} #e\n\u2028',
        yes: 'no',
        '1.0': '1',
      },
    }),
  ],
  ['annotations, bundles', signed({ ...bundle, annotations: { team: 'blue' } })],
  ['a timestamp only', signed({ ...bundle, tlog: false, timestamp: true })],
  [
    'a timestamp only, while the log was down',
    signed({ tlog: false, timestamp: true, logOutage: true, publicRoot: trustedRoot.parsed }),
  ],
  ['Rekor v2', signed({ ...bundle, ...own, rekorV2: true, timestamp: true })],
  ['an own Sigstore', signed({ ...own, timestamp: true })],
  ['an own Sigstore, bundles', signed({ ...own, ...bundle })],
  ['an own Sigstore, timestamp only', signed({ ...own, ...bundle, tlog: false, timestamp: true })],
  [
    'a person of an own Sigstore',
    signed({ ...own, signer: { identity: 'someone@acme.com', issuer: 'https://idp.acme.com' } }),
  ],
  ['an own Sigstore without a known root', signed({ privateSigstore: {}, timestamp: true })],
  ['a key', signed(byKey)],
  ['a key, bundles', signed({ ...byKey, ...bundle })],
  ['a key without a log', signed({ ...byKey, tlog: false, annotations: { team: 'blue' } })],
  ['a key without a log, bundles', signed({ ...byKey, ...bundle, tlog: false })],
  ['a key and an own log', signed({ ...byKey, ...own })],
  ['a key and Rekor v2', signed({ ...byKey, ...own, ...bundle, rekorV2: true })],
  [
    'many images',
    signed({
      images: manyImages,
    }),
  ],
];
