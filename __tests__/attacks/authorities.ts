// Authorities that may not issue everything, and what Go's crypto/x509 makes of each: real cosign
// says so in interop/trusted-roots.test.ts.
import {
  type Certified,
  codeSigning,
  extension,
  keyUsage,
  timeStamping,
} from '../sandbox/sigstore/certificates.ts';
import {
  boolean,
  context,
  implicit,
  octetString,
  oid,
  sequence,
  tlv,
} from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { certify, email, type Leaf, uri } from './forge.ts';

export interface Authority {
  readonly name: string;
  /** whether a certificate that it has issued counts, in Go and here */
  readonly accepted: boolean;
  /** extensions of the intermediate, and of the root, beside those of every CA */
  readonly intermediate?: readonly Buffer[];
  readonly root?: readonly Buffer[];
  /** instead of those of every CA */
  readonly basics?: readonly Buffer[];
  readonly leaf?: Leaf;
  /** the identity of the leaf, where it is another one */
  readonly identity?: string;
  /** refused here although Go accepts it, and why */
  readonly stricter?: string;
}

const basicConstraints = (isCa: boolean): Buffer =>
  extension('2.5.29.19', sequence(...(isCa ? [boolean(true)] : [])), true);
const basics = [basicConstraints(true), keyUsage.certificateSigning()];
const purposes = (ids: readonly string[], critical = false): Buffer =>
  extension('2.5.29.37', sequence(...ids.map(oid)), critical);
const anyPurpose = '2.5.29.37.0';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const unknownPurpose = '1.2.3.4.5';

const dns = (text: string): Buffer => implicit(2, Buffer.from(text));
const ip = (...bytes: number[]): Buffer => implicit(7, Buffer.from(bytes));
const directory = context(4, sequence());
const subtrees = (bases: readonly Buffer[]): Buffer[] => bases.map((base) => sequence(base));
/** Name constraints (RFC 5280, 4.2.1.10). */
function names(
  { permitted = [], excluded = [] }: Partial<Record<'permitted' | 'excluded', readonly Buffer[]>>,
  critical = true,
): Buffer {
  const lists = [
    ...(permitted.length > 0 ? [context(0, ...subtrees(permitted))] : []),
    ...(excluded.length > 0 ? [context(1, ...subtrees(excluded))] : []),
  ];
  return extension('2.5.29.30', sequence(...lists), critical);
}
const permitted = (...list: Buffer[]) => names({ permitted: list });
const excluded = (...list: Buffer[]) => names({ excluded: list });
const unknown = (critical: boolean): Buffer =>
  extension('1.2.3.4.5.6', octetString(Buffer.from('x')), critical);

const good = (name: string, more: Omit<Authority, 'name' | 'accepted'>): Authority => ({
  name,
  accepted: true,
  ...more,
});
const bad = (name: string, more: Omit<Authority, 'name' | 'accepted'>): Authority => ({
  name,
  accepted: false,
  ...more,
});
const mailbox = 'release@acme.example';
const byMail = { leaf: { names: [email(mailbox)] }, identity: mailbox };

const purposeCases: readonly Authority[] = [
  good('no purpose at all', {}),
  good('an intermediate for code signing', { intermediate: [purposes([codeSigning])] }),
  good('an intermediate for any purpose', { intermediate: [purposes([anyPurpose])] }),
  good('an intermediate for two purposes', { intermediate: [purposes([serverAuth, codeSigning])] }),
  good('a root for code signing', { root: [purposes([codeSigning])] }),
  good('a root for any purpose', { root: [purposes([anyPurpose, timeStamping])] }),
  bad('an intermediate for timestamps', { intermediate: [purposes([timeStamping])] }),
  bad('an intermediate for servers, critical', { intermediate: [purposes([serverAuth], true)] }),
  bad('an intermediate for an unknown purpose', { intermediate: [purposes([unknownPurpose])] }),
  bad('a root for timestamps', { root: [purposes([timeStamping])] }),
  bad('a root for an unknown purpose', { root: [purposes([unknownPurpose])] }),
  bad('a root for servers above an intermediate for code', {
    root: [purposes([serverAuth])],
    intermediate: [purposes([codeSigning])],
  }),
];

