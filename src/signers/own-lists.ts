import { formatRepository } from '../image/reference.ts';
import { checkFields, type Reader } from '../policies/check-fields.ts';
import { type Fields, object, objects, text, texts, word, words } from '../policies/fields.ts';
import {
  listOf,
  mapOf,
  nodeAt,
  type PolicyNode,
  readPolicyNodes,
  refusal,
  textOf,
} from '../policies/node.ts';
import type { PolicyFile } from '../policies/read.ts';
import { predicateTypeOf } from '../signature/attestation.ts';
import type { Requirement } from '../signature/requirement.ts';
import { type AskedImage, versionOf } from './choose.ts';
import { isSilence } from './gate.ts';
import type { KnownImages, Mirror, SignerList } from './list.ts';
import { checkGlobs, checkOf, globOf, readMirror, repositoryOf } from './read-names.ts';
import { readSigner, signerFields } from './read-signer.ts';
import { openKnownSigners } from './require.ts';

export const listVersion = 'sign-image/v1';
export const listKind = 'KnownSigners';

/** Every field of a list. */
export const listFields: Fields = {
  apiVersion: word(listVersion),
  kind: word(listKind),
  publisher: text,
  mirrors: objects({ at: text, of: text }),
  entries: objects({
    images: texts,
    tags: texts,
    since: text,
    unsigned: text,
    unknown: text,
    signers: objects(signerFields),
    tlog: word('required', 'ignore'),
    'attestation-types': texts,
    signatures: object({
      repository: text,
      on: word('image', 'attestation-manifest'),
      formats: words('legacy', 'bundle'),
    }),
    check: text,
    evidence: word('proven', 'cited'),
    sources: objects({ what: text, commit: text, date: text }),
  }),
};

/**
 * True for a text that is meant as a list of signers. One that hides its kind from this look is read
 * as a policy, and refused there.
 */
