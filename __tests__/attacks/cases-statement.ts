import { sign } from 'node:crypto';
import { makeStatement } from '../../src/signature/statement.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { within } from '../signature/tampering.ts';
import { type Attack, edited, made, respelled, type Scene } from './attack.ts';
import { base64, sha256 } from './forge.ts';
import { type Json, makeBundle } from './material.ts';

/** The statement of the image, edited before it is signed by the right signer. */
const stating =
  (edit: (statement: Json) => void) =>
  ({ store }: Scene) => {
    const statement = JSON.parse(makeStatement(store.image.digest, {}).toString());
    edit(statement);
    return { payload: JSON.stringify(statement) };
  };
const spelled =
  (from: string | RegExp, to: string) =>
  ({ store }: Scene) => ({
    payload: makeStatement(store.image.digest, {}).toString().replace(from, to),
  });
const hexOf = ({ store }: Scene): string => store.image.digest.slice('sha256:'.length);
const wantsProd = { policy: () => ({ annotations: { env: 'prod' } }) };

/**
 * What is signed is not "this image is signed", or not this image, though the signer is the right
 * one.
 */
export const statementCases: readonly Attack[] = [
  {
    name: 'a signature copied from another image, its manifest readdressed',
    code: 'wrong-subject',
    lay: ({ forge, store }, evil) =>
      void store.bundle(makeBundle(forge, evil ? store.newImage('other') : store.image)),
  },
  {
    name: 'a signature copied from another image, its manifest as it was',
    code: 'unsigned',
    lay: ({ forge, store }, evil) => {
      const other = store.newImage('other');
      store.bundle(makeBundle(forge, evil ? other : store.image), (manifest) => {
        if (evil) manifest.subject.digest = other.digest;
      });
    },
  },
  edited(
    'the digest in the subject edited',
    'bad-signature',
    'envelope.payload',
    within(/"sha256":"../, '"sha256":"zz'),
  ),
  made(
    'provenance by the right signer',
    'wrong-predicate',
    stating((s) => (s.predicateType = 'https://slsa.dev/provenance/v1')),
  ),
  made(
    'an SBOM by the right signer',
    'wrong-predicate',
    stating((s) => (s.predicateType = 'https://spdx.dev/Document')),
  ),
  made(
    'no predicate type',
    'wrong-predicate',
    stating((s) => delete s.predicateType),
  ),
  made(
    'a predicate type of another case',
    'wrong-predicate',
    spelled('sigstore.dev/cosign/sign/v1', 'sigstore.dev/cosign/Sign/v1'),
  ),
  made('a predicate type with more behind it', 'wrong-predicate', spelled('/sign/v1', '/sign/v1/')),
  made(
    'a predicate type as a list',
    'wrong-predicate',
    stating((s) => (s.predicateType = [s.predicateType])),
  ),
  made(
    'no statement type',
    'wrong-predicate',
    stating((s) => delete s._type),
  ),
  made(
    'an in-toto statement v0.1',
    'wrong-predicate',
    stating((s) => (s._type = 'https://in-toto.io/Statement/v0.1')),
  ),
  made('another payload type, signed', 'wrong-predicate', () => ({
    payloadType: 'application/json',
  })),
  made('a payload type with a parameter, signed', 'wrong-predicate', () => ({
    payloadType: 'application/vnd.in-toto+json; v=1',
  })),
  made('the bare payload signed, without PAE', 'bad-signature', () => ({
    signedBytes: (_type, payload) => payload,
  })),
  made('the digest of the PAE signed as a message', 'bad-signature', () => ({
    signedBytes: (_type, payload) => sha256(payload),
  })),
  made('a PAE without the lengths', 'bad-signature', () => ({
    signedBytes: (type, payload) => Buffer.from(`DSSEv1 ${type} ${payload}`),
  })),
  made(
    'two subjects, the second ours',
    'wrong-subject',
    stating((s) => s.subject.unshift({ digest: { sha256: 'ab'.repeat(32) } })),
  ),
  made(
    'two subjects, the first ours',
    'wrong-subject',
    stating((s) => s.subject.push({ digest: { sha256: 'ab'.repeat(32) } })),
  ),
  made(
    'no subject',
    'wrong-subject',
    stating((s) => (s.subject = [])),
  ),
  made(
    'a subject as an object',
    'wrong-subject',
    stating((s) => (s.subject = s.subject[0])),
  ),
  made('a digest in upper case', 'wrong-subject', (scene) =>
    spelled(hexOf(scene), hexOf(scene).toUpperCase())(scene),
  ),
  made('a digest with a space behind it', 'wrong-subject', (scene) =>
    spelled(hexOf(scene), `${hexOf(scene)} `)(scene),
  ),
  made('a digest of another algorithm', 'wrong-subject', spelled('"sha256":', '"sha512":')),
  made(
    'a second digest of another algorithm',
    'wrong-subject',
    stating((s) => (s.subject[0].digest.sha512 = 'ab'.repeat(64))),
  ),
  made(
    'the digest in a prototype',
    'wrong-subject',
    spelled('{"sha256":', '{"__proto__":{},"sha256":'),
  ),
  made(
    'a field in another case, which Go reads',
    'malformed',
    stating((s) => (s.Subject = [{ digest: { sha256: 'ab'.repeat(32) } }])),
  ),
  made('a subject twice', 'malformed', spelled('"subject":', '"subject":[],"subject":')),
  made(
    'a subject twice, once in escapes',
    'malformed',
    spelled('"subject":', '"\\u0073ubject":[],"subject":'),
  ),
  made(
    'an annotation that is not text',
    'malformed',
    stating((s) => (s.subject[0].annotations = { env: 1 })),
  ),
  made(
    'annotations as a list',
    'malformed',
    stating((s) => (s.subject[0].annotations = ['env=prod'])),
  ),
  made(
    'a predicate that is no object',
    'malformed',
    stating((s) => (s.predicate = 'signed')),
  ),
  made(
    'half a surrogate pair in the statement',
    'malformed',
    stating((s) => (s.subject[0].annotations = { env: '\ud800' })),
  ),
  made('a statement with a byte order mark', 'malformed', (scene) => ({
    payload: `\ufeff${stating(() => {})(scene).payload}`,
  })),
  made('a statement with something behind it', 'malformed', (scene) => ({
    payload: `${stating(() => {})(scene).payload}{}`,
  })),
  made('a statement with NaN', 'malformed', spelled('"predicate":{}', '"predicate":{"n":NaN}')),
  made(
    'a statement 10,000 levels deep',
    'malformed',
    spelled('"predicate":{}', `"predicate":{"a":${'['.repeat(1e4)}${']'.repeat(1e4)}}`),
  ),
  made('a statement in UTF-16', 'malformed', (scene) => ({
    payload: Buffer.from(stating(() => {})(scene).payload, 'utf16le'),
  })),
  made('an empty payload', 'malformed', () => ({ payload: '' })),
  made('null as a statement', 'malformed', () => ({ payload: 'null' })),
  {
    name: 'the wanted annotation on the manifest instead of in the signature',
    code: 'annotation-mismatch',
    lay: ({ store, bundle }, evil) =>
      void store.bundle(
        bundle({ annotations: evil ? {} : { env: 'prod' } }),
        ({ annotations }) => (annotations.env = 'prod'),
      ),
    ...wantsProd,
  },
  made(
    'another value of the annotation',
    'annotation-mismatch',
    () => ({ annotations: { env: 'prod ' } }),
    { annotations: { env: 'prod' } },
    wantsProd,
  ),
  made(
    'a look-alike of the value',
    'annotation-mismatch',
    () => ({ annotations: { env: 'pr\u043ed' } }),
    { annotations: { env: 'prod' } },
    wantsProd,
  ),
  made(
    'the name in another case',
    'annotation-mismatch',
    () => ({ annotations: { Env: 'prod' } }),
    { annotations: { env: 'prod' } },
    wantsProd,
  ),
  made(
    'a name that every object has',
    'annotation-mismatch',
    () => ({ annotations: {} }),
    { annotations: { constructor: 'x' } },
    {
      policy: () => ({ annotations: { constructor: 'x' } }),
    },
  ),
  made(
    'the annotation in a prototype',
    'annotation-mismatch',
    spelled('"annotations":{}', '"annotations":{"__proto__":"prod"}'),
    { annotations: { env: 'prod' } },
    wantsProd,
  ),
  edited('an annotation beside the envelope', 'malformed', 'envelope.annotations', { env: 'prod' }),
  edited('an annotation beside the bundle', 'malformed', 'annotations', { env: 'prod' }),
  {
    name: 'the bytes of the image signed as a message, no statement',
    code: 'wrong-predicate',
    lay: ({ store, bundle }, evil) => {
      const good = bundle();
      if (evil) {
        const message = {
          messageDigest: {
            algorithm: 'SHA2_256',
            digest: base64(Buffer.from(store.image.digest.slice(7), 'hex')),
          },
        };
        good.messageSignature = { ...message, signature: good.dsseEnvelope.signatures[0].sig };
        delete good.dsseEnvelope;
      }
      store.bundle(good);
    },
  },
];

/** What is around the payload: signatures and key ids. */
export const envelopeCases: readonly Attack[] = [
  edited('no signature', 'malformed', 'envelope.signatures', []),
  edited('no list of signatures', 'malformed', 'envelope.signatures', undefined),
  edited('the signature twice', 'malformed', 'envelope.signatures', (old: unknown[]) => [
    ...old,
    ...old,
  ]),
  edited(
    'a stranger\u2019s signature in front',
    'malformed',
    'envelope.signatures',
    (old: unknown[]) => [{ sig: 'AAAA' }, ...old],
  ),
  edited('an empty signature', 'malformed', 'envelope.signatures.0.sig', ''),
  edited(
    'a signature with a bit turned',
    'bad-signature',
    'envelope.signatures.0.sig',
    (old: string) => {
      const bytes = Buffer.from(old, 'base64');
      bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
      return base64(bytes);
    },
  ),
  edited(
    'a signature with a byte behind it',
    'bad-signature',
    'envelope.signatures.0.sig',
    (old: string) => base64(Buffer.concat([Buffer.from(old, 'base64'), Buffer.from([0])])),
  ),
  edited('a key id that is a number', 'malformed', 'envelope.signatures.0.keyid', 7),
  edited(
    'a payload type edited',
    'wrong-predicate',
    'envelope.payloadType',
    'application/vnd.in-toto+JSON',
  ),
  edited('two contents', 'malformed', 'messageSignature', {
    messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' },
    signature: 'AAAA',
  }),
  made('a signature by another key than the certificate\u2019s', 'bad-signature', () => ({
    signWith: newEcKey(),
  })),
  made('a signature as two bare numbers (P1363)', 'bad-signature', () => ({
    signature: (bytes, key) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }),
  })),
  respelled('the payload in both of its names', 'malformed', (text) =>
    text.replace('"payload":', '"payload":"e30=","payload":'),
  ),
];
