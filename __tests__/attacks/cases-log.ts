import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { flip, put } from '../signature/tampering.ts';
import { type Attack, made } from './attack.ts';
import { base64, ForgedLog, minutes, sha256, signingTime } from './forge.ts';
import { edits, redone } from './log-edits.ts';
import { inRekor2, type Json, publicPem, type Wish } from './material.ts';

const badEntry = 'bad-log-entry';
const both = (make: (name: string, wish: Wish) => Attack): Attack[] => [
  make(' (Rekor v1)', {}),
  make(' (Rekor v2)', inRekor2),
];

/** Signs the entry into a log of the attacker's own. */
function intoLog(entry: Json, log: ForgedLog): void {
  const body = Buffer.from(entry.canonicalizedBody, 'base64');
  entry.inclusionProof = log.proof(log.append(body));
  if (entry.inclusionPromise === undefined) entry.logIndex = entry.inclusionProof.logIndex;
  else
    entry.inclusionPromise.signedEntryTimestamp = base64(
      log.promise(body, Number(entry.integratedTime), Number(entry.logIndex), idOf(entry)),
    );
}
const idOf = (entry: Json): Buffer => Buffer.from(entry.logId.keyId, 'base64');

/** The log entry: whose it is, what it is about, and whether the log ever said so. */
export const logCases: readonly Attack[] = [
  ...both((version, wish) => ({
    name: `the log entry of another signature${version}`,
    code: badEntry,
    lay: ({ store, bundle }, evil) => {
      const good = bundle(wish);
      if (evil)
        good.verificationMaterial.tlogEntries = bundle(wish).verificationMaterial.tlogEntries;
      store.bundle(good);
    },
  })),
  ...both((version, wish) =>
    made(
      `an entry made with the attacker\u2019s key${version}`,
      badEntry,
      ({ forge }) => otherSigner(forge.certificate(newEcKey()), wish),
      wish,
    ),
  ),
  made('an entry made with a bare key', badEntry, () => ({
    verifier: Buffer.from(publicPem(newEcKey())),
  })),
  made('an entry of two certificates, the signer\u2019s second', badEntry, ({ forge }) => ({
    body: (body) => {
      const [first] = body.spec.signatures;
      const other = Buffer.from(
        `${pemOf(forge.certificate(newEcKey()))}${Buffer.from(first.verifier, 'base64')}`,
      );
      first.verifier = base64(other);
      return body;
    },
  })),
  made('an entry with two signatures', badEntry, () => ({
    body: (body) => put('spec.signatures', (old: unknown[]) => [...old, ...old])(body) ?? body,
  })),
  made('an entry about another payload', badEntry, () => ({
    body: (body) => put('spec.payloadHash.value', sha256('x').toString('hex'))(body) ?? body,
  })),
  made('an entry about another hash of the payload', badEntry, () => ({
    body: (body) => put('spec.payloadHash', { algorithm: 'sha1', value: '' })(body) ?? body,
  })),
  made(
    'an entry about another message',
    badEntry,
    () => ({
      body: (body) => put('spec.hashedRekordV002.data.digest', base64(sha256('x')))(body) ?? body,
    }),
    inRekor2,
  ),
  made(
    'an entry with another signature',
    badEntry,
    () => ({
      body: (body) => put('spec.hashedRekordV002.signature.content', 'AAAA')(body) ?? body,
    }),
    inRekor2,
  ),
  made(
    'an entry with key and certificate',
    badEntry,
    () => ({
      body: (body) =>
        put('spec.hashedRekordV002.signature.verifier.publicKey', { rawBytes: 'AAAA' })(body) ??
        body,
    }),
    inRekor2,
  ),
  made('an entry that repeats a key', badEntry, () => ({
    body: (body) => Buffer.from(JSON.stringify(body).replace('"kind":', '"kind":"intoto","kind":')),
  })),
  made('an entry that is no JSON', badEntry, () => ({ body: () => Buffer.from('signed!') })),
  made('an entry that is null', badEntry, () => ({ body: () => Buffer.from('null') })),
  made('an entry of a kind that every object has', badEntry, () => ({
    body: (body) => ({ ...body, kind: 'constructor' }),
  })),
  ...edits([
    ['no log entry', 'no-log-entry', 'entries', []],
    ['no list of entries', 'no-log-entry', 'entries', undefined],
    ['the entry twice', badEntry, 'entries', (old: unknown[]) => [...old, ...old]],
    ['nine entries', 'malformed', 'entries', (old: unknown[]) => Array(9).fill(old[0])],
    ['another kind', badEntry, 'entry.kindVersion', { kind: 'hashedrekord', version: '0.0.1' }],
    ['a body with a bit turned', badEntry, 'entry.canonicalizedBody', flip],
    ['another log\u2019s id', badEntry, 'entry.logId.keyId', flip],
    ['a short log id', badEntry, 'entry.logId.keyId', 'AAAA'],
    ['an empty log id', badEntry, 'entry.logId.keyId', ''],
    [
      'a promise (SET) with a bit turned',
      badEntry,
      'entry.inclusionPromise.signedEntryTimestamp',
      flip,
    ],
    ['an empty promise', badEntry, 'entry.inclusionPromise.signedEntryTimestamp', ''],
    ['another time', badEntry, 'entry.integratedTime', (old: string) => String(Number(old) - 60)],
    ['no time', badEntry, 'entry.integratedTime', undefined],
    ['a time as a fraction', 'malformed', 'entry.integratedTime', '1795176000.5'],
    ['a time of 2^63', 'malformed', 'entry.integratedTime', '9223372036854775808'],
    [
      'another top-level index',
      badEntry,
      'entry.logIndex',
      (old: string) => String(Number(old) + 1),
    ],
    [
      'neither promise nor proof',
      'malformed',
      'entry',
      (old: Json) => ({ ...old, inclusionPromise: undefined, inclusionProof: undefined }),
    ],
    ['a field of the entry that nobody knows', 'malformed', 'entry.inclusion_proof', {}],
  ]),
  redone('a promise by another log under the right id', badEntry, (entry) =>
    intoLog(
      entry,
      new ForgedLog('https://rekor.sandbox.test', 'rekor.sandbox.test - 4711', newEcKey()),
    ),
  ),
  redone('an entry in the attacker\u2019s own log', badEntry, (entry) => {
    const log = new ForgedLog(
      'https://rekor.sandbox.test',
      'rekor.sandbox.test - 4711',
      newEcKey(),
    );
    entry.logId.keyId = base64(log.id);
    intoLog(entry, log);
  }),
  redone('the promise of an entry of another time', badEntry, (entry, { forge }) => {
    const body = Buffer.from(entry.canonicalizedBody, 'base64');
    entry.inclusionPromise.signedEntryTimestamp = base64(
      forge.rekor1.promise(body, Number(entry.integratedTime) + 1, Number(entry.logIndex)),
    );
  }),
  {
    name: 'an entry of before the log\u2019s key was in use',
    code: badEntry,
    lay: ({ store, bundle }) => void store.bundle(bundle()),
    trust: (forge, evil) =>
      evil
        ? forge.trust((root) => (root.tlogs[0].publicKey.validFor.start = minutes(1).toISOString()))
        : forge.trust(),
  },
  {
    name: 'an entry of after the log was retired (Rekor v2)',
    code: badEntry,
    lay: ({ store, bundle }) => void store.bundle(bundle(inRekor2)),
    trust: (forge, evil) =>
      evil
        ? forge.trust((root) => (root.tlogs[1].publicKey.validFor.end = minutes(-1).toISOString()))
        : forge.trust(),
  },
];

const pemOf = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`;
const otherSigner = (der: Buffer, wish: Wish): Wish => ({
  verifier: wish.log === 2 ? der : Buffer.from(pemOf(der)),
});

/** With the log ignored these entries are not looked at: nothing else may then prove the time. */
export const ignoredLogCases: readonly Attack[] = [
  {
    name: 'a log entry in place of a timestamp where the log is ignored',
    code: 'no-timestamp',
    lay: ({ store, bundle }, evil) =>
      void store.bundle(bundle(evil ? {} : { timestamp: signingTime })),
    policy: () => ({ tlog: 'ignore' }),
  },
  {
    name: 'no proof of time at all, the certificate still valid',
    code: 'no-timestamp',
    lay: ({ store, bundle }, evil) =>
      void store.bundle(bundle({ log: 'none', timestamp: evil ? undefined : signingTime })),
    policy: () => ({ tlog: 'ignore' }),
  },
  made(
    'a Rekor v2 entry without timestamp',
    'no-timestamp',
    () => ({ timestamp: undefined }),
    inRekor2,
  ),
];
