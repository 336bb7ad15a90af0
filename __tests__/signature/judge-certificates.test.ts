import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { judge } from '../../src/signature/judge.ts';
import { signBundle, signLegacy } from '../../src/signature/make.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import type { GithubClaims, Matcher, SignaturePolicy } from '../../src/signature/policy.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { makeStatement } from '../../src/signature/statement.ts';
import type { Verdict } from '../../src/signature/verdict.ts';
import { der, sequence, truth, utf8 } from './der.ts';
import {
  email,
  extension,
  identity,
  issuer,
  type Leaf,
  PrivateSigstore,
  uri,
  username,
} from './private-sigstore.ts';

const sigstore = new PrivateSigstore();
const image = parseDigest(`sha256:${'ab'.repeat(32)}`);
const place = { digest: image, reference: 'r.test/app@sha256:ab' };

function policy(
  wanted: { identity?: Matcher; issuer?: Matcher; github?: GithubClaims } = {},
): SignaturePolicy {
  const { github } = wanted;
  const identities = [wanted.identity ?? { exact: identity }];
  const issuers = [wanted.issuer ?? { exact: issuer }];
  return {
    signers: [{ identities, issuers, ...(github && { github }) }],
    annotations: {},
    tlog: 'required',
  };
}

async function verdictOn(leaf: Leaf, asked = policy(), recorded?: string): Promise<Verdict> {
  const { bundle } = await signBundle({
    signer: sigstore.issue(leaf),
    witnesses: [sigstore.rekor(recorded)],
    statement: makeStatement(image, { env: 'prod' }),
  });
  return judge({ format: 'bundle', ...place, bundle }, image, asked, sigstore.trust);
}

