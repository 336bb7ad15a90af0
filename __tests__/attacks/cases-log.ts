import { logIdOf, signedCheckpoint } from '../sandbox/sigstore/checkpoint.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { leafHash, MerkleTree } from '../sandbox/sigstore/merkle.ts';
import { flip, put } from '../signature/tampering.ts';
import { type Attack, edited, made, type Scene } from './attack.ts';
import { base64, ForgedLog, minutes, sha256, signingTime } from './forge.ts';
import { inRekor2, type Json, publicPem, type Wish } from './material.ts';

const badEntry = 'bad-log-entry';
const checkpoint = 'proof.checkpoint.envelope';
const both = (make: (name: string, wish: Wish) => Attack): Attack[] => [make(' (Rekor v1)', {}), make(' (Rekor v2)', inRekor2)];
const edits = (list: readonly (readonly [string, Attack['code'], string, unknown])[], wish: Wish = {}): Attack[] =>
  list.map(([name, code, path, value]) => edited(name + (wish === inRekor2 ? ' (Rekor v2)' : ''), code, path, value, wish));

/** A bundle in which an evil hand redoes part of the good one's entry. */
function redone(name: string, code: Attack['code'], edit: (entry: Json, scene: Scene) => void, wish: Wish = {}): Attack {
  const lay = (scene: Scene, evil: boolean): void => {
    const bundle = scene.bundle(wish);
    if (evil) edit(bundle.verificationMaterial.tlogEntries[0], scene);
    scene.shelf.bundle(bundle);
  };
  return { name: wish === inRekor2 ? `${name} (Rekor v2)` : name, code, lay };
}

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

/** A tree in which the entry is the only one, with a head signed by the right log. */
function alone(entry: Json, log: ForgedLog, size: number | string): void {
  const root = leafHash(Buffer.from(entry.canonicalizedBody, 'base64'));
  const envelope = signedCheckpoint({ origin: log.origin, name: new URL(log.url).hostname, key: log.key }, size as number, root);
  entry.inclusionProof = { logIndex: '0', rootHash: base64(root), treeSize: String(size), hashes: [], checkpoint: { envelope } };
}

