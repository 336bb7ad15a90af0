/** DER as a PEM block with lines of 64 characters (RFC 7468). */
export function pemText(label: 'PUBLIC KEY' | 'CERTIFICATE', der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
