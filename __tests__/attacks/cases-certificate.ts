import {
  type Certified,
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameOf,
  newIntermediate,
  newRoot,
  timeStamping,
} from '../sandbox/sigstore/certificates.ts';
import {
  bitString,
  boolean,
  integer,
  octetString,
  sequence,
  utf8String,
} from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { flip } from '../signature/tampering.ts';
import { type Attack, edited, made } from './attack.ts';
import {
  base64,
  certify,
  chainOf,
  type Forge,
  issuer,
  issuerV2,
  type Leaf,
  minutes,
} from './forge.ts';
import { type Json, stampedOnly } from './material.ts';

const untrusted = 'untrusted-certificate';
const caConstraint = (pathLength?: number): Buffer =>
  extension(
    '2.5.29.19',
    sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])),
    true,
  );
export const leaf = (
  name: string,
  code: Attack['code'],
  hostile: Leaf | ((forge: Forge) => Leaf),
): Attack =>
  made(name, code, ({ forge }) => ({
    leaf: typeof hostile === 'function' ? hostile(forge) : hostile,
  }));

/** A gate that trusts a Fulcio with this intermediate; the leaf is issued by it. */
function below(
  name: string,
  code: Attack['code'],
  intermediate: (forge: Forge, hostile: boolean) => readonly Certified[],
): Attack {
  const made = new Map<string, readonly Certified[]>();
  const chain = (forge: Forge, evil: boolean) => {
    const known = made.get(String(evil)) ?? intermediate(forge, evil);
    made.set(String(evil), known);
    return known;
  };
  return {
    name,
    code,
    lay: ({ forge, store, bundle }, evil) => {
      const [by] = chain(forge, evil);
      store.bundle(bundle(by ? { leaf: { by } } : {}));
    },
    trust: (forge, evil) =>
      forge.trust(
        (root) => (root.certificateAuthorities[0].certChain = chainOf(...chain(forge, evil))),
      ),
  };
}
const intermediateOf = (
  root: Certified,
  period?: readonly [Date, Date],
  ...more: Buffer[]
): Certified =>
  certify(
    'fulcio-intermediate',
    newEcKey(),
    root,
    more.length > 0
      ? more
      : [caConstraint(0), keyUsage.certificateSigning(), extendedKeyUsage(codeSigning)],
    period,
  );

