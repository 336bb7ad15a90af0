import type { SignaturePolicy } from '../../src/signature/policy.ts';
import {
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameOf,
  timeStamping,
} from '../sandbox/sigstore/certificates.ts';
import { context, pem, sequence } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { type Attack, made, type Scene } from './attack.ts';
import { base64, certify, email, identity, type Leaf, minutes } from './forge.ts';
import { publicPem, type Wish } from './material.ts';
import {
  authority,
  mailbox,
  type OwnPki,
  ownLeaf,
  ownPki,
  ownPolicy,
  tomorrow,
  year,
  yesterday,
} from './own-authority.ts';

const pki = ownPki();
const stranger = ownPki();
const untrusted = 'untrusted-certificate';
const honest: Wish = { leaf: ownLeaf(pki) };
const asking = (policy: SignaturePolicy) => ({ policy: () => policy });
const own = ownPolicy(pki);
/** In no log; a timestamp proves the time. */
const stamped: Wish = { ...honest, log: 'none', timestamp: minutes(1) };
const unlogged: SignaturePolicy = { ...own, tlog: 'ignore' };

/** An attack that is another certificate below the same authority. */
const leaf = (name: string, code: Attack['code'], hostile: Leaf): Attack =>
  made(name, code, () => ({ leaf: ownLeaf(pki, hostile) }), honest, asking(own));

/** An attack that is another authority; the gate trusts its root, and the issuing one below. */
function below(name: string, evil: Parameters<typeof ownPki>[0], good = pki): Attack {
  const bad = ownPki(evil);
  return {
    name,
    code: untrusted,
    lay: ({ store, bundle }, hostile) =>
      void store.bundle(bundle({ leaf: ownLeaf(hostile ? bad : good) })),
    policy: (_, hostile) => ownPolicy(hostile ? bad : good),
  };
}

/** A bundle that brings a chain along, as cosign after 3.1 writes it. */
function withChain({ bundle }: Scene, wish: Wish, chain: readonly OwnPki['root'][]) {
  const made = bundle(wish);
  const { certificate, ...material } = made.verificationMaterial;
  const certificates = [certificate, ...chain.map(({ der }) => ({ rawBytes: base64(der) }))];
  const verificationMaterial = { ...material, x509CertificateChain: { certificates } };
  const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  return { ...made, mediaType, verificationMaterial };
}

/** The gate knows the root alone; what stands between comes with the signature. */
const sent = (
  name: string,
  chain: (hostile: boolean) => readonly OwnPki['root'][],
  by: (hostile: boolean) => Pick<OwnPki, 'step'> = () => pki,
): Attack => ({
  name,
  code: untrusted,
  lay: (scene, hostile) =>
    void scene.store.bundle(withChain(scene, { leaf: ownLeaf(by(hostile)) }, chain(hostile))),
  policy: () => ownPolicy({ root: pki.root }),
});

const leafAsAuthority = certify('acme-release', newEcKey(), pki.step, [
  keyUsage.digitalSignature(),
  extendedKeyUsage(codeSigning),
]);
const permitted = (domain: string): Buffer =>
  extension('2.5.29.30', sequence(context(0, sequence(email(domain)))), true);
const stepWith = (...more: Buffer[]) => [authority(0), keyUsage.certificateSigning(), ...more];

/** Who issued the certificate, and may they? */
const chains: readonly Attack[] = [
  leaf('a certificate of another authority with the same names', untrusted, { by: stranger.step }),
  made(
    'a certificate of Fulcio, in whose place these roots stand',
    untrusted,
    () => ({ leaf: {} }),
    honest,
    asking(own),
  ),
  sent(
    'an intermediate of a stranger, sent along with its root',
    (hostile) => (hostile ? [stranger.step, stranger.root] : [pki.step, pki.root]),
    (hostile) => (hostile ? stranger : pki),
  ),
  sent(
    'a signing certificate that issues another one',
    (hostile) => (hostile ? [leafAsAuthority, pki.step] : [pki.step]),
    (hostile) => ({ step: hostile ? leafAsAuthority : pki.step }),
  ),
  sent('no intermediate', (hostile) => (hostile ? [pki.root] : [pki.step, pki.root])),
  below('an intermediate that had expired when it was signed', { stepPeriod: yesterday }),
  below('an intermediate that was not valid yet', { stepPeriod: tomorrow }),
  below('a root that allows no authority below it', { root: [authority(0)] }),
  below('an intermediate for timestamps', { step: stepWith(extendedKeyUsage(timeStamping)) }),
  below(
    'an intermediate for other mailboxes',
    { step: stepWith(permitted('other.example')) },
    ownPki({ step: stepWith(permitted('acme.example')) }),
  ),
  {
    name: 'a legacy signature whose chain is of a stranger',
    code: untrusted,
    lay: ({ store, layer }, hostile) => {
      const by = hostile ? stranger : pki;
      const made = layer({ leaf: ownLeaf(by) });
      const chain = [by.step, by.root].map(({ der }) => pem('CERTIFICATE', der)).join('');
      made.annotations['dev.sigstore.cosign/chain'] = chain;
      store.layer(made);
    },
    policy: () => ownPolicy({ root: pki.root }),
  },
];

