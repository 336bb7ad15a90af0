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