const nameCases: readonly Authority[] = [
  good('permitted: the host', { intermediate: [permitted(uri('github.com'))] }),
  good('permitted: the host in capitals', { intermediate: [permitted(uri('GitHub.COM'))] }),
  good('permitted: what is below com', { intermediate: [permitted(uri('.com'))] }),
  good('permitted: com', { intermediate: [permitted(uri('com'))] }),
  good('permitted: everything', { intermediate: [permitted(uri(''))] }),
  good('permitted: one of two hosts', {
    intermediate: [permitted(uri('gitlab.com'), uri('github.com'))],
  }),
  good('permitted: names of another kind', {
    intermediate: [
      permitted(dns('acme.example'), email('acme.example'), ip(10, 0, 0, 0, 255, 0, 0, 0)),
    ],
  }),
  good('excluded: another host', { intermediate: [excluded(uri('gitlab.com'))] }),
  good('excluded: what is below the host', { intermediate: [excluded(uri('.github.com'))] }),
  good('permitted by the root', { root: [permitted(uri('github.com'))] }),
  good('directory names, not critical', {
    intermediate: [names({ permitted: [directory] }, false)],
  }),
  good('a mailbox below a permitted domain', {
    intermediate: [permitted(email('acme.example'))],
    ...byMail,
  }),
  good('a permitted mailbox', {
    intermediate: [permitted(email('release@ACME.example'))],
    ...byMail,
  }),
  bad('permitted: another host', { intermediate: [permitted(uri('gitlab.com'))] }),
  bad('permitted: another host, not critical', {
    intermediate: [names({ permitted: [uri('gitlab.com')] }, false)],
  }),
  bad('permitted: what is below the host', { intermediate: [permitted(uri('.github.com'))] }),
  bad('permitted: a host that ends alike', { intermediate: [permitted(uri('hub.com'))] }),
  bad('permitted: a host below it', { intermediate: [permitted(uri('api.github.com'))] }),
  bad('permitted by the intermediate, not by the root', {
    intermediate: [permitted(uri('github.com'))],
    root: [permitted(uri('gitlab.com'))],
  }),
  bad('excluded: the host', { intermediate: [excluded(uri('github.com'))] }),
  bad('excluded: com', { intermediate: [excluded(uri('com'))] }),
  bad('excluded: everything', { intermediate: [excluded(uri(''))] }),
  bad('permitted and excluded', {
    intermediate: [names({ permitted: [uri('github.com')], excluded: [uri('.com')] })],
  }),
  bad('excluded by the root', { root: [excluded(uri('github.com'))] }),
  bad('directory names, critical', { intermediate: [permitted(directory)] }),
  bad('no names', { intermediate: [names({})] }),
  bad('a host that is an address', { intermediate: [permitted(uri('127.0.0.1'))] }),
  bad('a host with an empty label', { intermediate: [permitted(uri('git..com'))] }),
  bad('no sequence', { intermediate: [extension('2.5.29.30', octetString(Buffer.of(1)), true)] }),
  bad('a mailbox of another domain', {
    intermediate: [permitted(email('other.example'))],
    ...byMail,
  }),
  bad('another mailbox', { intermediate: [permitted(email('Release@acme.example'))], ...byMail }),
  bad('an excluded mailbox', { intermediate: [excluded(email(mailbox))], ...byMail }),
  bad('a URI without a host, where hosts are limited', {
    intermediate: [permitted(uri('com'))],
    leaf: { names: [uri('urn:acme:release')] },
    identity: 'urn:acme:release',
  }),
  bad('a URI with an address, where hosts are excluded', {
    intermediate: [excluded(uri('gitlab.com'))],
    leaf: { names: [uri('https://10.0.0.1/release')] },
    identity: 'https://10.0.0.1/release',
  }),
];

