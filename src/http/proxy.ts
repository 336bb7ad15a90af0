import net from 'node:net';
import { Failure } from '../failure.ts';

/**
 * The proxy that leads to an address; undefined where none does.
 * @throws {Failure} `network` for a variable that names no HTTP proxy, a SOCKS proxy for example
 */
export type ProxyRule = (url: URL) => URL | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The one proxy rule of a step, the runner's own: `https_proxy` for https, `http_proxy` for http,
 * and `no_proxy` for the hosts that need none; the lower-case name wins over the upper-case one. A
 * proxy may be written without `http://`.
 *
 * Loopback is always reached directly, as Go programs (docker, cosign) do it: through a proxy it
 * would be another machine, and plain HTTP with a password is fine on this one only. So are the
 * addresses at which a cloud gives this machine its credentials: a proxy would be given its own, or
 * read ours.
 * @param env read once, now
 */
export function createProxyRule(env: Environment): ProxyRule {
  const values = {
    'https:': variable(env, 'https_proxy'),
    'http:': variable(env, 'http_proxy'),
  };
  const noProxy = variable(env, 'no_proxy')?.value ?? '';
  let bypasses: readonly Bypass[] | undefined;
  return (url) => {
    const proxy = url.protocol === 'https:' ? values['https:'] : values['http:'];
    if (proxy === undefined || isLoopback(url.hostname) || isOwnLink(url.hostname))
      return undefined;
    bypasses ??= noProxy.split(/[\s,]+/).flatMap(readBypass);
    const host = url.hostname.replace(/\.$/, '');
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    if (bypasses.some((bypass) => bypass(host, port))) return undefined;
    return readProxy(proxy);
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** A variable that is empty is one that is not set. */
function variable(env: Environment, lower: string): Variable | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/** The value is in no sentence: it may hold the password of the proxy. */
function readProxy({ name, value }: Variable): URL {
  const [, scheme = 'http'] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value) ?? [];
  if (!/^https?$/i.test(scheme))
    throw new Failure(
      'network',
      `${name} names a proxy that speaks ${/^socks/i.test(scheme) ? 'SOCKS' : 'another protocol'} (\`${scheme.toLowerCase().slice(0, 20)}://\`), and this action goes through HTTP proxies only.`,
      `Set ${name} to the HTTP proxy of your network (\`http://proxy.corp.example:3128\`), or list the hosts that need no proxy in NO_PROXY.`,
    );
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url === null || url.hostname === '')
    throw new Failure(
      'network',
      `${name} is not the address of a proxy.`,
      `Write it as \`${name}: http://proxy.corp.example:3128\`, special characters of a password percent-encoded.`,
    );
  return url;
}

/** Says whether a host (as `URL.hostname` writes it, without a dot at its end) needs no proxy. */
type Bypass = (host: string, port: number) => boolean;

/**
 * One entry of `no_proxy`: `*`; `corp.example` (the host and all below it); `.corp.example` and
 * `*.corp.example` (only what is below it); an address; a range as `10.0.0.0/8` or
 * `10.0.0.1-10.0.0.9`; each with `:port` at its end where only that port is meant. What is none of
 * these matches nothing. Names are not resolved: a range is for addresses that are written.
 */
function readBypass(entry: string): readonly Bypass[] {
  const { text, port: only } = splitPort(entry.toLowerCase());
  if (text === '') return [];
  const matches = matcherOf(text);
  return matches === undefined
    ? []
    : [(host, port) => (only === undefined || only === port) && matches(host)];
}

/** The colons of an IPv6 address are no port's, unless brackets tell the two apart. */
function splitPort(entry: string): { readonly text: string; readonly port?: number } {
  const [, address, prefix = '', name, port] =
    /^(?:\[([^\]]*)\](\/\d{1,3})?|([^:[\]]*))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const text = address === undefined ? (name ?? entry) : `${address}${prefix}`;
  return port === undefined ? { text } : { text, port: Number(port) };
}

function matcherOf(text: string): ((host: string) => boolean) | undefined {
  if (text === '*') return () => true;
  const [, from = '', prefix, to] = /^([^/-]*)(?:\/(\d{1,3})|-([^/]*))?$/.exec(text) ?? [];
  const family = net.isIP(from);
  if (family !== 0) return addressMatcher(from, family === 6, prefix, to);
  const [, dot = '', name = ''] = /^(\*?\.)?(.+?)\.?$/.exec(text) ?? [];
  const host = URL.parse(`http://${name}/`)?.hostname; // in ASCII, as the hosts of requests are
  if (host === undefined || host === '' || net.isIP(host) !== 0) return undefined;
  return (asked) =>
    (dot === '' && asked === host) || (asked.endsWith(`.${host}`) && net.isIP(asked) === 0);
}

function addressMatcher(
  from: string,
  isV6: boolean,
  prefix: string | undefined,
  to: string | undefined,
): ((host: string) => boolean) | undefined {
  const family = isV6 ? 'ipv6' : 'ipv4';
  const list = new net.BlockList();
  try {
    if (prefix !== undefined) list.addSubnet(from, Number(prefix), family);
    else if (to !== undefined) list.addRange(from, to, family);
    else list.addAddress(from, family);
  } catch {
    return undefined; // no such prefix, or a range that ends before it begins
  }
  return (host) => {
    const address = host.replace(/^\[(.*)\]$/, '$1');
    const kind = net.isIP(address);
    return kind !== 0 && list.check(address, kind === 6 ? 'ipv6' : 'ipv4');
  };
}

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
