import type { SignReport } from '../../engine/sign.ts';
import { formatRepository } from '../../image/reference.ts';
import { quote } from '../../policies/cosign-command.ts';
import { breaksLine } from '../../text/untrusted.ts';
import type { WriteInputs } from '../inputs/sign.ts';
import { isInNoLog } from '../report/sign-lines.ts';

/**
 * The command that verifies what was signed, for the first image. Undefined where a name in it could
 * not be pasted into a shell: nobody should paste those.
 */
export function verifyLine(
  { results, authorities, tlog, privateSigstore, signatureRepository }: SignReport,
  { recursive, registry }: Pick<WriteInputs, 'recursive' | 'registry'>,
): string | undefined {
  const [first] = results;
  if (first?.digest === undefined) return undefined;
  const { identity, issuer } = first.signer;
  const byKey = identity === undefined;
  const pairs: readonly (readonly [string, string])[] = [
    ['images', first.image],
    ...(byKey
      ? [['key', 'cosign.pub'] as const]
      : [
          ['certificate-identity', identity] as const,
          ...(issuer === undefined ? [] : [['certificate-oidc-issuer', issuer] as const]),
          ...(authorities === undefined ? [] : [['ca-roots', 'ca-roots.pem'] as const]),
          ...(authorities?.intermediates
            ? [['ca-intermediates', 'ca-intermediates.pem'] as const]
            : []),
        ]),
    ...(first.attested === undefined
      ? []
      : [
          ['attestation-type', first.attested.predicateType] as const,
          ['signature', 'ignore'] as const,
        ]),
    ...(signatureRepository === undefined
      ? []
      : [['signature-repository', formatRepository(signatureRepository)] as const]),
    ...(tlog && !isInNoLog(first) ? [] : [['tlog', 'ignore'] as const]),
    ...(privateSigstore ? [['trusted-root', 'trusted_root.json'] as const] : []),
  ];
  const switches = [
    ...(recursive ? ['--recursive'] : []),
    ...(registry.allowHttp ? ['--allow-http-registry'] : []),
    ...(registry.allowInsecure ? ['--allow-insecure-registry'] : []),
  ];
  const words = pairs.map(([name, value]) => `--${name} ${quote(value)}`);
  const line = ['sign-image verify', ...words, ...switches].join(' ');
  return breaksLine(line) ? undefined : line;
}
