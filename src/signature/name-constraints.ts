import type { ASN1Obj } from '@sigstore/core';

/** The kinds of names that constraints are held against, by their tag in a GeneralName. */
const kinds = { email: 1, dns: 2, uri: 6, ip: 7 } as const;
type Kind = keyof typeof kinds;

interface Subtree {
  readonly kind: Kind;
  readonly text: string;
}

/** What an authority may vouch for (RFC 5280, 4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
  /** it also limits names of kinds that are not understood here, such as directory names */
  readonly hasOthers: boolean;
}

/**
 * Reads the inside of the extension. @throws {Error} where it cannot be read: Go refuses such a
 * certificate as a whole
 */
export function readNameConstraints(content: ASN1Obj | undefined): NameConstraints {
  const lists = content?.subs ?? [];
  const isList = ({ tag }: ASN1Obj) => tag.isContextSpecific(0) || tag.isContextSpecific(1);
  if (lists.length === 0 || lists.length > 2 || !lists.every(isList))
    throw new Error('its name constraints cannot be read');
  const read = (number: number) => {
    const list = lists.filter(({ tag }) => tag.isContextSpecific(number));
    if (list.length > 1) throw new Error('its name constraints are there twice');
    return (list[0]?.subs ?? []).map(({ subs }) => subtreeOf(subs[0]));
  };
  const [permitted, excluded] = [read(0), read(1)];
  const isKnown = (subtree: Subtree | undefined) => subtree !== undefined;
  return {
    permitted: permitted.filter(isKnown),
    excluded: excluded.filter(isKnown),
    hasOthers: [...permitted, ...excluded].includes(undefined),
  };
}

function subtreeOf(base: ASN1Obj | undefined): Subtree | undefined {
  if (base === undefined) throw new Error('a name constraint of it is empty');
  const kind = kindOf(base);
  if (kind === undefined) return undefined;
  if (kind === 'ip') {
    if (base.value.length !== 8 && base.value.length !== 32)
      throw new Error('a name constraint of it is no range of addresses');
    return { kind, text: base.value.toString('hex') };
  }
  const text = asciiOf(base);
  if (!isConstraint(kind, text)) throw new Error('a name constraint of it is no domain');
  return { kind, text };
}

function isConstraint(kind: Kind, text: string): boolean {
  if (kind === 'email' && text.includes('@')) return mailboxOf(text) !== undefined;
  if (kind === 'uri' && isAddress(text)) return false;
  return labelsOf(text.replace(/^\./, '')) !== undefined;
}

/**
 * Why an authority with these constraints may not vouch for a name, or undefined where it may. The
 * rules are those of Go's crypto/x509, which cosign and every other verifier in Go use: a domain
 * stands for itself and for what is below it, with a dot in front only for what is below; a URI
 * without a host, or with an address for one, cannot be vouched for at all. Names of other kinds
 * (Fulcio's user names) are not looked at, as in Go.
 * @param name a GeneralName of a subject alternative name
 */
export function nameProblem(
  { permitted, excluded }: NameConstraints,
  name: ASN1Obj,
): string | undefined {
  const kind = kindOf(name);
  if (kind === undefined) return undefined;
  const isSame = (subtree: Subtree) => subtree.kind === kind;
  const [allowed, forbidden] = [permitted.filter(isSame), excluded.filter(isSame)];
  if (allowed.length + forbidden.length === 0) return undefined;
  const matches = matcherOf(kind, name);
  if (matches === undefined) return 'has name constraints that this name cannot be held against';
  if (forbidden.some(matches)) return 'must not vouch for this name (an excluded subtree)';
  if (allowed.length > 0 && !allowed.some(matches))
    return 'may only vouch for other names (its permitted subtrees)';
  return undefined;
}

type Match = (subtree: Subtree) => boolean;

function matcherOf(kind: Kind, name: ASN1Obj): Match | undefined {
  if (kind === 'ip') return inRange(name.value);
  const text = asciiOf(name);
  if (kind === 'email') return likeMailbox(text);
  const domain = kind === 'dns' ? text : hostOf(text);
  const labels = domain === undefined ? undefined : labelsOf(domain);
  return labels && (({ text: constraint }) => isBelow(labels, constraint));
}

function likeMailbox(text: string): Match | undefined {
  const mailbox = mailboxOf(text);
  const labels = mailbox && labelsOf(mailbox.domain);
  if (mailbox === undefined || labels === undefined) return undefined;
  return ({ text: constraint }) => {
    if (!constraint.includes('@')) return isBelow(labels, constraint);
    const wanted = mailboxOf(constraint);
    return wanted?.local === mailbox.local && sameDomain(wanted.domain, mailbox.domain);
  };
}

function mailboxOf(text: string): { local: string; domain: string } | undefined {
  const [, local, domain] = /^([^\s@"\\]+)@([^@]+)$/.exec(text) ?? [];
  return local === undefined || domain === undefined ? undefined : { local, domain };
}

const sameDomain = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** The host of a URI as it stands there: a parser for the web would rewrite it. */
function hostOf(uri: string): string | undefined {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1];
  const host = authority?.replace(/^.*@/, '').replace(/:\d*$/, '');
  return host === undefined || host === '' || isAddress(host) ? undefined : host;
}

function isAddress(host: string): boolean {
  return host.includes(':') || host.startsWith('[') || /^\d+(\.\d+){3}$/.test(host);
}

/** The labels of a domain from its end; undefined where it is none (an empty label, a space). */
function labelsOf(domain: string): readonly string[] | undefined {
  if (domain === '') return [];
  const labels = domain.toLowerCase().split('.').reverse();
  return labels.every((label) => /^[\x21-\x7e]+$/.test(label)) ? labels : undefined;
}

function isBelow(labels: readonly string[], constraint: string): boolean {
  const wanted = labelsOf(constraint.replace(/^\./, '')) ?? [];
  const least = wanted.length + (constraint.startsWith('.') ? 1 : 0);
  return labels.length >= least && wanted.every((label, index) => labels[index] === label);
}

function inRange(address: Buffer): Match {
  return ({ text }) => {
    const range = Buffer.from(text, 'hex');
    const half = range.length / 2;
    if (address.length !== half) return false;
    return address.every(
      (byte, index) => (byte & (range[half + index] ?? 0)) === (range[index] ?? -1),
    );
  };
}

function kindOf(name: ASN1Obj): Kind | undefined {
  const known = Object.entries(kinds) as [Kind, number][];
  return known.find(([, tag]) => name.tag.isContextSpecific(tag))?.[0];
}

/** An IA5String. @throws {Error} for a byte that is not ASCII, as Go does */
function asciiOf({ value }: ASN1Obj): string {
  if (value.some((byte) => byte > 0x7f)) throw new Error('a name in it is not ASCII');
  return value.toString('latin1');
}
