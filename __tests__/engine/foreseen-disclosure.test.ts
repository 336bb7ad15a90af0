import { describe, expect, it } from 'vitest';
import { foreseeDisclosure, type KnownBeforehand } from '../../src/engine/disclosure.ts';
import type { SigningConfig } from '../../src/sigstore/signing-config.ts';

const [ours, theirs] = [
  new URL('https://sigstore.acme.example'),
  new URL('https://rekor.sigstore.dev'),
];
const list = (...urls: URL[]) =>
  urls.map((url) => ({ url, majorApiVersion: 1, operator: url.host }));
const config = (ca: URL[], rekor: URL[]): SigningConfig => ({
  ca: list(...ca),
  oidc: [],
  rekor: list(...rekor),
  rekorSelector: { kind: 'ANY' },
  tsa: list(theirs),
  tsaSelector: { kind: 'ANY' },
});
const known = (fields: Partial<KnownBeforehand>): KnownBeforehand => ({
  overrides: {},
  trustedRootGiven: false,
  ...fields,
});
const keyless = { fulcio: true, log: true };

describe('what signing would disclose is foreseen', () => {
  it.each([
    ['public where nothing is said', known({}), keyless, 'public'],
    [
      'public with the public-good repository by name',
      known({ tufMirror: new URL('https://tuf-repo-cdn.sigstore.dev') }),
      keyless,
      'public',
    ],
    ['unknown with another repository', known({ tufMirror: ours }), keyless, 'unknown'],
    [
      'public with another repository and a public log',
      known({ tufMirror: ours, overrides: { rekorUrl: theirs } }),
      keyless,
      'public',
    ],
    [
      'public with a log of our own, but the public Fulcio',
      known({ overrides: { rekorUrl: ours } }),
      keyless,
      'public',
    ],
    [
      'public with a Fulcio of our own, but the public log',
      known({ overrides: { fulcioUrl: ours } }),
      keyless,
      'public',
    ],
    [
      'private with both of our own',
      known({ overrides: { fulcioUrl: ours, rekorUrl: ours } }),
      keyless,
      'private',
    ],
    [
      'private with a Fulcio of our own and no log',
      known({ overrides: { fulcioUrl: ours } }),
      { fulcio: true, log: false },
      'private',
    ],
    [
      'private with a config of our own, its timestamp authority aside',
      known({ signingConfig: config([ours], [ours]) }),
      keyless,
      'private',
    ],
    [
      'public with one public service in a list',
      known({ signingConfig: config([ours, theirs], [ours]) }),
      keyless,
      'public',
    ],
    [
      'public with one public log in a list',
      known({ signingConfig: config([ours], [ours, theirs]) }),
      keyless,
      'public',
    ],
    [
      'private with a config without logs',
      known({ signingConfig: config([ours], []) }),
      keyless,
      'private',
    ],
    [
      'public with a private config whose Fulcio is replaced by the public one',
      known({ signingConfig: config([ours], [ours]), overrides: { fulcioUrl: theirs } }),
      keyless,
      'public',
    ],
    [
      'private with a public config whose services are both replaced',
      known({
        signingConfig: config([theirs], [theirs]),
        overrides: { fulcioUrl: ours, rekorUrl: ours },
      }),
      keyless,
      'private',
    ],
    [
      'private with a trusted root and no services',
      known({ trustedRootGiven: true }),
      keyless,
      'private',
    ],
    ['private where nothing of it is used', known({}), { fulcio: false, log: false }, 'private'],
  ] as const)('as %s', (_what, beforehand, need, expected) => {
    expect(foreseeDisclosure(beforehand, need)).toBe(expected);
  });
});
