/**
 * True for names and addresses that never leave this machine: `localhost`, names below it,
 * 127.0.0.0/8 and ::1. Nothing is resolved: a name that merely points to a loopback address can be
 * made to point elsewhere, so it does not count.
 * @param hostname as `URL.hostname` writes it (IPv6 in brackets, IPv4 in its one canonical form)
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

/**
 * True for the addresses of this machine's own link (169.254.0.0/16), where clouds answer a machine
 * with its credentials, and for Google's name of it.
 * @param hostname as `URL.hostname` writes it
 */
export function isOwnLink(hostname: string): boolean {
  return /^169\.254(\.\d{1,3}){2}$/.test(hostname) || hostname === 'metadata.google.internal';
}