/** May the certificate sign, is it the one that did, and whose is it? */
const leaves: readonly Attack[] = [
  leaf('a certificate that had expired', untrusted, { notBefore: year[0], notAfter: minutes(-1) }),
  leaf('a certificate that was not valid yet', untrusted, { notBefore: minutes(1) }),
  leaf('a certificate of an authority', untrusted, { more: [authority()] }),
  leaf('a certificate for servers', untrusted, { purpose: extendedKeyUsage('1.3.6.1.5.5.7.3.1') }),
  leaf('a certificate for no purpose', untrusted, { purpose: Buffer.alloc(0) }),
  leaf('a certificate that may not sign', untrusted, { usage: keyUsage.certificateSigning() }),
  leaf('a certificate without names', untrusted, { names: [] }),
  leaf('a name in the subject alone', untrusted, { names: [], subject: nameOf('acme', mailbox) }),
  leaf('another mailbox', 'wrong-identity', { names: [email('intern@acme.example')] }),
  leaf('a mailbox in capitals', 'wrong-identity', { names: [email('Release@acme.example')] }),
  leaf('a mailbox that begins alike', 'wrong-identity', { names: [email(`${mailbox}.evil.test`)] }),
  leaf('a mailbox with a zero in it', untrusted, { names: [email(`${mailbox}\0.evil.test`)] }),
  made('another key', 'bad-signature', () => ({ signWith: newEcKey() }), honest, asking(own)),
  made(
    'an issuer that was asked for, and none in the certificate',
    'wrong-issuer',
    () => ({}),
    honest,
    {
      policy: (_, hostile) => (hostile ? { ...own, signers: asked } : own),
    },
  ),
];
const asked: SignaturePolicy['signers'] = [
  { identities: [{ exact: mailbox }], issuers: [{ exact: 'https://issuer.example' }] },
];

/** What proves when the certificate was used? */
const times: readonly Attack[] = [
  made('nothing', 'no-timestamp', () => ({ timestamp: undefined }), stamped, asking(unlogged)),
  made(
    'a log that gives no time, and no timestamp',
    'no-timestamp',
    () => ({ timestamp: undefined }),
    { ...honest, log: 2, timestamp: minutes(1) },
    asking(own),
  ),
  made(
    'a timestamp after the certificate had expired',
    untrusted,
    () => ({ leaf: ownLeaf(pki, { notAfter: minutes(0) }) }),
    stamped,
    asking(unlogged),
  ),
  made(
    'a log entry that was made with the key alone',
    'bad-log-entry',
    () => {
      const key = newEcKey();
      return { verifier: Buffer.from(publicPem(key)) };
    },
    honest,
    asking(own),
  ),
  made('no log entry', 'no-log-entry', () => ({ log: 'none' }), honest, asking(own)),
];

/** Fulcio gives a certificate to everybody: naming its root must open nothing. */
const fulcios: readonly Attack[] = (['none', 'other certificate'] as const).map((promise) => ({
  name: `a certificate of Fulcio whose root is named as one's own, in no log (${promise})`,
  code: untrusted,
  lay: ({ store, bundle }, hostile) =>
    void store.bundle(bundle(hostile ? { leaf: { promise } } : {})),
  policy: ({ root, intermediate }) => ownPolicy({ root, step: intermediate }, identity),
}));

const fulcio: Attack = {
  name: 'a certificate of Fulcio that says no issuer',
  code: untrusted,
  lay: ({ store, bundle }, hostile) =>
    void store.bundle(bundle(hostile ? { leaf: { issuer: [], promise: 'none' } } : {})),
  policy: ({ root, intermediate }) => ownPolicy({ root, step: intermediate }, identity),
};
const otherIssuer: Attack = {
  name: 'a certificate of Fulcio by another issuer than the one that counts unless one is named',
  code: 'wrong-issuer',
  lay: ({ store, bundle }) => void store.bundle(bundle()),
  policy: ({ root, intermediate }, hostile) => {
    const policy = ownPolicy({ root, step: intermediate }, identity);
    const issuers = [{ exact: 'https://gitlab.com' }];
    const [rule] = policy.signers;
    return hostile ? { ...policy, signers: [{ ...rule, issuers } as typeof rule] } : policy;
  },
};
const turned: Attack = {
  name: 'a certificate of an own authority where none is named',
  code: untrusted,
  lay: ({ store, bundle }) => void store.bundle(bundle(honest)),
  policy: (_, hostile) => {
    const { authorities: ___, ...bare } = own;
    return hostile ? bare : own;
  },
};

/** Certificates of an authority of one's own. */
export const ownAuthorityCases: readonly Attack[] = [
  ...chains,
  ...leaves,
  ...times,
  ...fulcios,
  fulcio,
  otherIssuer,
  turned,
];
