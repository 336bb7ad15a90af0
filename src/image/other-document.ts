// What comes with a 200 in the place of a manifest, and is none.
import { isJsonObject, type JsonReading, readJson } from '../text/json.ts';
import { shownInOneLine } from '../text/untrusted.ts';
import { isWebPage } from '../text/web-page.ts';

/** How deep the JSON of a manifest is read. */
export const manifestDepth = 16;

export const otherFix =
  'A proxy, a gateway or a login page may answer in place of the registry: open the address of the image from this runner, and check the host name and NO_PROXY.';

/**
 * True for what somebody else than the registry's storage has answered: a page, a line of text, JSON
 * that neither is a manifest nor is called one. A manifest that was changed on its way is none of
 * these.
 */
export function isOtherDocument(bytes: Uint8Array, contentType?: string): boolean {
  if (otherDocument(bytes, contentType) !== undefined) return true;
  const text = Buffer.from(bytes.subarray(0, 64)).toString('utf8').trimStart();
  if (text !== '' && !text.startsWith('{')) return true;
  if (contentType?.startsWith('application/vnd.')) return false;
  const reading = readJson(bytes, manifestDepth);
  return !('problem' in reading) && isJsonObject(reading.value) && !hasManifestField(reading.value);
}

function hasManifestField(document: Readonly<Record<string, unknown>>): boolean {
  return ['config', 'layers', 'manifests', 'fsLayers', 'blobs'].some(
    (field) => document[field] !== undefined,
  );
}

/**
 * Half a sentence for what is plainly no manifest and comes with a 200 all the same: a web page, an
 * XML document, an error document. Undefined for anything else, whether it is a manifest or not.
 * Never throws.
 * @param reading what `readJson` made of the bytes, `manifestDepth` deep
 */
export function otherDocument(
  bytes: Uint8Array,
  contentType?: string,
  reading: JsonReading = readJson(bytes, manifestDepth),
): string | undefined {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const begin = Buffer.from(bytes.subarray(0, 512)).toString('utf8').trimStart(); // a mark, too
  if (isWebPage({ headers: { 'content-type': type }, body: bytes }))
    return 'it is a web page, not a manifest';
  if (begin.startsWith('<')) return 'it is an XML document, not a manifest';
  if ('problem' in reading || !isJsonObject(reading.value)) return undefined;
  const document = reading.value;
  if (hasManifestField(document)) return undefined;
  const [first] = Array.isArray(document.errors) ? (document.errors as unknown[]) : [document];
  const { code, title, message, detail, error } = isJsonObject(first) ? first : {};
  const words = [code, title, message, detail, error].filter(
    (word) => typeof word === 'string' && word !== '',
  );
  if (!Array.isArray(document.errors) && words.length === 0) return undefined;
  const said = words.length === 0 ? '' : ` that says "${shownInOneLine(words.join(': '), 200)}"`;
  return `it is an error document${said}, not a manifest`;
}
