import { secondsInWords } from '../../clock.ts';
import type {
  InventoryImage,
  InventoryReport,
  InventorySignature,
  Orphan,
} from '../../engine/inventory-result.ts';
import { predicateTypes } from '../../signature/attestation.ts';
import { shown } from '../../text/untrusted.ts';
import { count, listed } from './lists.ts';
import { signerInWords } from './signer-words.ts';

const mostTags = 5;
const mostSignatures = 8;

/** The line of an image: its tags, and what lies beside it. One line, whatever a registry says. */
export function listedLine(image: InventoryImage): string {
  const { signatures, attestations, reason, code } = image;
  const all = [...signatures, ...attestations];
  const beside =
    reason !== undefined
      ? `${code}: ${reason}`
      : all.length === 0
        ? 'nothing is signed'
        : listed(all.map(signatureWords), mostSignatures);
  const good = all.some(({ standing }) => standing === 'verified');
  const mark = reason !== undefined ? '?' : good ? '✓' : all.length === 0 ? '–' : '·';
  return shown(`${mark} ${nameOf(image)}: ${beside}`, 4000);
}

/** `v1, latest @sha256:…`; of an image without a tag why it is known. */
function nameOf({ image, digest, tags, partOf }: InventoryImage): string {
  const names = listed(
    tags.map((tag) => `:${tag}`),
    mostTags,
  );
  if (digest === undefined) return image;
  if (names !== '') return `${names} ${digest}`;
  return `${digest} (${partOf.length > 0 ? 'inside an index' : 'no tag'})`;
}

/** `bundle verified: key 4f2a…, log index 5`; "says" before all that nobody has checked. */
function signatureWords(one: InventorySignature): string {
  const { format, standing, type, code, claims } = one;
  const what = type === undefined ? format : `attestation ${shortType(type)} (${format})`;
  if (standing === 'rejected') return `${what} rejected (${code})`;
  if (standing === 'claimed') return `${what} says to be by ${claimWords(claims)}, not verified`;
  const log = one.tlogIndex === undefined ? 'no log entry looked at' : `log index ${one.tlogIndex}`;
  return `${what} ${standing}: ${signerInWords(one)}, ${log}`;
}

function claimWords(claims: InventorySignature['claims']): string {
  if (claims === undefined) return 'nobody';
  const { identity, keyHint, log } = claims;
  const who =
    identity !== undefined
      ? signerInWords({ identity })
      : keyHint === undefined
        ? 'a key'
        : `key ${keyHint.slice(0, 12)}…`;
  return `${who}${log === undefined ? '' : `, log index ${log.index}`}`;
}

function shortType(type: string): string {
  const names = Object.entries(predicateTypes);
  return names.find(([, uri]) => uri === type)?.[0] ?? type;
}

/** The line of an image that is signed again, or will not be; none where there is nothing to say. */
export function resignedLine(image: InventoryImage): string | undefined {
  const words = {
    'would-sign': 'would be signed with the new key',
    signed: 'signed with the new key, read back and verified',
    'already-signed': 'is signed with the new key already',
    'not-verified': 'is not signed again: nobody who was asked for has signed it',
    failed: `could not be signed again: ${image.code}: ${image.reason}`,
  };
  if (image.resign === undefined) return undefined;
  const mark = image.resign === 'failed' ? '✗' : image.resign === 'not-verified' ? '–' : '✓';
  return shown(`${mark} ${nameOf(image)}: ${words[image.resign]}`, 4000);
}

/**
 * Which attestations by the old key have none by the new one, and are not made again: else only a
 * cluster that asks for the new key would tell. Undefined where there are none.
 */
