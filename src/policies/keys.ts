import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { OwnAuthorities } from '../signature/policy.ts';
import { mapOf, type PolicyNode, refusal, textOf, whereabouts } from './node.ts';

/**
 * Takes the text of a policy's key to the keys in it; throws a Failure for anything but public keys
 * in PEM.
 */
export type ReadPublicKeys = (text: string, where: string) => readonly [KeyObject, ...KeyObject[]];

/**
 * Takes PEM to the authorities in it, whose certificates must be valid now: podman, CRI-O and
 * OpenShift look at no log and no timestamp with them.
 * @throws {Error} half a sentence about the certificates
 */
export type ReadAuthorities = (roots: string, intermediates: string) => OwnAuthorities;

/** A public key that a policy names and does not hold. */
export interface KeyReference {
  /** `awskms://…`, `k8s://NAMESPACE/SECRET`, …; of a file, also one of certificates, its path */
  readonly address: string;
  readonly kind: 'service' | 'file' | 'certificates';
  /** puts file, line and field of the policy in front of what went wrong when it was opened */
  readonly explain: (failure: Failure) => Failure;
}

/** Keys that were opened, the newest first, by their address. */
export type OpenedKeys = ReadonlyMap<string, readonly KeyObject[]>;

/** The public keys of the policies of one run. */
export interface KeyRing {
  readonly read: ReadPublicKeys;
  /** the fields that name a key which is kept elsewhere, and where */
  readonly elsewhere: Map<PolicyNode, string>;
  /** the same for the path of a file */
  readonly inFiles: Map<PolicyNode, string>;
  /** the same for the path of a file with certificates */
  readonly certificates: Map<PolicyNode, string>;
  /** texts of these files, filled as `opened` is */
  readonly texts: Map<string, string>;
  /** filled between the check of the fields and the reading of the rules */
  readonly opened: Map<string, readonly KeyObject[]>;
}

/** Each is a request, one after another. */
const mostKeysElsewhere = 50;

/** What must be opened before the rules can be read, each address once. */
export function referencesIn(ring: KeyRing): readonly KeyReference[] {
  const all = [
    ...[...ring.elsewhere].map(([node, address]) => ({ node, address, kind: 'service' as const })),
    ...[...ring.inFiles].map(([node, address]) => ({ node, address, kind: 'file' as const })),
    ...[...ring.certificates].map(([node, address]) => ({
      node,
      address,
      kind: 'certificates' as const,
    })),
  ];
  const extra = all[mostKeysElsewhere];
  if (extra !== undefined)
    throw refusal(
      extra.node,
      `is the key number ${mostKeysElsewhere + 1} that is kept elsewhere`,
      `Name at most ${mostKeysElsewhere} such keys: each is fetched.`,
    );
  return [
    ...new Map(
      all.map(({ node, address, kind }) => [
        `${kind} ${address}`,
        { address, kind, explain: (failure: Failure) => placedFailure(node, failure) },
      ]),
    ).values(),
  ];
}

/** What a service says of a key keeps its code and its advice, behind the place of the policy. */
function placedFailure(node: PolicyNode, failure: Failure): Failure {
  return new Failure(
    failure.code,
    `${whereabouts(node)} names a key that cannot be had: ${failure.message}`,
    failure.fix,
    { cause: failure },
  );
}

/**
 * The public keys of a field. Of a key in a service that is the newest version alone, as in the
 * cluster: a policy means one key there, whatever versions came before.
 * @throws {Failure} `bad-policy` that names the field
 */
export function keysIn(node: PolicyNode, ring: KeyRing): readonly [KeyObject, ...KeyObject[]] {
  const address = ring.elsewhere.get(node) ?? ring.inFiles.get(node);
  if (address === undefined) return keysInText(node, textOf(node) ?? '', ring);
  const keys = ring.opened.get(address) ?? [];
  const [newest, ...others] = keys;
  if (newest === undefined)
    throw refusal(
      node,
      'names a key that is kept elsewhere and was not opened',
      'Put the public key itself there, as PEM; `cosign public-key` prints it.',
    );
  return ring.inFiles.has(node) ? [newest, ...others] : [newest];
}

/**
 * The same for a text that stands in the field, or was decoded from it.
 * @throws {Failure} `bad-policy`
 */
export function keysInText(
  node: PolicyNode,
  text: string,
  ring: KeyRing,
): readonly [KeyObject, ...KeyObject[]] {
  if (isKeyAddress(node))
    throw refusal(
      node,
      'names a key that is kept elsewhere, where only the key itself can stand',
      'Put the public key itself there, as PEM; `cosign public-key` prints it.',
    );
  if (isPlaceholder(text))
    throw refusal(
      node,
      'holds a placeholder, not a key',
      'Put the content of your `cosign.pub` there, from `-----BEGIN PUBLIC KEY-----` to its end; `cosign public-key --key KEY` prints it.',
    );
  try {
    return ring.read(text, node.field);
  } catch (error) {
    const fix =
      error instanceof Failure
        ? `${error.message} ${error.fix}`
        : 'Put a public key there, as PEM.';
    throw refusal(node, 'holds no public key that can be used', fix, { cause: error });
  }
}

/**
 * The one field of these that holds a key, or says where it is kept.
 * @param fix what to write instead of none or two
 * @throws {Failure} `bad-policy`
 */
export function theOneKey(node: PolicyNode, names: readonly string[], fix: string): PolicyNode {
  const [one, second] = names.flatMap((name) => {
    const field = mapOf(node).get(name);
    return field?.value instanceof Map || textOf(field) !== undefined ? (field ?? []) : [];
  });
  if (one !== undefined && second === undefined) return one;
  throw refusal(node, one === undefined ? 'holds no key' : 'names its key in two ways', fix);
}

/**
 * The key of a field of which the cluster takes the first PEM block and drops the others without a
 * word.
 * @param fix what to write for several keys
 * @throws {Failure} `bad-policy` where there are several
 */
export function onlyKeyIn(node: PolicyNode, ring: KeyRing, fix: string): KeyObject {
  const [key, another] = keysIn(node, ring);
  if (another !== undefined) throw refusal(node, 'holds several keys', fix);
  return key;
}

/** True for the address of a key in a service: `awskms://…`, `k8s://…`, `pkcs11:…`. */
export function isKeyAddress(node: PolicyNode): boolean {
  return /^\s*(?:[a-z][a-z0-9+.-]*:\/\/|pkcs11:)/i.test(textOf(node) ?? '');
}

/** `<YOUR COSIGN PUBLIC KEY>`, `...`, `REPLACE_ME`: what tutorials have where a key belongs. */
function isPlaceholder(text: string): boolean {
  const body = text.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, '').trim();
  if (body !== text.trim()) return body.length < 40 || /[<>.…_-]|\w \w/.test(body);
  // Placeholders are short; on a long text the words below could be looked for again and again.
  if (body.length > 200) return false;
  return /^(?:<[^>]*>|\[[^\]]*\]|\.{2,}|…|x{3,}|[^\n]*(?:your|replace|change.?me|insert|todo|example|placeholder|public.?key)[^\n]*)$/i.test(
    body,
  );
}
