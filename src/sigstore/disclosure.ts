import { isPublicGood, type Need, type ServiceOverrides } from './select-services.ts';
import type { Service, SigningConfig } from './signing-config.ts';

/** What is known of the services before anything has been contacted. */
export interface KnownBeforehand {
  /** a signing config that was given, read */
  readonly signingConfig?: SigningConfig;
  readonly overrides: ServiceOverrides;
  /** with a given trusted root no signing config is fetched */
  readonly trustedRootGiven: boolean;
  readonly tufMirror?: URL;
}

/**
 * Says whether signing would publish names with the public-good instance, without contacting
 * anybody, not even its TUF repository: for the guard of private repositories. Fulcio publishes as
 * well as the log does (every certificate goes into a CT log).
 * @returns `unknown` where another TUF repository says which services there are: ask
 * `publicGoodServices` once they are chosen
 */
export function foreseeDisclosure(
  known: KnownBeforehand,
  need: Need,
): 'public' | 'private' | 'unknown' {
  const { signingConfig, overrides } = known;
  const verdicts = [
    ...(need.fulcio ? [disclosureOf(overrides.fulcioUrl, signingConfig?.ca, known)] : []),
    ...(need.log ? [disclosureOf(overrides.rekorUrl, signingConfig?.rekor, known)] : []),
  ];
  return (
    verdicts.find((verdict) => verdict === 'public') ??
    verdicts.find((verdict) => verdict === 'unknown') ??
    'private'
  );
}

function disclosureOf(
  override: URL | undefined,
  listed: readonly Service[] | undefined,
  known: KnownBeforehand,
): 'public' | 'private' | 'unknown' {
  if (override !== undefined) return isPublicGood(override) ? 'public' : 'private';
  // One public service in the list is enough: which of them is chosen may change with the day.
  if (listed !== undefined)
    return listed.some(({ url }) => isPublicGood(url)) ? 'public' : 'private';
  if (known.trustedRootGiven) return 'private';
  return known.tufMirror === undefined || isPublicGood(known.tufMirror) ? 'public' : 'unknown';
}