export function leftByRotation({ images }: InventoryReport): string | undefined {
  const left = images.map(({ attestations }) => {
    const typesOf = (isNew: boolean) =>
      attestations
        .filter((one) => (isNew ? one.isNew === true : one.standing === 'verified' && !one.isNew))
        .map(({ type }) => (type === undefined ? 'unknown type' : shortType(type)));
    const made = typesOf(true);
    return [...new Set(typesOf(false))].filter((type) => !made.includes(type));
  });
  const all = left.flat();
  if (all.length === 0) return undefined;
  const types = listed([...new Set(all)].sort(), 4);
  const beside = count(left.filter(({ length }) => length > 0).length, 'image');
  return shown(
    `${count(all.length, 'attestation')} (${types}) beside ${beside} verified by the old key and cannot be made again here. Where a policy asks for the new key, make them with \`sign-image attest\`.`,
    4000,
  );
}

/** The line of what refers to an image that is gone. */
export function orphanLine(orphan: Orphan, isPruning: boolean): string {
  const { subject, artifacts, state, reason } = orphan;
  const tags = listed(
    artifacts.map(({ tag }) => tag.replace(/^sha256-[0-9a-f]{64}/, 'sha256-…')),
    4,
  );
  const words = {
    orphaned: isPruning ? 'would be removed' : 'orphaned',
    kept: `is left alone: ${reason}`,
    pruned: 'removed',
    failed: `could not be removed: ${reason}`,
  };
  const mark = state === 'failed' ? '✗' : state === 'pruned' ? '✓' : '–';
  return shown(`${mark} ${tags} of ${subject}, which is gone: ${words[state]}`, 4000);
}

/** `12 images: 9 verified, 2 with other signatures, 1 without; 3 orphans; 2 s` */
export function inventoryVerdict(report: InventoryReport, milliseconds: number): string {
  const { total, verified, signed, unsigned, unread, orphaned, pruned } = countsOf(report);
  const parts = [
    `${verified} verified`,
    `${signed - verified} with other signatures`,
    `${unsigned} without`,
    ...(unread > 0 ? [`${unread} not read`] : []),
  ];
  const gone = [
    ...(orphaned > 0 ? [count(orphaned, 'orphan')] : []),
    ...(pruned > 0 ? [`${pruned} removed`] : []),
  ];
  return [
    `${count(total, 'image')}: ${parts.join(', ')}`,
    ...gone,
    secondsInWords(milliseconds),
  ].join('; ');
}

function countsOf({ images, orphans }: InventoryReport) {
  const has = (image: InventoryImage, standing?: string) =>
    [...image.signatures, ...image.attestations].some(
      (one) => standing === undefined || one.standing === standing,
    );
  const read = images.filter(({ reason, resign }) => reason === undefined || resign === 'failed');
  return {
    total: images.length,
    verified: read.filter((image) => has(image, 'verified')).length,
    signed: read.filter((image) => has(image)).length,
    unsigned: read.filter((image) => !has(image)).length,
    unread: images.length - read.length,
    orphaned: orphans.filter(({ state }) => state === 'orphaned').length,
    pruned: orphans.filter(({ state }) => state === 'pruned').length,
  };
}

/** True when everything was read, and all that was to be done is done. */
export function isComplete({ images, orphans }: InventoryReport): boolean {
  return (
    images.every(({ reason }) => reason === undefined) &&
    orphans.every(({ state }) => state !== 'failed')
  );
}

/** What `--json` prints: numbers in `outputs`; images and orphans in `results`. */
export function inventoryOutputs(report: InventoryReport): Readonly<Record<string, string>> {
  const { total, verified, signed, unsigned, orphaned, pruned } = countsOf(report);
  const resigned = report.images.filter(({ resign }) => resign === 'signed').length;
  const numbers = {
    images: total,
    verified,
    signed,
    unsigned,
    resigned,
    orphans: orphaned,
    pruned,
  };
  return {
    complete: String(isComplete(report)),
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])),
    results: JSON.stringify([
      ...report.images.map(({ failure: _, ...image }) => ({ kind: 'image', ...image })),
      ...report.orphans.map(({ failure: _, ...orphan }) => ({ kind: 'orphan', ...orphan })),
    ]),
  };
}
