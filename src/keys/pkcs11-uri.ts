import { bad } from './key-text.ts';

/** Which key on which token, as cosign reads RFC 7512. */
export interface TokenUri {
  /** absolute path of the token's library */
  readonly module: string;
  /** label of the token; `slot` wins where both are there */
  readonly token?: string;
  readonly slot?: string;
  /** CKA_ID in hexadecimal; wins over the label where both are there */
  readonly id?: string;
  /** CKA_LABEL */
  readonly label?: string;
  readonly pin?: string;
}

/**
 * Reads `pkcs11:token=T;slot-id=N;object=LABEL;id=%01?module-path=/PATH&pin-value=PIN` (RFC 7512).
 * What is missing of module and PIN comes from COSIGN_PKCS11_MODULE_PATH and COSIGN_PKCS11_PIN.
 * @throws {Failure} `bad-key`, without the PIN
 */
export function readTokenUri(
  reference: string,
  env: Readonly<Record<string, string | undefined>>,
  input: string,
): TokenUri {
  const [, path = '', query = ''] = /^pkcs11:([^?]*)(?:\?(.*))?$/is.exec(reference) ?? [];
  const inPath = attributes(path, /;/, input);
  const inQuery = attributes(query, /[&;]/, input);
  const text = (bytes: Buffer | undefined) =>
    bytes === undefined || bytes.length === 0 ? undefined : bytes.toString('utf8');
  const [token, slot, label] = ['token', 'slot-id', 'object'].map((name) => text(inPath.get(name)));
  const id = inPath.get('id')?.toString('hex') || undefined;
  const module = text(inQuery.get('module-path')) ?? env.COSIGN_PKCS11_MODULE_PATH;
  const pin = text(inQuery.get('pin-value')) ?? (env.COSIGN_PKCS11_PIN || undefined);
  const example = `\`${input}: pkcs11:token=release;object=sign?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so\``;
  if (token === undefined && slot === undefined)
    throw bad(
      `the PKCS #11 reference in \`${input}\` names no token`,
      `Add \`token=\` or \`slot-id=\`: ${example}.`,
    );
  if (slot !== undefined && !/^\d{1,10}$/.test(slot))
    throw bad(`\`slot-id\` in \`${input}\` is not a number`, `Write it as in ${example}.`);
  if (id === undefined && label === undefined)
    throw bad(
      `the PKCS #11 reference in \`${input}\` names no key`,
      `Add \`object=\` or \`id=\`: ${example}.`,
    );
  if (!module?.startsWith('/')) {
    throw bad(
      `the PKCS #11 reference in \`${input}\` names no module`,
      `Give the absolute path of the token's library with \`module-path=\` or COSIGN_PKCS11_MODULE_PATH: ${example}.`,
    );
  }
  // What begins with a dash would be read as an option.
  for (const value of [token, label])
    if (value?.startsWith('-'))
      throw bad(
        `a name in \`${input}\` begins with a dash`,
        `Name the key by \`id=\` and the token by \`slot-id=\`.`,
      );
  return {
    module,
    ...(token === undefined ? {} : { token }),
    ...(slot === undefined ? {} : { slot }),
    ...(id === undefined ? {} : { id }),
    ...(label === undefined ? {} : { label }),
    ...(pin === undefined ? {} : { pin }),
  };
}

/** `name=value` pairs, percent-decoded to bytes: an `id` is not text. */
function attributes(text: string, separator: RegExp, input: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const pair of text.split(separator).filter((piece) => piece !== '')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, at)).toLowerCase();
    if (at <= 0 || /%(?![0-9a-f]{2})/i.test(pair))
      throw bad(
        `the PKCS #11 reference in \`${input}\` cannot be read`,
        'Write it as RFC 7512 says, with %XX for other characters.',
      );
    // Which of two would count? Another reader may take the other.
    if (found.has(name))
      throw bad(
        `the PKCS #11 reference in \`${input}\` has an attribute twice`,
        'Leave one of the two.',
      );
    const bytes = Buffer.from(
      pair
        .slice(at + 1)
        .replace(/[^%]+|%[0-9a-f]{2}/gi, (piece) =>
          piece.startsWith('%') ? piece.slice(1) : Buffer.from(piece).toString('hex'),
        ),
      'hex',
    );
    if (name !== 'id' && bytes.includes(0))
      throw bad(
        `the PKCS #11 reference in \`${input}\` cannot be read`,
        'Only `id` may hold a zero byte.',
      );
    found.set(name, bytes);
  }
  return found;
}

/** ecPublicKey (RFC 5480, 2.1.1), DER */
const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex');

/**
 * The CKA_IDs (lower-case hexadecimal) of the objects with a label, in the list that `pkcs11-tool
 * --list-objects` prints; each once. pkcs11-tool looks for a key to sign with by its id only: of a
 * label it takes no notice, and signs with the first key of the token.
 */
export function idsOfLabel(list: string, label: string): readonly string[] {
  const found = blocksOf(list).flatMap((block) =>
    field(block, 'label') === label ? (field(block, 'ID')?.toLowerCase() ?? []) : [],
  );
  return [...new Set(found.filter((id) => hex(id) !== undefined))];
}

/**
 * The EC key with this id in the list of `pkcs11-tool --list-objects --type pubkey`, as SPKI DER;
 * undefined where it is not among them. The list has the curve as an object identifier and the
 * point as a DER octet string (PKCS #11, 2.3.3), both in hexadecimal.
 */
export function listedKey(list: string, id: string): Buffer | undefined {
  const block = blocksOf(list).find((text) => field(text, 'ID')?.toLowerCase() === id);
  const [point, curve] =
    block === undefined ? [] : [hex(field(block, 'EC_POINT')), hex(field(block, 'EC_PARAMS'))];
  if (point === undefined || curve === undefined || curve.length > 20 || point.length > 105)
    return undefined;
  // Only the octet string around an uncompressed point: 04 LENGTH 04 X Y.
  if (point[0] !== 0x04 || point[1] !== point.length - 2 || point[2] !== 0x04) return undefined;
  const algorithm = tlv(0x30, Buffer.concat([ecPublicKey, curve]));
  return tlv(
    0x30,
    Buffer.concat([algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), point.subarray(2)]))]),
  );
}

function blocksOf(list: string): readonly string[] {
  return list.split(/^(?=\S.* Object[;:])/m);
}

function field(block: string, name: string): string | undefined {
  return new RegExp(`^ +${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(block)?.[1];
}

function hex(text: string | undefined): Buffer | undefined {
  return text !== undefined && /^([0-9a-f]{2})+$/i.test(text)
    ? Buffer.from(text, 'hex')
    : undefined;
}

/**
 * Short content only: nothing here is longer than 127 bytes but the key of P-384, which is not
 * longer either.
 */
function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
