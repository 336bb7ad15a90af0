import type { OwnAuthorities, SignaturePolicy } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import type { Reader } from './check-fields.ts';
import { type PolicyNode, refusal, textOf } from './node.ts';
import { decoded } from './scopes.ts';

/** Where a policy has the certificates: in base64, or the path of a file. */
export interface PkiFields {
  readonly rootsData?: PolicyNode | undefined;
  readonly rootsPath?: PolicyNode | undefined;
  readonly intermediatesData?: PolicyNode | undefined;
  readonly intermediatesPath?: PolicyNode | undefined;
  readonly email?: PolicyNode | undefined;
  readonly hostname?: PolicyNode | undefined;
}

/** What a policy asks for that has an authority of one's own. @throws {Failure} `bad-policy` */
export function pkiPolicy(node: PolicyNode, fields: PkiFields, reader: Reader): SignaturePolicy {
  const roots = certificatesOf(node, fields.rootsData, fields.rootsPath, reader);
  if (roots === undefined)
    throw refusal(node, 'names no root', 'Put `base64 -w0 root.pem` into `caRootsData`.');
  const between =
    certificatesOf(node, fields.intermediatesData, fields.intermediatesPath, reader) ?? '';
  const [email, hostname] = [textOf(fields.email), textOf(fields.hostname)];
  const identity = email ?? hostname;
  if (identity === undefined)
    throw refusal(
      node,
      'names nobody, so that every certificate of the authority would count',
      'Add the e-mail address, or the host name, of the certificate.',
    );
  const subject = {
    ...(email === undefined ? {} : { email }),
    ...(hostname === undefined ? {} : { hostname }),
  };
  return {
    signers: [{ identities: [{ exact: identity }], issuers: [], noIssuer: 'allowed', subject }],
    annotations: {},
    tlog: 'ignore',
    authorities: authoritiesIn(node, roots, between, reader),
  };
}

function authoritiesIn(
  node: PolicyNode,
  roots: string,
  intermediates: string,
  { readAuthorities }: Reader,
): OwnAuthorities {
  try {
    return readAuthorities(roots, intermediates);
  } catch (cause) {
    const why = cause instanceof Error ? shown(cause.message) : 'cannot be read';
    throw refusal(
      node,
      `holds a certificate that ${why}`,
      'Roots have signed themselves; what stands between goes with the intermediates, and both are PEM of authorities alone.',
      { cause },
    );
  }
}

function certificatesOf(
  parent: PolicyNode,
  data: PolicyNode | undefined,
  path: PolicyNode | undefined,
  { keys }: Reader,
): string | undefined {
  if (data !== undefined && path !== undefined)
    throw refusal(parent, 'has certificates and the path of certificates', 'Keep one of them.');
  if (data !== undefined) return decoded(data);
  const address = path === undefined ? undefined : textOf(path);
  return address === undefined ? undefined : keys.texts.get(address);
}