/** The chain: who issued the certificate, may they, and may it sign? */
export const chainCases: readonly Attack[] = [
  leaf('a certificate of a CA that nobody knows', untrusted, () => ({
    by: newIntermediate('fulcio-intermediate', newRoot('fulcio-root', 'P-384', 1)),
  })),
  leaf('a certificate of a CA with the name and key id of the right one', untrusted, (forge) => {
    const { name, serial, der } = forge.intermediate;
    return { by: { key: newEcKey(), name, serial, der } };
  }),
  leaf('a certificate that signed itself', untrusted, () => {
    const key = newEcKey();
    return {
      by: {
        key,
        name: nameOf('sandbox.test', 'self'),
        serial: Buffer.from([1]),
        der: Buffer.alloc(0),
      },
      subject: nameOf('sandbox.test', 'self'),
    };
  }),
  leaf('a certificate issued by a good signing certificate', untrusted, (forge) => {
    const key = newEcKey();
    const name = nameOf('sandbox.test', 'leaf');
    return {
      by: { key, name, serial: Buffer.from([1]), der: forge.certificate(key, { subject: name }) },
    };
  }),
  leaf('a certificate of the timestamp authority\u2019s root', untrusted, (forge) => ({
    by: forge.timestampRoot,
  })),
  {
    name: 'the attacker\u2019s intermediate and root sent along',
    code: untrusted,
    lay: ({ store, bundle }, evil) => {
      const root = newRoot('fulcio-root', 'P-384', 1);
      const by = newIntermediate('fulcio-intermediate', root);
      const good = bundle(evil ? { leaf: { by } } : {});
      const { certificate } = good.verificationMaterial;
      delete good.verificationMaterial.certificate;
      const more = evil ? chainOf(by, root).certificates : [];
      good.verificationMaterial.x509CertificateChain = { certificates: [certificate, ...more] };
      good.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
      store.bundle(good);
    },
  },
  leaf('a certificate for another certificate log\u2019s promise', untrusted, () => ({
    promise: newEcKey(),
  })),
  leaf('a certificate without the log\u2019s promise (SCT)', untrusted, { promise: 'none' }),
  leaf('the promise for another certificate', untrusted, { promise: 'other certificate' }),
  leaf('an empty list of promises', untrusted, {
    promise: 'none',
    more: [extension('1.3.6.1.4.1.11129.2.4.2', octetString(Buffer.from([0, 0])))],
  }),
  leaf('a list of promises that ends early', untrusted, {
    promise: 'none',
    more: [extension('1.3.6.1.4.1.11129.2.4.2', octetString(Buffer.from([0, 9, 0])))],
  }),
  leaf('a certificate that is a CA', untrusted, { more: [caConstraint(0)] }),
  leaf('a certificate that may sign certificates', untrusted, {
    usage: extension('2.5.29.15', bitString(Buffer.from([0x84]), 2), true),
  }),
  leaf('a certificate that may not sign', untrusted, {
    usage: extension('2.5.29.15', bitString(Buffer.from([0x20]), 5), true),
  }),
  leaf('a certificate without a use', untrusted, { usage: Buffer.alloc(0) }),
  leaf('a certificate for web servers', untrusted, {
    purpose: extendedKeyUsage('1.3.6.1.5.5.7.3.1'),
  }),
  leaf('a certificate for timestamps', untrusted, { purpose: extendedKeyUsage(timeStamping) }),
  leaf('a certificate for any purpose', untrusted, { purpose: extendedKeyUsage('2.5.29.37.0') }),
  leaf('a certificate without purpose', untrusted, { purpose: Buffer.alloc(0) }),
  leaf('a critical extension that nobody knows', untrusted, {
    more: [extension('1.2.3.4', utf8String('x'), true)],
  }),
  leaf('an extension twice', untrusted, { more: [issuerV2(issuer)] }),
  leaf('a certificate that had ended', untrusted, {
    notBefore: minutes(-30),
    notAfter: minutes(-1),
  }),
  leaf('a certificate that had not begun', untrusted, {
    notBefore: minutes(1),
    notAfter: minutes(10),
  }),
  leaf('a certificate that ends before it begins', untrusted, {
    notBefore: minutes(9),
    notAfter: minutes(-1),
  }),
  below('an intermediate that had ended', untrusted, (forge, evil) => [
    intermediateOf(forge.root, evil ? [minutes(-9000), minutes(-1)] : undefined),
    forge.root,
  ]),
  below('an intermediate that is no CA', untrusted, (forge, evil) => [
    evil
      ? intermediateOf(
          forge.root,
          undefined,
          extension('2.5.29.19', sequence(), true),
          keyUsage.digitalSignature(),
        )
      : intermediateOf(forge.root),
    forge.root,
  ]),
  below('a path longer than the root allows', untrusted, (_forge, evil) => {
    const root = newRoot('fulcio-root', 'P-384', evil ? 1 : 2);
    const first = certify('first', newEcKey(), root, [
      caConstraint(1),
      keyUsage.certificateSigning(),
    ]);
    return [intermediateOf(first), first, root];
  }),
  below('a root that is not the issuer of the intermediate', untrusted, (forge, evil) => [
    intermediateOf(forge.root),
    evil ? newRoot('fulcio-root', 'P-384', 1) : forge.root,
  ]),
  {
    name: 'a certificate of before its authority was trusted',
    code: untrusted,
    lay: ({ store, bundle }) => void store.bundle(bundle()),
    trust: (forge, evil) =>
      evil
        ? forge.trust(
            (root) => (root.certificateAuthorities[0].validFor.start = minutes(1).toISOString()),
          )
        : forge.trust(),
  },
  {
    name: 'a promise by a certificate log that was retired',
    code: untrusted,
    lay: ({ store, bundle }) => void store.bundle(bundle()),
    trust: (forge, evil) =>
      evil
        ? forge.trust((root) => (root.ctlogs[0].publicKey.validFor.end = minutes(-1).toISOString()))
        : forge.trust(),
  },
  {
    name: 'another good certificate of the same signer',
    code: 'bad-signature',
    lay: ({ forge, store, bundle }, evil) => {
      const good = bundle();
      if (evil)
        good.verificationMaterial.certificate.rawBytes = base64(forge.certificate(newEcKey()));
      store.bundle(good);
    },
  },
  edited(
    'a certificate with a bit of its signature turned',
    'bad-log-entry',
    'material.certificate.rawBytes',
    (old: string) => flip(old, Buffer.from(old, 'base64').length - 3),
  ),
  edited(
    'a certificate with a bit of its signature turned, the log ignored',
    untrusted,
    'material.certificate.rawBytes',
    (old: string) => flip(old, Buffer.from(old, 'base64').length - 3),
    stampedOnly,
    { policy: () => ({ tlog: 'ignore' }) },
  ),
  edited(
    'a certificate with a byte behind it',
    'malformed',
    'material.certificate.rawBytes',
    (old: string) => base64(Buffer.concat([Buffer.from(old, 'base64'), Buffer.from([0])])),
  ),
  edited('a certificate cut short', 'malformed', 'material.certificate.rawBytes', (old: string) =>
    base64(Buffer.from(old, 'base64').subarray(0, 300)),
  ),
  edited(
    'a certificate in BER, its length spelled longer',
    'malformed',
    'material.certificate.rawBytes',
    (old: string) => {
      const der = Buffer.from(old, 'base64');
      return base64(Buffer.concat([Buffer.from([0x30, 0x83, 0]), der.subarray(2)]));
    },
  ),
  edited('an empty certificate', 'malformed', 'material.certificate.rawBytes', ''),
  edited('an empty chain', 'malformed', 'material', (old: Json) => ({
    ...old,
    certificate: undefined,
    x509CertificateChain: { certificates: [] },
  })),
  edited('certificate and key', 'malformed', 'material.publicKey', { hint: 'x' }),
  edited('a certificate larger than any', 'too-large', 'material.certificate.rawBytes', () =>
    base64(Buffer.alloc(40_000)),
  ),
];
