import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { flip } from '../signature/tampering.ts';
import { type Attack, layered, relabelled, type Scene } from './attack.ts';
import { base64, email, identity, minutes, signingTime, uri } from './forge.ts';
import { type Json, makeLayer, type Wish } from './material.ts';

/** The simple-signing payload of the image, edited before it is signed by the right signer. */
const paying =
  (edit: (payload: Json) => void) =>
  ({ layer }: Scene) => {
    const payload = JSON.parse(layer().payload.toString());
    edit(payload);
    return { payload: JSON.stringify(payload) };
  };
const spelled =
  (from: string | RegExp, to: string) =>
  ({ layer }: Scene) => ({ payload: layer().payload.toString().replace(from, to) });
const inJson = (edit: (json: Json) => void) => (old: string) => {
  const json = JSON.parse(old);
  edit(json);
  return JSON.stringify(json);
};
const malformed = 'malformed';
const stamped: Wish = { timestamp: minutes(1) };

/** The legacy format: payload, layer, and the annotations that carry everything else. */
export const legacyCases: readonly Attack[] = [
  {
    name: 'a layer copied from another image',
    code: 'wrong-subject',
    lay: ({ forge, store }, evil) =>
      void store.layer(makeLayer(forge, evil ? store.newImage('other') : store.image)),
  },
  layered(
    'another critical type',
    'wrong-predicate',
    paying((p) => (p.critical.type = 'atomic container signature')),
  ),
  layered(
    'a critical type of another case',
    'wrong-predicate',
    paying((p) => (p.critical.type = 'Cosign container image signature')),
  ),
  layered(
    'no critical type',
    'wrong-predicate',
    paying((p) => delete p.critical.type),
  ),
  layered(
    'no critical part',
    malformed,
    paying((p) => delete p.critical),
  ),
  layered(
    'a critical part in another case',
    malformed,
    paying((p) => (p.Critical = p.critical)),
  ),
  layered(
    'a critical field that nobody knows',
    malformed,
    paying((p) => (p.critical.expires = 'never')),
  ),
  layered('critical twice', malformed, spelled('"critical":', '"critical":{},"critical":')),
  layered(
    'no docker-reference',
    malformed,
    paying((p) => (p.critical.identity = {})),
  ),
  layered(
    'a docker-reference that is no text',
    malformed,
    paying((p) => (p.critical.identity['docker-reference'] = ['a'])),
  ),
  layered(
    'no image',
    'wrong-subject',
    paying((p) => delete p.critical.image),
  ),
  layered('a digest without algorithm', 'wrong-subject', spelled('"sha256:', '"')),
  layered('a digest of another algorithm', 'wrong-subject', spelled('"sha256:', '"sha512:')),
  layered('a digest in upper case', 'wrong-subject', ({ layer, store }) => ({
    payload: layer()
      .payload.toString()
      .replace(store.image.digest, `sha256:${store.image.digest.slice(7).toUpperCase()}`),
  })),
  layered(
    'a digest under two names',
    malformed,
    paying((p) => (p.critical.image['Docker-manifest-digest'] = 'sha256:ab')),
  ),
  layered(
    'optional as a list',
    malformed,
    paying((p) => (p.optional = ['env=prod'])),
  ),
  layered(
    'a wanted annotation in the payload that is not signed text',
    'annotation-mismatch',
    paying((p) => (p.optional = { env: ['prod'] })),
    { annotations: { env: 'prod' } },
    wantsProd(),
  ),
  layered(
    'a wanted annotation in a prototype',
    'annotation-mismatch',
    spelled('"optional":null', '"optional":{"__proto__":{"env":"prod"}}'),
    { annotations: { env: 'prod' } },
    wantsProd(),
  ),
  layered('a payload with a byte order mark', malformed, ({ layer }) => ({
    payload: `\ufeff${layer().payload}`,
  })),
  layered('a statement in place of the payload', malformed, () => ({
    payload: '{"_type":"https://in-toto.io/Statement/v1"}',
  })),
  layered('a payload of 300 KiB', 'too-large', ({ layer }) => ({
    payload: `${layer().payload}${' '.repeat(300 * 1024)}`,
  })),
  {
    name: 'the wanted annotation on the layer instead of in the payload',
    code: 'annotation-mismatch',
    lay: ({ store, layer }, evil) => {
      const made = layer({ annotations: evil ? {} : { env: 'prod' } });
      store.layer({ ...made, annotations: { ...made.annotations, env: 'prod' } });
    },
    ...wantsProd(),
  },
  {
    name: 'another payload under the signature',
    code: 'bad-signature',
    lay: ({ store, layer }, evil) => {
      const made = layer({ annotations: { env: 'test' } });
      store.layer(
        evil
          ? { ...made, payload: Buffer.from(made.payload.toString().replace('test', 'prod')) }
          : made,
      );
    },
  },
  relabelled('no signature', malformed, 'signature', () => undefined),
  relabelled('a signature with a bit turned', 'bad-signature', 'signature', (old) => flip(old)),
  ...[' ', '\t', '\0', '\\n', '\u2028'].map((between) =>
    relabelled(
      `a signature in base64 with ${JSON.stringify(between)} in it`,
      malformed,
      'signature',
      (old) => `${old.slice(0, 64)}${between}${old.slice(64)}`,
    ),
  ),
  relabelled('a signature of line breaks', malformed, 'signature', () => '\n\n'),
  relabelled(
    'a wrapped signature with a bit turned',
    'bad-signature',
    'signature',
    (old) => `${flip(old).slice(0, 64)}\n${flip(old).slice(64)}\n`,
  ),
  relabelled('no certificate', 'wrong-identity', 'certificate', () => undefined),
  relabelled('two certificates, the right one first', malformed, 'certificate', (old) => old + old),
  relabelled('text before the PEM', malformed, 'certificate', (old) => `Subject: release\n${old}`),
  relabelled('text behind the PEM', malformed, 'certificate', (old) => `${old}trust me`),
  relabelled('PEM headers', malformed, 'certificate', (old) =>
    old.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'),
  ),
  relabelled('PEM of another label', malformed, 'certificate', (old) =>
    old.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
  ),
  relabelled('PEM that does not end', malformed, 'certificate', (old) =>
    old.replace('-----END CERTIFICATE-----', ''),
  ),
  relabelled('PEM with a NUL', malformed, 'certificate', (old) => old.replace('\n', '\0\n')),
  relabelled('PEM of a key', malformed, 'certificate', (old) =>
    old.replaceAll('CERTIFICATE', 'PUBLIC KEY'),
  ),
  relabelled(
    'a certificate with a bit of its signature turned',
    'bad-log-entry',
    'certificate',
    (old) => {
      const der = Buffer.from(old.replace(/-----.*?-----|\n/g, ''), 'base64');
      der.writeUInt8((der.at(-10) ?? 0) ^ 1, der.length - 10);
      return pemOf(der).toString();
    },
  ),
  relabelled('no log entry', 'no-log-entry', 'bundle', () => undefined),
  relabelled('a log entry that is no JSON', malformed, 'bundle', () => 'yes'),
  relabelled(
    'another time in the log entry',
    'bad-log-entry',
    'bundle',
    inJson((entry) => (entry.Payload.integratedTime += 1)),
  ),
  relabelled(
    'another index in the log entry',
    'bad-log-entry',
    'bundle',
    inJson((entry) => (entry.Payload.logIndex += 1)),
  ),
  relabelled(
    'another log',
    'bad-log-entry',
    'bundle',
    inJson((entry) => (entry.Payload.logID = 'ab'.repeat(32))),
  ),
  relabelled(
    'a log id in upper case',
    malformed,
    'bundle',
    inJson((entry) => (entry.Payload.logID = 'AB'.repeat(32))),
  ),
  relabelled(
    'a promise with a bit turned',
    'bad-log-entry',
    'bundle',
    inJson((entry) => (entry.SignedEntryTimestamp = flip(entry.SignedEntryTimestamp))),
  ),
  relabelled(
    'no promise',
    malformed,
    'bundle',
    inJson((entry) => delete entry.SignedEntryTimestamp),
  ),
  relabelled(
    'a negative index',
    malformed,
    'bundle',
    inJson((entry) => (entry.Payload.logIndex = -1)),
  ),
  relabelled('an index of 2^53', malformed, 'bundle', (old) =>
    old.replace(/"logIndex":\d+/, '"logIndex":9007199254740992'),
  ),
  relabelled(
    'a time that is text',
    malformed,
    'bundle',
    inJson((entry) => (entry.Payload.integratedTime = '1795176000')),
  ),
  relabelled('a payload of the entry twice', malformed, 'bundle', (old) =>
    old.replace('"Payload":', '"Payload":{},"Payload":'),
  ),
  relabelled('a field of the entry in another case', malformed, 'bundle', (old) =>
    old.replace('"Payload":', '"payload":{},"Payload":'),
  ),
  layered('the log entry of another certificate', 'bad-log-entry', ({ forge }) => ({
    verifier: pemOf(forge.certificate(newEcKey())),
  })),
  {
    name: 'the log entry of another signature',
    code: 'bad-log-entry',
    lay: ({ store, layer }, evil) => {
      const made = layer();
      const bundle = 'dev.sigstore.cosign/bundle';
      store.layer(
        evil
          ? { ...made, annotations: { ...made.annotations, [bundle]: layer().annotations[bundle] } }
          : made,
      );
    },
  },
  relabelled(
    'a timestamp with a bit turned',
    'bad-timestamp',
    'rfc3161timestamp',
    inJson((json) => (json.SignedRFC3161Timestamp = flip(json.SignedRFC3161Timestamp, 90))),
    stamped,
  ),
  relabelled('a timestamp that is no JSON', malformed, 'rfc3161timestamp', () => 'noon', stamped),
  layered(
    'a timestamp over other bytes',
    'bad-timestamp',
    ({ forge }) => ({ timestamp: forge.timestamp(Buffer.from('x')) }),
    {
      timestamp: signingTime,
    },
  ),
  layered('another identity', 'wrong-identity', () => ({ leaf: { names: [uri(`${identity}x`)] } })),
  layered('an e-mail address', 'wrong-identity', () => ({
    leaf: { names: [email('release@acme.test')] },
  })),
  layered('a log entry of after the certificate', 'untrusted-certificate', () => ({
    at: minutes(10),
  })),
  layered('no proof of time', 'no-timestamp', () => ({ timestamp: undefined as never }), stamped, {
    policy: () => ({ tlog: 'ignore' }),
  }),
  layered('a good signature, the attacker\u2019s key signed', 'bad-signature', () => ({
    signWith: newEcKey(),
  })),
  {
    ...relabelled('a chain of the attacker: it is not read', 'verified', 'chain', () => 'nonsense'),
    passes: true,
  },
  ...['\n', '\r\n'].map((between) => ({
    ...relabelled(
      `base64 wrapped with ${JSON.stringify(between)} is the same signature`,
      'verified',
      'signature',
      (old: string) => `${old.slice(0, 64)}${between}${old.slice(64)}${between}`,
    ),
    passes: true as const,
  })),
  {
    ...relabelled('PEM with CRLF is the same certificate', 'verified', 'certificate', (old) =>
      old.replaceAll('\n', '\r\n'),
    ),
    passes: true,
  },
  {
    ...layered(
      'a docker-reference of another repository: the digest counts',
      'verified',
      paying((p) => (p.critical.identity['docker-reference'] = 'evil.test/app')),
    ),
    passes: true,
  },
];

const pemOf = (der: Buffer): Buffer =>
  Buffer.from(`-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`);
function wantsProd(): Pick<Attack, 'policy'> {
  return { policy: () => ({ annotations: { env: 'prod' } }) };
}
