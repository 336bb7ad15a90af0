import { X509Certificate } from 'node:crypto';
import { type DerValue, dottedOid, readDer } from './der.ts';

/** An answer, reduced to what two faithful services have in common. */
export interface Observation {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const observedHeaders = ['location', 'etag', 'allow', 'x-log-index', 'cache-control', 'vary'];

/**
 * Reads an answer: status, media type, the headers that clients look at, and the shape of the body.
 */
export async function observe(response: Response): Promise<Observation> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const headers: Record<string, string> = {};
  for (const name of observedHeaders) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = masked(value);
  }
  const type = response.headers.get('content-type');
  return {
    status: response.status,
    type,
    headers,
    body: type === 'application/octet-stream' ? tileShape(bytes) : shapeOf(bytes),
  };
}

function shapeOf(bytes: Buffer): unknown {
  if (bytes.length === 0) return 'nothing';
  if (bytes[0] === 0x30) return derShape(readDer(bytes));
  const text = bytes.toString();
  if (text.startsWith('{')) return jsonShape(JSON.parse(text), '');
  return textShape(text);
}

/** A tile is hashes, a bundle an entry behind its length. */
function tileShape(bytes: Buffer): unknown {
  if (bytes.length === bytes.readUInt16BE(0) + 2)
    return { bundled: jsonShape(JSON.parse(bytes.subarray(2).toString()), '') };
  return `${bytes.length / 32} hashes`;
}

/** The same keys; of a string what does not change from one world to the other. */
function jsonShape(value: unknown, name: string): unknown {
  // A map of issuers has no order.
  if (Array.isArray(value) && name === 'issuers')
    return value.map((item) => JSON.stringify(jsonShape(item, ''))).sort();
  if (Array.isArray(value))
    return name === 'hashes' ? 'hashes' : value.map((item) => jsonShape(item, ''));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [masked(key), jsonShape(inner, key)]),
    );
  }
  if (typeof value === 'number') return name === 'code' ? value : 'number';
  if (typeof value !== 'string') return value;
  if (name === 'body' || name === 'canonicalizedBody')
    return jsonShape(JSON.parse(Buffer.from(value, 'base64').toString()), '');
  if (name === 'kid' || name === 'n') return 'text';
  if (name === 'verifier') return textShape(Buffer.from(value, 'base64').toString());
  if (name === 'value' && /^ey.*\..*\..*$/.test(value)) return tokenShape(value);
  return textShape(value);
}

const tokenShape = (token: string): unknown =>
  token
    .split('.')
    .map((part, i) =>
      i < 2 ? jsonShape(JSON.parse(Buffer.from(part, 'base64url').toString()), '') : 'signature',
    );

function textShape(text: string): unknown {
  if (/^-----BEGIN CERTIFICATE-----/.test(text))
    return text.split(/(?<=-----END CERTIFICATE-----\n?)(?=-)/).map(certificateShape);
  return masked(text);
}

function certificateShape(pem: string): unknown {
  const { raw, ca } = new X509Certificate(pem);
  const end = pem.endsWith('\n') ? 'with an end of line' : 'without an end of line';
  // The certificates of the authorities are made by the deployment; the leaf is Fulcio's work.
  return ca ? `authority ${end}` : [end, derShape(readDer(raw))];
}

/**
 * Tags, object identifiers and texts; numbers, times, keys and signatures are only said to be
 * there.
 */
function derShape(value: DerValue): unknown {
  if (value.tag & 0x20) return [value.tag.toString(16), ...value.children.map(derShape)];
  if (value.tag === 0x06) return dottedOid(value);
  if (value.tag === 0x01 || (value.tag === 0x02 && value.content.length === 1))
    return `${value.tag.toString(16)} ${value.content.toString('hex')}`;
  if (value.tag === 0x04 || value.tag >= 0x80)
    return `${value.tag.toString(16)} ${octets(value.content)}`;
  if (value.tag === 0x0c) return masked(value.content.toString());
  return value.tag.toString(16);
}

/** An octet string: text, DER, or so many bytes. */
function octets(content: Buffer): unknown {
  if (/^[\x20-\x7e]{3,}$/.test(content.toString('latin1'))) return masked(content.toString());
  // A key identifier or another hash: one in some hundreds of them is something in DER by chance.
  if (content.length === 20 || content.length === 32) return `${content.length} bytes`;
  try {
    return JSON.stringify(derShape(readDer(content)));
  } catch {
    return content.length >= 100 ? 'many bytes' : `${content.length} bytes`;
  }
}

/**
 * The text without ports, identifiers, digests, numbers of lines and what else differs every time.
 */
function masked(text: string): string {
  return text
    .replace(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g, 'PUBLIC KEY')
    .replace(/POST,GET/g, 'GET,POST') // a map of methods has no order
    .replace(/\b(127\.0\.0\.1|localhost):\d+/g, '$1:PORT')
    .replace(/[0-9a-f]{64,}/gi, 'HEX')
    .replace(/[\w-]{8}-\w{4}-\w{4}-\w{4}-\w{12}/g, 'UUID')
    .replace(/[A-Za-z0-9+/]{28,}={0,2}/g, (run) =>
      /[0-9+/=]/.test(run) && /[A-Z]/.test(run) ? 'BASE64' : run,
    ) // one hash in 1,500 has no digit
    .replace(/(— \S+ )\S+/g, '$1BASE64')
    .replace(/ - \d+\n/g, ' - TREE\n')
    .replace(/\n\d+\n/g, '\nSIZE\n')
    .replace(/^\d+$/g, 'DIGITS')
    .replace(/(index|observable\(|line 1:)\s*\d+/g, '$1N')
    .replace(/(stack|sandbox)\.test/g, 'DEPLOYMENT');
}