const extensionCases: readonly Authority[] = [
  good('an unknown extension, not critical', { intermediate: [unknown(false)] }),
  bad('an unknown critical extension of the intermediate', { intermediate: [unknown(true)] }),
  bad('an unknown critical extension of the root', { root: [unknown(true)] }),
  good('critical certificate policies', {
    intermediate: [extension('2.5.29.32', sequence(sequence(oid('2.5.29.32.0'))), true)],
  }),
  good('critical places of revocations', {
    intermediate: [
      extension(
        '2.5.29.31',
        sequence(sequence(context(0, context(0, uri('http://crl.test/'))))),
        true,
      ),
    ],
  }),
  bad('a critical precertificate poison', {
    intermediate: [extension('1.3.6.1.4.1.11129.2.4.3', tlv(0x05), true)],
  }),
  bad('an extension twice', { intermediate: [unknown(false), unknown(false)] }),
  bad('no CA', { basics: [basicConstraints(false), keyUsage.certificateSigning()] }),
  bad('no basic constraints', { basics: [keyUsage.certificateSigning()] }),
  bad('a CA that may not sign certificates', {
    basics: [basicConstraints(true), keyUsage.digitalSignature()],
  }),
  bad('critical policy constraints', {
    intermediate: [extension('2.5.29.36', sequence(implicit(0, Buffer.of(0))), true)],
  }),
  bad('critical authority information', {
    intermediate: [
      extension(
        '1.3.6.1.5.5.7.1.1',
        sequence(sequence(oid('1.3.6.1.5.5.7.48.2'), uri('http://ca.test/'))),
        true,
      ),
    ],
  }),
];

export const authorityCases: Readonly<Record<string, readonly Authority[]>> = {
  purposes: purposeCases,
  names: nameCases,
  extensions: extensionCases,
};

/** The chain of such an authority, from the intermediate to the root. */
export function chainFor(authority: Authority): readonly [Certified, Certified] {
  const root = certify('fulcio-root', newEcKey(), undefined, [
    ...basics,
    ...(authority.root ?? []),
  ]);
  const own = [...(authority.basics ?? basics), ...(authority.intermediate ?? [])];
  return [certify('fulcio-intermediate', newEcKey(), root, own), root];
}

export interface Stamper {
  readonly name: string;
  readonly accepted: boolean;
  /** purposes of the stamping certificate; absent: it has none */
  readonly purpose?: Buffer;
  readonly own?: readonly Buffer[];
  readonly root?: readonly Buffer[];
}

const stamping = purposes([timeStamping], true);
/** Timestamp authorities, and what is made of what they stamp (RFC 3161, 2.3). */
export const stamperCases: readonly Stamper[] = [
  { name: 'for timestamps alone, critical', accepted: true, purpose: stamping },
  {
    name: 'below a root for timestamps',
    accepted: true,
    purpose: stamping,
    root: [purposes([timeStamping])],
  },
  { name: 'a purpose that is not critical', accepted: false, purpose: purposes([timeStamping]) },
  { name: 'no purpose', accepted: false },
  { name: 'for code', accepted: false, purpose: purposes([codeSigning], true) },
  {
    name: 'for timestamps and code',
    accepted: false,
    purpose: purposes([timeStamping, codeSigning], true),
  },
  { name: 'for any purpose', accepted: false, purpose: purposes([anyPurpose], true) },
  {
    name: 'below a root for code',
    accepted: false,
    purpose: stamping,
    root: [purposes([codeSigning])],
  },
  {
    name: 'below a root with an unknown critical extension',
    accepted: false,
    purpose: stamping,
    root: [unknown(true)],
  },
];

/** The chain of such an authority, from the stamping certificate to the root. */
export function stampingChain(stamper: Stamper): readonly [Certified, Certified] {
  const root = certify('tsa-root', newEcKey(), undefined, [...basics, ...(stamper.root ?? [])]);
  const own = [
    basicConstraints(false),
    keyUsage.digitalSignature(),
    ...(stamper.purpose === undefined ? [] : [stamper.purpose]),
    ...(stamper.own ?? []),
  ];
  return [certify('tsa', newEcKey(), root, own), root];
}
