import { createTrust, type Trust } from '../signature/trust.ts';
import { loadTrust } from '../sigstore/trust.ts';
import type { VerifyRequest } from './request.ts';
import type { World } from './world.ts';

/**
 * What certificates, log entries and timestamps are judged by: `trusted-root` as given, else the
 * one of the TUF repository. Loaded only by runs that need it: with a key and the log ignored
 * nothing but the registry is contacted.
 * @throws {Failure} `bad-trusted-root`, `bad-input`, `tuf-error`
 */
export async function openTrust(
  { services }: Pick<VerifyRequest, 'services'>,
  { http, deadline, files, tell }: World,
): Promise<Trust> {
  const trusted = await loadTrust({
    ...services,
    needsSigningConfig: false,
    cacheDir: files.cache,
    http,
    retryBudget: deadline.remaining,
  });
  for (const text of trusted.notices) tell({ kind: 'notice', text });
  return createTrust(trusted.trustedRoot);
}
