import { logIdOf, signedCheckpoint } from '../sandbox/sigstore/checkpoint.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { leafHash, MerkleTree } from '../sandbox/sigstore/merkle.ts';
import { flip } from '../signature/tampering.ts';
import { type Attack, edited } from './attack.ts';
import { base64, type ForgedLog } from './forge.ts';
import { edits, redone } from './log-edits.ts';
import { inRekor2, type Json } from './material.ts';

const badEntry = 'bad-log-entry';
const checkpoint = 'proof.checkpoint.envelope';

/** A tree in which the entry is the only one, with a head signed by the right log. */
function alone(entry: Json, log: ForgedLog, size: number | string): void {
  const root = leafHash(Buffer.from(entry.canonicalizedBody, 'base64'));
  const envelope = signedCheckpoint(
    { origin: log.origin, name: new URL(log.url).hostname, key: log.key },
    size as number,
    root,
  );
  entry.inclusionProof = {
    logIndex: '0',
    rootHash: base64(root),
    treeSize: String(size),
    hashes: [],
    checkpoint: { envelope },
  };
}

/** Inclusion proof and checkpoint: is the entry in the tree, and is it the log's tree? */
export const proofCases: readonly Attack[] = [
  ...[{}, inRekor2].flatMap((wish) => [
    ...edits(
      [
        ['a proof with a bit turned', badEntry, 'proof.hashes.0', flip],
        ['a proof with a hash less', badEntry, 'proof.hashes', (old: unknown[]) => old.slice(1)],
        [
          'a proof with a hash more',
          badEntry,
          'proof.hashes',
          (old: unknown[]) => [...old, old[0]],
        ],
        [
          'a proof with hashes in another order',
          badEntry,
          'proof.hashes',
          (old: unknown[]) => [...old].reverse(),
        ],
        [
          'a proof with 65 hashes',
          'malformed',
          'proof.hashes',
          Array(65).fill(base64(Buffer.alloc(32))),
        ],
        ['a hash of 31 bytes', badEntry, 'proof.hashes.0', base64(Buffer.alloc(31))],
        [
          'another index in the proof',
          badEntry,
          'proof.logIndex',
          (old: string) => String(Number(old) ^ 1),
        ],
        ['an index beyond the tree', badEntry, 'proof.logIndex', '1000000'],
        ['a negative index', 'malformed', 'proof.logIndex', '-1'],
        ['an index of 2^63', 'malformed', 'proof.logIndex', '9223372036854775808'],
        ['an index in hexadecimal', 'malformed', 'proof.logIndex', '0x5'],
        ['another tree size', badEntry, 'proof.treeSize', (old: string) => String(Number(old) + 1)],
        ['a tree of size 0', badEntry, 'proof.treeSize', '0'],
        ['another root', badEntry, 'proof.rootHash', flip],
        [
          'a checkpoint of another size',
          badEntry,
          checkpoint,
          (old: string) => old.replace(/\n(\d+)\n/, '\n1$1\n'),
        ],
        ['a checkpoint of another origin', badEntry, checkpoint, (old: string) => `x${old}`],
        [
          'a checkpoint without its signature',
          badEntry,
          checkpoint,
          (old: string) => old.replace(/\n\n.*\n/, '\n\n'),
        ],
        [
          'a checkpoint without separator',
          badEntry,
          checkpoint,
          (old: string) => old.replace('\n\n', '\n'),
        ],
        [
          'a checkpoint with a hint of another key',
          badEntry,
          checkpoint,
          (old: string) => old.replace(/ \S{8}(\S+)\n$/, ' AAAAAAAA$1\n'),
        ],
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
        entry.inclusionProof.checkpoint.envelope = signedCheckpoint(
          named,
          Number(treeSize),
          Buffer.from(rootHash, 'base64'),
        );
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
        const signature = Buffer.concat([
          logIdOf(log.key).subarray(0, 4),
          Buffer.from(line, 'base64').subarray(4),
        ]);
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
  edited(
    'another index beside the proof (Rekor v2)',
    badEntry,
    'entry.logIndex',
    (old: string) => String(Number(old) + 1),
    inRekor2,
  ),
  edited('no proof (Rekor v2)', 'malformed', 'entry.inclusionProof', undefined, inRekor2),
  edited(
    'a promise that v2 does not give',
    badEntry,
    'entry.inclusionPromise',
    { signedEntryTimestamp: base64(Buffer.alloc(70, 1)) },
    inRekor2,
  ),
  redone(
    'a tree that holds nothing, with the entry as its root',
    badEntry,
    (entry, { forge }) => alone(entry, forge.rekor2, 0),
    inRekor2,
  ),
  redone(
    'a tree of -1 leaves',
    'malformed',
    (entry, { forge }) => alone(entry, forge.rekor2, '-1'),
    inRekor2,
  ),
  redone(
    'an inner node passed off as a leaf',
    badEntry,
    (entry, { forge }) => {
      // 0x01 || left || right hashes to a node of the tree; the leaf's own prefix keeps it from
      // being an entry.
      const tree = new MerkleTree();
      const leaves = [
        leafHash(Buffer.from('a')),
        leafHash(Buffer.from(entry.canonicalizedBody, 'base64')),
      ];
      for (const leaf of leaves) tree.append(leaf);
      const { rekor2: log } = forge;
      const envelope = signedCheckpoint(
        { origin: log.origin, name: new URL(log.url).hostname, key: log.key },
        2,
        tree.root(),
      );
      entry.canonicalizedBody = base64(Buffer.concat([Buffer.from([1]), ...leaves]));
      entry.logIndex = '0';
      entry.inclusionProof = {
        logIndex: '0',
        rootHash: base64(tree.root()),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope },
      };
    },
    inRekor2,
  ),
  redone('text of an attacker before the note', badEntry, (entry) => {
    const { checkpoint: note } = entry.inclusionProof;
    note.envelope = `log\n1\n${entry.inclusionProof.rootHash}\n\n${note.envelope}`;
  }),
];
