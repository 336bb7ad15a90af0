// Base64 (RFC 4648) and PEM (RFC 7468), each read in one way only.

/**
 * The bytes of canonical base64 with padding; undefined for anything else, the empty text included:
 * Node skips what it does not know, so two texts could be read as the same bytes.
 */
export function decodeBase64(value: unknown): Buffer | undefined {
  return typeof value === 'string' && value !== '' && isBase64(value)
    ? Buffer.from(value, 'base64')
    : undefined;
}

/** characters of base64 that are looked at together; a multiple of four */
const piece = 1 << 16;

/**
 * True for canonical base64, which may be empty. In pieces: what an attestation holds has megabytes.
 */
export function isBase64(text: string): boolean {
  // Padding is for the end of the whole text only.
  if (text.slice(0, -2).includes('=')) return false;
  for (let at = 0; at < text.length; at += piece) {
    const part = text.slice(at, at + piece);
    if (Buffer.from(part, 'base64').toString('base64') !== part) return false;
  }
  return true;
}

/**
 * Bytes in base64, or those of a text in UTF-8. It needs nothing of Node: policies are written in
 * browsers too.
 */
export function toBase64(bytes: Uint8Array | string): string {
  const all = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  return btoa(Array.from(all, (byte) => String.fromCharCode(byte)).join(''));
}

/** Bytes as a PEM block with lines of 64 characters. */
export function toPem(label: string, bytes: Uint8Array): string {
  const lines = toBase64(bytes).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The bytes of the one PEM block that this program, or @sigstore/sign, has made. */
export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

/** A block of PEM: what stands after BEGIN, and its bytes. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Buffer;
}

/**
 * The PEM blocks of a text, in their order; what stands between them (`openssl x509 -text`) is left
 * out. Undefined where a BEGIN line begins no whole block: another reader could find more there.
 */
export function pemBlocks(text: string): readonly PemBlock[] | undefined {
  const found = [
    ...text.matchAll(
      /^-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*\r?\n([A-Za-z0-9+/=\r\n]+)^-----END \1-----[ \t]*\r?$/gm,
    ),
  ];
  const blocks = found.flatMap(([, label = '', body = '']) => {
    const bytes = decodeBase64(body.replace(/[\r\n]/g, ''));
    return bytes === undefined ? [] : [{ label, bytes }];
  });
  return blocks.length === text.split('-----BEGIN').length - 1 ? blocks : undefined;
}
