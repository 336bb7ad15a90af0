import { tmpdir } from 'node:os';
import type { Machine } from '../edges/action/sign.ts';
import type { VerifyInputs } from '../edges/inputs/verify.ts';
import { createTrust, type Trust } from '../signature/trust.ts';
import { loadTrust } from '../sigstore/trust.ts';
import type { Network } from './network.ts';

/**
 * What certificates, log entries and timestamps are judged by: `trusted-root` as given, else the
 * one of the TUF repository. Loaded only by runs that need it: with a key and the log ignored
 * nothing but the registry is contacted.
 * @throws {Failure} `bad-trusted-root`, `bad-input`, `tuf-error`
 */
export async function openTrust(
  { services }: VerifyInputs,
  { http, deadline }: Network,
  { env, log }: Machine,
): Promise<Trust> {
  const trusted = await loadTrust({
    ...services,
    needsSigningConfig: false,
    cacheDir: env.RUNNER_TOOL_CACHE || env.RUNNER_TEMP || tmpdir(),
    http,
    patience: deadline.remaining,
  });
  for (const notice of trusted.notices) log.notice(notice);
  return createTrust(trusted.trustedRoot);
}
