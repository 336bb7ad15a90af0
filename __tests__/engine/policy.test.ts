import { describe, expect, it } from 'vitest';
import { needsTrust } from '../../src/engine/policy.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { makeKey } from '../policies/tools.ts';

describe('a trusted root is needed', () => {
  const byKey: SignaturePolicy = {
    signers: [{ key: makeKey().object }],
    annotations: {},
    tlog: 'ignore',
  };
  const who = {
    identities: [{ exact: 'a@acme.com' }],
    issuers: [{ exact: 'https://idp.acme.com' }],
  };

  it.each<[string, Partial<SignaturePolicy>, boolean]>([
    ['not for a key alone', {}, false],
    ['for a log', { tlog: 'required' }, true],
    ['for a timestamp on a signature by key', { timestamp: 'required' }, true],
    ['for a certificate', { signers: [...byKey.signers, who] }, true],
  ])('%s', (_, change, needed) => expect(needsTrust({ ...byKey, ...change })).toBe(needed));
});
