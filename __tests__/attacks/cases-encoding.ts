import { gzipSync } from 'node:zlib';
import { type Attack, edited, respelled } from './attack.ts';
import { type Json, stampedOnly } from './material.ts';

const malformed = 'malformed';
const sig = 'envelope.signatures.0.sig';
const payload = 'envelope.payload';
const wrapped = (old: string): string => old.replace(/(.{64})/g, '$1\n');
const urlSafe = (old: string): string =>
  `${old.replaceAll('+', '-').replaceAll('/', '_').slice(0, -4)}-_==`;
/** The last letter before the padding holds bits that decoders drop. */
const strayBits = (old: string): string =>
  old.replace(
    /(.)(=*)$/,
    (_, last: string, pad: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}${pad}`,
  );

/**
 * JSON and base64 that two readers could read differently, or that cost more to read than a
 * signature is worth.
 */
export const encodingCases: readonly Attack[] = [
  respelled('a key twice', malformed, (text) =>
    text.replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":'),
  ),
  respelled('a key twice, deep inside', malformed, (text) =>
    text.replace('"rootHash":', '"rootHash":"AAAA","rootHash":'),
  ),
  respelled('a key twice, once in escapes', malformed, (text) =>
    text.replace('"payload":', '"pay\\u006coad":"e30=","payload":'),
  ),
  respelled('a prototype with a payload', malformed, (text) =>
    text.replace('"payload":', '"__proto__":{"payload":"e30="},"payload":'),
  ),
  respelled('a constructor', malformed, (text) =>
    text.replace('{"mediaType"', '{"constructor":{"prototype":{}},"mediaType"'),
  ),
  respelled('a field toString', malformed, (text) =>
    text.replace('"verificationMaterial":{', '"verificationMaterial":{"toString":"x",'),
  ),
  respelled('a field in another case', malformed, (text) =>
    text.replace('"payload":', '"Payload":'),
  ),
  respelled('a field in snake case', malformed, (text) =>
    text.replace('"payloadType":', '"payload_type":'),
  ),
  respelled('a field that nobody knows', malformed, (text) =>
    text.replace('{"mediaType"', '{"approved":true,"mediaType"'),
  ),
  respelled('100,000 levels', malformed, (text) =>
    text.replace('{"mediaType"', `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)},"mediaType"`),
  ),
  respelled('100,000 levels that do not close', malformed, (text) =>
    text.replace('{"mediaType"', `${'{"a":'.repeat(4e4)}{"mediaType"`),
  ),
  respelled('a byte order mark', malformed, (text) => `\ufeff${text}`),
  respelled('UTF-16', malformed, (text) => Buffer.from(text, 'utf16le')),
  respelled('a byte that is no UTF-8', malformed, (text) =>
    Buffer.concat([
      Buffer.from(text.slice(0, -1)),
      Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ]),
  ),
  respelled('half a surrogate pair', malformed, (text) =>
    text.replace('"keyid"', '"keyid"').replace('"sig":', '"keyid":"\\ud800","sig":'),
  ),
  respelled('a second document behind it', malformed, (text) => `${text}{}`),
  respelled('NUL behind it', malformed, (text) => `${text}\0`),
  respelled('a comment', malformed, (text) => text.replace('{', '{/* ok */')),
  respelled('a trailing comma', malformed, (text) => text.replace(/\}$/, ',}')),
  respelled('NaN', malformed, (text) =>
    text.replace(/"integratedTime":"\d+"/, '"integratedTime":NaN'),
  ),
  respelled('a number that is infinite', malformed, (text) =>
    text.replace(/"integratedTime":"\d+"/, '"integratedTime":1e999'),
  ),
  respelled('a number with 20 digits', malformed, (text) =>
    text.replace(/"logIndex":"\d+"/, '"logIndex":18446744073709551616'),
  ),
  respelled('a number with 100,000 digits', malformed, (text) =>
    text.replace(/"logIndex":"\d+"/, `"logIndex":${'9'.repeat(1e5)}`),
  ),
  respelled('minus zero', malformed, (text) => text.replace(/"logIndex":"\d+"/, '"logIndex":-0')),
  respelled('an index in Arabic digits', malformed, (text) =>
    text.replace(/"logIndex":"\d+"/, '"logIndex":"\u0661\u0662"'),
  ),
  respelled('a list in place of the bundle', malformed, (text) => `[${text}]`),
  respelled('the bundle as text', malformed, (text) => JSON.stringify(text)),
  respelled('null', malformed, () => 'null'),
  respelled('nothing at all', malformed, () => ''),
  respelled('gzip', malformed, (text) => gzipSync(text)),
  respelled('a bundle of 300 KiB', 'too-large', (text) => `${text}${' '.repeat(300 * 1024)}`),
  edited('a list where an object belongs', malformed, 'envelope', (old: unknown) => [old]),
  edited('null where an object belongs', malformed, 'material.timestampVerificationData', null),
  edited('an object where text belongs', malformed, payload, (old: string) => ({ toString: old })),
  edited(
    'a media type of the future',
    malformed,
    'mediaType',
    'application/vnd.dev.sigstore.bundle.v0.9+json',
  ),
  edited('a media type with more behind it', malformed, 'mediaType', (old: string) => `${old};x`),
  edited('no media type', malformed, 'mediaType', undefined),
  edited('base64 with line breaks', malformed, payload, wrapped),
  edited('base64 with a space', malformed, sig, (old: string) => ` ${old}`),
  edited('base64 of URLs', malformed, sig, urlSafe),
  edited('base64 without padding', malformed, payload, (old: string) =>
    old.replace(/=*$/, '').slice(0, -1),
  ),
  edited('base64 with more padding', malformed, payload, (old: string) => `${old}====`),
  edited(
    'base64 with padding inside',
    malformed,
    payload,
    (old: string) => `${old.slice(0, 4)}====${old.slice(4)}`,
  ),
  edited(
    'base64 with stray bits',
    malformed,
    'entry.inclusionPromise.signedEntryTimestamp',
    (old: string) =>
      strayBits(Buffer.concat([Buffer.from(old, 'base64').subarray(0, 70)]).toString('base64')),
  ),
  edited(
    'base64 with a letter of no alphabet',
    malformed,
    sig,
    (old: string) => `${old.slice(0, 8)}*${old.slice(8)}`,
  ),
  edited(
    'base64 with a NUL',
    malformed,
    'material.certificate.rawBytes',
    (old: string) => `${old}\0`,
  ),
  edited(
    'a timestamp in base64 of URLs',
    malformed,
    'timestamps.0.signedTimestamp',
    urlSafe,
    stampedOnly,
    {
      policy: () => ({ tlog: 'ignore' }),
    },
  ),
  edited(
    'a version 0.1 bundle with a promise and no proof',
    'malformed',
    'material',
    (old: Json) => ({
      ...old,
      tlogEntries: [{ ...old.tlogEntries[0], inclusionProof: undefined }],
    }),
  ),
];
