// Policies of podman, CRI-O and OpenShift that name an authority of one's own (`pki`): what they make
// of a signature, as containers' own code does. skopeo says the same in interop/own-authority.test.ts.
import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { convertPolicies } from '../../src/policies/convert.ts';
import { readPolicies } from '../../src/policies/read.ts';
import type { Signed as Written } from '../../src/policies/signed.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import { judge } from '../../src/signature/judge.ts';
import { certificatesIn, ownAuthorities } from '../../src/signature/own-authorities.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { email, Forge, type Leaf, signingTime } from '../attacks/forge.ts';
import { mailbox, ownLeaf, ownPki, tomorrow, yesterday } from '../attacks/own-authority.ts';
import { implicit, pem } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { digest, image, refused, tools } from './tools.ts';

const forge = new Forge();
const pki = ownPki();
const stranger = ownPki();
const pemOf = ({ der }: typeof pki.root) => pem('CERTIFICATE', der);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const hostname = 'build.acme.example';
const dns = (text: string) => implicit(2, Buffer.from(text));
const chainOf = ({ step, root }: typeof pki) => pemOf(step) + pemOf(root);

const readAuthorities = (roots: string, intermediates: string) =>
  ownAuthorities(
    certificatesIn(roots),
    intermediates === '' ? [] : certificatesIn(intermediates),
    signingTime,
  );

interface Asked {
  readonly roots?: string;
  readonly intermediates?: string;
  readonly email?: string;
  readonly hostname?: string;
}

const usual: Asked = { roots: pemOf(pki.root), email: mailbox };

function podman({ roots, intermediates, ...subject }: Asked, change: object = {}): string {
  const own = {
    ...(roots === undefined ? {} : { caRootsData: base64(roots) }),
    ...(intermediates === undefined ? {} : { caIntermediatesData: base64(intermediates) }),
    ...(subject.email === undefined ? {} : { subjectEmail: subject.email }),
    ...(subject.hostname === undefined ? {} : { subjectHostname: subject.hostname }),
  };
  const signedIdentity = { type: 'matchRepository' };
  const rule = { type: 'sigstoreSigned', pki: own, signedIdentity, ...change };
  const transports = { docker: { 'ghcr.io/acme': [rule] } };
  return JSON.stringify({ default: [{ type: 'reject' }], transports }, null, 1);
}

function openShift({ roots, intermediates, ...pkiCertificateSubject }: Asked): string {
  const own = {
    ...(roots === undefined ? {} : { caRootsData: base64(roots) }),
    ...(intermediates === undefined ? {} : { caIntermediatesData: base64(intermediates) }),
    pkiCertificateSubject,
  };
  return JSON.stringify({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'signed' },
    spec: {
      scopes: ['ghcr.io/acme'],
      policy: {
        rootOfTrust: { policyType: 'PKI', pki: own },
        signedIdentity: { matchPolicy: 'MatchRepository' },
      },
    },
  });
}

interface Signed {
  readonly leaf?: Leaf;
  /** what comes along, or nothing */
  readonly chain?: string;
  readonly claimed?: string;
}

const own = { ...tools, ownTrust: true };
const openPolicy = (text: string, texts?: ReadonlyMap<string, string>) =>
  readPolicies([{ path: 'policy.yaml', text }], { ...own, readAuthorities }).withKeys(
    new Map(),
    texts,
  );

function codeOf(text: string, { leaf, chain, claimed = 'ghcr.io/acme/app' }: Signed = {}) {
  const subject = parseDigest(digest);
  const key = newEcKey();
  const payload = makePayload({ dockerReference: claimed, digest: subject, annotations: {} });
  const made = pem('CERTIFICATE', forge.certificate(key, leaf ?? ownLeaf(pki)));
  const found = {
    format: 'legacy' as const,
    digest: subject,
    reference: 'ghcr.io/acme/app:sha256-….sig',
    payload,
    annotations: {
      'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64'),
      'dev.sigstore.cosign/certificate': made,
      'dev.sigstore.cosign/chain': chain ?? chainOf(pki),
    },
  };
  const requirement = openPolicy(text).requirementFor({
    ...image(`ghcr.io/acme/app@${digest}`),
    digest: subject,
  });
  const { verified, code } = evaluate(requirement, (policy) => [
    judge(found, subject, policy, { material: undefined }),
  ]);
  return verified ? 'verified' : code;
}