describe('a certificate of a private Sigstore', () => {
  it('is taken, and everything it proves is stated', async () => {
    expect(await verdictOn({})).toEqual({
      format: 'bundle',
      ...place,
      verified: true,
      code: 'verified',
      annotations: { env: 'prod' },
      identity,
      issuer,
      certificate: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/),
      logId: expect.stringMatching(/^[0-9a-f]{64}$/),
      tlogIndex: 1000,
      integratedTime: 1795176000,
    });
  });

  it('is taken in the legacy format', async () => {
    const payload = makePayload({ dockerReference: 'r.test/app', digest: image, annotations: {} });
    const made = await signLegacy({
      signer: sigstore.issue(),
      witnesses: [sigstore.rekor()],
      payload,
    });
    const found = {
      format: 'legacy',
      ...place,
      payload: made.payload,
      annotations: made.annotations,
    } as const;
    expect(judge(found, image, policy(), sigstore.trust)).toMatchObject({
      code: 'verified',
      identity,
      tlogIndex: 1000,
    });
    expect(
      judge(found, parseDigest(`sha256:${'cd'.repeat(32)}`), policy(), sigstore.trust),
    ).toMatchObject({ code: 'wrong-subject' });
  });

  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const year = (n: number) => new Date(Date.UTC(n, 0, 1));
  it.each<[string, Leaf, Verdict['code']]>([
    ['of a CA that nobody knows', { issuedBy: stranger }, 'untrusted-certificate'],
    [
      'that was out of date when it was used',
      { notBefore: year(2025), notAfter: year(2026) },
      'untrusted-certificate',
    ],
    [
      'that was not valid yet',
      { notBefore: year(2027), notAfter: year(2028) },
      'untrusted-certificate',
    ],
    ['that is in no CT log', { sct: 'none' }, 'untrusted-certificate'],
    ['with a forged CT log entry', { sct: 'of another log' }, 'untrusted-certificate'],
    [
      'that is a CA',
      { more: [extension('2.5.29.19', sequence(truth(true)), true)] },
      'untrusted-certificate',
    ],
    [
      'that may sign certificates',
      { usage: der(0x03, Buffer.from([2, 0b1000_0100])) },
      'untrusted-certificate',
    ],
    [
      'that may not make signatures',
      { usage: der(0x03, Buffer.from([5, 0b0010_0000])) },
      'untrusted-certificate',
    ],
    ['for web servers', { purposes: ['1.3.6.1.5.5.7.3.1'] }, 'untrusted-certificate'],
    ['for any purpose', { purposes: ['2.5.29.37.0'] }, 'untrusted-certificate'],
    ['for no purpose', { purposes: [] }, 'untrusted-certificate'],
    ['without a name', { names: [] }, 'untrusted-certificate'],
    [
      'with the wanted name and another',
      { names: [uri(identity), uri('https://evil.test')] },
      'untrusted-certificate',
    ],
    [
      'with the wanted name in another field, too',
      { names: [email('a@b.test'), uri(identity)] },
      'untrusted-certificate',
    ],
    ['with a host name', { names: [der(0x82, Buffer.from(identity))] }, 'untrusted-certificate'],
    [
      'with the eighth bit set in its name',
      { names: [uri(identity.replace('a', '\u00e1'))] },
      'untrusted-certificate',
    ],
    [
      'with a null byte in its name',
      { names: [uri(`${identity}\0.evil.test`)] },
      'untrusted-certificate',
    ],
    ['with another name', { names: [uri(identity.replace('main', 'mainer'))] }, 'wrong-identity'],
    [
      'with the name in another case',
      { names: [uri(identity.replace('acme', 'Acme'))] },
      'wrong-identity',
    ],
    [
      'with a Cyrillic letter in its name',
      { names: [username(identity.replace('a', '\u0430'))] },
      'wrong-identity',
    ],
    [
      'of another issuer',
      { issuer: 'https://token.actions.githubusercontent.com.evil.test' },
      'wrong-issuer',
    ],
    ['without an issuer', { issuer: '' }, 'untrusted-certificate'],
    [
      'with two issuers',
      { more: [extension('1.3.6.1.4.1.57264.1.1', Buffer.from('https://evil.test'))] },
      'untrusted-certificate',
    ],
    [
      'with an extension twice',
      { more: [extension('1.3.6.1.4.1.57264.1.8', utf8(issuer))] },
      'untrusted-certificate',
    ],
    [
      'with an unknown critical extension',
      { more: [extension('1.2.3.4', utf8('x'), true)] },
      'untrusted-certificate',
    ],
    [
      'with an issuer that is no UTF-8',
      { more: [extension('1.3.6.1.4.1.57264.1.14', der(0x0c, Buffer.from([0xff])))] },
      'malformed',
    ],
  ])('%s is refused', async (_, leaf, code) => {
    expect(await verdictOn(leaf)).toMatchObject({
      verified: false,
      code,
      reason: expect.stringMatching(/^[A-Z].*\.$/),
    });
  });

  it('states who signed only once it is known', async () => {
    const refused = await verdictOn({ issuedBy: stranger });
    expect(refused).toEqual({
      format: 'bundle',
      ...place,
      verified: false,
      code: 'untrusted-certificate',
      reason: expect.any(String),
      annotations: {},
    });
    const other = await verdictOn({ names: [email('eve@evil.test')] });
    expect(other).toMatchObject({
      code: 'wrong-identity',
      identity: 'eve@evil.test',
      reason: expect.stringContaining(identity),
    });
  });

  it.each<[string, Leaf, string]>([
    ['an e-mail address', { names: [email('a@b.test')] }, 'a@b.test'],
    ['a user name of Fulcio', { names: [username('añb!b.test')] }, 'añb!b.test'],
  ])('may name %s', async (_, leaf, name) => {
    expect(await verdictOn(leaf, policy({ identity: { exact: name } }))).toMatchObject({
      code: 'verified',
      identity: name,
    });
  });

  it('matches a pattern against the whole identity', async () => {
    expect(
      await verdictOn(
        {},
        policy({ identity: { pattern: compilePattern('https://github\\.com/acme/.+') } }),
      ),
    ).toMatchObject({ verified: true });
    expect(
      await verdictOn({}, policy({ identity: { pattern: compilePattern('github\\.com/acme') } })),
    ).toMatchObject({ code: 'wrong-identity' });
    expect(
      await verdictOn({}, policy({ issuer: { pattern: compilePattern('token\\.actions') } })),
    ).toMatchObject({
      code: 'wrong-issuer',
    });
  });

  it('is of no use where the log entry was made with another certificate', async () => {
    const other = (await sigstore.issue().sign(Buffer.from('x'))).key;
    const recorded = other.$case === 'x509Certificate' ? other.certificate : '';
    expect(await verdictOn({}, policy(), recorded)).toMatchObject({
      code: 'bad-log-entry',
      reason: expect.stringContaining('another key'),
    });
  });

  const claims = (host: string): readonly Buffer[] => [
    extension('1.3.6.1.4.1.57264.1.12', utf8(`https://${host}/acme/app`)),
    extension('1.3.6.1.4.1.57264.1.14', utf8('refs/heads/main')),
    extension(
      '1.3.6.1.4.1.57264.1.18',
      utf8(`https://${host}/acme/app/.github/workflows/ci.yml@refs/heads/main`),
    ),
  ];
  const tenant = 'https://token.actions.acme.ghe.com';
  it.each<[string, Leaf, GithubClaims, string, Verdict['code']]>([
    [
      'the repository',
      { more: claims('github.com') },
      { repository: 'acme/app' },
      issuer,
      'verified',
    ],
    [
      'the started workflow',
      { more: claims('github.com') },
      { workflowRef: 'acme/app/.github/workflows/ci.yml@refs/heads/main' },
      issuer,
      'verified',
    ],
    [
      'part of the repository',
      { more: claims('github.com') },
      { repository: 'acme/ap' },
      issuer,
      'wrong-claim',
    ],
    [
      'a claim that is not there',
      { more: claims('github.com') },
      { event: 'push' },
      issuer,
      'wrong-claim',
    ],
    ['a claim where there is none', {}, { repository: 'acme/app' }, issuer, 'wrong-claim'],
    [
      'the repository of a tenant',
      { more: claims('acme.ghe.com'), issuer: tenant },
      { repository: 'acme/app' },
      tenant,
      'verified',
    ],
    [
      'the same name on another server',
      { more: claims('github.com'), issuer: tenant },
      { repository: 'acme/app' },
      tenant,
      'wrong-claim',
    ],
    [
      'the same name behind another host',
      { more: claims('github.com.evil.test') },
      { repository: 'acme/app' },
      issuer,
      'wrong-claim',
    ],
  ])('asked for %s', async (_, leaf, github, from, code) => {
    expect(await verdictOn(leaf, policy({ github, issuer: { exact: from } }))).toMatchObject({
      code,
    });
  });
});