/** The log entry: whose it is, what it is about, and whether the log ever said so. */
export const logCases: readonly Attack[] = [
  ...both((version, wish) => ({
    name: `the log entry of another signature${version}`,
    code: badEntry,
    lay: ({ shelf, bundle }, evil) => {
      const good = bundle(wish);
      if (evil) good.verificationMaterial.tlogEntries = bundle(wish).verificationMaterial.tlogEntries;
      shelf.bundle(good);
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
  made('an entry made with a bare key', badEntry, () => ({ verifier: Buffer.from(publicPem(newEcKey())) })),
  made('an entry of two certificates, the signer\u2019s second', badEntry, ({ forge }) => ({
    body: (body) => {
      const [first] = body.spec.signatures;
      const other = Buffer.from(`${pemOf(forge.certificate(newEcKey()))}${Buffer.from(first.verifier, 'base64')}`);
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
    () => ({ body: (body) => put('spec.hashedRekordV002.data.digest', base64(sha256('x')))(body) ?? body }),
    inRekor2,
  ),
  made(
    'an entry with another signature',
    badEntry,
    () => ({ body: (body) => put('spec.hashedRekordV002.signature.content', 'AAAA')(body) ?? body }),
    inRekor2,
  ),
  made(
    'an entry with key and certificate',
    badEntry,
    () => ({
      body: (body) => put('spec.hashedRekordV002.signature.verifier.publicKey', { rawBytes: 'AAAA' })(body) ?? body,
    }),
    inRekor2,
  ),
  made('an entry that repeats a key', badEntry, () => ({
    body: (body) => Buffer.from(JSON.stringify(body).replace('"kind":', '"kind":"intoto","kind":')),
  })),
  made('an entry that is no JSON', badEntry, () => ({ body: () => Buffer.from('signed!') })),
  made('an entry that is null', badEntry, () => ({ body: () => Buffer.from('null') })),
  made('an entry of a kind that every object has', badEntry, () => ({ body: (body) => ({ ...body, kind: 'constructor' }) })),
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
    ['a promise (SET) with a bit turned', badEntry, 'entry.inclusionPromise.signedEntryTimestamp', flip],
    ['an empty promise', badEntry, 'entry.inclusionPromise.signedEntryTimestamp', ''],
    ['another time', badEntry, 'entry.integratedTime', (old: string) => String(Number(old) - 60)],
    ['no time', badEntry, 'entry.integratedTime', undefined],
    ['a time as a fraction', 'malformed', 'entry.integratedTime', '1795176000.5'],
    ['a time of 2^63', 'malformed', 'entry.integratedTime', '9223372036854775808'],
    ['another top-level index', badEntry, 'entry.logIndex', (old: string) => String(Number(old) + 1)],
    [
      'neither promise nor proof',
      'malformed',
      'entry',
      (old: Json) => ({ ...old, inclusionPromise: undefined, inclusionProof: undefined }),
    ],
    ['a field of the entry that nobody knows', 'malformed', 'entry.inclusion_proof', {}],
  ]),
  redone('a promise by another log under the right id', badEntry, (entry) =>
    intoLog(entry, new ForgedLog('https://rekor.sandbox.test', 'rekor.sandbox.test - 4711', newEcKey())),
  ),
  redone('an entry in the attacker\u2019s own log', badEntry, (entry) => {
    const log = new ForgedLog('https://rekor.sandbox.test', 'rekor.sandbox.test - 4711', newEcKey());
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
    lay: ({ shelf, bundle }) => void shelf.bundle(bundle()),
    trust: (forge, evil) =>
      evil ? forge.trust((root) => (root.tlogs[0].publicKey.validFor.start = minutes(1).toISOString())) : forge.trust(),
  },
  {
    name: 'an entry of after the log was retired (Rekor v2)',
    code: badEntry,
    lay: ({ shelf, bundle }) => void shelf.bundle(bundle(inRekor2)),
    trust: (forge, evil) =>
      evil ? forge.trust((root) => (root.tlogs[1].publicKey.validFor.end = minutes(-1).toISOString())) : forge.trust(),
  },
];

const pemOf = (der: Buffer): string => `-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`;
const otherSigner = (der: Buffer, wish: Wish): Wish => ({ verifier: wish.log === 2 ? der : Buffer.from(pemOf(der)) });

/** Inclusion proof and checkpoint: is the entry in the tree, and is it the log's tree? */
export const proofCases: readonly Attack[] = [
  ...[{}, inRekor2].flatMap((wish) => [
    ...edits(
      [
        ['a proof with a bit turned', badEntry, 'proof.hashes.0', flip],
        ['a proof with a hash less', badEntry, 'proof.hashes', (old: unknown[]) => old.slice(1)],
        ['a proof with a hash more', badEntry, 'proof.hashes', (old: unknown[]) => [...old, old[0]]],
        ['a proof with hashes in another order', badEntry, 'proof.hashes', (old: unknown[]) => [...old].reverse()],
        ['a proof with 65 hashes', 'malformed', 'proof.hashes', Array(65).fill(base64(Buffer.alloc(32)))],
        ['a hash of 31 bytes', badEntry, 'proof.hashes.0', base64(Buffer.alloc(31))],
        ['another index in the proof', badEntry, 'proof.logIndex', (old: string) => String(Number(old) ^ 1)],
        ['an index beyond the tree', badEntry, 'proof.logIndex', '1000000'],
        ['a negative index', 'malformed', 'proof.logIndex', '-1'],
        ['an index of 2^63', 'malformed', 'proof.logIndex', '9223372036854775808'],
        ['an index in hexadecimal', 'malformed', 'proof.logIndex', '0x5'],
        ['another tree size', badEntry, 'proof.treeSize', (old: string) => String(Number(old) + 1)],
        ['a tree of size 0', badEntry, 'proof.treeSize', '0'],
        ['another root', badEntry, 'proof.rootHash', flip],
        ['a checkpoint of another size', badEntry, checkpoint, (old: string) => old.replace(/\n(\d+)\n/, '\n1$1\n')],
        ['a checkpoint of another origin', badEntry, checkpoint, (old: string) => `x${old}`],
        ['a checkpoint without its signature', badEntry, checkpoint, (old: string) => old.replace(/\n\n.*\n/, '\n\n')],
        ['a checkpoint without separator', badEntry, checkpoint, (old: string) => old.replace('\n\n', '\n')],
        ['a checkpoint with a hint of another key', badEntry, checkpoint, (old: string) => old.replace(/ \S{8}(\S+)\n$/, ' AAAAAAAA$1\n')],
        ['an empty checkpoint', badEntry, checkpoint, ''],
        ['no checkpoint', 'malformed', 'proof.checkpoint', undefined],
      ] as const,
      wish,
    ),
    redone(
      'a checkpoint of another log with the same name',
      badEntry,
      (entry, { forge }) => {
        const log = wish === inRekor2 ? forge.rekor2 : forge.rekor1;
        const { treeSize, rootHash } = entry.inclusionProof;
        const named = { origin: log.origin, name: new URL(log.url).hostname, key: newEcKey() };
        entry.inclusionProof.checkpoint.envelope = signedCheckpoint(named, Number(treeSize), Buffer.from(rootHash, 'base64'));
      },
      wish,
    ),
    redone(
      'the same, under the right log\u2019s hint',
      badEntry,
      (entry, { forge }) => {
        const log = wish === inRekor2 ? forge.rekor2 : forge.rekor1;
        const { treeSize, rootHash } = entry.inclusionProof;
        const named = { origin: log.origin, name: new URL(log.url).hostname, key: newEcKey() };
        const note = signedCheckpoint(named, Number(treeSize), Buffer.from(rootHash, 'base64'));
        const [, line = ''] = / (\S+)\n$/.exec(note) ?? [];
        const signature = Buffer.concat([logIdOf(log.key).subarray(0, 4), Buffer.from(line, 'base64').subarray(4)]);
        entry.inclusionProof.checkpoint.envelope = note.replace(line, base64(signature));
      },
      wish,
    ),
    redone(
      'the checkpoint of the other log that is trusted',
      badEntry,
      (entry, { forge }) => {
        const log = wish === inRekor2 ? forge.rekor1 : forge.rekor2;
        const index = log.append(Buffer.from(entry.canonicalizedBody, 'base64'));
        entry.inclusionProof = log.proof(index);
        if (wish === inRekor2) entry.logIndex = String(index);
      },
      wish,
    ),
    redone(
      'an older checkpoint, in which the entry is not',
      badEntry,
      (entry, { forge }) => {
        const log = wish === inRekor2 ? forge.rekor2 : forge.rekor1;
        const size = Number(entry.inclusionProof.logIndex);
        entry.inclusionProof = {
          ...entry.inclusionProof,
          treeSize: String(size),
          rootHash: base64(log.tree.root(size)),
          checkpoint: { envelope: log.checkpoint(size) },
        };
      },
      wish,
    ),
  ]),
  edited(
    'another index in the proof and beside it (Rekor v2)',
    badEntry,
    'entry',
    (old: Json) => {
      const logIndex = String(Number(old.logIndex) ^ 1);
      return { ...old, logIndex, inclusionProof: { ...old.inclusionProof, logIndex } };
    },
    inRekor2,
  ),
  edited('another index beside the proof (Rekor v2)', badEntry, 'entry.logIndex', (old: string) => String(Number(old) + 1), inRekor2),
  edited('no proof (Rekor v2)', 'malformed', 'entry.inclusionProof', undefined, inRekor2),
  edited(
    'a promise that v2 does not give',
    badEntry,
    'entry.inclusionPromise',
    { signedEntryTimestamp: base64(Buffer.alloc(70, 1)) },
    inRekor2,
  ),
  redone('a tree that holds nothing, with the entry as its root', badEntry, (entry, { forge }) => alone(entry, forge.rekor2, 0), inRekor2),
  redone('a tree of -1 leaves', 'malformed', (entry, { forge }) => alone(entry, forge.rekor2, '-1'), inRekor2),
  redone(
    'an inner node passed off as a leaf',
    badEntry,
    (entry, { forge }) => {
      // 0x01 || left || right hashes to a node of the tree; the leaf's own prefix keeps it from being an entry.
      const tree = new MerkleTree();
      const leaves = [leafHash(Buffer.from('a')), leafHash(Buffer.from(entry.canonicalizedBody, 'base64'))];
      for (const leaf of leaves) tree.append(leaf);
      const { rekor2: log } = forge;
      const envelope = signedCheckpoint({ origin: log.origin, name: new URL(log.url).hostname, key: log.key }, 2, tree.root());
      entry.canonicalizedBody = base64(Buffer.concat([Buffer.from([1]), ...leaves]));
      entry.logIndex = '0';
      entry.inclusionProof = { logIndex: '0', rootHash: base64(tree.root()), treeSize: '1', hashes: [], checkpoint: { envelope } };
    },
    inRekor2,
  ),
  redone('text of an attacker before the note', badEntry, (entry) => {
    const { checkpoint: note } = entry.inclusionProof;
    note.envelope = `log\n1\n${entry.inclusionProof.rootHash}\n\n${note.envelope}`;
  }),
];

/** With the log ignored these entries are not looked at: nothing else may then prove the time. */
export const ignoredLogCases: readonly Attack[] = [
  {
    name: 'a log entry in place of a timestamp where the log is ignored',
    code: 'no-timestamp',
    lay: ({ shelf, bundle }, evil) => void shelf.bundle(bundle(evil ? {} : { timestamp: signingTime })),
    policy: () => ({ tlog: 'ignore' }),
  },
  {
    name: 'no proof of time at all, the certificate still valid',
    code: 'no-timestamp',
    lay: ({ shelf, bundle }, evil) => void shelf.bundle(bundle({ log: 'none', timestamp: evil ? undefined : signingTime })),
    policy: () => ({ tlog: 'ignore' }),
  },
  made('a Rekor v2 entry without timestamp', 'no-timestamp', () => ({ timestamp: undefined }), inRekor2),
];