export function isSignerList(text: string): boolean {
  return /^[ \t]*(?:[{,][ \t]*)?["']?kind["']?[ \t]*:[ \t]*["']?KnownSigners\b/m.test(text);
}

/**
 * Reads lists of who signs what (docs/known-signers.md). Everything has to be understood: a claim
 * that is misspelt and left out would let in whom it should keep out.
 * @returns all files as one list, in their order
 * @throws {Failure} `bad-policy` that names file, line and field
 */
export function readSignerLists(files: readonly PolicyFile[]): SignerList {
  const lists = files.flatMap(({ path, text }) => readPolicyNodes(path, text).map(readList));
  return {
    entries: lists.flatMap(({ entries }) => entries),
    mirrors: lists.flatMap(({ mirrors }) => mirrors),
  };
}

function readList(document: PolicyNode): SignerList {
  checkFields(document, listFields, unused);
  for (const name of ['apiVersion', 'kind', 'publisher'])
    if (textOf(nodeAt(document, name)) === undefined)
      throw refusal(document, `has no \`${name}\``, `Start it with \`kind: ${listKind}\`.`);
  const publisher = textOf(nodeAt(document, 'publisher')) ?? '';
  const entries = listOf(nodeAt(document, 'entries')).map((node) => readEntry(node, publisher));
  const mirrors = listOf(nodeAt(document, 'mirrors')).map(readMirror);
  if (entries.length + mirrors.length > 0) return { entries, mirrors };
  throw refusal(document, 'has neither `entries` nor `mirrors`', 'Write at least one entry.');
}

/** No field of a list needs what policies of clusters need. */
const unused: Reader = {
  ownTrust: false,
  notes: [],
  keys: {
    read: () => {
      throw new Error('reads no key');
    },
    elsewhere: new Map(),
    inFiles: new Map(),
    certificates: new Map(),
    texts: new Map(),
    opened: new Map(),
  },
  compilePattern: () => {
    throw new Error('has no such patterns');
  },
  readAuthorities: () => {
    throw new Error('reads no certificates');
  },
};

/** @throws {Failure} `bad-policy` for an entry that says too little, or two things */
function checkEntry(node: PolicyNode): void {
  const fields = mapOf(node);
  for (const [, child] of fields)
    if (child.value === null || child.value === '' || isEmptyList(child))
      throw refusal(child, 'is empty', 'Write a value, or leave the field out.');
  const said = ['signers', 'unsigned', 'unknown'].filter((name) => fields.has(name));
  if (said.length !== 1)
    throw refusal(
      node,
      said.length === 0 ? 'says nothing of signatures' : `has both ${said.join(' and ')}`,
      'Write one of `signers`, `unsigned` and `unknown`.',
    );
  if (!fields.has('images'))
    throw refusal(
      node,
      'names no images',
      'Write `images:` with globs, such as `ghcr.io/acme/**`.',
    );
  const since = fields.get('since');
  if (since !== undefined && versionOf(textOf(since) ?? '') === undefined)
    throw refusal(since, 'is no version', 'Write a version such as `v1.26.0`.');
  checkGlobs(listOf(fields.get('tags')));
}

function readEntry(node: PolicyNode, publisher: string): KnownImages {
  checkEntry(node);
  const text = (...names: string[]) => textOf(nodeAt(node, ...names));
  const list = (name: string) => listOf(nodeAt(node, name));
  const reason = text('unsigned') ?? text('unknown');
  const tags = list('tags').map((tag) => textOf(tag) ?? '');
  const since = text('since');
  const types = list('attestation-types').map(typeOf);
  const repository = repositoryOf(nodeAt(node, 'signatures', 'repository'));
  const check = checkOf(nodeAt(node, 'check'));
  const evidence = text('evidence');
  const isInside = text('signatures', 'on') === 'attestation-manifest';
  return {
    publisher,
    images: list('images').map(globOf),
    ...(tags.length === 0 ? {} : { tags }),
    ...(since === undefined ? {} : { since }),
    ...(reason === undefined ? { signers: list('signers').map(readSigner) } : { reason }),
    ...(text('tlog') === 'ignore' ? { tlog: 'ignore' as const } : {}),
    ...(types.length === 0 ? {} : { attestationTypes: types }),
    ...(repository === undefined ? {} : { repository }),
    ...(isInside ? { onAttestationManifest: true as const } : {}),
    ...(check === undefined ? {} : { check }),
    ...(evidence === undefined ? {} : { evidence: evidence as 'proven' | 'cited' }),
    sources: list('sources').map(readSource),
  };
}

function isEmptyList({ value }: PolicyNode): boolean {
  return Array.isArray(value) && value.length === 0;
}

function readSource(node: PolicyNode): KnownImages['sources'][number] {
  const what = textOf(nodeAt(node, 'what'));
  const commit = textOf(nodeAt(node, 'commit'));
  const date = textOf(nodeAt(node, 'date'));
  if (what === undefined)
    throw refusal(node, 'does not say where it was read', 'Write `what:` with a file or address.');
  if (date !== undefined && !/^\d{4}-\d\d-\d\d$/.test(date))
    throw refusal(node, 'has a date of another form', 'Write `date: "2026-08-21"`.');
  return {
    what,
    ...(commit === undefined ? {} : { commit }),
    ...(date === undefined ? {} : { date }),
  };
}

function typeOf(node: PolicyNode): string {
  const type = predicateTypeOf(textOf(node) ?? '');
  if (type !== undefined) return type;
  throw refusal(
    node,
    'is no type of attestations that is known here',
    'Write e.g. `slsaprovenance1`, `spdx`, or the URI of a predicate type.',
  );
}

/** The lists among the files of input `policy`. */
export interface OwnLists {
  /** the other files: policies, and what lies in their folders */
  readonly others: readonly PolicyFile[];
  readonly mirrors: readonly Mirror[];
  readonly entries: readonly KnownImages[];
  /**
   * Puts lists and policies together: what speaks of an image must hold.
   * @param policies what the other files ask; undefined where there are none
   */
  readonly requirementFor: (image: AskedImage, policies: Requirement | undefined) => Requirement;
}

/** @throws {Failure} `bad-policy` */
export function openOwnLists(files: readonly PolicyFile[]): OwnLists {
  const lists = files.filter(({ text }) => isSignerList(text));
  const list = readSignerLists(lists);
  const known = openKnownSigners(list);
  const names = lists.map(({ path }) => path).join(', ');
  return {
    others: files
      .filter((file) => !lists.includes(file))
      .map((file) =>
        lists.some(({ entry }) => entry !== undefined && entry === file.entry)
          ? { ...file, besideList: true }
          : file,
      ),
    mirrors: list.mirrors,
    entries: list.entries,
    requirementFor(image, policies = silence(image, names)) {
      const asked = known(image);
      if (asked === undefined) return policies;
      if (isSilence(policies)) return asked;
      if (asked.kind === 'open') return policies;
      return { kind: 'count', of: [policies, asked], count: 2 };
    },
  };
}

function silence({ name }: AskedImage, names: string): Requirement {
  const reason = `No entry in ${names} speaks of ${formatRepository(name)}.`;
  return { kind: 'fail', reason, isSilence: true };
}
