import type { VerdictCode } from '../../src/signature/verdict.ts';

/** One way to change a bundle's JSON, and what the judge must call it. */
export interface Tampering {
  readonly what: string;
  readonly edit: (bundle: unknown) => void;
  readonly code: VerdictCode;
}

const shortcuts: Readonly<Record<string, string>> = {
  material: 'verificationMaterial',
  entries: 'verificationMaterial.tlogEntries',
  entry: 'verificationMaterial.tlogEntries.0',
  proof: 'verificationMaterial.tlogEntries.0.inclusionProof',
  envelope: 'dsseEnvelope',
  timestamps: 'verificationMaterial.timestampVerificationData.rfc3161Timestamps',
};

/**
 * Writes a value at a dotted path (its first part may be a shortcut); a function is given the old
 * value; undefined removes the field.
 */
export function put(path: string, value: unknown): (json: unknown) => void {
  const [first = '', ...rest] = path.split('.');
  const parts = [...(shortcuts[first] ?? first).split('.'), ...rest];
  const last = parts.pop() ?? '';
  return (json) => {
    // biome-ignore lint/suspicious/noExplicitAny: an attacker writes over any part of the JSON
    let target: any = json;
    for (const part of parts) target = target[part];
    const written = typeof value === 'function' ? value(target[last]) : value;
    if (written === undefined) delete target[last];
    else target[last] = written;
  };
}

/** One bit of these base64 bytes changed. */
export function flip(base64: string, at = 20): string {
  const bytes = Buffer.from(base64, 'base64');
  const index = at % bytes.length;
  bytes.writeUInt8((bytes[index] ?? 0) ^ 1, index);
  return bytes.toString('base64');
}

/** Text inside base64 replaced. */
export function within(from: string | RegExp, to: string): (base64: string) => string {
  return (base64) =>
    Buffer.from(Buffer.from(base64, 'base64').toString().replace(from, to)).toString('base64');
}

const is = (
  code: VerdictCode,
  list: readonly (readonly [string, string, unknown])[],
): Tampering[] => list.map(([what, path, value]) => ({ what, edit: put(path, value), code }));

