import type {
  CertificateAuthority,
  TransparencyLogInstance,
  TrustedRoot,
} from '@sigstore/protobuf-specs';
import { toPem } from '../text/base64.ts';

/**
 * The roots of trust of a Sigstore instance as policies want them: PEM. Empty where the trusted
 * root has none.
 */
export interface Anchors {
  readonly rekorUrl?: string;
  readonly rekorKeys: readonly string[];
  readonly ctKeys: readonly string[];
  /** intermediates and roots of all certificate authorities */
  readonly authorities: string;
  /** chain of the timestamp authorities */
  readonly timestampChain: string;
}

/**
 * Takes the anchors out of a trusted root.
 * @param logId hex; the log that comes first where there are several, because the signatures are in
 * it
 */
export function anchorsOf(root: TrustedRoot, logId?: string): Anchors {
  const isOurs = ({ logId: id }: TransparencyLogInstance) =>
    logId !== undefined && id?.keyId.toString('hex') === logId;
  const logs = [...root.tlogs.filter(isOurs), ...root.tlogs.filter((log) => !isOurs(log))];
  const keys = (instances: readonly TransparencyLogInstance[]) =>
    instances.flatMap(({ publicKey }) =>
      publicKey?.rawBytes === undefined ? [] : [toPem('PUBLIC KEY', publicKey.rawBytes)],
    );
  const url = logs[0]?.baseUrl;
  return {
    ...(url ? { rekorUrl: url } : {}),
    rekorKeys: keys(logs),
    ctKeys: keys(root.ctlogs),
    authorities: chains(root.certificateAuthorities),
    timestampChain: chains(root.timestampAuthorities),
  };
}

/** All certificates of these authorities, each once. */
export function chains(authorities: readonly CertificateAuthority[]): string {
  const all = authorities.flatMap(({ certChain }) => certChain?.certificates ?? []);
  return [...new Set(all.map(({ rawBytes }) => toPem('CERTIFICATE', rawBytes)))].join('');
}