describe.each([
  ['a policy.json', podman],
  ['an OpenShift policy', openShift],
])('%s with an authority of one’s own', (_, write) => {
  const both = { ...usual, hostname };
  const twoNames = ownLeaf(pki, { names: [email(mailbox), dns(hostname)] });
  const untrusted = 'untrusted-certificate';
  it.each<[string, Asked, Signed, string]>([
    ['its chain comes along', usual, {}, 'verified'],
    [
      'its intermediate is named',
      { ...usual, intermediates: pemOf(pki.step) },
      { chain: '' },
      'verified',
    ],
    ['of two names one is asked for', usual, { leaf: twoNames }, 'verified'],
    ['both names are asked for', both, { leaf: twoNames }, 'verified'],
    ['a host is asked for', { roots: pemOf(pki.root), hostname }, { leaf: twoNames }, 'verified'],
    ['one of both is missing', both, {}, 'wrong-identity'],
    [
      'the name is one of another kind',
      { ...usual, email: hostname },
      { leaf: twoNames },
      'wrong-identity',
    ],
    ['the name is another', { ...usual, email: 'x@acme.example' }, {}, 'wrong-identity'],
    ['nothing comes along', usual, { chain: '' }, untrusted],
    // The last one of a chain is taken for the root, and dropped.
    ['the chain lacks its root', usual, { chain: pemOf(pki.step) }, untrusted],
    ['the root is another', { ...usual, roots: pemOf(stranger.root) }, {}, untrusted],
    [
      'the authority is another',
      usual,
      { leaf: ownLeaf(stranger), chain: chainOf(stranger) },
      untrusted,
    ],
    ['it has expired', usual, { leaf: ownLeaf(pki, { notAfter: yesterday[1] }) }, untrusted],
    ['it is not valid yet', usual, { leaf: ownLeaf(pki, { notBefore: tomorrow[0] }) }, untrusted],
    [
      'it is a certificate of a Fulcio',
      { roots: pemOf(forge.root), intermediates: pemOf(forge.intermediate), email: mailbox },
      { leaf: { names: [email(mailbox)] } },
      untrusted,
    ],
    [
      'the signature is of another repository',
      usual,
      { claimed: 'ghcr.io/acme/other' },
      'wrong-subject',
    ],
  ])('a signature where %s: %s', (_case, asked, signed, code) => {
    expect(codeOf(write(asked), signed)).toBe(code);
  });

  it.each<[string, Asked, string]>([
    ['nobody', { roots: pemOf(pki.root) }, 'names nobody'],
    ['no root', { email: mailbox }, 'names no root'],
    ['an intermediate for a root', { ...usual, roots: pemOf(pki.step) }, 'is no root'],
    ['no certificate', { ...usual, roots: 'root' }, 'no certificate in PEM'],
    [
      'a signing certificate between',
      { ...usual, intermediates: pem('CERTIFICATE', forge.certificate(newEcKey())) },
      'none of an authority',
    ],
  ])('is refused with %s', (_case, asked, words) => {
    expect(() => openPolicy(write(asked))).toThrow(
      expect.objectContaining({ code: 'bad-policy', message: expect.stringContaining(words) }),
    );
  });

  it('becomes the other kind, and back, and nothing else', () => {
    const policies = openPolicy(write({ ...both, intermediates: pemOf(pki.step) }));
    const [json, yaml] = (['policy-json', 'openshift'] as const).map((to) =>
      convertPolicies(policies, to),
    );
    for (const converted of [json, yaml]) {
      expect(codeOf(converted?.text ?? '', { leaf: twoNames, chain: '' })).toBe('verified');
      expect(codeOf(converted?.text ?? '')).toBe('wrong-identity');
    }
    for (const to of ['ivp', 'cip'] as const) expect(convertPolicies(policies, to).text).toBe('');
  });
});

describe('a policy.json', () => {
  it('may name files of certificates', () => {
    const pki = { caRootsPath: '/etc/pki/root.pem', subjectEmail: mailbox };
    const text = podman(usual, { pki });
    const checked = readPolicies([{ path: 'p', text }], { ...tools, readAuthorities });
    expect(checked.keys).toMatchObject([{ kind: 'certificates', address: '/etc/pki/root.pem' }]);
    expect(() => checked.withKeys(new Map())).toThrow(/names no root/);
    const files = new Map([['/etc/pki/root.pem', usual.roots ?? '']]);
    expect(openPolicy(text, files).rules).toHaveLength(1);
  });

  it.each([
    ['a log', { rekorPublicKeyData: base64('key') }, 'stands beside a key of the log'],
    ['a key', { keyData: base64('key') }, 'must have one of'],
    [
      'two roots',
      { pki: { caRootsData: base64('a'), caRootsPath: '/b', subjectEmail: mailbox } },
      'has certificates and the path of certificates',
    ],
    ['an unknown field', { pki: { caRoots: 'a' } }, 'caRoots'],
  ])('is refused with %s beside it', (_, change, words) => {
    expect(() => openPolicy(podman(usual, change))).toThrow(
      expect.objectContaining({ code: 'bad-policy', message: expect.stringContaining(words) }),
    );
  });

  it('is refused where nothing reads certificates', () => {
    expect(refused(podman(usual))).toContain('certificates are not loaded');
  });
});

describe('what is written for a signer with a certificate of one\u2019s own', () => {
  const signed: Written = {
    images: [
      { name: { registry: 'ghcr.io', repository: 'acme/app' }, digest, references: [] } as never,
    ],
    signer: { identity: mailbox, issuer: '' },
    authorities: { roots: pemOf(pki.root), intermediates: pemOf(pki.step) },
    formats: ['bundle', 'legacy'],
    tlog: true,
    timestamp: false,
    annotations: {},
  };
  const names = (change: object) => Object.keys(writePolicies({ ...signed, ...change })).sort();

  it('admits it, and nobody else', () => {
    const files = writePolicies(signed);
    expect(files['ca-roots.pem']).toBe(pemOf(pki.root));
    expect(files['ca-intermediates.pem']).toBe(pemOf(pki.step));
    for (const name of ['containers-policy.json', 'openshift-cluster-image-policy.yaml']) {
      const text = files[name] ?? '';
      expect(codeOf(text, { chain: '' }), name).toBe('verified');
      const other = ownLeaf(pki, { names: [email('x@acme.example')] });
      expect(codeOf(text, { leaf: other }), name).toBe('wrong-identity');
    }
  });

  it('is only what its readers can check', () => {
    const pems = ['ca-intermediates.pem', 'ca-roots.pem'];
    expect(names({ formats: ['bundle'] })).toEqual(pems);
    expect(names({ signer: { identity: 'urn:acme:release', issuer: '' } })).toEqual(pems);
    expect(names({ predicateType: 'https://spdx.dev/Document' })).toEqual(pems);
    expect(names({ signer: { identity: hostname, issuer: '' } })).toHaveLength(6);
  });
});