/** Makes sense for every bundle that is signed by a key or a certificate. */
export const ofEnvelope: readonly Tampering[] = [
  ...is('bad-signature', [
    ['another digest in the subject', 'envelope.payload', within(/"sha256":"../, '"sha256":"zz')],
    [
      'an annotation added to the statement',
      'envelope.payload',
      within('"annotations":{', '"annotations":{"approved":"yes"'),
    ],
    ['an altered signature', 'envelope.signatures.0.sig', flip],
    ['a signature of another length', 'envelope.signatures.0.sig', 'AAAA'],
  ]),
  ...is('wrong-predicate', [
    [
      'provenance',
      'envelope.payload',
      within(/"predicateType":"[^"]*"/, '"predicateType":"https://slsa.dev/provenance/v1"'),
    ],
    ['another payload type', 'envelope.payloadType', 'application/json'],
    ['a payload type of another case', 'envelope.payloadType', 'application/vnd.in-toto+JSON'],
    ['no payload type', 'envelope.payloadType', undefined],
  ]),
  ...is('malformed', [
    ['no signature', 'envelope.signatures', []],
    ['two signatures', 'envelope.signatures', (old: unknown[]) => [...old, ...old]],
    ['annotations outside the signature', 'envelope.annotations', { approved: 'yes' }],
    ['a media type that only begins right', 'mediaType', (old: string) => `${old}x`],
    ['a version from the future', 'mediaType', 'application/vnd.dev.sigstore.bundle.v0.9+json'],
    ['no media type', 'mediaType', undefined],
    [
      'two contents',
      'messageSignature',
      { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' },
    ],
    ['two keys', 'material.x509CertificateChain', { certificates: [{ rawBytes: 'AAAA' }] }],
    ['no verification material', 'verificationMaterial', undefined],
    ['a line break in base64', 'envelope.signatures.0.sig', (old: string) => `${old}\n`],
    ['stray bits in base64', 'envelope.payload', 'e31='],
    ['base64url', 'envelope.signatures.0.sig', '__-_'],
    ['no padding', 'envelope.payload', 'e30'],
    ['a payload that is no JSON', 'envelope.payload', 'AAAA'],
    ['a null', 'material.timestampVerificationData', null],
    ['a number as signature', 'envelope.signatures.0.sig', 1],
    [
      'nine timestamps',
      'material.timestampVerificationData',
      { rfc3161Timestamps: Array(9).fill({ signedTimestamp: 'AAAA' }) },
    ],
  ]),
];

/** Makes sense for every bundle with a log entry, where one is required. */
export const ofEntry: readonly Tampering[] = [
  ...is('no-log-entry', [
    ['no log entries', 'entries', []],
    ['no list of log entries', 'entries', undefined],
  ]),
  ...is('bad-log-entry', [
    ['an altered log body', 'entry.canonicalizedBody', flip],
    ['a body that is no object', 'entry.canonicalizedBody', 'bnVsbA=='],
    ['another log id', 'entry.logId.keyId', flip],
    ['a short log id', 'entry.logId.keyId', 'AAAA'],
    ['another top-level index', 'entry.logIndex', '3'],
    ['another index in the proof', 'proof.logIndex', '3'],
    ['no index in the proof', 'proof.logIndex', undefined],
    ['an index beyond the tree', 'proof.logIndex', '999999'],
    ['another tree size', 'proof.treeSize', '1000'],
    ['another root', 'proof.rootHash', flip],
    ['an altered hash', 'proof.hashes.0', flip],
    ['a short hash', 'proof.hashes.0', 'AAAA'],
    ['a hash too many', 'proof.hashes', (old: unknown[]) => [...old, ...old.slice(0, 1)]],
    ['no hashes', 'proof.hashes', []],
    [
      'another origin in the checkpoint',
      'proof.checkpoint.envelope',
      (old: string) => old.replace('127', '128'),
    ],
    [
      'a checkpoint without signature',
      'proof.checkpoint.envelope',
      (old: string) => old.replace(/\n\n.*\n/, '\n\n'),
    ],
    [
      'a checkpoint signed by another key',
      'proof.checkpoint.envelope',
      (old: string) => old.replace(/ \S{8}(\S+)\n$/, ' AAAAAAAA$1\n'),
    ],
    ['an empty checkpoint', 'proof.checkpoint.envelope', ''],
    ['another kind', 'entry.kindVersion', { kind: 'intoto', version: '0.0.2' }],
    ['an unknown kind', 'entry.kindVersion', { kind: 'constructor', version: '0.0.1' }],
    ['the entry twice', 'entries', (old: unknown[]) => [...old, ...old]],
  ]),
  ...is('malformed', [
    ['a negative index', 'proof.logIndex', '-1'],
    ['an index in hexadecimal', 'proof.logIndex', '0x10'],
    ['an index with a zero in front', 'proof.logIndex', (old: string) => `0${old}`],
    ['an index with a space in front', 'entry.logIndex', (old: string) => ` ${old}`],
    ['an index beyond 2^53', 'proof.logIndex', '9007199254740993'],
    ['an index with an exponent', 'entry.logIndex', 1e300],
    ['endless hashes', 'proof.hashes', Array(65).fill('AAAA')],
    ['no checkpoint', 'proof.checkpoint', undefined],
    ['no proof', 'entry.inclusionProof', undefined],
    ['no kind', 'entry.kindVersion', undefined],
    ['nine entries', 'entries', (old: unknown[]) => Array(9).fill(old[0])],
  ]),
];

/** Makes sense for an entry of Rekor v1. */
export const ofPromise: readonly Tampering[] = is('bad-log-entry', [
  ['an altered promise', 'entry.inclusionPromise.signedEntryTimestamp', flip],
  ['another time', 'entry.integratedTime', '1795173600'],
  ['no time', 'entry.integratedTime', undefined],
]);

/** Makes sense for a bundle with an RFC 3161 timestamp. */
export const ofTimestamp: readonly Tampering[] = is('bad-timestamp', [
  ['an altered timestamp', 'timestamps.0.signedTimestamp', (old: string) => flip(old, 90)],
  [
    'an altered end of the timestamp',
    'timestamps.0.signedTimestamp',
    (old: string) => flip(old, -3 + Buffer.from(old, 'base64').length),
  ],
  ['a timestamp that is none', 'timestamps.0.signedTimestamp', 'MAA='],
  ['a timestamp that is no DER', 'timestamps.0.signedTimestamp', 'AAAA'],
  ['the timestamp twice', 'timestamps', (old: unknown[]) => [...old, ...old]],
]);
